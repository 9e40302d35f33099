//! Parts of what is shown that copies and stores have in common.

use creel::chain::object::PointRow;
use creel::replica::live::Place;
use serde::Serialize;

use super::super::outcome::At;
use crate::cli::Failure;

/// Something that went wrong, and where.
#[derive(Serialize)]
pub struct Trouble {
    /// `source`, `server`, `follow`, `publish` or a node of a store.
    pub of: String,
    pub text: String,
}

impl Trouble {
    pub fn new(of: impl Into<String>, text: impl Into<String>) -> Trouble {
        Trouble {
            of: of.into(),
            text: text.into(),
        }
    }
}

/// What went wrong and why, in one line.
pub fn words(failure: &Failure) -> String {
    let parts = failure.parts();
    let words = std::iter::once(&parts.what).chain(&parts.causes);
    words.cloned().collect::<Vec<_>>().join(": ")
}

/// A place in the log.
pub fn place(place: &Place) -> At {
    At {
        epoch: place.epoch,
        index: place.index,
        hash: place.hash.clone(),
    }
}

/// The same.
pub fn point(row: &PointRow) -> At {
    At::of(row.epoch, row.index, row.history)
}

/// Milliseconds since 1970; none before the first time.
pub fn millis(time_us: u64) -> Option<u64> {
    (time_us > 0).then_some(time_us / 1000)
}
