//! What a file has that a chain lacks, before a copy from the store takes the file's place. A snapshot
//! is only where the copy begins: the chain goes on from there.

use super::{StoreResult, position};
use crate::chain::name::Name;
use crate::chain::object::SnapshotRow;
use crate::chain::{Chain, ChainError, Pace, ReadRun, Start};
use crate::db::Db;
use crate::error::Error;
use crate::format::entry::{Entries, Point};
use crate::replica::parted::{self, check_not_own_past, check_role, give_up, refuse_own_past};
use crate::replica::slot::durable_point;
use crate::replica::tail::Saved;

/// How a file and a chain stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Versus {
    /// The chain has everything; whether it has anything else.
    Within { more: bool },
    /// The chain ends before the file does, with this entry of both.
    Ahead(u64),
    /// Behind this entry both go on, with different commits.
    Parted(u64),
    /// The chain does not tell any more: the file ends, or they parted, before the snapshot.
    Older,
}

/// Refuses where replacing `old` by a copy of the chain that begins with `image` would lose commits, or
/// its only primary; with `force` commits are saved beside the file first. Gives where.
pub(super) fn before_replacing(
    old: &Db,
    (image, row): (&Db, &SnapshotRow),
    chain: &Chain,
    force: bool,
    pace: &mut dyn Pace,
) -> StoreResult<Vec<Saved>> {
    if !force {
        check_role(old)?;
    }
    let older = || -> StoreResult<Vec<Saved>> {
        check_not_own_past(old, image)?;
        Ok(parted::before_replacing(old, image, force)?)
    };
    if old.info()?.lineage_id != chain.lineage() {
        return older(); // which says so
    }
    match versus(old, row, chain, pace)? {
        Versus::Older => older(),
        Versus::Within { more } => {
            if !more {
                refuse_own_past(old)?;
            }
            Ok(Vec::new())
        }
        Versus::Ahead(index) => {
            refuse_own_past(old)?;
            Ok(give_up(old, index, force)?)
        }
        Versus::Parted(index) => Ok(give_up(old, index, force)?),
    }
}

fn versus(old: &Db, row: &SnapshotRow, chain: &Chain, pace: &mut dyn Pace) -> StoreResult<Versus> {
    let own = durable_point(old)?;
    let tail = chain.tail(row.number, pace)?.map(|segment| segment.facts);
    let end = tail.map_or(chain.start(), |facts| facts.after);
    if own == end {
        return Ok(Versus::Within { more: false });
    }
    match ReadRun::start(chain, own, row.number.max(1), pace) {
        Ok(Start::Reading(_)) => return Ok(Versus::Within { more: true }),
        Ok(Start::Ahead(end, _)) if has(old, &end)? != Some(false) => {
            return Ok(Versus::Ahead(end.index));
        }
        Err(ChainError::Gap { .. }) => return Ok(Versus::Older),
        // What is damaged below the snapshot is passed by, and tells nothing.
        Err(ChainError::Damaged { name, damage }) if !damage.newer && is_below(&name, row) => {
            return Ok(Versus::Older);
        }
        Ok(Start::Ahead(..)) | Err(ChainError::OffChain { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    if has(old, &row.at.into())? == Some(false) {
        return Ok(Versus::Older);
    }
    let tail = tail.map_or(0, |facts| facts.number);
    let (mut low, mut high) = (row.number.max(1), tail + 1);
    while high.saturating_sub(low) > 1 {
        let middle = low + (high - low) / 2;
        match chain.facts(middle, pace)? {
            Some(facts) if has(old, &facts.before)? == Some(false) => high = middle,
            _ => low = middle,
        }
    }
    let Some(segment) = chain.segment(low, pace)? else {
        return Ok(Versus::Parted(row.at.index));
    };
    let mut last = segment.facts.before.index;
    let mut entries = Entries::new(segment.body(), segment.facts.before);
    while let Some(Ok(_)) = entries.next() {
        let point = entries.point();
        if has(old, &point)? == Some(false) {
            break;
        }
        last = point.index;
    }
    Ok(Versus::Parted(last))
}

/// It is a segment that whoever begins with the snapshot does not read.
fn is_below(name: &str, row: &SnapshotRow) -> bool {
    matches!(name.parse(), Ok(Name::Segment(number)) if number < row.number)
}

/// Whether the file has a point of the chain; [`None`] where its log does not reach back so far.
fn has(old: &Db, point: &Point) -> StoreResult<Option<bool>> {
    if point.index > durable_point(old)?.index {
        return Ok(Some(false));
    }
    match old.position_at(position(point).index) {
        Ok(at) => Ok(Some(at.hash.is_none_or(|hash| hash == point.history))),
        Err(Error::NotRetained { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
