//! The database beside the expectation, entry after entry.

use std::ops::Range;
use std::panic::resume_unwind;
use std::thread;

use super::{Model, Oracle, Sums};
use crate::db::{KeyRange, Keyspace, Snapshot};
use crate::error::Result;
use crate::soak::config::{PROGRESS, keyspace_name};
use crate::soak::oracle::model::PROGRESS_KEY;
use crate::soak::oracle::sums::Sum;
use crate::soak::workload::{Keys, Values};

/// A comparison that found no difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compared {
    /// Entries that were looked at.
    pub entries: u64,
}

/// The first difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// In which keyspace.
    pub keyspace: String,
    /// The key, or the first one of a range.
    pub key: Vec<u8>,
    /// What is wrong.
    pub found: Found,
}

/// What is wrong with an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It is not there.
    Missing,
    /// It should not be there.
    Unexpected,
    /// It has another value: which operation set the one that should be there, and which the one
    /// that is, as far as that shows.
    Value(u64, Option<u64>),
    /// The sum of the range is another.
    Range,
    /// The number of operations done is another: expected, found.
    Progress(u64, Option<u64>),
    /// A keyspace is missing or should not be there.
    Keyspaces(Vec<String>),
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = crate::soak::text::shown(&self.key);
        match &self.found {
            Found::Keyspaces(names) => {
                write!(f, "the keyspaces are {}", names.join(", "))
            }
            Found::Progress(expected, found) => {
                write!(f, "the contents are those after operation ")?;
                match found {
                    Some(found) => write!(f, "{found}")?,
                    None => write!(f, "(none)")?,
                }
                write!(f, ", not {expected}")
            }
            Found::Missing => write!(f, "{key} in {} is missing", self.keyspace),
            Found::Unexpected => {
                write!(f, "{key} in {} is there, but should not be", self.keyspace)
            }
            Found::Value(expected, found) => {
                write!(
                    f,
                    "{key} in {} has not the value of operation {expected}",
                    self.keyspace
                )?;
                match found {
                    Some(found) => write!(f, ", but that of operation {found}"),
                    None => Ok(()),
                }
            }
            Found::Range => write!(
                f,
                "the entries from {key} on in {} are not those that were written",
                self.keyspace
            ),
        }
    }
}

/// `Ok(Err(..))` is a difference, `Err` a failed call.
pub(crate) type Answer<T> = Result<std::result::Result<T, Difference>>;

/// Comparing needs these two beside the expectation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bytes<'a> {
    pub keys: &'a Keys,
    pub values: &'a Values,
}

impl Oracle {
    /// Compares everything.
    pub(crate) fn compare(&self, snapshot: &Snapshot, bytes: Bytes<'_>) -> Answer<Compared> {
        match self {
            Oracle::Model(model) => model.compare_all(snapshot, bytes),
            Oracle::Sums(sums) => {
                let size = (sums.keyspaces(), sums.entries());
                let compare = |k: &Keyspace, n| sums.compare(k, n, bytes.keys);
                each(snapshot, size, sums.progress(), compare)
            }
        }
    }
}

impl Model {
    /// Compares everything.
    pub(crate) fn compare_all(&self, snapshot: &Snapshot, bytes: Bytes<'_>) -> Answer<Compared> {
        let size = (self.keyspaces(), self.entries());
        let compare = |k: &Keyspace, n| self.compare(k, n, bytes);
        each(snapshot, size, self.progress(), compare)
    }
}

/// From so many entries on two threads share the work.
const SHARED: u64 = 10_000;

fn each(
    snapshot: &Snapshot,
    (keyspaces, entries): (u32, u64),
    progress: u64,
    compare: impl Fn(&Keyspace, u32) -> Answer<Compared> + Sync,
) -> Answer<Compared> {
    if let Err(difference) = check_frame(snapshot, keyspaces, progress)? {
        return Ok(Err(difference));
    }
    let some = |numbers: Range<u32>| {
        let mut all = Compared::default();
        for number in numbers {
            let keyspace = snapshot.keyspace(&keyspace_name(number))?;
            match compare(&keyspace, number)? {
                Ok(compared) => all.entries += compared.entries,
                Err(difference) => return Ok(Err(difference)),
            }
        }
        Ok(Ok(all))
    };
    if entries < SHARED || keyspaces < 2 {
        return some(0..keyspaces);
    }
    let (first, second) = thread::scope(|scope| {
        let second = scope.spawn(|| some(keyspaces / 2..keyspaces));
        let first = some(0..keyspaces / 2);
        (first, second.join().unwrap_or_else(|e| resume_unwind(e)))
    });
    let entries = match first? {
        Ok(compared) => compared.entries,
        Err(difference) => return Ok(Err(difference)),
    };
    Ok(second?.map(|compared| Compared {
        entries: entries + compared.entries,
    }))
}

