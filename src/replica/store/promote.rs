//! A copy becomes primary by a fence in the chain.

use super::pull::{PullWish, pull};
use super::{StoreFailure, StoreResult, now_us, position};
use crate::chain::object::{Catalogue, EpochRow, Facts, NodeRole, ProgressDoc, Writer};
use crate::chain::store::Address;
use crate::chain::{Chain, ChainError, Pace, Promotion, promote, random_id};
use crate::db::{Commit, Db, FenceWish, Token};
use crate::error::Error;
use crate::format::entry::{Entry, Point};
use crate::format::fence::FenceRecord;
use crate::format::frame::EntryKind;
use crate::format::header::Role;
use crate::progress::Progress;

/// How often the chain may have grown before a promotion is given up.
const ROUNDS: u32 = 16;

/// How to be promoted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PromoteWish {
    /// Name of this node.
    pub name: String,
    /// Why.
    pub reason: String,
    /// Only if the chain is in this epoch.
    pub expect_epoch: Option<u32>,
    /// Only if the chain ends at this entry.
    pub expect_index: Option<u64>,
    /// Entries of the epoch before that are known and given up.
    pub loss: Option<(u64, u64)>,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promoted {
    /// The fence here.
    pub commit: Commit,
    /// The fence in the chain.
    pub facts: Facts,
    /// Entries that only this copy had and that are published now.
    pub adopted: u64,
    /// Entries that were read from the chain first.
    pub pulled: u64,
}

/// Makes this copy the primary. Everything that the chain has is applied first; entries that only
/// this copy has go into the chain together with the fence.
pub fn promote_in_store(
    db: &Db,
    chain: &Chain,
    address: &str,
    wish: &PromoteWish,
    pace: &mut dyn Pace,
    progress: &dyn Progress,
) -> StoreResult<Promoted> {
    chain.check_authority()?;
    let (mut pulled, mut unread) = (0, false);
    if let Some(done) = finish(db, chain, address, pace)? {
        return Ok(done);
    }
    if db.info()?.role == Role::Replica {
        // Most of it while somebody else may still add to the file.
        expect(chain, wish, known_number(db)?, pace)?;
        pulled += pull(db, chain, &PullWish::default(), pace, progress)?.entries;
    }
    // The fence is made for one end of this file's log. Whatever came behind that before it is here
    // too would be confirmed and lost.
    let _alone = db.write_alone()?;
    let info = db.info()?;
    let writer = Writer {
        lineage: info.lineage_id,
        node: info.file_id,
        incarnation: random_id()?,
    };
    for _ in 0..ROUNDS {
        let hint = known_number(db)?;
        expect(chain, wish, hint, pace)?;
        if info.role == Role::Replica {
            pulled += pull(db, chain, &PullWish::default(), pace, progress)?.entries;
        }
        let tail = chain.tail(hint, pace)?.map(|segment| segment.facts);
        let (number, end) = tail.map_or((0, chain.start()), |facts| (facts.number, facts.after));
        if info.role == Role::Replica && db.durable_position()?.index < end.index {
            continue; // it has grown since it was read
        }
        if let Some(other) =
            tail.filter(|tail| info.role == Role::Primary && tail.epoch > info.epoch)
        {
            let _ = super::mend::note_fence(db, other.epoch);
            return Err(lost(Some(&other)));
        }
        let body = adopted(db, &end)?;
        if has_fence(&body) {
            // Another copy became primary since the chain was read, and its fence came here first.
            unread = true;
            continue;
        }
        let adopted = count(&body);
        expect_at(&end, wish)?;
        let fence = db.prepare_fence(&FenceWish {
            name: wish.name.clone(),
            reason: wish.reason.clone(),
            loss: wish.loss,
            above_epoch: end.epoch,
        })?;
        // What can fail here does so before the old primary is deposed.
        db.make_room_for_fence(&fence)?;
        let whole = [body, fence.clone()].concat();
        match promote(chain, &writer, number, end, &whole, pace)? {
            Promotion::Won(facts) => {
                let half = |is_primary| half(facts.epoch, is_primary);
                let installed = db.install_fence(&fence).map_err(StoreFailure::from);
                let commit = installed.map_err(half(false))?;
                let settled = settle(db, chain, address, (&facts, &fence), pace);
                settled.map_err(half(true))?;
                return Ok(Promoted {
                    commit,
                    facts,
                    adopted,
                    pulled,
                });
            }
            Promotion::Behind(_) => {}
            Promotion::Taken(other) if !other.fence => {}
            Promotion::Taken(other) => return Err(lost(Some(&other))),
            Promotion::Overtaken { .. } => return Err(lost(None)),
        }
    }
    let why = match unread {
        true => "an epoch began here that the chain does not have",
        false => "the chain grows faster than it can be read",
    };
    Err(ChainError::Refused(why.to_owned()).into())
}

