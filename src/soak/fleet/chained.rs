//! Through an object store that is a directory: the primary publishes, replicas take segments,
//! the chain decides who is primary.

use std::path::Path;
use std::sync::Arc;
use std::thread;

use super::pull::Pulled;
use super::run::{FleetRun, engine};
use crate::chain::store::{Address, DirStore, Store};
use crate::chain::{Chain, ChainError, RestoreTo, Tries, collect};
use crate::db::{Db, Position};
use crate::error::Error;
use crate::progress::NoProgress;
use crate::replica::rejoin::Rejoined;
use crate::replica::store::{
    AttachOptions, PromoteWish, Publishing, PullWish, Replace, SnapshotOptions, StoreFailure,
    StoreResult, attach, fetch_copy, is_diverged, promote_in_store, pull, rejoin, reseed_reason,
    upload_snapshot,
};
use crate::soak::check::{Check, Halt, Step};
use crate::soak::faults::FaultKind;
use crate::soak::plants::Plant;
use crate::soak::random::Draw;
use crate::soak::seam::{Damage, SeamStore};
use crate::soak::text;

/// Nothing is far away: what fails is not tried again.
const ONCE: Tries = Tries(0);

/// The store of a run.
#[derive(Debug)]
pub(super) struct Chained {
    address: String,
    /// As everybody but the first primary opens it: requests may be damaged.
    chain: Chain,
    seam: Arc<SeamStore>,
    /// The store itself.
    store: Arc<dyn Store>,
    /// That of the present primary; away while it makes a snapshot.
    publishing: Option<Publishing>,
    /// What the present primary sees of the store.
    own: Arc<SeamStore>,
    /// What is written to the log takes away what was there before: a defect.
    expires: bool,
    /// Numbers of segments, and the last entry of each.
    published: Vec<(u64, u64)>,
}

impl Chained {
    /// The primary begins the chain.
    pub fn begin(db: &Db, folder: &Path, plant: Option<Plant>) -> StoreResult<Chained> {
        let address = format!("dir:{}", folder.display());
        Address::parse(&address).map_err(ChainError::from)?;
        let options = AttachOptions::default();
        attach(db, &address, &options, &mut ONCE.clone(), &NoProgress)?;
        let store: Arc<dyn Store> =
            Arc::new(DirStore::open(folder, false).map_err(ChainError::from)?);
        let (chain, seam) = through_seam(&store)?;
        let (own_chain, own) = through_seam(&store)?;
        let mut chained = Chained {
            address,
            chain,
            seam,
            store,
            publishing: None,
            own,
            expires: plant == Some(Plant::EarlyRetention),
            published: Vec::new(),
        };
        chained.become_primary(db, own_chain)?;
        Ok(chained)
    }

    /// From now on this database publishes.
    fn become_primary(&mut self, db: &Db, chain: Chain) -> StoreResult<()> {
        if self.expires {
            self.own.expire();
        }
        let publishing = Publishing::open(db, chain, &mut ONCE.clone())?;
        self.publishing = Some(publishing);
        Ok(())
    }

    /// A promoted copy publishes by a view of the store of its own.
    fn change_primary(&mut self, db: &Db) -> StoreResult<()> {
        let (chain, own) = through_seam(&self.store)?;
        self.own = own;
        self.become_primary(db, chain)?;
        if let Some(publishing) = &self.publishing {
            let newest = (publishing.number(), publishing.point().index);
            self.published.push(newest);
        }
        Ok(())
    }

    /// Publishes up to an entry.
    fn publish(&mut self, index: u64) -> StoreResult<()> {
        let Some(publishing) = &mut self.publishing else {
            return Ok(());
        };
        let point = publishing.upto(index, &mut ONCE.clone())?;
        let newest = (publishing.number(), point.index);
        if newest.0 > 0 && self.published.last() != Some(&newest) {
            self.published.push(newest);
        }
        Ok(())
    }

    /// Removes segments, except those with the last so many entries.
    fn keep(&mut self, entries: u64) -> StoreResult<()> {
        let Some(publishing) = &self.publishing else {
            return Ok(());
        };
        publishing.remember()?;
        let head = publishing.point().index;
        self.published.retain(|(_, last)| last + entries > head);
        if let Some((floor, _)) = self.published.first() {
            collect(&self.chain, *floor, &mut ONCE.clone(), &NoProgress)?;
        }
        Ok(())
    }
}

fn through_seam(store: &Arc<dyn Store>) -> StoreResult<(Chain, Arc<SeamStore>)> {
    let seam = Arc::new(SeamStore::new(Arc::clone(store)));
    let chain = Chain::open(Arc::clone(&seam) as Arc<dyn Store>, &mut ONCE.clone())?;
    Ok((chain, seam))
}

