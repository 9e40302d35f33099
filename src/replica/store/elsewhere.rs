//! A file publishes to one store: whoever is promoted in it stops the file there, and nowhere else.

use super::publish::Publishing;
use super::{StoreFailure, StoreResult, open_chain};
use crate::chain::store::Address;
use crate::chain::{ChainError, Pace};
use crate::db::Db;

/// Whether a file may begin to publish to another store than it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Instead {
    /// It may not.
    #[default]
    No,
    /// It may, once the store before says that nobody else was promoted in it.
    Asked,
    /// It may, also where that one does not answer.
    Unasked,
}

impl Instead {
    /// As two options say it.
    pub fn said(instead: bool, accept_loss: bool) -> Instead {
        match (instead, accept_loss) {
            (false, _) => Instead::No,
            (true, false) => Instead::Asked,
            (true, true) => Instead::Unasked,
        }
    }
}

/// Refuses another address than the file's own, unless somebody wants it and the file is still the one that
/// publishes there.
pub(super) fn check_place(
    db: &Db,
    address: &str,
    instead: Instead,
    pace: &mut dyn Pace,
) -> StoreResult<()> {
    let before = db.facts()?.publish;
    if before.is_empty() || before == address {
        return Ok(());
    }
    if instead == Instead::No {
        return Err(StoreFailure::Elsewhere {
            publishes: before,
            failure: None,
        });
    }
    let asked = open_chain(&before, pace).and_then(|chain| Publishing::open(db, chain, pace));
    // Where nothing is there now a volume may not be mounted: that is no answer.
    match asked {
        Ok(_) => Ok(()),
        Err(failure @ StoreFailure::Chain(ChainError::Fenced(_))) => Err(failure),
        Err(_) if instead == Instead::Unasked => Ok(()),
        Err(failure) => Err(StoreFailure::Elsewhere {
            publishes: before,
            failure: Some(Box::new(failure)),
        }),
    }
}

/// Whether a chain may be begun at an address that has none. The file's own had one: a volume may not be mounted, and
/// in the chain on it somebody may have been promoted.
pub(super) fn may_begin(db: &Db, address: &str, instead: Instead) -> StoreResult<bool> {
    let facts = db.facts()?;
    Ok(facts.publish != address || facts.beginning || instead == Instead::Unasked)
}

/// Nothing is at the address that the file publishes to.
pub(super) fn gone(address: &str, why: ChainError) -> StoreFailure {
    StoreFailure::Elsewhere {
        publishes: address.to_owned(),
        failure: Some(Box::new(why.into())),
    }
}

/// What the file calls the store of this address, where it is its own.
pub(super) fn own_words(db: &Db, address: String) -> StoreResult<String> {
    let own = db.facts()?.publish;
    let same = Address::lasting(&own) == address || Address::is_one_folder(&own, &address);
    Ok(match same {
        true => own,
        false => address,
    })
}
