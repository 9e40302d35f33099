//! Removal of segments below a floor.

use crate::chain::chain::Chain;
use crate::chain::error::{ChainError, ChainResult};
use crate::chain::name::Name;
use crate::chain::pace::{Pace, repeat};
use crate::chain::protocol::{Gc, GcStep};
use crate::progress::Progress;

/// What was removed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Collected {
    /// Segments removed.
    pub removed: u64,
    /// Fences below the floor, which stay for ever.
    pub fences: u64,
    /// Numbers below the floor whose header cannot be read: they may be fences, so they stay too.
    pub unreadable: Vec<u64>,
}

/// Removes segments below `floor`, in rising order, except fences. Safe for anybody at any time.
pub fn collect(
    chain: &Chain,
    floor: u64,
    pace: &mut dyn Pace,
    progress: &dyn Progress,
) -> ChainResult<Collected> {
    let mut collected = Collected::default();
    let (mut machine, mut step) = Gc::new(floor);
    // One page of a listing answers many questions; what is added meanwhile lies above the floor,
    // or is left to the next run.
    let mut page: Vec<u64> = Vec::new();
    loop {
        if progress.stopped() || pace.stopped() {
            return Err(ChainError::Interrupted);
        }
        let next = match step {
            GcStep::List(after) if after + 1 >= floor => {
                machine.listed(chain.first_after(after, pace)?)
            }
            GcStep::List(after) => {
                let known = page.iter().position(|number| *number > after);
                let first = match known.and_then(|at| page.get(at)) {
                    Some(number) => Some(*number),
                    None => {
                        page = chain.numbers_after(after, pace)?;
                        page.first().copied()
                    }
                };
                machine.listed(first)
            }
            GcStep::Announce(number) => {
                chain.announce_floor(number, pace)?;
                machine.announced()
            }
            GcStep::Look(number) => {
                let is_fence = match chain.facts(number, pace) {
                    Ok(facts) => facts.map(|facts| facts.fence),
                    // Where a fence was, something has to stand: it is what the create of an old primary
                    // fails on, readable or not (G2).
                    Err(ChainError::Damaged { damage, .. }) if !damage.newer => {
                        collected.unreadable.push(number);
                        None
                    }
                    Err(error) => return Err(error),
                };
                collected.fences += u64::from(is_fence == Some(true));
                machine.looked(is_fence)
            }
            GcStep::Remove(number) => {
                let name = Name::Segment(number).to_string();
                repeat(pace, "removing a segment", || chain.store().delete(&name))?;
                collected.removed += 1;
                progress.report(collected.removed, None);
                machine.removed()
            }
            GcStep::Done | GcStep::NoFloor => return Ok(collected),
        };
        step = next.ok_or_else(|| ChainError::Refused("an answer to nothing".to_owned()))?;
    }
}
