//! A running count: how many entries a table adds to a keyspace of what lies below it.
//!
//! It begins when somebody counts the keyspace for the first time. From then on every key that
//! changes is listed once; the next count looks at those only. A deleted range ends it: how many
//! keys that hides only a new count tells.

use std::sync::PoisonError;

use super::table::Delta;
use crate::format::key::split_key;

/// What of a key the count has taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Taken {
    /// Nothing: what lies below says whether it was there.
    #[default]
    Nothing,
    Absent,
    Present,
}

impl Taken {
    fn of(present: bool) -> Taken {
        match present {
            true => Taken::Present,
            false => Taken::Absent,
        }
    }
}

/// What counting knows of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counted {
    taken: Taken,
    listed: bool,
}

/// The counts of a table; most have none.
#[derive(Debug, Default)]
pub(super) struct Counts(Vec<Counting>);

#[derive(Debug)]
struct Counting {
    keyspace: u32,
    /// The log index up to which everything is taken in.
    at: u64,
    net: i64,
    /// Keys that have changed since, each once.
    changed: Vec<Box<[u8]>>,
}

/// Entries that a table adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Net {
    /// So many, fewer than none where it deletes.
    Known(i64),
    /// The count is of a later state.
    Later,
    /// To be counted.
    Unknown,
}

impl Counts {
    fn of(&mut self, keyspace: u32) -> Option<&mut Counting> {
        self.0.iter_mut().find(|c| c.keyspace == keyspace)
    }

    /// True where the change of a key has to be noted.
    pub fn wants(&self, counted: Counted) -> bool {
        !self.0.is_empty() && !counted.listed
    }

    /// Notes that a key changes.
    pub fn note(&mut self, key: &[u8], counted: &mut Counted) {
        let counting = split_key(key).and_then(|(keyspace, _)| self.of(keyspace));
        if let Some(counting) = counting {
            counting.changed.push(key.into());
            counted.listed = true;
        }
    }
}

impl Delta {
    /// A table without entries that comes on top of this one, and is counted where this one is.
    pub fn next(&self) -> Delta {
        let next = Delta::new();
        let counted: Vec<u32> = self.write().counts.0.iter().map(|c| c.keyspace).collect();
        next.write().counts = Counts(counted.into_iter().map(Counting::empty).collect());
        next
    }

    /// The entries that this table adds to a keyspace at log index `at`, which a live snapshot
    /// reads. `below` tells whether a key is in what lies below. Costs a look at each key that has
    /// changed since the last call.
    pub fn net<E>(
        &self,
        keyspace: u32,
        at: u64,
        below: &mut dyn FnMut(&[u8]) -> Result<bool, E>,
    ) -> Result<Net, E> {
        let _one = self.counting.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = {
            let mut table = self.write();
            let last_range = table.last_range;
            match table.counts.of(keyspace) {
                None => return Ok(Net::Unknown),
                Some(c) if c.at > at => return Ok(Net::Later),
                Some(c) if c.at < last_range => return Ok(Net::Unknown),
                Some(c) if c.changed.is_empty() => return Ok(Net::Known(c.net)),
                Some(c) => std::mem::take(&mut c.changed),
            }
        };
        let looked = changed
            .iter()
            .map(|key| self.step(key, at, below))
            .collect();
        let steps: Vec<Option<Step>> = match looked {
            Ok(steps) => steps,
            Err(e) => {
                // What was taken out is lost.
                self.write().counts.0.retain(|c| c.keyspace != keyspace);
                return Err(e);
            }
        };
        Ok(self.take_in(keyspace, at, changed, &steps))
    }

    /// What changes for a key between what was taken in and `at`; `None` where it came later.
    fn step<E>(
        &self,
        key: &[u8],
        at: u64,
        below: &mut dyn FnMut(&[u8]) -> Result<bool, E>,
    ) -> Result<Option<Step>, E> {
        let (taken, now) = {
            let table = self.read();
            let Some(versions) = table.point(key) else {
                return Ok(None);
            };
            let Some(now) = versions.at(at) else {
                return Ok(None);
            };
            (versions.counted.taken, now.is_some())
        };
        let before = match taken {
            Taken::Present => true,
            Taken::Absent => false,
            Taken::Nothing => !self.covers(key, at) && below(key)?,
        };
        Ok(Some(Step { before, now }))
    }

