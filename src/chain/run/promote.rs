//! Promotion: one fence, with the entries that only this node has.

use crate::chain::chain::{Chain, random_id};
use crate::chain::error::{ChainError, ChainResult};
use crate::chain::name::Name;
use crate::chain::object::{Facts, Segment, Writer};
use crate::chain::pace::Pace;
use crate::chain::protocol::{Promoter, PromoterStep};
use crate::chain::store::{Created, StoreErrorKind};
use crate::format::entry::Point;

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Promotion {
    /// This node is primary since this segment.
    Won(Facts),
    /// The chain has grown since it was read: read on, then decide again. Nothing was written.
    Behind(u64),
    /// Another segment has the number.
    Taken(Facts),
    /// The chain goes on behind the fence: another node was faster, long ago.
    Overtaken {
        /// The fence that was in vain; it stays.
        fence: Facts,
        /// The first number behind it.
        found: u64,
    },
}

/// Tries to make this node the primary. `tail` is the number of the last segment read and `before`
/// the log after it; `body` are the entries that only this node has, then the fence entry.
pub fn promote(
    chain: &Chain,
    writer: &Writer,
    tail: u64,
    before: Point,
    body: &[u8],
    pace: &mut dyn Pace,
) -> ChainResult<Promotion> {
    chain.check_authority()?;
    chain.check_lineage(writer.lineage)?;
    let segment = Segment::build(writer, tail + 1, random_id()?, before, body)
        .map_err(|e| ChainError::damaged("the log to publish", e))?;
    if !segment.facts.fence {
        return Err(ChainError::Refused("a promotion needs a fence".to_owned()));
    }
    let name = Name::Segment(segment.facts.number).to_string();
    let (mut machine, mut step) = Promoter::new(segment.facts);
    let mut attempt = 0;
    loop {
        if pace.stopped() {
            return Err(ChainError::Interrupted);
        }
        let next = match step {
            PromoterStep::List(after) => machine.listed(chain.first_after(after, pace)?),
            PromoterStep::Create(_) => match chain.store().create(&name, segment.bytes()) {
                Ok(Created::Created) => machine.created(),
                Ok(Created::Exists) => machine.exists(),
                Err(error) if error.kind == StoreErrorKind::Unreachable => {
                    attempt += 1;
                    if !pace.wait(attempt) {
                        return Err(ChainError::GaveUp {
                            doing: "creating the fence",
                            last: Some(error),
                        });
                    }
                    Some(step)
                }
                Err(error) => return Err(error.into()),
            },
            PromoterStep::Again(fence) => {
                attempt += 1;
                if !pace.wait(attempt) {
                    return Err(ChainError::GaveUp {
                        doing: "creating the fence",
                        last: None,
                    });
                }
                Some(PromoterStep::Create(fence))
            }
            PromoterStep::Read(number) => {
                let found = chain.segment(number, pace)?;
                machine.found(found.map(|segment| segment.facts))
            }
            PromoterStep::Won(facts) => return Ok(Promotion::Won(facts)),
            PromoterStep::Behind(number) => return Ok(Promotion::Behind(number)),
            PromoterStep::Taken(facts) => return Ok(Promotion::Taken(facts)),
            PromoterStep::Overtaken(found) => {
                let fence = segment.facts;
                return Ok(Promotion::Overtaken { fence, found });
            }
        };
        step = next.ok_or_else(|| ChainError::Refused("an answer to nothing".to_owned()))?;
    }
}
