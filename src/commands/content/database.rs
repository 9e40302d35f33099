//! The contents of a database: one snapshot.

use std::path::Path;

use creel::exchange::frame::Position;
use creel::{Cursor, Interest, KeyRange, Snapshot};

use super::{About, Entry, Selection};
use crate::cli::{Context, Failure};

/// So many bytes of keys and values are read before their pages are given back.
const STRIDE: usize = 1 << 20;

/// One snapshot, keyspace after keyspace.
pub(super) struct Database {
    snapshot: Snapshot,
    range: KeyRange,
    /// Keyspaces to come.
    names: std::vec::IntoIter<String>,
    cursor: Option<(String, Cursor)>,
    pub has_keyspace: bool,
    /// Bytes since the pages read were given back.
    read: usize,
    /// Entries that were read, and how many there are.
    done: u64,
    total: u64,
}

impl Database {
    pub fn open(
        ctx: &Context,
        path: &Path,
        selection: &Selection,
    ) -> Result<(About, Database), Failure> {
        let options = ctx.options().read_only(true).interest(Interest::All);
        let db = ctx.open(path, options, "opened for reading")?;
        Database::of_snapshot(path, db.snapshot()?, selection)
    }

    pub fn of_snapshot(
        path: &Path,
        snapshot: Snapshot,
        selection: &Selection,
    ) -> Result<(About, Database), Failure> {
        let mut names = snapshot.keyspaces()?;
        if let Some(only) = &selection.keyspace {
            names.retain(|name| name == only);
        }
        let mut total = 0;
        for name in &names {
            total += snapshot.keyspace(name)?.count(&selection.range)?;
        }
        let at = snapshot.position_unproven()?;
        let about = About {
            path: path.to_owned(),
            kind: "database",
            position: Some(Position {
                epoch: at.epoch,
                index: at.index,
                hash: at.hash,
            }),
            lineage: Some(snapshot.lineage_id()),
        };
        let database = Database {
            snapshot,
            range: selection.range.clone(),
            has_keyspace: !names.is_empty(),
            names: names.into_iter(),
            cursor: None,
            read: 0,
            done: 0,
            total,
        };
        Ok((about, database))
    }

    /// How many entries were read, and of how many.
    pub fn progress(&self) -> (u64, u64) {
        (self.done, self.total)
    }

    pub fn next(&mut self, entry: &mut Entry) -> Result<bool, Failure> {
        loop {
            if let Some((name, cursor)) = &mut self.cursor
                && let Some((key, value)) = cursor.next_entry()?
            {
                entry.enter(name);
                entry.set(key, value);
                self.read += key.len() + value.len();
                self.done += 1;
                if self.read >= STRIDE {
                    self.read = 0;
                    self.snapshot.forget_pages();
                }
                return Ok(true);
            }
            let Some(name) = self.names.next() else {
                return Ok(false);
            };
            let cursor = self.snapshot.keyspace(&name)?.cursor(&self.range);
            self.cursor = Some((name, cursor));
        }
    }
}