    fn take_in(
        &self,
        keyspace: u32,
        at: u64,
        changed: Vec<Box<[u8]>>,
        steps: &[Option<Step>],
    ) -> Net {
        let mut table = self.write();
        let (mut net, mut later) = (0, Vec::new());
        for (key, step) in changed.into_iter().zip(steps) {
            let Some(versions) = table.point_mut(&key) else {
                continue;
            };
            if let Some(step) = step {
                net += i64::from(step.now) - i64::from(step.before);
                versions.counted.taken = Taken::of(step.now);
            }
            // It may have changed again.
            versions.counted.listed = versions.index > at;
            if versions.counted.listed {
                later.push(key);
            }
        }
        let Some(counting) = table.counts.of(keyspace) else {
            return Net::Unknown;
        };
        counting.changed.append(&mut later);
        counting.at = at;
        counting.net += net;
        Net::Known(counting.net)
    }

    /// Begins to count: at log index `at`, which a live snapshot reads, the table adds `net`
    /// entries to a keyspace.
    pub fn begin_counting(&self, keyspace: u32, at: u64, net: i64) {
        let _one = self.counting.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.read()); // what was read from the log is in the table then
        let mut table = self.write();
        if table.counts.of(keyspace).is_some_and(|c| c.at > at) {
            return;
        }
        let (counts, points) = table.of_keyspace(keyspace);
        let mut counting = Counting {
            at,
            net,
            ..Counting::empty(keyspace)
        };
        for (key, versions) in points {
            let taken = versions.at(at).map(|value| Taken::of(value.is_some()));
            let listed = versions.index > at;
            if listed {
                counting.changed.push(key.bytes().into());
            }
            versions.counted = Counted {
                taken: taken.unwrap_or_default(),
                listed,
            };
        }
        counts.0.retain(|c| c.keyspace != keyspace);
        counts.0.push(counting);
    }
}

impl Counting {
    fn empty(keyspace: u32) -> Counting {
        Counting {
            keyspace,
            at: 0,
            net: 0,
            changed: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Step {
    before: bool,
    now: bool,
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::format::key::FullKey;
    use crate::format::op::Op;

    fn put(delta: &Delta, index: u64, key: u32) {
        let (key, value) = (&key.to_be_bytes()[..], &b"v"[..]);
        let put = Op::Put {
            keyspace: 1,
            key,
            value,
        };
        delta.writer().apply(index, &put, index);
    }

    /// The net of keyspace 1 where even keys lie below, and how many keys were looked up there.
    fn net(delta: &Delta, at: u64) -> (Net, u32) {
        let mut looks = 0;
        let mut below = |key: &[u8]| {
            looks += 1;
            Ok::<_, Infallible>(key.last().is_some_and(|last| last % 2 == 0))
        };
        let net = delta.net(1, at, &mut below).unwrap();
        (net, looks)
    }

    #[test]
    fn a_count_looks_at_what_has_changed_since_the_last() {
        let delta = Delta::new();
        for index in 1..=1000 {
            put(&delta, index, index as u32);
        }
        assert_eq!(net(&delta, 1000), (Net::Unknown, 0));
        delta.begin_counting(1, 1000, 500);
        assert_eq!(net(&delta, 1000), (Net::Known(500), 0));
        put(&delta, 1001, 7); // known
        put(&delta, 1002, 1002); // below
        put(&delta, 1003, 1003);
        put(&delta, 1004, 1005);
        put(&delta, 1005, 1005);
        // As of an entry in between: the rest is left for later.
        assert_eq!(net(&delta, 1003), (Net::Known(501), 2));
        assert_eq!(net(&delta, 1005), (Net::Known(502), 1));
        assert_eq!(net(&delta, 1005), (Net::Known(502), 0));
        assert_eq!(net(&delta, 1004), (Net::Later, 0));
        let key = FullKey::new(1, &7u32.to_be_bytes());
        assert!(delta.get(&key, 1005, |_| ()).is_some());
        let (from, to) = (&b""[..], &b"\0"[..]);
        let range = Op::DeleteRange {
            keyspace: 1,
            from,
            to,
        };
        delta.writer().apply(1006, &range, 1006);
        assert_eq!(net(&delta, 1006), (Net::Unknown, 0));
        // The table above it is counted from its beginning.
        let next = delta.next();
        assert_eq!(net(&next, 1006), (Net::Known(0), 0));
        put(&next, 1007, 1);
        assert_eq!(net(&next, 1007), (Net::Known(1), 1));
    }

    #[test]
    fn a_failed_look_ends_the_count() {
        let delta = Delta::new();
        delta.begin_counting(1, 0, 0);
        put(&delta, 1, 1);
        put(&delta, 2, 2);
        assert_eq!(delta.net(1, 2, &mut |_| Err("damage")), Err("damage"));
        assert_eq!(net(&delta, 2), (Net::Unknown, 0));
        delta.begin_counting(1, 2, 1);
        assert_eq!(net(&delta, 2), (Net::Known(1), 0));
        put(&delta, 3, 1);
        put(&delta, 4, 3);
        assert_eq!(net(&delta, 4), (Net::Known(2), 1));
    }
}
