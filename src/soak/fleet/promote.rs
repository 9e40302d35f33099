//! Promotions: a replica becomes primary while others lag, the old primary goes on writing and has
//! to be refused.

use super::node::{Behind, open};
use super::run::{FleetRun, engine};
use crate::db::{Db, FenceWish, IdentityChange, Position};
use crate::error::Error;
use crate::format::Depth;
use crate::soak::check::{Check, Step};
use crate::soak::plants::Plant;
use crate::soak::text;

/// Commits that a lossy promotion loses at most.
const LOST_MOST: u64 = 12;

impl FleetRun<'_> {
    /// Makes a replica the primary. Every second time it lacks the last commits of the old one.
    pub(super) fn promote(&mut self) -> Step {
        let lossy = self.counts.promotion_count % 2 == 1;
        let Some(chosen) = self.active().first().copied() else {
            return Ok(());
        };
        self.make_whole(chosen)?;
        if lossy {
            let missing = 1 + self.cycle % LOST_MOST;
            for _ in 0..missing {
                self.commit()?;
            }
        }
        // One more replica lags, whatever the promotion does.
        self.note_lag()?;
        let old_head = self.position_of(&self.primary.db)?;
        let Some(replica) = self.replicas.get(chosen) else {
            return Ok(());
        };
        let at = self.position_of(&replica.db)?;
        let loss = (old_head.index > at.index).then_some((at.index + 1, old_head.index));
        // The handle that is the stale writer: it is never told of anything.
        let stale = self.primary.db.clone();
        self.begin_epoch(chosen, loss)?;
        self.change_roles(chosen);
        self.forget_server();
        self.at_promotion = Some(self.primary.model.clone());
        self.check_promotion(at, old_head, loss)?;
        self.check_fence(chosen, &stale, old_head)?;
        drop(stale);
        self.rejoin(chosen, loss.is_some())?;
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

    /// The new primary begins an epoch, then the old one is fenced, by a handle of its own.
    fn begin_epoch(&mut self, chosen: usize, loss: Option<(u64, u64)>) -> Step {
        let Some(replica) = self.replicas.get(chosen) else {
            return Ok(());
        };
        let wish = FenceWish {
            name: format!("copy-{}", replica.number),
            reason: "soak".into(),
            loss,
            above_epoch: 0,
        };
        let entry = replica.db.prepare_fence(&wish);
        let entry = entry.map_err(engine("prepare a promotion"))?;
        let commit = replica.db.install_fence(&entry);
        let commit = commit.map_err(engine("begin an epoch"))?;
        if self.has_plant(Plant::ForgottenFence) {
            return Ok(());
        }
        let other = open(&self.primary.path, self.fleet.sync);
        let other = other.map_err(engine("open the old primary"))?;
        let fenced = other.fence(commit.token.epoch);
        fenced.map_err(engine("fence the old primary"))?;
        if self.has_plant(Plant::StaleWriter) {
            let change = IdentityChange {
                unfence: true,
                ..IdentityChange::default()
            };
            let _ = other.set_identity(&change);
        }
        Ok(())
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
    fn check_fence(&mut self, chosen: usize, stale: &Db, head: Position) -> Step {
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
        let Some(old) = self.replicas.get_mut(chosen) else {
            return Ok(());
        };
        let reopened = open(&old.path, self.fleet.sync);
        let reopened = reopened.map_err(engine("open the old primary again"))?;
        let now = reopened.position().map_err(engine("read the position"))?;
        old.db = reopened;
        let path = old.path.clone();
        if now != head {
            let detail = format!("the old primary moved from {head} to {now}");
            return Err(self.broken(Check::Fence, detail));
        }
        self.compare_replica(chosen)?;
        self.verify(&path, Depth::Full)?;
        self.ledger.pass(Check::Fence);
        Ok(())
    }

    /// The old primary follows the new one. What it has beyond the promotion goes: its log is taken
    /// back where that is possible, otherwise it is seeded anew.
    fn rejoin(&mut self, chosen: usize, diverged: bool) -> Step {
        let upstream = self
            .primary
            .db
            .info()
            .map_err(engine("look at the primary"))?;
        let Some(old) = self.replicas.get_mut(chosen) else {
            return Ok(());
        };
        let change = IdentityChange {
            role: Some(crate::format::header::Role::Replica),
            upstream: Some(upstream.file_id),
            unfence: false,
        };
        let changed = old.db.set_identity(&change);
        changed.map_err(engine("make the old primary a replica"))?;
        self.counts.rejoins += 1;
        if diverged {
            return self.take_back(chosen);
        }
        self.make_whole(chosen)
    }

    fn take_back(&mut self, chosen: usize) -> Step {
        let begun = self.primary.db.epochs();
        let begun = begun.map_err(engine("read the table of epochs"))?;
        let before = begun.last().map_or(0, |record| record.previous_index);
        let pulled = self.pull_once(chosen)?;
        if pulled != super::pull::Pulled::Refused {
            let detail = "a copy with lost commits follows as if it had none";
            return Err(self.broken(Check::Replicas, detail));
        }
        let Some(old) = self.replicas.get_mut(chosen) else {
            return Ok(());
        };
        match old.db.rewind(before, &crate::progress::NoProgress) {
            Ok(_) => {
                self.counts.rewinds += 1;
                self.rebuild_model(chosen)?;
                self.make_whole(chosen)
            }
            Err(Error::NotRetained { .. }) => self.reseed(chosen),
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
