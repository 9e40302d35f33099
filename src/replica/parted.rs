//! Before a new copy takes the place of an old one: has the new one everything that the old one
//! has? What it lacks is saved, or nothing is replaced.

use super::slot::durable_point;
use super::tail::{self, Saved};
use crate::db::{Db, Facts};
use crate::error::{Error, Result};
use crate::format::entry::Point;
use crate::format::fence::FenceRecord;
use crate::format::header::Role;

/// A copy's newest entry and its epoch table.
struct Line {
    end: Point,
    epochs: Vec<FenceRecord>,
}

impl Line {
    fn of(db: &Db) -> Result<Line> {
        Ok(Line {
            end: durable_point(db)?,
            epochs: db.epochs()?,
        })
    }

    /// Last entry before the epoch table goes on behind `shared` records.
    fn until(&self, shared: usize) -> (u64, [u8; 16]) {
        let next = self.epochs.get(shared);
        next.map_or((self.end.index, self.end.history), |next| {
            (next.previous_index, next.previous_history)
        })
    }
}

/// The last entry that both have for all that is known, where the old copy has more. An epoch has
/// one writer, so the epoch tables decide also where no log reaches back.
fn last_shared(old: &Line, new: &Line) -> Option<u64> {
    let same = |(a, b): &(&FenceRecord, &FenceRecord)| a == b;
    let shared = old.epochs.iter().zip(&new.epochs).take_while(same).count();
    let (theirs, history) = new.until(shared);
    let (ours, _) = old.until(shared);
    let index = ours.min(theirs);
    if index < old.end.index {
        return Some(index);
    }
    // Of one length and not the same: where they parted nothing tells.
    let differs = theirs == old.end.index && history != old.end.history;
    differs.then_some(0)
}

/// Whether a position is on a dead branch, by the epoch table alone: the last entry that may be
/// shared.
pub fn branch_end(after: &Point, epochs: &[FenceRecord]) -> Option<u64> {
    let next = epochs.iter().find(|record| record.epoch > after.epoch)?;
    let same_end = after.index == next.previous_index && after.history != next.previous_history;
    (after.index > next.previous_index || same_end).then_some(next.previous_index)
}

/// A file that is no replica is fed by nobody.
pub fn check_role(db: &Db) -> Result<()> {
    let role = db.info()?.role;
    if role == Role::Replica {
        return Ok(());
    }
    let word = super::rejoin::role_name(role);
    let reason = format!("this file is a {word} with commits of its own, not a replica");
    Err(Error::Fenced { reason })
}

/// A primary whose past the source is has nothing to gain from a copy of it: nobody would be primary
/// then. One that was deposed, or whose history has parted, is another matter.
pub fn check_not_own_past(old: &Db, new: &Db) -> Result<()> {
    let (ours, theirs) = (durable_point(old)?, durable_point(new)?);
    if theirs.index > ours.index || old.info()?.lineage_id != new.info()?.lineage_id {
        return Ok(());
    }
    let past = match old.position_at(theirs.index) {
        Ok(at) => at.epoch == theirs.epoch && at.hash == Some(theirs.history),
        // Too old to look at: the epochs tell.
        Err(Error::NotRetained { .. }) => old.epochs()?.starts_with(&new.epochs()?),
        Err(e) => return Err(e),
    };
    match past {
        true => refuse_own_past(old),
        false => Ok(()),
    }
}

/// The same where it is known that the source is the past of the file, or the same moment.
pub fn refuse_own_past(old: &Db) -> Result<()> {
    let info = old.info()?;
    if info.role != Role::Replica && !info.fenced {
        let word = super::rejoin::role_name(info.role);
        let reason = format!(
            "this file is a {word}, and the source has nothing that it lacks: \
             with a copy of that in its place nobody would be primary"
        );
        return Err(Error::Fenced { reason });
    }
    Ok(())
}