/// Whether the chain is as was expected.
pub fn check_expected(chain: &Chain, wish: &PromoteWish, pace: &mut dyn Pace) -> StoreResult<()> {
    expect(chain, wish, 0, pace)
}

/// Refuses where the chain is in another epoch, or ends elsewhere, than was expected. The fence is
/// created right behind what was looked at, so nothing comes between.
fn expect(chain: &Chain, wish: &PromoteWish, hint: u64, pace: &mut dyn Pace) -> StoreResult<()> {
    if wish.expect_epoch.is_none() && wish.expect_index.is_none() {
        return Ok(());
    }
    let tail = chain.tail(hint, pace)?.map(|segment| segment.facts);
    expect_at(&tail.map_or(chain.start(), |facts| facts.after), wish)
}

fn expect_at(end: &Point, wish: &PromoteWish) -> StoreResult<()> {
    let Point { epoch, index, .. } = end;
    let (what, reason) = match (wish.expect_epoch, wish.expect_index) {
        (Some(expected), _) if expected != *epoch => {
            let reason = format!("epoch {expected} was expected, the chain is in epoch {epoch}");
            ("epoch", reason)
        }
        (_, Some(expected)) if expected != *index => {
            let reason = format!("entry {expected} was expected, the chain ends at entry {index}");
            ("index", reason)
        }
        _ => return Ok(()),
    };
    Err(StoreFailure::Unexpected { what, reason })
}

/// How far the chain is, as far as this file knows.
fn known_number(db: &Db) -> StoreResult<u64> {
    Ok(db.facts()?.published.map_or(0, |(_, number)| number))
}

/// What became of a promotion whose fence is in the chain.
fn half(epoch: u32, is_primary: bool) -> impl FnOnce(StoreFailure) -> StoreFailure {
    move |failure| StoreFailure::HalfPromoted {
        epoch,
        is_primary,
        failure: Box::new(failure),
    }
}

/// A promotion that was won and then interrupted: the fence stands in the chain and not here, where a
/// primary began its epoch in place, or the header says so and the entry is missing, or what is
/// remembered of it.
fn finish(
    db: &Db,
    chain: &Chain,
    address: &str,
    pace: &mut dyn Pace,
) -> StoreResult<Option<Promoted>> {
    let _alone = db.write_alone()?;
    let info = db.info()?;
    let own = super::super::slot::durable_point(db)?;
    let is_installed = own.epoch >= info.epoch;
    let is_settled = !db.facts()?.publish.is_empty();
    if info.role != Role::Primary {
        return Ok(None);
    }
    let hint = known_number(db)?;
    let Some(tail) = chain.tail(hint, pace)? else {
        return Ok(None);
    };
    let facts = tail.facts;
    let is_own = facts.fence && facts.node == info.file_id;
    let (mut fence, mut continues) = (&[][..], false);
    let mut rest = tail.body();
    while let Ok(Some((entry, behind))) = Entry::split(rest) {
        continues = entry.follows(&own).is_ok();
        (fence, rest) = (entry.bytes(), behind);
    }
    if facts.epoch > info.epoch && !(is_own && continues) {
        let failure = ChainError::Fenced(Box::new(facts)).into();
        return Err(super::fence_by(db, failure));
    }
    let is_whole = is_installed && is_settled && facts.epoch == info.epoch;
    if is_whole || !is_own || facts.epoch < info.epoch {
        return Ok(None);
    }
    let is_installed = is_installed && facts.epoch == info.epoch;
    let half = |is_primary| half(facts.epoch, is_primary);
    let commit = match is_installed {
        true => Commit {
            token: Token {
                epoch: facts.after.epoch,
                index: facts.after.index,
            },
            hash: facts.after.history,
            deleted: 0,
        },
        false => {
            let installed = db.install_fence(fence).map_err(StoreFailure::from);
            installed.map_err(half(false))?
        }
    };
    settle(db, chain, address, (&facts, fence), pace).map_err(half(true))?;
    Ok(Some(Promoted {
        commit,
        facts,
        adopted: 0,
        pulled: 0,
    }))
}

