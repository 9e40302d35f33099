//! The first publication of a database to a store.

use std::sync::Arc;

use super::elsewhere::{Instead, check_place, gone, may_begin, own_words};
use super::seed::{SnapshotOptions, upload_snapshot};
use super::{Publishing, StoreResult, now_us};
use crate::chain::object::{Creel, ProbeResult, Verdict};
use crate::chain::store::{Address, Store, StoreErrorKind, open};
use crate::chain::{Chain, ChainError, Pace, ProbeOptions, probe};
use crate::db::{Db, IdentityChange};
use crate::error::Error;
use crate::format::header::Role;
use crate::progress::Progress;

/// How to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AttachOptions {
    /// Publish although the probe found the store unfit.
    pub unsafe_no_fencing: bool,
    /// Publish here although the file publishes elsewhere.
    pub instead: Instead,
}

/// What was done.
#[derive(Debug)]
pub struct Attached {
    /// Ready to publish.
    pub publishing: Publishing,
    /// The chain was begun.
    pub created: bool,
    /// What the probe found, where it was run.
    pub probe: Option<ProbeResult>,
}

/// Opens the chain at an address for publishing. Where there is none, the store is probed, a chain
/// begun behind the newest commit, and a snapshot of that moment written.
pub fn attach(
    db: &Db,
    address: &str,
    options: &AttachOptions,
    pace: &mut dyn Pace,
    progress: &dyn Progress,
) -> StoreResult<Attached> {
    let parsed = Address::parse(address).map_err(ChainError::from)?;
    let address = &own_words(db, Address::lasting(address))?;
    let info = db.info()?;
    if info.fenced && info.role == Role::Primary {
        let reason = "a newer epoch has begun elsewhere".to_owned();
        return Err(Error::Fenced { reason }.into());
    }
    check_place(db, address, options.instead, pace)?;
    let may_begin = may_begin(db, address, options.instead)?;
    let store: Arc<dyn Store> = match open(&parsed, may_begin) {
        Ok(store) => Arc::from(store),
        Err(error) if error.kind == StoreErrorKind::NoStore && !may_begin => {
            return Err(gone(address, error.into()));
        }
        Err(error) => return Err(ChainError::from(error).into()),
    };
    let mut created = false;
    let mut probed = None;
    let chain = match Chain::open(Arc::clone(&store), pace) {
        Ok(chain) => chain,
        Err(error @ ChainError::NoChain { .. }) if !may_begin => {
            return Err(gone(address, error));
        }
        Err(ChainError::NoChain { .. }) => {
            let found = probe_first(&*store, options, pace, progress)?;
            created = true;
            let chain = begin(db, address, store, &found, pace)?;
            probed = Some(found);
            chain
        }
        Err(error) => return Err(error.into()),
    };
    chain.check_lineage(info.lineage_id)?;
    chain.check_authority()?;
    become_primary(db)?;
    if db.facts()?.publish != *address {
        db.change_facts(|facts| {
            facts.publish.clone_from(address);
            facts.beginning = false;
            facts.published = None;
        })?;
    }
    let mut publishing = Publishing::open(db, chain, pace)?;
    if publishing.chain().snapshots(pace)?.is_empty() {
        upload_snapshot(
            db,
            &mut publishing,
            &SnapshotOptions::default(),
            pace,
            progress,
        )?;
    }
    Ok(Attached {
        publishing,
        created,
        probe: probed,
    })
}

fn probe_first(
    store: &dyn Store,
    options: &AttachOptions,
    pace: &mut dyn Pace,
    progress: &dyn Progress,
) -> StoreResult<ProbeResult> {
    let wanted = ProbeOptions {
        time_us: now_us(),
        ..ProbeOptions::default()
    };
    let found = probe(store, &wanted, pace, progress)?.result;
    if found.verdict == Verdict::Unfit && !options.unsafe_no_fencing {
        return Err(ChainError::Unfit(found.faults).into());
    }
    Ok(found)
}

/// The chain begins behind the newest commit; what came before is in the first snapshot.
fn begin(
    db: &Db,
    address: &str,
    store: Arc<dyn Store>,
    probe: &ProbeResult,
    pace: &mut dyn Pace,
) -> StoreResult<Chain> {
    become_primary(db)?;
    // From here on the log behind this point is kept.
    let start = super::super::slot::durable_point(db)?;
    db.change_facts(|facts| {
        facts.publish = address.to_owned();
        facts.beginning = true;
        facts.published = Some((start, 0));
    })?;
    let mut creel = Creel::new(db.info()?.lineage_id, start.into(), now_us());
    creel.probe = Some(probe.clone());
    Ok(Chain::create(store, &creel, pace)?)
}

fn become_primary(db: &Db) -> StoreResult<()> {
    match db.info()?.role {
        Role::Primary => Ok(()),
        Role::Standalone => Ok(db.set_identity(&IdentityChange {
            role: Some(Role::Primary),
            ..IdentityChange::default()
        })?),
        Role::Replica => Err(ChainError::Refused(
            "a replica publishes nothing; creel promote makes it the primary".to_owned(),
        )
        .into()),
    }
}
