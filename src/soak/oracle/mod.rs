//! What the database has to hold. A model with a place for every key where memory allows, a digest
//! for each range of keys beyond.

mod compare;
mod model;
mod sums;

pub(crate) use compare::{Answer, Bytes, origin, progress_of};
pub use compare::{Compared, Difference, Found};
pub use model::{Model, PROGRESS_KEY};
pub use sums::{Change, Sums};

/// The expectation.
#[derive(Debug, Clone)]
pub enum Oracle {
    /// Every key has its place.
    Model(Model),
    /// Every range of keys has a sum.
    Sums(Sums),
}

impl Oracle {
    /// Entries that there should be.
    pub fn entries(&self) -> u64 {
        match self {
            Oracle::Model(model) => model.entries(),
            Oracle::Sums(sums) => sums.entries(),
        }
    }

    /// Bytes of keys and values that there should be.
    pub fn bytes(&self) -> u64 {
        match self {
            Oracle::Model(model) => model.bytes(),
            Oracle::Sums(sums) => sums.bytes(),
        }
    }
}