/// How far the database says that it is.
pub(crate) fn progress_of(snapshot: &Snapshot) -> Result<Option<u64>> {
    let keyspace = match snapshot.keyspace(PROGRESS) {
        Err(crate::error::Error::NoKeyspace { .. }) => return Ok(None),
        keyspace => keyspace?,
    };
    let value = keyspace.get(PROGRESS_KEY)?;
    Ok(value
        .and_then(|bytes| bytes.try_into().ok())
        .map(u64::from_be_bytes))
}

fn check_frame(snapshot: &Snapshot, keyspaces: u32, progress: u64) -> Answer<()> {
    let names = snapshot.keyspaces()?;
    let expected: Vec<String> = (0..keyspaces)
        .map(keyspace_name)
        .chain([PROGRESS.to_owned()])
        .collect();
    if names != expected {
        return Ok(Err(Difference {
            keyspace: String::new(),
            key: Vec::new(),
            found: Found::Keyspaces(names),
        }));
    }
    let found = progress_of(snapshot)?;
    if found != Some(progress) {
        return Ok(Err(Difference {
            keyspace: PROGRESS.into(),
            key: PROGRESS_KEY.to_vec(),
            found: Found::Progress(progress, found),
        }));
    }
    Ok(Ok(()))
}

impl Model {
    fn compare(&self, keyspace: &Keyspace, number: u32, bytes: Bytes<'_>) -> Answer<Compared> {
        let differs = |key: &[u8], found| {
            Ok(Err(Difference {
                keyspace: keyspace_name(number),
                key: key.to_vec(),
                found,
            }))
        };
        let mut cursor = keyspace.cursor(&KeyRange::all());
        let (mut key, mut value) = (Vec::new(), Vec::new());
        let mut entries = 0;
        for (at, reference) in self.from(number, 0) {
            bytes.keys.write(at, &mut key);
            let Some((found_key, found_value)) = cursor.next_entry()? else {
                return differs(&key, Found::Missing);
            };
            match found_key.cmp(&key) {
                std::cmp::Ordering::Less => return differs(found_key, Found::Unexpected),
                std::cmp::Ordering::Greater => return differs(&key, Found::Missing),
                std::cmp::Ordering::Equal => {}
            }
            bytes.values.write(reference, &mut value);
            if found_value != value {
                let origin = origin(bytes.values, found_value);
                return differs(&key, Found::Value(reference.counter(), origin));
            }
            entries += 1;
        }
        match cursor.next_entry()? {
            Some((key, _)) => differs(key, Found::Unexpected),
            None => Ok(Ok(Compared { entries })),
        }
    }
}

impl Sums {
    fn compare(&self, keyspace: &Keyspace, number: u32, keys: &Keys) -> Answer<Compared> {
        let mut cursor = keyspace.cursor(&KeyRange::all());
        let mut entries = 0;
        let mut border = Vec::new();
        let mut carried: Option<(Vec<u8>, Vec<u8>)> = None;
        for (from, to, expected) in self.ranges(number) {
            if from == to {
                continue;
            }
            let last = to >= keys.count();
            keys.write(to.min(keys.count().saturating_sub(1)), &mut border);
            let mut found = Sum::default();
            if let Some((key, value)) = carried.take() {
                if !last && key >= border {
                    carried = Some((key, value));
                } else {
                    found.add(&key, &value);
                }
            }
            while carried.is_none() {
                let Some((key, value)) = cursor.next_entry()? else {
                    break;
                };
                entries += 1;
                if !last && key >= border.as_slice() {
                    carried = Some((key.to_vec(), value.to_vec()));
                } else {
                    found.add(key, value);
                }
            }
            if found != expected {
                return Ok(Err(Difference {
                    keyspace: keyspace_name(number),
                    key: Sums::name(keys, from),
                    found: Found::Range,
                }));
            }
        }
        Ok(Ok(Compared { entries }))
    }
}

