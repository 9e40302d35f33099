//! What can go wrong with a chain, by cause.

use std::fmt;

use super::name::Hex;
use super::object::{Damage, Facts};
use super::store::{StoreError, StoreErrorKind};
use crate::error::Error;

/// What every fallible call on a chain returns.
pub type ChainResult<T> = Result<T, ChainError>;

/// Why something was not done.
#[derive(Debug)]
pub enum ChainError {
    /// A request failed.
    Store(StoreError),
    /// An object's bytes are not what they should be.
    Damaged {
        /// The object.
        name: String,
        /// What is wrong.
        damage: Damage,
    },
    /// The store belongs to another database.
    OtherLineage {
        /// Lineage of the store.
        store: [u8; 16],
        /// Lineage here.
        own: [u8; 16],
    },
    /// There is no `creel.json`: nothing was ever published there.
    NoChain {
        /// The store.
        address: String,
    },
    /// The store is a copy of another one.
    Mirror {
        /// The store that it was copied from.
        of: String,
    },
    /// Another node is primary.
    Fenced(Box<Facts>),
    /// A segment stands where nobody should have written one.
    Foreign(Box<Facts>),
    /// The log goes on at a later number than was asked for.
    Gap {
        /// The number that is gone; 0 where it is not known which.
        wanted: u64,
        /// The first that is there.
        found: u64,
    },
    /// A segment that should be there is missing or damaged: a hole in the log that is kept.
    Lost {
        /// Its number.
        number: u64,
        /// What is wrong with it; [`None`] where it is not there.
        damage: Option<Damage>,
        /// A newer snapshot passes it by.
        passed: bool,
    },
    /// The log here and the chain have different histories.
    OffChain {
        /// The segment that does not continue the log here.
        number: u64,
        /// The index before it.
        index: u64,
    },
    /// The store does not do what fencing needs.
    Unfit(Vec<String>),
    /// A snapshot, segment or hold that was asked for is not there.
    Missing(String),
    /// A snapshot that the catalogue has, or a part of it, is gone.
    LostSnapshot(String),
    /// The store has as many holds as it may.
    TooManyHolds {
        /// So many.
        limit: usize,
    },
    /// The chain has commits of this primary that its file lacks.
    Ahead {
        /// Where the chain ends.
        chain: u64,
        /// Where the file ends.
        here: u64,
    },
    /// It makes no sense in the state things are in.
    Refused(String),
    /// The database here, or a file that is made of it, could not be read or written.
    Here(Box<Error>),
    /// The caller gave up waiting; what was sent may have been carried out.
    GaveUp {
        /// What was being done.
        doing: &'static str,
        /// The last failure.
        last: Option<StoreError>,
    },
    /// The caller asked to stop.
    Interrupted,
}

impl ChainError {
    /// Damage of an object.
    pub fn damaged(name: impl fmt::Display, damage: Damage) -> ChainError {
        ChainError::Damaged {
            name: name.to_string(),
            damage,
        }
    }
}

impl From<StoreError> for ChainError {
    fn from(error: StoreError) -> ChainError {
        match error.kind {
            // The same as an object with other bytes.
            StoreErrorKind::Odd => ChainError::damaged(error.name, Damage::new(error.detail)),
            _ => ChainError::Store(error),
        }
    }
}

impl fmt::Display for ChainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChainError::Store(error) => error.fmt(f),
            ChainError::Damaged { name, damage } => write!(f, "{name} is damaged: {damage}"),
            ChainError::OtherLineage { store, own } => write!(
                f,
                "the store belongs to the lineage {}, the database to {}",
                Hex(store),
                Hex(own)
            ),
            ChainError::NoChain { address } => write!(f, "{address} holds no chain"),
            ChainError::Mirror { of } => {
                write!(f, "the store is a mirror of {of}, where all is decided")
            }
            ChainError::Fenced(by) if !by.fence => write!(
                f,
                "epoch {} has begun: segment {} is of it, written by {}",
                by.epoch,
                by.number,
                Hex(&by.node)
            ),
            ChainError::Fenced(by) => write!(
                f,
                "epoch {} began with segment {}, written by {}",
                by.epoch,
                by.number,
                Hex(&by.node)
            ),
            ChainError::Foreign(found) => write!(
                f,
                "segment {} was written by {} in epoch {}, which should not be there",
                found.number,
                Hex(&found.node),
                found.epoch
            ),
            ChainError::Gap { wanted: 0, found } => write!(
                f,
                "the log from there on is not kept any more; the chain goes on at segment {found}"
            ),
            ChainError::Gap { wanted, found } => write!(
                f,
                "segment {wanted} is not kept any more; the chain goes on at {found}"
            ),
            ChainError::Lost {
                number,
                damage,
                passed,
            } => {
                write!(f, "segment {number} is ")?;
                match damage {
                    Some(damage) => write!(f, "damaged: {damage}")?,
                    None => f.write_str("missing")?,
                }
                f.write_str(match passed {
                    true => "; a newer snapshot passes it by",
                    false => ", and no newer snapshot passes it by",
                })
            }
            ChainError::OffChain { number, index } => write!(
                f,
                "segment {number} does not continue the log here, which ends at entry {index}"
            ),
            ChainError::Unfit(faults) => {
                write!(f, "the store cannot fence: {}", faults.join("; "))
            }
            ChainError::Missing(what) => write!(f, "{what} is not in the store"),
            ChainError::LostSnapshot(what) => {
                write!(
                    f,
                    "{what} is not in the store any more, though its catalogue has it"
                )
            }
            ChainError::TooManyHolds { limit } => {
                write!(f, "the store has {limit} holds, and may not have more")
            }
            ChainError::Ahead { chain, here } => write!(
                f,
                "the chain ends at entry {chain}, the file here already at {here}: it has lost commits, or is an older copy of the primary's"
            ),
            ChainError::Refused(why) => f.write_str(why),
            ChainError::Here(error) => write!(f, "{error}"),
            ChainError::GaveUp { doing, last } => match last {
                Some(last) => write!(f, "gave up {doing}: {last}"),
                None => write!(f, "gave up {doing}"),
            },
            ChainError::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for ChainError {}
