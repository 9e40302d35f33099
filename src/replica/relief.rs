//! Another source of the same log, for what the first one delivers damaged: a store beside a server, a
//! server beside a store, or another file. Both have the same entries, byte for byte, so the copy can go on
//! with either.

use std::sync::Arc;

use super::address::Source;
use super::dial::{DialOptions, Dialer, trouble};
use super::path::{Pair, PullWish as FileWish};
use super::sink::DbSink;
use super::slot::{Slot, durable_point};
use super::state::State;
use super::store::{self, Patience, PullWish, StoreFailure};
use crate::chain::ChainError;
use crate::db::{Db, Interest};
use crate::error::Error;
use crate::format::entry::EntryError;
use crate::progress::NoProgress;
use crate::stream::follow::{FollowOptions, Trouble, follow};
use crate::stream::follower::FollowerEnd;
use crate::stream::message::Code;
use crate::stream::receiver::Limits;
use crate::stream::source::shared;
use crate::stream::stop::Stop;

/// The other source, and the copy that it helps.
#[derive(Clone)]
pub struct Relief {
    /// Where it is.
    pub source: Source,
    /// How to reach it, where it is a server.
    pub options: DialOptions,
    /// The copy.
    pub slot: Arc<Slot>,
    /// What others are told of it.
    pub state: Arc<State>,
    /// Ends it early.
    pub stop: Arc<Stop>,
}

/// A connection that ended so brought bytes that are not what they should be, or a source that cannot
/// read its own log.
pub fn is_damaged_stream(why: &Trouble) -> bool {
    match why {
        Trouble::Ended(FollowerEnd::Wire(_)) => true,
        Trouble::Ended(FollowerEnd::Refused(fault)) => fault.code == Code::Internal,
        _ => false,
    }
}

/// The log of a file is not what it should be.
pub fn is_damaged_file(why: &Error) -> bool {
    match why {
        Error::BadEntry(EntryError::Newer { .. }) => false,
        Error::Corrupt(_) | Error::BadEntry(_) => true,
        _ => false,
    }
}

/// An object of the store is not what it should be.
pub fn is_damaged_store(why: &StoreFailure) -> bool {
    match why {
        StoreFailure::Chain(ChainError::Damaged { damage, .. }) => !damage.newer,
        StoreFailure::Chain(ChainError::Lost { damage, .. }) => damage.is_some(),
        _ => false,
    }
}

impl Relief {
    /// Brings the copy to where the other source is. Gives the entries that came, or why there are
    /// none.
    pub fn pull(&self) -> Result<u64, String> {
        let copy = self.slot.get().ok_or("there is no copy")?;
        let index = |db: &Db| durable_point(db).map(|point| point.index);
        let before = index(&copy).map_err(|e| e.to_string())?;
        let done = self.pull_into(&copy);
        let after = index(&copy).map_err(|e| e.to_string())?;
        let entries = after.saturating_sub(before);
        self.state.update(|state| state.relieved += entries);
        if entries > 0 {
            self.state.applied(after);
        }
        match done {
            Err(why) if entries == 0 => Err(why),
            _ => Ok(entries),
        }
    }

    fn pull_into(&self, copy: &Db) -> Result<(), String> {
        match &self.source {
            Source::Store(address) => self.pull_store(copy, address).map_err(|e| e.to_string()),
            Source::Path(_) => self.pull_file(copy).map_err(|e| e.to_string()),
            Source::Pipe => Err("a pipe is no other source".to_owned()),
            Source::Tcp(_) | Source::Tls(_) | Source::Ssh { .. } => self.pull_stream(),
        }
    }

    fn pull_store(&self, copy: &Db, address: &str) -> store::StoreResult<()> {
        let stopped = || self.stop.is_requested();
        let mut pace = Patience::new(None, &stopped);
        let chain = store::open_chain(address, &mut pace)?;
        let wish = PullWish::default();
        store::pull(copy, &chain, &wish, &mut pace, &NoProgress).map(drop)
    }

    fn pull_file(&self, copy: &Db) -> Result<(), Error> {
        let Source::Path(from) = &self.source else {
            return Ok(());
        };
        let options = self.slot.options().clone();
        let reading = options.clone().read_only(true).interest(Interest::None);
        let source = reading.open(from)?;
        let pair = Pair {
            path: self.slot.path(),
            options: &options,
            source: &source,
        };
        let wish = FileWish::default();
        pair.pull(copy.clone(), &wish, &NoProgress).map(drop)
    }

    fn pull_stream(&self) -> Result<(), String> {
        let (slot, state) = (Arc::clone(&self.slot), Arc::new(State::default()));
        let (source, options) = (self.source.clone(), self.options.clone());
        let silent = Box::new(|_: &str| ());
        let dialer = Dialer::new(source, options, slot, Arc::clone(&state), silent);
        let mut dialer = dialer.map_err(|e| e.to_string())?;
        let sink = shared(DbSink::new(Arc::clone(&self.slot), state));
        let options = FollowOptions {
            limits: Limits {
                at_head: true,
                ..Limits::default()
            },
            ..FollowOptions::default()
        };
        let followed = follow(&mut dialer, &sink, &self.stop, options);
        match followed.trouble {
            Some(why) => Err(trouble(&why)),
            None => Ok(()),
        }
    }
}
