//! A database and a chain in an object store: what is published, fetched, promoted and taken back.

mod attach;
mod elsewhere;
mod guard;
mod hole;
mod mend;
mod parted;
mod patience;
mod preflight;
mod promote;
mod publish;
mod pull;
mod rejoin;
mod restore;
mod seed;
mod service;
mod trail;

use std::fmt;
use std::sync::Arc;

use crate::chain::store::{Address, open as open_address};
use crate::chain::{Chain, ChainError, Pace};
use crate::db::Position;
use crate::error::Error;
use crate::format::entry::Point;
use crate::sys::{OsVfs, Vfs};

pub use attach::{AttachOptions, Attached, attach};
pub use elsewhere::Instead;
pub use guard::Guard;
pub use hole::{hole, stops};
pub use mend::fence_by;
pub use patience::Patience;
pub use preflight::{StorePreflight, preflight_in_store};
pub use promote::{PromoteWish, Promoted, check_expected, promote_in_store};
pub use publish::{Publishing, Settled};
pub use pull::{PullReport, PullWish, is_diverged, pull, reseed_reason, say_trouble, say_where};
pub use rejoin::{RejoinReport, rejoin};
pub use restore::{RestoreReport, RestoreWish, plan, restore};
pub use seed::{PART_BYTES, Replace, SnapshotOptions, fetch_copy, upload_snapshot};
pub use service::{PublishService, ServiceOptions, ServiceState, SharedService};
pub use trail::Trail;

/// What every fallible call here returns.
pub type StoreResult<T> = Result<T, StoreFailure>;

/// A failure of the database or of the chain.
#[derive(Debug)]
pub enum StoreFailure {
    /// Of the file here.
    Db(Error),
    /// Of the chain or its store.
    Chain(ChainError),
    /// A promotion has its fence in the chain, and then this happened.
    HalfPromoted {
        /// The epoch that has begun.
        epoch: u32,
        /// The fence is in the file too: only what is remembered of it is missing.
        is_primary: bool,
        /// Why it did not go on.
        failure: Box<StoreFailure>,
    },
    /// The file publishes to another store than this one.
    Elsewhere {
        /// Where.
        publishes: String,
        /// Why that one could not be asked whether somebody was promoted there, where it was.
        failure: Option<Box<StoreFailure>>,
    },
    /// The chain is not as whoever promotes said that it is.
    Unexpected {
        /// `epoch` or `index`.
        what: &'static str,
        /// How it is.
        reason: String,
    },
}

impl From<Error> for StoreFailure {
    fn from(error: Error) -> StoreFailure {
        StoreFailure::Db(error)
    }
}

impl From<ChainError> for StoreFailure {
    fn from(error: ChainError) -> StoreFailure {
        StoreFailure::Chain(error)
    }
}

impl fmt::Display for StoreFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreFailure::Db(error) => error.fmt(f),
            StoreFailure::Chain(error) => error.fmt(f),
            StoreFailure::HalfPromoted { failure, .. } => failure.fmt(f),
            StoreFailure::Elsewhere {
                publishes,
                failure: None,
            } => write!(
                f,
                "the file publishes to {publishes}: who is promoted there would not stop it in another store"
            ),
            StoreFailure::Elsewhere {
                publishes,
                failure: Some(why),
            } => write!(
                f,
                "whether somebody was promoted in {publishes} is not known: {why}"
            ),
            StoreFailure::Unexpected { what, reason } => write!(f, "{what}: {reason}"),
        }
    }
}

impl std::error::Error for StoreFailure {}

/// Opens the chain at an address.
pub fn open_chain(address: &str, pace: &mut dyn Pace) -> StoreResult<Chain> {
    let address = Address::parse(address).map_err(ChainError::from)?;
    let store = open_address(&address, false).map_err(ChainError::from)?;
    Ok(Chain::open(Arc::from(store), pace)?)
}

fn position(point: &Point) -> Position {
    Position {
        epoch: point.epoch,
        index: point.index,
        hash: Some(point.history),
    }
}

fn now_us() -> u64 {
    OsVfs.now_us()
}

fn io(doing: &'static str, error: std::io::Error) -> StoreFailure {
    StoreFailure::Db(Error::io(doing, error))
}
