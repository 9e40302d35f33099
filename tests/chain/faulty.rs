//! A store with faults: requests refused before they are carried out, answers lost, requests that
//! are carried out late or twice. The faults follow from a seed.

use std::sync::{Arc, Mutex};

use creel::chain::store::{Created, Store, StoreError, StoreErrorKind};

use crate::rng::Rng;

/// Where a late create is carried out, at some later call of anybody.
type Late = Vec<(String, Vec<u8>)>;

/// Counts of what was injected.
#[derive(Debug, Default, Clone, Copy)]
pub struct Injected {
    pub refused: u64,
    pub lost: u64,
    pub late: u64,
    pub doubled: u64,
}

/// A store around another.
#[derive(Debug)]
pub struct Faulty {
    inner: Arc<dyn Store>,
    percent: usize,
    state: Mutex<(Rng, Late, Injected)>,
}

enum Fault {
    None,
    Refused,
    Lost,
    Late,
    Doubled,
}

impl Faulty {
    pub fn new(inner: Arc<dyn Store>, percent: usize, seed: u64) -> Faulty {
        Faulty {
            inner,
            percent,
            state: Mutex::new((Rng::new(seed), Vec::new(), Injected::default())),
        }
    }

    pub fn injected(&self) -> Injected {
        self.state.lock().unwrap().2
    }

    /// Draws a fault, and what is to be carried out now that was sent earlier.
    fn draw(&self) -> (Fault, Option<(String, Vec<u8>)>) {
        let mut state = self.state.lock().unwrap();
        let (rng, late, injected) = &mut *state;
        let due = (!late.is_empty() && rng.chance(10)).then(|| {
            let at = rng.below_u64(late.len() as u64) as usize;
            late.swap_remove(at)
        });
        let fault = match rng.chance(self.percent) {
            false => Fault::None,
            true => match rng.below_u64(4) {
                0 => Fault::Refused,
                1 => Fault::Lost,
                2 => Fault::Late,
                _ => Fault::Doubled,
            },
        };
        match fault {
            Fault::None => {}
            Fault::Refused => injected.refused += 1,
            Fault::Lost => injected.lost += 1,
            Fault::Late => injected.late += 1,
            Fault::Doubled => injected.doubled += 1,
        }
        (fault, due)
    }

    fn fail<T>(doing: &'static str, name: &str) -> Result<T, StoreError> {
        let kind = StoreErrorKind::Unreachable;
        Err(StoreError::new(kind, doing, name, "injected"))
    }

    /// For requests that change nothing: they only fail.
    fn read<T>(
        &self,
        doing: &'static str,
        name: &str,
        request: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (fault, due) = self.draw();
        if let Some((name, bytes)) = due {
            let _ = self.inner.create(&name, &bytes);
        }
        match fault {
            Fault::None | Fault::Doubled => request(),
            Fault::Refused | Fault::Lost | Fault::Late => Self::fail(doing, name),
        }
    }
}

impl Store for Faulty {
    fn create(&self, name: &str, bytes: &[u8]) -> Result<Created, StoreError> {
        let (fault, due) = self.draw();
        if let Some((name, bytes)) = due {
            let _ = self.inner.create(&name, &bytes);
        }
        let later = || {
            let mut state = self.state.lock().unwrap();
            state.1.push((name.to_owned(), bytes.to_vec()));
        };
        match fault {
            Fault::None => self.inner.create(name, bytes),
            Fault::Refused => Self::fail("create", name),
            Fault::Lost => {
                self.inner.create(name, bytes)?;
                Self::fail("create", name)
            }
            Fault::Late => {
                later();
                Self::fail("create", name)
            }
            Fault::Doubled => {
                later();
                self.inner.create(name, bytes)
            }
        }
    }

    fn get(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.read("read", name, || self.inner.get(name, limit))
    }

    fn get_range(&self, name: &str, offset: u64, len: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.read("read", name, || self.inner.get_range(name, offset, len))
    }

    fn head(&self, name: &str) -> Result<Option<u64>, StoreError> {
        self.read("look at", name, || self.inner.head(name))
    }

    fn list_after(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.read("list", prefix, || {
            self.inner.list_after(prefix, after, limit)
        })
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.read("write", name, || self.inner.put(name, bytes))
    }

    fn delete(&self, name: &str) -> Result<(), StoreError> {
        self.read("remove", name, || self.inner.delete(name))
    }

    fn address(&self) -> String {
        format!("faulty {}", self.inner.address())
    }
}
