//! The entries that a command reads: all keyspaces or one, all keys or a range, of one snapshot.

use creel::exchange::frame::Position;
use creel::{Db, KeyRange, Keyspace, Progress, Snapshot};

use crate::cli::progress::Meter;
use crate::cli::{Failure, range};

/// Bytes of keys and values between two looks at signals, progress and memory.
const STRIDE: u64 = 256 * 1024;

/// The position of a snapshot, which is durable by then.
pub fn position(snapshot: &Snapshot) -> Result<Position, Failure> {
    let position = snapshot.position()?;
    Ok(Position {
        epoch: position.epoch,
        index: position.index,
        hash: position.hash,
    })
}

/// Takes records in order.
pub trait Visit {
    /// What follows is in this keyspace.
    fn keyspace(&mut self, name: &str) -> Result<(), Failure>;

    /// An entry.
    fn entry(&mut self, key: &[u8], value: &[u8]) -> Result<(), Failure>;

    /// A deleted key; only changes have them.
    fn delete(&mut self, key: &[u8]) -> Result<(), Failure>;

    /// A deleted range, up to `to` or to the end.
    fn delete_range(&mut self, from: &[u8], to: Option<&[u8]>) -> Result<(), Failure>;
}

/// Entries of one snapshot, in order.
pub struct Selection {
    /// The moment.
    pub snapshot: Snapshot,
    parts: Vec<Part>,
    range: KeyRange,
}

struct Part {
    name: String,
    keyspace: Keyspace,
    entries: u64,
}

impl Selection {
    /// What there is now: all keyspaces that have such keys, or only the one named.
    pub fn new(db: &Db, only: Option<&str>, keys: Option<KeyRange>) -> Result<Selection, Failure> {
        let snapshot = db.snapshot()?;
        let range = keys.unwrap_or(range::all());
        let names = match only {
            Some(name) => vec![name.to_owned()],
            None => snapshot.keyspaces()?,
        };
        let mut parts = Vec::new();
        for name in names {
            let keyspace = snapshot.keyspace(&name)?;
            let entries = if range::is_empty(&range) {
                0
            } else {
                keyspace.count(&range)?
            };
            if entries > 0 {
                parts.push(Part {
                    name,
                    keyspace,
                    entries,
                });
            }
        }
        Ok(Selection {
            snapshot,
            parts,
            range,
        })
    }

    /// The position of the snapshot.
    pub fn position(&self) -> Result<Position, Failure> {
        position(&self.snapshot)
    }

    /// Names of the keyspaces that have entries in it.
    pub fn keyspaces(&self) -> Vec<&str> {
        self.parts.iter().map(|p| p.name.as_str()).collect()
    }

    /// Puts the keyspace `main` before the others.
    pub fn main_first(&mut self) {
        self.parts.sort_by_key(|part| part.name != "main");
    }

    /// Puts the keyspaces into the order of their names; returns whether they had another.
    pub fn by_name(&mut self) -> bool {
        let sorted = self.parts.is_sorted_by(|a, b| a.name < b.name);
        self.parts.sort_by(|a, b| a.name.cmp(&b.name));
        !sorted
    }

    /// Number of entries.
    pub fn entries(&self) -> u64 {
        self.parts.iter().map(|p| p.entries).sum()
    }

    /// Hands over every entry.
    pub fn walk(&self, meter: &Meter, to: &mut impl Visit) -> Result<(), Failure> {
        let total = self.entries();
        let (mut done, mut bytes) = (0, 0);
        for part in &self.parts {
            to.keyspace(&part.name)?;
            let mut cursor = part.keyspace.cursor(&self.range);
            while let Some((key, value)) = cursor.next_entry()? {
                to.entry(key, value)?;
                done += 1;
                bytes += (key.len() + value.len()) as u64;
                if bytes >= STRIDE {
                    bytes = 0;
                    self.pause(meter, done, total)?;
                }
            }
        }
        meter.report(done, Some(total));
        Ok(())
    }

    fn pause(&self, meter: &Meter, done: u64, total: u64) -> Result<(), Failure> {
        self.snapshot.forget_pages();
        meter.report(done, Some(total));
        if meter.stopped() {
            return Err(creel::Error::Interrupted.into());
        }
        Ok(())
    }
}
