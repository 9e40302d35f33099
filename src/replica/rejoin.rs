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

/// How the primary of a newer epoch stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Lineage.
    pub lineage: [u8; 16],
    /// File id.
    pub node: [u8; 16],
    /// What it is.
    pub role: Role,
    /// Its newest entry.
    pub head: Position,
    /// All epochs that began in its history, oldest first.
    pub epochs: Vec<FenceRecord>,
}

/// What rejoining asks of the primary, wherever it is.
pub trait Primary {
    /// How it stands.
    fn standing(&self) -> Result<Standing>;
    /// The history at one of its entries.
    fn position_at(&self, index: u64) -> Result<Position>;
}

impl Primary for Db {
    fn standing(&self) -> Result<Standing> {
        let info = self.info()?;
        Ok(Standing {
            lineage: info.lineage_id,
            node: info.file_id,
            role: info.role,
            head: self.position()?,
            epochs: self.epochs()?,
        })
    }

    fn position_at(&self, index: u64) -> Result<Position> {
        Db::position_at(self, index)
    }
}

/// The last entry that a copy and the primary of a newer epoch have in common.
fn common_ancestor(
    copy: &Db,
    ours: &Standing,
    primary: &dyn Primary,
    theirs: &Standing,
) -> Result<Position> {
    if ours.lineage != theirs.lineage {
        let reason = "the source is another database, not a copy of this one".into();
        return Err(Error::Diverged { reason });
    }
    if ours.node == theirs.node {
        let reason = "source and copy are one file".into();
        return Err(Error::Invalid { reason });
    }
    let same = |(a, b): &(&FenceRecord, &FenceRecord)| a == b;
    let both = ours.epochs.iter().zip(&theirs.epochs);
    let shared = both.take_while(same).count();
    let end = |of: &Standing| {
        let next = of.epochs.get(shared);
        next.map_or(of.head.index, |next| next.previous_index)
    };
    let index = end(ours).min(end(theirs));
    type At = Result<(Option<u32>, [u8; 16])>;
    let at = |of: &Standing, log: &dyn Primary| -> At {
        let next = of.epochs.get(shared);
        if let Some(next) = next.filter(|next| next.previous_index == index) {
            return Ok((None, next.previous_history));
        }
        let position = match of.head.index == index {
            true => of.head,
            false => log.position_at(index)?,
        };
        Ok((Some(position.epoch), position.hash.unwrap_or_default()))
    };
    let (here, there) = (at(ours, copy)?, at(theirs, primary)?);
    if here.1 != there.1 {
        let reason = format!("the copies differ already at entry {index}");
        return Err(Error::Diverged { reason });
    }
    let first = theirs.epochs.first();
    let first = first.map_or(theirs.head.epoch, |first| first.epoch - 1);
    let of_table = shared.checked_sub(1).and_then(|i| theirs.epochs.get(i));
    let of_table = of_table.map_or(first, |record| record.epoch);
    Ok(Position {
        epoch: here.0.or(there.0).unwrap_or(of_table),
        index,
        hash: Some(here.1),
    })
}

/// What rejoining would do: nothing is changed.
pub fn look(copy: &Db, primary: &dyn Primary) -> Result<Rejoined> {
    look_at(copy, primary, &primary.standing()?)
}

fn look_at(copy: &Db, primary: &dyn Primary, there: &Standing) -> Result<Rejoined> {
    let ours = copy.standing()?;
    let here = ours.head;
    if here.epoch > there.head.epoch || there.role == Role::Replica {
        let reason = format!(
            "the source is no primary of a newer epoch: it is a {} in epoch {}",
            role_name(there.role),
            there.head.epoch
        );
        return Err(Error::Fenced { reason });
    }
    let ancestor = common_ancestor(copy, &ours, primary, there)?;
    let same_epoch = here.epoch == there.head.epoch && here.index > ancestor.index;
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
pub fn rejoin(
    copy: &Db,
    primary: &dyn Primary,
    address: &str,
    progress: &dyn Progress,
) -> Result<Rejoined> {
    let there = primary.standing()?;
    let mut done = look_at(copy, primary, &there)?;
    // Nobody commits any more, or the tail that is saved would not be all of it.
    let change = IdentityChange {
        role: Some(Role::Replica),
        upstream: Some(there.node),
        ..IdentityChange::default()
    };
    copy.set_identity(&change)?;
    done.from = copy.position()?;
    if done.diverged() > 0 {
        done.saved = tail::save(copy, &done.ancestor)?;
        copy.rewind(done.ancestor.index, progress)?;
    }
    let epoch = there.head.epoch;
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
