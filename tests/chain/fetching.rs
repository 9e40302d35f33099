//! How the parts of a snapshot come: from far away several at once, and none is taken that is not whole.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use creel::NoProgress;
use creel::chain::name::Name;
use creel::chain::store::{MemoryStore, Store, StoreError, StoreErrorKind, StoreOver};
use creel::chain::{Chain, Tries};

use crate::kept::{NOW_US, World, image};

const AT_ONCE: usize = 4;
/// For those who would wait for ever.
const LONG: Duration = Duration::from_secs(20);

fn is_part(name: &str) -> bool {
    matches!(name.parse(), Ok(Name::Part(..)))
}

/// Answers no request for a part before so many have come.
#[derive(Debug)]
struct Together {
    inner: MemoryStore,
    /// Requests that wait, and how often they were let go.
    waiting: Mutex<(usize, usize)>,
    let_go: Condvar,
}

impl StoreOver for Together {
    fn under(&self) -> &dyn Store {
        &self.inner
    }

    fn is_far(&self) -> bool {
        true
    }

    fn get(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
        if is_part(name) {
            let mut waiting = self.waiting.lock().unwrap();
            waiting.0 += 1;
            assert!(waiting.0 <= AT_ONCE, "{} at once", waiting.0);
            if waiting.0 == AT_ONCE {
                *waiting = (0, waiting.1 + 1);
                self.let_go.notify_all();
            } else {
                let turn = waiting.1;
                let waits = |state: &mut (usize, usize)| state.1 == turn;
                let (waited, late) = self
                    .let_go
                    .wait_timeout_while(waiting, LONG, waits)
                    .unwrap();
                drop(waited);
                assert!(!late.timed_out(), "one after another");
            }
        }
        self.inner.get(name, limit)
    }
}

#[test]
fn parts_come_four_at_once_and_land_where_they_belong() {
    let world = World::new(2);
    let bytes = image(5, 11_500); // twelve parts
    let doc = world.snapshot_of(world.points[1], NOW_US, &bytes, false);
    let store = Together {
        inner: world.store.clone(),
        waiting: Mutex::default(),
        let_go: Condvar::new(),
    };
    let chain = Chain::open(Arc::new(store), &mut Tries(0)).unwrap();
    let mut target = Cursor::new(Vec::new());
    chain
        .fetch(&doc, &mut target, &mut Tries(0), &NoProgress)
        .unwrap();
    assert_eq!(target.into_inner(), bytes);
}

/// The first answer for each part is none, or another one.
#[derive(Debug)]
struct Stumbling {
    inner: MemoryStore,
    asked: Mutex<BTreeSet<String>>,
    changes: bool,
}

impl StoreOver for Stumbling {
    fn under(&self) -> &dyn Store {
        &self.inner
    }

    fn is_far(&self) -> bool {
        true
    }

    fn get(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let mut answer = self.inner.get(name, limit)?;
        if is_part(name) && self.asked.lock().unwrap().insert(name.to_owned()) {
            match (self.changes, &mut answer) {
                (true, Some(bytes)) => bytes[3] ^= 1,
                _ => {
                    let kind = StoreErrorKind::Unreachable;
                    return Err(StoreError::new(kind, "get", name, "test"));
                }
            }
        }
        Ok(answer)
    }
}

#[test]
fn a_part_that_came_changed_or_not_at_all_is_asked_for_once_more() {
    for changes in [false, true] {
        let world = World::new(2);
        let bytes = image(6, 9000);
        let doc = world.snapshot_of(world.points[1], NOW_US, &bytes, false);
        let store = Stumbling {
            inner: world.store.clone(),
            asked: Mutex::default(),
            changes,
        };
        let chain = Chain::open(Arc::new(store), &mut Tries(0)).unwrap();
        let mut target = Cursor::new(Vec::new());
        chain
            .fetch(&doc, &mut target, &mut Tries(0), &NoProgress)
            .unwrap();
        assert_eq!(target.into_inner(), bytes, "changes: {changes}");
    }
}
