//! Which keyspaces there are, and what an operation of the log may do to them (W4, W10, T7).

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Result;
use crate::format::Invariant;
use crate::format::header::Header;
use crate::format::key::{
    CATALOGUE, MAIN, MAIN_NAME, catalogue_name, catalogue_range, is_position, last_id_key,
    position_user_key,
};
use crate::format::leaf::StoredValue;
use crate::format::op::Op;
use crate::store::pages::Pages;
use crate::tree::{Root, Seek, TreeCursor, get};

/// Keyspaces by name, and the largest id ever given.
#[derive(Debug, Clone, Default)]
pub(crate) struct Catalogue {
    ids: BTreeMap<Vec<u8>, u32>,
    /// The same ids: every operation asks for one.
    known: BTreeSet<u32>,
    last: u32,
}

impl Catalogue {
    /// What the tree says.
    pub fn read(pages: &Pages, header: &Header) -> Result<Catalogue> {
        let root = Root {
            page: header.root_page,
            crc: header.root_crc,
            height: header.root_height,
        };
        let mut found = Catalogue::new(std::iter::empty(), MAIN);
        let id = |value: &StoredValue<'_>| match value {
            StoredValue::Inline(bytes) => (*bytes).try_into().ok().map(u32::from_le_bytes),
            StoredValue::Overflow(_) => None,
        };
        let (from, to) = catalogue_range();
        let mut cursor = TreeCursor::new();
        cursor.seek(pages, root, Some(&from), Seek::AtOrAfter)?;
        let mut key = Vec::new();
        while let Some(entry) = cursor.next(pages)? {
            entry.copy_key(&mut key);
            if key >= to {
                break;
            }
            if let (Some(name), Some(id)) = (catalogue_name(&key), id(&entry.value)) {
                found.add(name, id);
            }
        }
        let last = get(pages, root, &last_id_key())?;
        found.last = found.last.max(last.as_ref().and_then(id).unwrap_or(0));
        Ok(found)
    }

    /// Of a database that is open: keyspaces by name, and the largest id ever given.
    pub fn new(names: impl Iterator<Item = (Vec<u8>, u32)>, last: u32) -> Catalogue {
        let mut all = Catalogue {
            last,
            ..Catalogue::default()
        };
        for (name, id) in names.chain([(MAIN_NAME.as_bytes().to_vec(), MAIN)]) {
            all.add(&name, id);
        }
        all
    }

    fn add(&mut self, name: &[u8], id: u32) {
        self.last = self.last.max(id);
        self.ids.insert(name.to_vec(), id);
        self.known.insert(id);
    }

    fn knows(&self, id: u32) -> bool {
        id == CATALOGUE || self.known.contains(&id)
    }
}

/// T7: keys have a length that they can have.
pub(crate) fn check_limits(op: &Op<'_>, longest: usize) -> Result<(), (Invariant, String)> {
    let key = match op {
        Op::Put { key, .. } | Op::Delete { key, .. } => key,
        Op::DeleteRange { .. } | Op::CreateKeyspace { .. } | Op::DropKeyspace { .. } => {
            return Ok(());
        }
    };
    if key.is_empty() || key.len() > longest {
        return Err((Invariant::T7, format!("has a key of {} bytes", key.len())));
    }
    Ok(())
}

/// The id in the user key of an import position.
fn position(key: &[u8]) -> Option<&[u8]> {
    key.strip_prefix(position_user_key(b"").as_slice())
}

/// The effect of one operation on the catalogue. Uses of a keyspace that does not exist break
/// W4; ids that are given twice or dropped by another name break the replay, W10.
pub(crate) fn follow(known: &mut Catalogue, op: &Op<'_>) -> Result<(), (Invariant, String)> {
    match *op {
        Op::Put {
            keyspace: CATALOGUE,
            key,
            value,
        } if !position(key).is_some_and(|id| is_position(id, value)) => {
            return Err((Invariant::W4, "has a malformed import position".into()));
        }
        Op::DeleteRange {
            keyspace: CATALOGUE,
            ..
        } => {
            return Err((Invariant::W4, "deletes a part of the catalogue".into()));
        }
        Op::Delete {
            keyspace: CATALOGUE,
            key,
        } if position(key).is_none() => {
            return Err((Invariant::W4, "deletes a part of the catalogue".into()));
        }
        Op::Put { keyspace: id, .. }
        | Op::Delete { keyspace: id, .. }
        | Op::DeleteRange { keyspace: id, .. } => {
            if !known.knows(id) {
                return Err((
                    Invariant::W4,
                    format!("uses keyspace {id}, which does not exist"),
                ));
            }
        }
        Op::CreateKeyspace { id, name } => {
            if id <= known.last || known.ids.contains_key(name) {
                return Err((
                    Invariant::W10,
                    format!("creates keyspace {id} a second time"),
                ));
            }
            known.add(name, id);
        }
        Op::DropKeyspace { id, name } => {
            if known.ids.remove(name) != Some(id) {
                return Err((
                    Invariant::W10,
                    format!("drops keyspace {id}, which has another name"),
                ));
            }
            known.known.remove(&id);
        }
    }
    Ok(())
}