/// Refuses where replacing `old` by `new` would lose commits; with `force` these are saved beside
/// the database first. Gives where.
pub fn before_replacing(old: &Db, new: &Db, force: bool) -> Result<Vec<Saved>> {
    if !force {
        check_role(old)?;
    }
    if old.info()?.lineage_id != new.info()?.lineage_id {
        let reason = "the new copy is of another database".to_owned();
        return Err(Error::Diverged { reason });
    }
    let index = match last_shared(&Line::of(old)?, &Line::of(new)?) {
        Some(index) => index,
        None => match new.log_reader(&old.position()?) {
            Ok(_) => return Ok(Vec::new()),
            // Merely behind: its epoch had one writer, and that was another file.
            Err(Error::NotRetained { .. }) if old.info()?.role == Role::Replica => {
                return Ok(Vec::new());
            }
            // Where they parted is not known any more: everything that is there.
            Err(Error::NotRetained { .. } | Error::Diverged { .. }) => 0,
            Err(e) => return Err(e),
        },
    };
    give_up(old, index, force)
}

/// What the file has behind an entry is lost with it: refused, or saved beside it first.
pub fn give_up(old: &Db, index: u64, force: bool) -> Result<Vec<Saved>> {
    if !force {
        let reason = format!(
            "the old copy has commits behind {index} that the source lacks; \
             --reseed force saves them beside it and takes the new copy"
        );
        return Err(Error::Diverged { reason });
    }
    save(old, index)
}

/// What was said of the old copy is said of the new one: it does the same work.
pub fn hand_on(new: &Db, old: Facts) -> Result<()> {
    let kept = Facts {
        source: old.source,
        highest_epoch: old.highest_epoch,
        retention: old.retention,
        control: old.control,
        ..Facts::default()
    };
    if kept == Facts::default() {
        return Ok(());
    }
    new.set_facts(&kept)
}

/// Saves what the log still has behind an entry.
fn save(old: &Db, index: u64) -> Result<Vec<Saved>> {
    let after = old.position_at(index.max(old.oldest_index()?));
    let saved = after.and_then(|after| tail::save(old, &after));
    match saved {
        // A bulk step, or log that is gone: it is in no log that could be saved.
        Err(Error::NotRetained { .. }) => Ok(Vec::new()),
        saved => saved,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(epoch: u32, index: u64, history: u8) -> Point {
        Point {
            index,
            epoch,
            history: [history; 16],
        }
    }

    fn fence(epoch: u32, previous_index: u64, history: u8) -> FenceRecord {
        FenceRecord {
            epoch,
            node: [1; 16],
            incarnation: [2; 16],
            previous_index,
            previous_history: [history; 16],
            time_us: 0,
            lost: None,
            name: String::new(),
            reason: String::new(),
        }
    }

    fn line(end: Point, epochs: Vec<FenceRecord>) -> Line {
        Line { end, epochs }
    }

    #[test]
    fn a_tail_that_the_new_epoch_never_had_is_found_without_any_log() {
        let new = line(point(2, 6000, 9), vec![fence(2, 4700, 7)]);
        let old = line(point(1, 5000, 8), Vec::new());
        assert_eq!(last_shared(&old, &new), Some(4700));
        assert_eq!(branch_end(&old.end, &new.epochs), Some(4700));
        let before = line(point(1, 4600, 6), Vec::new());
        assert_eq!(last_shared(&before, &new), None);
        assert_eq!(branch_end(&before.end, &new.epochs), None);
        let at_the_end = line(point(1, 4700, 7), Vec::new());
        assert_eq!(last_shared(&at_the_end, &new), None);
        let other_end = line(point(1, 4700, 8), Vec::new());
        assert_eq!(last_shared(&other_end, &new), Some(0));
        assert_eq!(branch_end(&other_end.end, &new.epochs), Some(4700));
        let dead = line(point(3, 5001, 8), vec![fence(3, 4700, 7)]);
        assert_eq!(last_shared(&dead, &new), Some(4700));
        let ahead = line(point(2, 6001, 1), vec![fence(2, 4700, 7)]);
        assert_eq!(last_shared(&ahead, &new), Some(6000));
    }
}
