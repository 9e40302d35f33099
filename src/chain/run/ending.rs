//! The end of the chain, for who goes on from there.

use crate::chain::chain::Chain;
use crate::chain::error::{ChainError, ChainResult};
use crate::chain::name::Name;
use crate::chain::object::Facts;
use crate::chain::pace::Pace;
use crate::chain::protocol::{Ending, EndingStep};

impl Chain {
    /// The newest segment that is certain to be what the chain had first under its number. While the
    /// chain grows, a newer one may be there already. `hint` is a number that may be near.
    pub fn end(&self, hint: u64, pace: &mut dyn Pace) -> ChainResult<Option<Facts>> {
        let (mut hint, mut attempt) = (hint, 0);
        let (mut machine, mut step) = Ending::new();
        loop {
            let next = match step {
                EndingStep::Newest => {
                    attempt += 1;
                    if attempt > 2 && !pace.wait(attempt - 1) {
                        return Err(ChainError::Missing(Name::Segment(hint).to_string()));
                    }
                    let newest = self.newest(hint, pace)?;
                    hint = newest.unwrap_or(hint);
                    machine.newest(newest)
                }
                EndingStep::Read(number) => {
                    let found = self.segment(number, pace)?;
                    machine.found(found.map(|segment| segment.facts))
                }
                EndingStep::List(after) => machine.listed(self.first_after(after, pace)?),
                EndingStep::Ends(end) => return Ok(end),
            };
            step = next.ok_or_else(|| ChainError::Refused("an answer to nothing".to_owned()))?;
        }
    }
}
