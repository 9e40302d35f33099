//! A copy whose history ends in commits that another primary's does not have: back to where the
//! two parted, with those commits saved first.

use std::path::Path;

use super::tail::{self, Saved};
use crate::db::{Db, IdentityChange, Position};
use crate::error::{Error, Result};
use crate::format::fence::FenceRecord;
use crate::format::header::Role;
use crate::progress::Progress;

/// What rejoining did, or would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejoined {
    /// The last entry that both have.
    pub ancestor: Position,
    /// The newest entry before.
    pub from: Position,
    /// Commits that only this copy had: where they are saved.
    pub saved: Vec<Saved>,
}

impl Rejoined {
    /// Entries that only this copy had.
    pub fn diverged(&self) -> u64 {
        self.from.index - self.ancestor.index
    }
}

/// The last entry that a copy and the primary of a newer epoch have in common.
pub fn common_ancestor(copy: &Db, primary: &Db) -> Result<Position> {
    let (ours, theirs) = (copy.info()?, primary.info()?);
    if ours.lineage_id != theirs.lineage_id {
        let reason = "the source is another database, not a copy of this one".into();
        return Err(Error::Diverged { reason });
    }
    if ours.file_id == theirs.file_id {
        let reason = "source and copy are one file".into();
        return Err(Error::Invalid { reason });
    }
    let (here, there) = (copy.position()?, primary.position()?);
    let (a, b) = (copy.epochs()?, primary.epochs()?);
    let shared = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let end = |list: &[FenceRecord], head: &Position| {
        list.get(shared)
            .map_or(head.index, |next| next.previous_index)
    };
    let index = end(&a, &here).min(end(&b, &there));
    let known = |list: &[FenceRecord]| {
        let next = list.get(shared).filter(|next| next.previous_index == index);
        next.map(|next| next.previous_history)
    };
    type At = Result<(Option<u32>, [u8; 16])>;
    let at = |db: &Db, list: &[FenceRecord], head: &Position| -> At {
        match known(list) {
            Some(history) => Ok((None, history)),
            None if head.index == index => Ok((Some(head.epoch), head.hash.unwrap_or_default())),
            None => {
                let position = db.position_at(index)?;
                Ok((Some(position.epoch), position.hash.unwrap_or_default()))
            }
        }
    };
    let (ours, theirs) = (at(copy, &a, &here)?, at(primary, &b, &there)?);
    if ours.1 != theirs.1 {
        let reason = format!("the copies differ already at entry {index}");
        return Err(Error::Diverged { reason });
    }
    let first = b.first().map_or(there.epoch, |first| first.epoch - 1);
    let of_table = shared.checked_sub(1).and_then(|i| b.get(i));
    let of_table = of_table.map_or(first, |record| record.epoch);
    Ok(Position {
        epoch: ours.0.or(theirs.0).unwrap_or(of_table),
        index,
        hash: Some(ours.1),
    })
}

/// What rejoining would do: nothing is changed.
pub fn look(copy: &Db, primary: &Db) -> Result<Rejoined> {
    let there = primary.position()?;
    let here = copy.position()?;
    let behind = here.epoch > there.epoch || primary.info()?.role == Role::Replica;
    if behind {
        let reason = format!(
            "the source is no primary of a newer epoch: it is a {} in epoch {}",
            role_name(primary.info()?.role),
            there.epoch
        );
        return Err(Error::Fenced { reason });
    }
    let ancestor = common_ancestor(copy, primary)?;
    let same_epoch = here.epoch == there.epoch && here.index > ancestor.index;
    if same_epoch {
        let reason = format!(
            "both have commits of epoch {} behind entry {}: two primaries of one epoch",
            here.epoch, ancestor.index
        );
        return Err(Error::Diverged { reason });
    }
    Ok(Rejoined {
        ancestor,
        from: here,
        saved: Vec::new(),
    })
}

/// Saves what only this copy has, takes it back, and makes it a replica of the primary.
pub fn rejoin(copy: &Db, primary: &Db, address: &str, progress: &dyn Progress) -> Result<Rejoined> {
    let mut done = look(copy, primary)?;
    // Nobody commits any more, or the tail that is saved would not be all of it.
    let change = IdentityChange {
        role: Some(Role::Replica),
        upstream: Some(primary.info()?.file_id),
        ..IdentityChange::default()
    };
    copy.set_identity(&change)?;
    done.from = copy.position()?;
    if done.diverged() > 0 {
        done.saved = tail::save(copy, &done.ancestor)?;
        copy.rewind(done.ancestor.index, progress)?;
    }
    let epoch = primary.position()?.epoch;
    copy.change_facts(|facts| {
        facts.source = address.to_owned();
        facts.highest_epoch = facts.highest_epoch.max(epoch);
    })?;
    Ok(done)
}

/// A role in a word.
pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Standalone => "standalone",
        Role::Primary => "primary",
        Role::Replica => "replica",
    }
}

/// Where the tail of a database is saved.
pub fn directory(db: &Path) -> std::path::PathBuf {
    tail::directory(db)
}
