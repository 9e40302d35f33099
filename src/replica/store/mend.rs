//! What a primary does about a fence that it finds.

use super::{StoreFailure, StoreResult};
use crate::chain::ChainError;
use crate::db::Db;

/// Makes the file remember that it was deposed, where this failure says so. Gives the failure back.
pub fn fence_by(db: &Db, failure: StoreFailure) -> StoreFailure {
    let StoreFailure::Chain(ChainError::Fenced(by)) = &failure else {
        return failure;
    };
    match note_fence(db, by.epoch) {
        Ok(()) => failure,
        Err(other) => other,
    }
}

/// It is deposed by this epoch.
pub(super) fn note_fence(db: &Db, epoch: u32) -> StoreResult<()> {
    db.fence(epoch)?;
    Ok(())
}
