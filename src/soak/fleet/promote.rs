//! Promotions: a replica becomes primary while others lag, the old primary goes on writing and has
//! to be refused. What is promoted and taken back goes through the code of `creel promote` and
//! `creel replicate rejoin`; over TCP through these commands themselves.

use super::config::Transport;
use super::node::Behind;
use super::run::{FleetRun, engine};
use crate::db::{Db, Position};
use crate::error::Error;
use crate::format::Depth;
use crate::progress::NoProgress;
use crate::replica::promote::{PromoteWish, preflight, promote};
use crate::replica::rejoin::{Rejoined, rejoin};
use crate::replica::store::Publishing;
use crate::soak::check::{Check, Halt, Step};
use crate::soak::plants::Plant;
use crate::soak::seam::{headers_of, put_back_headers};
use crate::soak::text;

/// Commits that a lossy promotion loses at most.
const LOST_MOST: u64 = 12;
/// Commits that the others lack when one is promoted.
const LAG: u64 = 5;

impl FleetRun<'_> {
    /// Makes a replica the primary. Every second time it lacks the last commits of the old one.
    pub(super) fn promote(&mut self) -> Step {
        let lossy = self.counts.promotion_count % 2 == 1;
        let Some(chosen) = self.active().first().copied() else {
            return Ok(());
        };
        for _ in 0..LAG {
            self.commit()?;
        }
        self.make_whole(chosen)?;
        let missing = if lossy { 1 + self.cycle % LOST_MOST } else { 0 };
        for _ in 0..missing {
            self.commit()?;
        }
        self.note_lag()?;
        let old_head = self.position_of(&self.primary.db)?;
        let Some(replica) = self.replicas.get(chosen) else {
            return Ok(());
        };
        let at = self.position_of(&replica.db)?;
        self.count_laggards(chosen, at.index)?;
        let loss = (old_head.index > at.index).then_some((at.index + 1, old_head.index));
        // The handle that is the stale writer: it is never told of anything.
        let stale = self.primary.db.clone();
        let deposed = self.begin_epoch(chosen, &at, loss)?;
        self.change_roles(chosen);
        self.forget_server();
        self.at_promotion = Some(self.primary.model.clone());
        self.check_promotion(at, old_head, loss)?;
        self.compare_primary()?;
        self.check_fence(chosen, &stale, deposed, old_head)?;
        drop(stale);
        self.rejoin(chosen, old_head, missing)?;
        self.keep_log()?;
        self.counts.promotion_count += 1;
        self.counts.lossy_promotions += u64::from(lossy);
        let how = match loss {
            Some((from, to)) => format!("replica, entries {from} to {to} given up"),
            None => "replica, nothing lost".to_owned(),
        };
        self.event("promotion", how);
        Ok(())
    }

    fn position_of(&self, db: &Db) -> Step<Position> {
        db.position().map_err(engine("read the position"))
    }

    fn count_laggards(&mut self, chosen: usize, index: u64) -> Step {
        let mut lags = false;
        for other in (0..self.replicas.len()).filter(|other| *other != chosen) {
            lags |= self.index_of(other)? < index;
        }
        self.counts.promotions_with_laggards += u64::from(lags);
        Ok(())
    }

    /// The new primary begins an epoch, and the old one is fenced.
    fn begin_epoch(
        &mut self,
        chosen: usize,
        at: &Position,
        loss: Option<(u64, u64)>,
    ) -> Step<Option<Publishing>> {
        match self.fleet.transport {
            Transport::Path => self.promote_file(chosen, at, loss).map(|()| None),
            Transport::Tcp => self.promote_by_command(chosen, loss).map(|()| None),
            Transport::Dir => self.promote_by_chain(chosen, at.epoch, loss),
        }
    }

    fn promote_file(&mut self, chosen: usize, at: &Position, loss: Option<(u64, u64)>) -> Step {
        let Some(replica) = self.replicas.get(chosen) else {
            return Ok(());
        };
        let wish = PromoteWish {
            expect_epoch: Some(at.epoch),
            expect_index: None,
            accept_loss: loss.is_some(),
            reason: "soak".into(),
            name: format!("copy-{}", replica.number),
        };
        // By a handle of its own: the stale one learns of the fence from the file alone.
        let old = self.open(&self.primary.path, "open the old primary")?;
        self.freeze_headers()?;
        let before = self.headers_to_lose()?;
        let found = preflight(&replica.db, Some(&old), &wish);
        let found = found.map_err(engine("look before a promotion"))?;
        if let Some(step) = found.obstacle() {
            let detail = format!("{} stands in the way: {}", step.name, step.text);
            return Err(self.broken(Check::Promotion, detail));
        }
        let promoted = promote(&replica.db, Some(&old), &found, &wish, &NoProgress);
        promoted.map_err(engine("promote a replica"))?;
        drop(old);
        self.lose_headers(before)
    }

    /// A defect: whoever has the old primary open does not see what happens to its headers.
    pub(super) fn freeze_headers(&self) -> Step {
        if !self.has_plant(Plant::StaleWriter) {
            return Ok(());
        }
        let frozen = self.seam.shared().freeze_headers(&self.primary.path);
        frozen.map_err(|e| Halt::Setup(Error::io("freeze the headers", e)))
    }

    /// A defect: the headers that the storage of the old primary goes back to.
    pub(super) fn headers_to_lose(&self) -> Step<Option<Vec<u8>>> {
        if !self.has_plant(Plant::ForgottenFence) {
            return Ok(None);
        }
        let headers = headers_of(&self.primary.path);
        let headers = headers.map_err(|e| Halt::Setup(Error::io("keep the headers", e)));
        headers.map(Some)
    }

    /// The fence was confirmed, and the storage has lost it.
    pub(super) fn lose_headers(&self, before: Option<Vec<u8>>) -> Step {
        let lost = before.map(|before| put_back_headers(&self.primary.path, &before));
        let failed = |e| Halt::Setup(Error::io("put the headers back", e));
        lost.unwrap_or(Ok(())).map_err(failed)
    }

    /// The chosen replica and the primary change places.
    fn change_roles(&mut self, chosen: usize) {
        if let Some(replica) = self.replicas.get_mut(chosen) {
            std::mem::swap(replica, &mut self.primary);
            replica.needs_reseed = false;
        }
    }

    /// The new primary has what the replica had, in a new epoch, and states what is lost.
    fn check_promotion(
        &mut self,
        at: Position,
        old_head: Position,
        loss: Option<(u64, u64)>,
    ) -> Step {
        let now = self.position_of(&self.primary.db)?;
        if now.epoch != at.epoch + 1 || now.index != at.index + 1 {
            let detail = format!("a promotion at {at} leads to {now}");
            return Err(self.broken(Check::Promotion, detail));
        }
        let epochs = self.primary.db.epochs();
        let epochs = epochs.map_err(engine("read the table of epochs"))?;
        let Some(last) = epochs.last().cloned() else {
            return Err(self.broken(Check::Promotion, "the table of epochs is empty"));
        };
        if last.epoch != now.epoch || last.previous_index != at.index {
            let detail = format!(
                "the new epoch says that it begins at entry {}",
                last.previous_index
            );
            return Err(self.broken(Check::Promotion, detail));
        }
        self.ledger.pass(Check::Promotion);
        let lost = self.commits.count_after(at.index);
        let stated = last.lost.map_or(0, |(from, to)| to + 1 - from);
        if last.lost != loss || stated != lost || stated != old_head.index - at.index {
            let detail = format!("{lost} commits are lost, {stated} are stated");
            return Err(self.broken(Check::Loss, detail));
        }
        self.ledger.pass(Check::Loss);
        self.counts.commits_lost += lost;
        // What was given up never happened; the operations go on behind it.
        self.commits.cut(at.index);
        Ok(())
    }

    /// The old primary writes, without having asked anybody: refused, and its file is as it was.
    fn check_fence(
        &mut self,
        chosen: usize,
        stale: &Db,
        deposed: Option<Publishing>,
        head: Position,
    ) -> Step {
        self.must_find_the_fence(deposed)?;
        let mut batch = crate::db::Batch::new();
        batch.put(b"stale", b"written by the old primary");
        match stale.write(batch) {
            Err(Error::Fenced { .. }) => {}
            Err(error) => {
                let detail = format!("the old primary fails otherwise: {}", text::chain(&error));
                return Err(self.broken(Check::Fence, detail));
            }
            Ok(commit) => {
                let detail = format!("the old primary has written entry {}", commit.token);
                return Err(self.broken(Check::Fence, detail));
            }
        }
        self.counts.stale_fence_rejections += 1;
        let Some(path) = self.replicas.get(chosen).map(|old| old.path.clone()) else {
            return Ok(());
        };
        let reopened = self.open(&path, "open the old primary again")?;
        let now = reopened.position().map_err(engine("read the position"))?;
        if let Some(old) = self.replicas.get_mut(chosen) {
            old.db = reopened;
        }
        if now != head {
            let detail = format!("the old primary moved from {head} to {now}");
            return Err(self.broken(Check::Fence, detail));
        }
        self.compare_replica(chosen)?;
        self.verify(&path, Depth::Full)?;
        self.ledger.pass(Check::Fence);
        Ok(())
    }

    /// The old primary follows the new one. What it has beyond the promotion is saved and goes:
    /// its log is taken back where that is possible, otherwise it is seeded anew.
    fn rejoin(&mut self, chosen: usize, head: Position, lost: u64) -> Step {
        if lost > 0 {
            self.must_not_follow(&head)?;
        }
        let done = match self.fleet.transport {
            Transport::Path => self.rejoin_file(chosen)?,
            Transport::Tcp => self.rejoin_by_command(chosen)?,
            Transport::Dir => self.rejoin_by_chain(chosen)?,
        };
        self.counts.rejoins += 1;
        let Some(done) = done else {
            return self.reseed(chosen, true);
        };
        let saved: u64 = done.saved.iter().map(|s| s.to + 1 - s.from).sum();
        if done.diverged() != lost || saved != lost {
            let detail = format!(
                "{lost} commits are lost, rejoining found {} and saved {saved}",
                done.diverged()
            );
            return Err(self.broken(Check::Loss, detail));
        }
        self.counts.commits_saved += saved;
        if lost > 0 {
            self.counts.rewinds += 1;
            self.rebuild_model(chosen)?;
        }
        self.make_whole(chosen)
    }

    /// A copy with commits that were given up does not simply follow.
    fn must_not_follow(&mut self, head: &Position) -> Step {
        match self.primary.db.log_reader(head) {
            Err(Error::NotRetained { .. } | Error::Diverged { .. }) => Ok(()),
            Err(error) => Err(engine("read the log of the primary")(error)),
            Ok(_) => {
                let detail = "a copy with lost commits follows as if it had none";
                Err(self.broken(Check::Replicas, detail))
            }
        }
    }

    fn rejoin_file(&mut self, chosen: usize) -> Step<Option<Rejoined>> {
        let Some(old) = self.replicas.get(chosen) else {
            return Ok(None);
        };
        let address = self.primary.path.to_string_lossy();
        match rejoin(&old.db, &self.primary.db, &address, &NoProgress) {
            Ok(done) => Ok(Some(done)),
            Err(Error::NotRetained { .. }) => Ok(None),
            Err(error) => Err(engine("take the old primary back")(error)),
        }
    }

    /// The model of a copy that was taken back to where the new primary began.
    fn rebuild_model(&mut self, chosen: usize) -> Step {
        let model = self.at_promotion.clone();
        if let (Some(old), Some(model)) = (self.replicas.get_mut(chosen), model) {
            old.model = model;
            old.needs_reseed = false;
            old.behind = Behind::Nothing;
        }
        self.compare_replica(chosen)
    }
}
