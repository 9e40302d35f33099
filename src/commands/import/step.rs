//! The end of a step: what has to hold before it counts, and what is stored with it.

use creel::{BulkEnd, Error};

use super::intake::Intake;
use super::target::Target;
use crate::cli::Failure;

/// What a step stores besides its records.
#[derive(Debug, Default)]
pub struct Step {
    /// No other step follows it.
    pub last: bool,
}

/// Called when all records have been read: the last moment to refuse them.
pub fn finish(intake: &mut Intake<'_>, step: &Step, target: &Target) -> creel::Result<BulkEnd> {
    let effect = target.effect;
    intake.tally.inserted += effect.inserted;
    intake.tally.replaced += effect.replaced;
    intake.tally.unchanged += effect.unchanged;
    intake.tally.deleted += effect.deleted;
    if let Err(failure) = check(intake, step).and_then(|()| intake.tally.look()) {
        intake.failure = Some(failure);
        return Err(Error::Interrupted);
    }
    let outdated = intake.outdated.iter().map(|id| (id.clone(), None));
    let ended = intake.ended().iter();
    let done = ended.map(|(id, done)| (id.to_vec(), Some(done.encode())));
    Ok(BulkEnd {
        positions: outdated.chain(done).chain(intake.taken()).collect(),
    })
}

/// What has to hold before a step counts.
pub fn check(intake: &mut Intake<'_>, step: &Step) -> Result<(), Failure> {
    intake.policy.check_share(intake.tally, step.last)?;
    if step.last {
        intake.check_expected()?;
        intake.policy.publish()?;
    }
    Ok(())
}