/// The operation that a value names.
pub(crate) fn origin(values: &Values, value: &[u8]) -> Option<u64> {
    match values {
        Values::Made(_) => value.first_chunk().map(|bytes| u64::from_le_bytes(*bytes)),
        Values::Given(..) => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test may panic
mod tests {
    use super::*;
    use crate::db::{Batch, Db};
    use crate::soak::config::Class;
    use crate::soak::workload::Reference;

    const VALUES: Values = Values::Made(1);

    /// Entries in each of two keyspaces, and a database that holds just that.
    fn same(entries: u64, room: u64) -> (tempfile::TempDir, Db, Model) {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::create(dir.path().join("a")).unwrap();
        let keys = Keys::Made(room);
        let mut model = Model::new(2, room);
        let mut batch = Batch::new();
        for number in 0..2 {
            for at in 0..entries {
                let value = Reference::new(at, Class::Small);
                model.set(number, at * 2, Some(value), &VALUES);
                let (mut key, mut bytes) = (Vec::new(), Vec::new());
                keys.write(at * 2, &mut key);
                VALUES.write(value, &mut bytes);
                batch.keyspace(&keyspace_name(number)).put(&key, &bytes);
            }
        }
        model.set_progress(7);
        batch
            .keyspace(PROGRESS)
            .put(PROGRESS_KEY, &7u64.to_be_bytes());
        db.write(batch).unwrap();
        (dir, db, model)
    }

    fn compare(db: &Db, model: &Model, room: u64) -> std::result::Result<u64, Difference> {
        let bytes = Bytes {
            keys: &Keys::Made(room),
            values: &VALUES,
        };
        let snapshot = db.snapshot().unwrap();
        let compared = model.compare_all(&snapshot, bytes).unwrap();
        compared.map(|compared| compared.entries)
    }

    fn key(number: u64) -> Vec<u8> {
        let mut key = Vec::new();
        Keys::Made(100).write(number, &mut key);
        key
    }

    #[test]
    fn each_kind_of_difference_is_seen_and_named() {
        let first = keyspace_name(0);
        let change = |make: &dyn Fn(&mut Batch)| {
            let (_dir, db, model) = same(10, 100);
            assert_eq!(compare(&db, &model, 100), Ok(20));
            let mut batch = Batch::new();
            make(&mut batch);
            db.write(batch).unwrap();
            let found = compare(&db, &model, 100).unwrap_err();
            (found.to_string(), found.key, found.found)
        };
        for at in [0, 8, 18] {
            let (told, at_key, found) = change(&|batch| {
                batch.keyspace(&first).delete(&key(at));
            });
            assert_eq!((at_key, found), (key(at), Found::Missing));
            assert!(told.ends_with("is missing"), "{told}");
        }
        for at in [1, 9, 99] {
            let (told, at_key, found) = change(&|batch| {
                batch.keyspace(&first).put(&key(at), b"more");
            });
            assert_eq!((at_key, found), (key(at), Found::Unexpected));
            assert!(told.ends_with("is there, but should not be"), "{told}");
        }
        let mut other = Vec::new();
        VALUES.write(Reference::new(77, Class::Small), &mut other);
        let (told, _, found) = change(&|batch| {
            batch.keyspace(&first).put(&key(4), &other);
        });
        assert_eq!(found, Found::Value(2, Some(77)));
        assert!(
            told.ends_with("of operation 2, but that of operation 77"),
            "{told}"
        );
        let (told, _, found) = change(&|batch| {
            batch.keyspace(&first).put(&key(4), b"short");
        });
        assert_eq!(found, Found::Value(2, None));
        assert!(told.ends_with("of operation 2"), "{told}");
        let (told, _, found) = change(&|batch| {
            batch
                .keyspace(PROGRESS)
                .put(PROGRESS_KEY, &8u64.to_be_bytes());
        });
        assert_eq!(found, Found::Progress(7, Some(8)));
        assert_eq!(told, "the contents are those after operation 8, not 7");
        let (told, _, _) = change(&|batch| {
            batch.keyspace(PROGRESS).delete(PROGRESS_KEY);
        });
        assert_eq!(told, "the contents are those after operation (none), not 7");
        let (told, _, found) = change(&|batch| {
            batch.keyspace("stray").put(b"a", b"b");
        });
        assert!(matches!(found, Found::Keyspaces(_)));
        assert!(told.contains("stray"), "{told}");
    }

    /// Large ones are compared by two threads.
    #[test]
    fn a_difference_in_either_half_is_seen() {
        let room = 20_000;
        let (_dir, db, model) = same(6000, room);
        assert_eq!(compare(&db, &model, room), Ok(12_000));
        let mut key = Vec::new();
        Keys::Made(room).write(5000, &mut key);
        for number in [1, 0] {
            let mut batch = Batch::new();
            batch.keyspace(&keyspace_name(number)).delete(&key);
            db.write(batch).unwrap();
            let found = compare(&db, &model, room).unwrap_err();
            assert_eq!(found.keyspace, keyspace_name(number));
            assert_eq!((found.key, found.found), (key.clone(), Found::Missing));
        }
    }
}
