//! A copy before a hole in the chain: is the log below the floor gone, as it should be, or lost?

use super::StoreFailure;
use crate::chain::name::Name;
use crate::chain::{Chain, ChainError, Pace};
use crate::db::Db;

/// Tells what a failure to go on means for a copy that has the entries up to `index`. A new copy helps
/// where the newest snapshot is behind the hole and the copy is not: each that is taken goes further.
pub fn hole(chain: &Chain, index: u64, error: ChainError, pace: &mut dyn Pace) -> ChainError {
    let (number, goes_on) = match &error {
        ChainError::Gap { wanted: 0, found } => (found.saturating_sub(1), *found),
        ChainError::Gap { wanted, found } => (*wanted, *found),
        ChainError::Damaged { name, damage } if !damage.newer => match name.parse() {
            Ok(Name::Segment(number)) => (number, number.saturating_add(1)),
            _ => return error,
        },
        _ => return error,
    };
    // Where the store does not tell, no new copy is taken: the next pull asks again.
    let asked = chain
        .catalogue(pace)
        .and_then(|found| Ok((found, chain.snapshots(pace)?)));
    let (catalogue, snapshots) = match asked {
        Ok(asked) => asked,
        Err(why) => return why,
    };
    let kept = catalogue.map_or(1, |(catalogue, _)| catalogue.floor.number);
    // A floor that is announced and not in the catalogue is one that somebody is collecting by. A damaged one
    // tells nothing.
    let announced = chain.newest_floor(pace).map_or(1, |(_, number)| number);
    let floor = kept.max(announced);
    let passed = snapshots
        .last()
        .is_some_and(|newest| newest.number >= goes_on && newest.at.index > index);
    match error {
        // As it should be: it was collected.
        ChainError::Gap { .. } if passed && goes_on <= floor => error,
        ChainError::Damaged { .. } if !passed => error,
        ChainError::Damaged { damage, .. } => ChainError::Lost {
            number,
            damage: Some(damage),
            passed,
        },
        _ => ChainError::Lost {
            number,
            damage: None,
            passed,
        },
    }
}

/// Why a copy that has the entries up to `index` cannot go on, of what [`hole`] has judged: what it needs next
/// cannot be read. [`None`] where that may be another matter. Asks for one header.
pub fn stops(chain: &Chain, index: u64, error: &ChainError, pace: &mut dyn Pace) -> Option<String> {
    let (name, damage) = match error {
        ChainError::Lost { .. } => return Some(error.to_string()),
        ChainError::Damaged { name, damage } if !damage.newer => (name, damage),
        _ => return None,
    };
    let Ok(Name::Segment(number)) = name.parse() else {
        return None;
    };
    let is_next = match chain.facts(number.saturating_sub(1), pace) {
        Ok(Some(before)) => before.after.index <= index,
        // So is what is before it, or there is none.
        Ok(None) => true,
        Err(_) => false,
    };
    let (damage, passed) = (Some(damage.clone()), false);
    let lost = ChainError::Lost {
        number,
        damage,
        passed,
    };
    is_next.then(|| lost.to_string())
}

/// [`hole`], of a failure to pull.
pub(super) fn judged(
    db: &Db,
    chain: &Chain,
    failure: StoreFailure,
    pace: &mut dyn Pace,
) -> StoreFailure {
    let StoreFailure::Chain(error) = failure else {
        return failure;
    };
    match crate::replica::slot::durable_point(db) {
        Ok(own) => hole(chain, own.index, error, pace).into(),
        Err(_) => error.into(),
    }
}
