//! A deposed primary goes back to where its history and the chain's part, and follows.

use super::super::tail::{self, Saved};
use super::pull::{PullReport, PullWish, pull};
use super::{StoreResult, position};
use crate::chain::object::Facts;
use crate::chain::store::Address;
use crate::chain::{Chain, ChainError, Pace};
use crate::db::{Db, IdentityChange};
use crate::error::Error;
use crate::format::entry::{Entries, Point};
use crate::format::header::Role;
use crate::progress::Progress;

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejoinReport {
    /// The last entry that both histories have.
    pub ancestor: Point,
    /// Where the file was.
    pub head: Point,
    /// Where its own entries behind that were saved.
    pub saved: Vec<Saved>,
    /// What was read from the chain then; [`None`] where only a look was asked for.
    pub pulled: Option<PullReport>,
}

/// Makes a copy that parted from the chain a replica of it. Its own entries are saved beside it
/// before anything is taken back. [`Error::NotRetained`] where they are in the tree already: then only
/// a new copy helps, and the saved entries are there all the same.
pub fn rejoin(
    db: &Db,
    chain: &Chain,
    address: &str,
    dry_run: bool,
    pace: &mut dyn Pace,
    progress: &dyn Progress,
) -> StoreResult<RejoinReport> {
    let info = db.info()?;
    chain.check_lineage(info.lineage_id)?;
    let mut head = super::super::slot::durable_point(db)?;
    let fence = first_fence_above(chain, head.epoch, pace)?;
    let mut done = RejoinReport {
        ancestor: head,
        head,
        saved: Vec::new(),
        pulled: None,
    };
    if let Some(fence) = fence {
        done.ancestor = ancestor(db, chain, &head, &fence, pace)?;
        if dry_run {
            return Ok(done);
        }
        // Nobody commits any more, or the tail that is saved would not be all of it.
        db.set_identity(&IdentityChange {
            role: Some(Role::Replica),
            upstream: Some(fence.node),
            ..IdentityChange::default()
        })?;
        head = super::super::slot::durable_point(db)?;
        done.head = head;
        if done.ancestor.index < head.index {
            done.saved = tail::save(db, &position(&done.ancestor))?;
            db.rewind(done.ancestor.index, progress)?;
        }
    } else if info.role == Role::Primary {
        let text = "no newer epoch has begun in the chain: this copy is still the primary";
        return Err(ChainError::Refused(text.to_owned()).into());
    } else if dry_run {
        return Ok(done);
    }
    let facts = db.facts()?;
    let address = &Address::lasting(address);
    if facts.source != *address || !facts.publish.is_empty() {
        db.change_facts(|facts| {
            facts.source.clone_from(address);
            facts.publish = String::new();
            facts.beginning = false;
            facts.published = None;
        })?;
    }
    done.pulled = Some(pull(db, chain, &PullWish::default(), pace, progress)?);
    Ok(done)
}

/// The fence that ended an epoch. Fences stay for ever, so it is found whatever was removed.
pub(super) fn first_fence_above(
    chain: &Chain,
    epoch: u32,
    pace: &mut dyn Pace,
) -> StoreResult<Option<Facts>> {
    let mut after = 0;
    loop {
        let numbers = chain.numbers_after(after, pace)?;
        let Some(last) = numbers.last() else {
            return Ok(None);
        };
        after = *last;
        let at_last = chain.facts(after, pace)?;
        if at_last.is_some_and(|facts| facts.epoch <= epoch) {
            continue;
        }
        // Epochs rise with the numbers.
        let (mut low, mut high) = (0, numbers.len());
        let mut found = at_last;
        while low < high {
            let middle = low + (high - low) / 2;
            let number = numbers.get(middle).copied().unwrap_or_default();
            match chain.facts(number, pace)? {
                Some(facts) if facts.epoch > epoch => {
                    found = Some(facts);
                    high = middle;
                }
                _ => low = middle + 1,
            }
        }
        if found.is_some() {
            return Ok(found);
        }
    }
}

/// The last entry that the log here and the chain have both.
fn ancestor(
    db: &Db,
    chain: &Chain,
    head: &Point,
    fence: &Facts,
    pace: &mut dyn Pace,
) -> StoreResult<Point> {
    let before = fence.before;
    if !fence.fence || before.epoch > head.epoch {
        // Several epochs began since, and the one that ended this copy's is not at hand.
        return Err(Error::NotRetained {
            index: head.index,
            oldest: before.index,
        }
        .into());
    }
    if head.index < before.index {
        // Everything here should be in the chain; pulling will tell.
        return Ok(*head);
    }
    // Refuses where the histories parted before the fence.
    db.log_reader(&position(&before))?;
    let missing = || ChainError::Missing(format!("the fence {}", fence.number));
    let segment = chain.segment(fence.number, pace)?.ok_or_else(missing)?;
    let mut last = before;
    let mut entries = Entries::new(segment.body(), before);
    while last.index < head.index {
        match entries.next() {
            Some(Ok(_)) => {}
            _ => break,
        }
        let point = entries.point();
        match db.log_reader(&position(&point)) {
            Ok(_) => last = point,
            Err(Error::Diverged { .. }) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(last)
}
