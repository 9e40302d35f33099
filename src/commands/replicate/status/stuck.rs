//! What keeps a copy from going on.

use creel::chain::{Chain, ChainError, Pace};
use creel::replica::store::stops;

use super::super::store::chain_failure;
use super::copy::CopyStatus;
use super::lines::millis;
use crate::cli::Failure;

impl CopyStatus {
    /// Names what keeps it from going on.
    pub fn stuck(&mut self, unauthorised: bool) {
        let word = match &self.reseed {
            Some(_) if self.history_same == Some(false) => "diverged",
            Some(_) => "needs_reseed",
            None if unauthorised => "unauthorised",
            None => return,
        };
        self.phase = Some(word.to_owned());
    }

    /// The store did not tell what it has behind the entries up to `index`, for this reason.
    pub fn before(
        &mut self,
        chain: &Chain,
        (index, now_us): (u64, u64),
        error: ChainError,
        pace: &mut dyn Pace,
    ) -> Result<(), Failure> {
        self.reseed = stops(chain, index, &error, pace);
        if self.reseed.is_some() {
            self.contact_ms = millis(now_us);
            self.headroom_bytes = Some(0);
        }
        match error {
            // All that is to be said is why it needs a new copy.
            ChainError::Lost { passed: true, .. } => Ok(()),
            error => Err(chain_failure(error)),
        }
    }
}
