//! Removal of segments below a floor.

use crate::chain::chain::Chain;
use crate::chain::error::{ChainError, ChainResult};
use crate::chain::name::Name;
use crate::chain::pace::{Pace, repeat};
use crate::chain::protocol::{Gc, GcStep};
use crate::progress::Progress;

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    /// Segments removed.
    pub removed: u64,
    /// Fences below the floor, which stay for ever.
    pub fences: u64,
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
                let facts = chain.facts(number, pace)?;
                collected.fences += u64::from(facts.is_some_and(|facts| facts.fence));
                machine.looked(facts.map(|facts| facts.fence))
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
