//! The contents of a database: one snapshot.

use std::path::Path;

use creel::exchange::frame::Position;
use creel::{Cursor, Interest, KeyRange, Snapshot};

use super::{About, Entry, Selection};
use crate::cli::{Context, Failure};

/// One snapshot, keyspace after keyspace.
pub(super) struct Database {
    snapshot: Snapshot,
    range: KeyRange,
    /// Keyspaces to come.
    names: std::vec::IntoIter<String>,
    cursor: Option<(String, Cursor)>,
    pub has_keyspace: bool,
}

impl Database {
    pub fn open(
        ctx: &Context,
        path: &Path,
        selection: &Selection,
    ) -> Result<(About, Database), Failure> {
        let db = ctx
            .options()
            .read_only(true)
            .interest(Interest::All)
            .open(path)?;
        let snapshot = db.snapshot()?;
        let mut names = snapshot.keyspaces()?;
        if let Some(only) = &selection.keyspace {
            names.retain(|name| name == only);
        }
        let token = snapshot.token();
        let about = About {
            path: path.to_owned(),
            kind: "database",
            position: Some(Position {
                epoch: token.epoch,
                index: token.index,
                hash: None,
            }),
            lineage: Some(db.info()?.lineage_id),
        };
        let database = Database {
            snapshot,
            range: selection.range.clone(),
            has_keyspace: !names.is_empty(),
            names: names.into_iter(),
            cursor: None,
        };
        Ok((about, database))
    }

    pub fn next(&mut self, entry: &mut Entry) -> Result<bool, Failure> {
        loop {
            if let Some((name, cursor)) = &mut self.cursor
                && let Some((key, value)) = cursor.next_entry()?
            {
                entry.enter(name);
                entry.set(key, value);
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