/// What is remembered of a promotion, here and in the store.
fn settle(
    db: &Db,
    chain: &Chain,
    address: &str,
    (facts, fence): (&Facts, &[u8]),
    pace: &mut dyn Pace,
) -> StoreResult<()> {
    db.change_facts(|own| {
        own.publish = Address::lasting(address);
        own.beginning = false;
        own.held_back = false;
        own.published = Some((facts.after, facts.number));
        own.highest_epoch = own.highest_epoch.max(facts.epoch);
    })?;
    let name = name_epoch(chain, facts, fence, pace)?;
    // As a replica it wanted log to be kept.
    let mut document = ProgressDoc::new(
        facts.node,
        chain.lineage(),
        NodeRole::Primary,
        facts.after.into(),
    );
    document.number = facts.number;
    document.name = name;
    document.time_us = now_us();
    document.moved_us = document.time_us;
    match chain.say_progress(&document, pace) {
        Ok(()) | Err(ChainError::Store(_) | ChainError::GaveUp { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn lost(other: Option<&Facts>) -> StoreFailure {
    let reason = match other {
        Some(other) => format!(
            "another copy became primary first, of epoch {}",
            other.epoch
        ),
        None => "the chain went on long ago without this copy".to_owned(),
    };
    Error::Fenced { reason }.into()
}

/// The entries that only this copy has.
fn adopted(db: &Db, end: &Point) -> StoreResult<Vec<u8>> {
    const MOST: usize = 60 << 20;
    let mut reader = db.log_reader(&position(end))?.with_bulk();
    let mut body = Vec::new();
    loop {
        let more = reader.read(usize::MAX, 8 << 20)?;
        if more.is_empty() {
            return Ok(body);
        }
        body.extend_from_slice(&more);
        if body.len() > MOST {
            return Err(ChainError::Refused(format!(
                "more than {MOST} bytes of entries are here and not in the chain: too many for one object"
            ))
            .into());
        }
    }
}

fn has_fence(mut body: &[u8]) -> bool {
    while let Ok(Some((entry, rest))) = Entry::split(body) {
        if entry.header.kind == EntryKind::Fence {
            return true;
        }
        body = rest;
    }
    false
}

fn count(mut body: &[u8]) -> u64 {
    let mut count = 0;
    while let Ok(Some((_, rest))) = Entry::split(body) {
        count += 1;
        body = rest;
    }
    count
}

/// The catalogue is an index: that it cannot be written now is no reason not to be primary.
fn name_epoch(
    chain: &Chain,
    facts: &Facts,
    fence: &[u8],
    pace: &mut dyn Pace,
) -> StoreResult<String> {
    let Ok(Some((entry, _))) = Entry::split(fence) else {
        return Ok(String::new());
    };
    let Some(record) = FenceRecord::of_entry(&entry.header, entry.payload()) else {
        return Ok(String::new());
    };
    let name = record.name.clone();
    let before = record.before(facts.before.epoch);
    let row = EpochRow {
        epoch: record.epoch,
        number: facts.number,
        before: before.into(),
        after: facts.after.into(),
        node: record.node,
        time_us: record.time_us,
        name: record.name,
        reason: record.reason,
        lost: record.lost,
    };
    let mut change = |catalogue: &mut Catalogue| {
        if catalogue
            .epochs
            .iter()
            .any(|known| known.epoch == row.epoch)
        {
            return false;
        }
        catalogue.epochs.push(row.clone());
        catalogue.epochs.sort_by_key(|known| known.epoch);
        catalogue.tail = catalogue.tail.max(facts.number);
        true
    };
    match chain.update_catalogue(facts.node, now_us(), &mut change, pace) {
        Ok(_) | Err(ChainError::Store(_) | ChainError::GaveUp { .. }) => Ok(name),
        Err(error) => Err(error.into()),
    }
}