/// A copy of the newest snapshot.
fn copy(chain: &Chain, path: &Path) -> StoreResult<()> {
    let plan = chain.plan_restore(RestoreTo::Newest, &mut ONCE.clone())?;
    let (nothing, pace) = (Replace::Nothing, &mut ONCE.clone());
    fetch_copy(chain, &plan.snapshot, path, nothing, pace, &NoProgress)?;
    Ok(())
}

impl FleetRun<'_> {
    /// A call that failed, of the engine or of the chain.
    pub(super) fn failed(&self, doing: &'static str, failure: StoreFailure) -> Halt {
        match failure {
            StoreFailure::HalfPromoted { failure, .. } => self.failed(doing, *failure),
            StoreFailure::Db(error) => engine(doing)(error),
            StoreFailure::Unexpected { .. } | StoreFailure::Elsewhere { .. } => {
                self.broken(Check::Calls, format!("cannot {doing}: {failure}"))
            }
            StoreFailure::Chain(error) => {
                let detail = format!("cannot {doing}: {}", text::chain(&error));
                self.broken(Check::Calls, detail)
            }
        }
    }

    /// The first primary begins the chain.
    pub(super) fn begin_chain(&mut self) -> Step {
        let folder = self.dir.join("store");
        let begun = Chained::begin(&self.primary.db, &folder, self.fleet.plant);
        self.chained = Some(begun.map_err(|e| self.failed("begin the chain", e))?);
        Ok(())
    }

    /// Everything that is committed goes into the chain.
    pub(super) fn publish(&mut self) -> Step {
        let at = self.primary.db.durable_position();
        let at = at.map_err(engine("make the log durable"))?;
        let Some(chained) = &mut self.chained else {
            return Ok(());
        };
        let published = chained.publish(at.index);
        published.map_err(|e| self.failed("publish", e))
    }

    /// The chain is cut to what has to be kept.
    pub(super) fn keep_chain(&mut self) -> Step {
        if self.chained.is_none() {
            return Ok(());
        }
        self.publish()?;
        let entries = self.fleet.retention_min;
        let kept = match &mut self.chained {
            Some(chained) => chained.keep(entries),
            None => Ok(()),
        };
        kept.map_err(|e| self.failed("remove old segments", e))
    }

    pub(super) fn copy_from_store(&mut self, path: &Path) -> Step {
        let Some(chained) = &self.chained else {
            return Ok(());
        };
        let copied = copy(&chained.chain, path);
        copied.map_err(|e| self.failed("fetch a copy", e))
    }

    pub(super) fn pull_from_store(&mut self, at: usize) -> Step<Pulled> {
        self.publish()?;
        if let Some((kind, draw)) = self.fault_now(at) {
            self.pull_damaged(at, kind, draw);
        }
        let done = self.take_segments(at);
        match done {
            Ok(0) => Ok(Pulled::Nothing),
            Ok(entries) => Ok(Pulled::Entries(entries)),
            Err(failure) if reseed_reason(&failure).is_some() || is_diverged(&failure) => {
                Ok(Pulled::Refused)
            }
            // The soak keeps no snapshot for the segments that it removes: it copies the primary anew.
            Err(StoreFailure::Chain(ChainError::Lost { damage: None, .. })) => Ok(Pulled::Refused),
            Err(failure) => Err(self.failed("pull from the store", failure)),
        }
    }

    fn take_segments(&self, at: usize) -> StoreResult<u64> {
        let (Some(chained), Some(replica)) = (&self.chained, self.replicas.get(at)) else {
            return Ok(0);
        };
        let wish = PullWish {
            max_entries: Some(self.fleet.max_frames as u64),
            ..PullWish::default()
        };
        let (chain, pace) = (&chained.chain, &mut ONCE.clone());
        chained.seam.forge(self.diverges());
        let report = pull(&replica.db, chain, &wish, pace, &NoProgress);
        chained.seam.forge(false);
        Ok(report?.entries)
    }

    /// A pull of which one answer is damaged. What it takes all the same is looked at by the pull
    /// that follows, as that of any other.
    fn pull_damaged(&mut self, at: usize, kind: FaultKind, mut draw: Draw) {
        let damage = match kind {
            FaultKind::CorruptFrame => Damage::Flip(draw.number()),
            _ => Damage::Cut(draw.number()),
        };
        if let Some(chained) = &self.chained {
            chained.seam.arm(damage);
        }
        let refused = self.take_segments(at).is_err();
        let struck = self.chained.as_ref().is_some_and(|c| c.seam.disarm());
        if struck {
            self.count_fault(kind, refused);
        }
    }

    /// The chosen replica wins the fence. Gives back what the old primary published with.
    pub(super) fn promote_by_chain(
        &mut self,
        chosen: usize,
        epoch: u32,
        loss: Option<(u64, u64)>,
    ) -> Step<Option<Publishing>> {
        let (Some(chained), Some(replica)) = (&mut self.chained, self.replicas.get(chosen)) else {
            return Ok(None);
        };
        let wish = PromoteWish {
            name: format!("copy-{}", replica.number),
            reason: "soak".into(),
            expect_epoch: Some(epoch),
            expect_index: None,
            loss,
        };
        let deposed = chained.publishing.take();
        let (chain, address) = (chained.chain.clone(), chained.address.clone());
        let db = replica.db.clone();
        let stale = self.fleet.plant == Some(Plant::StaleWriter);
        let frozen = if stale { chained.own.freeze() } else { Ok(()) };
        frozen.map_err(|e| self.failed("freeze the chain", ChainError::from(e).into()))?;
        let pace = &mut ONCE.clone();
        let promoted = promote_in_store(&db, &chain, &address, &wish, pace, &NoProgress);
        promoted.map_err(|e| self.failed("promote a replica", e))?;
        let forgotten = self.has_plant(Plant::ForgottenFence);
        let changed = match &mut self.chained {
            None => Ok(()),
            Some(chained) => chained.change_primary(&db).and_then(|()| {
                // The store has confirmed the fence, and lost it.
                let lost = if forgotten {
                    chained.seam.lose_newest()
                } else {
                    Ok(())
                };
                Ok(lost.map_err(ChainError::from)?)
            }),
        };
        changed.map_err(|e| self.failed("publish as the new primary", e))?;
        Ok(deposed)
    }

    /// The old primary asks the chain before it writes, as every commit does that is to be
    /// published: it finds the fence.
    pub(super) fn must_find_the_fence(&mut self, deposed: Option<Publishing>) -> Step {
        let Some(mut deposed) = deposed else {
            return Ok(());
        };
        match deposed.look(&mut ONCE.clone()) {
            Err(StoreFailure::Chain(ChainError::Fenced(_))) => Ok(()),
            Err(failure) => Err(self.failed("look at the chain", failure)),
            Ok(()) => Err(self.broken(Check::Fence, "the old primary does not see the fence")),
        }
    }

    pub(super) fn rejoin_by_chain(&mut self, chosen: usize) -> Step<Option<Rejoined>> {
        let (Some(chained), Some(old)) = (&self.chained, self.replicas.get(chosen)) else {
            return Ok(None);
        };
        let (chain, address, pace) = (&chained.chain, &chained.address, &mut ONCE.clone());
        match rejoin(&old.db, chain, address, false, pace, &NoProgress) {
            Ok(done) => Ok(Some(Rejoined {
                ancestor: position(done.ancestor),
                from: position(done.head),
                saved: done.saved,
            })),
            Err(StoreFailure::Db(Error::NotRetained { .. })) => Ok(None),
            Err(failure) => Err(self.failed("take the old primary back", failure)),
        }
    }

    /// A snapshot goes into the store and a copy is made of it, while the primary writes.
    pub(super) fn copy_meanwhile(&mut self, path: &Path) -> Step {
        let Some(chained) = &mut self.chained else {
            return Ok(());
        };
        let Some(mut publishing) = chained.publishing.take() else {
            return Ok(());
        };
        let (db, target) = (self.primary.db.clone(), path.to_owned());
        let chain = chained.chain.clone();
        let copying = thread::spawn(move || {
            let options = SnapshotOptions::default();
            let (pace, none) = (&mut ONCE.clone(), &NoProgress);
            let made = upload_snapshot(&db, &mut publishing, &options, pace, none);
            let made = made.and_then(|_| copy(&chain, &target));
            (publishing, made)
        });
        self.commit_meanwhile()?;
        let Ok((publishing, made)) = copying.join() else {
            return Err(self.broken(Check::Reseed, "making a snapshot panicked"));
        };
        if let Some(chained) = &mut self.chained {
            let newest = (publishing.number(), publishing.point().index);
            chained.published.push(newest);
            chained.publishing = Some(publishing);
        }
        made.map_err(|e| self.failed("make a copy from the store", e))
    }
}

fn position(point: crate::format::entry::Point) -> Position {
    Position {
        epoch: point.epoch,
        index: point.index,
        hash: Some(point.history),
    }
}
