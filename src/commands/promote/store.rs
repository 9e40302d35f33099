//! Promotion where a store decides.

use creel::Db;
use creel::chain::store::Address;
use creel::replica::store::{PromoteWish, check_expected, preflight_in_store, promote_in_store};

use super::super::replicate::from_store::explain;
use super::super::replicate::store::{chain_failure, failure, open_chain};
use super::{CheckRow, Lost, PromoteArgs, PromoteReport, host, result};
use crate::cli::{Context, Exit, Failure, Outcome, codes};

pub(crate) fn stands_in_the_way(name: &str, text: &str) -> Failure {
    let failure = Failure::new(&codes::FENCED, format!("{name}: {text}"));
    let failure = failure.state("nothing was changed");
    failure.hint(match name {
        "copies" => "promote the copy that has most, or --accept-loss",
        _ => super::hint_for(name),
    })
}

impl PromoteArgs {
    /// The store that was named, or that the file knows. With --old-primary none is asked, and where
    /// one is known that is refused.
    pub(super) fn address(&self, db: &Db) -> Result<Option<String>, Failure> {
        if self.store.is_some() || self.old_primary.is_some() {
            return Ok(self.store.clone());
        }
        let facts = db.facts()?;
        let known = [facts.publish, facts.source];
        Ok(known
            .into_iter()
            .find(|address| Address::is_address(address)))
    }

    /// Promotes, or says how things stand.
    pub(super) fn in_store(&self, ctx: &mut Context, db: Db, store: &str) -> Outcome {
        let chain = open_chain(store, &self.patience)?;
        let info = db.info()?;
        chain
            .check_lineage(info.lineage_id)
            .map_err(chain_failure)?;
        let mut pace = self.patience.start();
        let found = preflight_in_store(&db, &chain, self.accept_loss, &mut pace);
        let found = found.map_err(|error| explain(error, store))?;
        let rows = found.steps.iter().map(|step| CheckRow {
            name: step.name,
            result: result(step.good, step.overruled),
            text: step.text.clone(),
        });
        let mut report = PromoteReport {
            schema: "creel.promote/1",
            path: db.path().display().to_string(),
            promoted: false,
            epoch: found.epoch,
            position: found.position.token().into(),
            checks: rows.collect(),
            lost: found.loss.map(|(first_index, last_index)| Lost {
                first_index,
                last_index,
            }),
            dry_run: self.dry_run,
            store: Some(store.to_owned()),
            token: None,
            pulled: 0,
            adopted: 0,
            segment: None,
        };
        let wish = PromoteWish {
            name: self.name.clone().unwrap_or_else(host),
            reason: self.reason.clone(),
            expect_epoch: self.expect_epoch,
            expect_index: self.expect_index,
            loss: found.loss,
        };
        check_expected(&chain, &wish, &mut pace).map_err(failure)?;
        if let Some(step) = found.obstacle() {
            return Err(stands_in_the_way(step.name, &step.text));
        }
        if !self.dry_run {
            if !self.yes && !self.asked_for(ctx, report.epoch, found.position.index)? {
                return Ok(Exit::No);
            }
            let meter = ctx.meter("promote");
            let done = promote_in_store(&db, &chain, store, &wish, &mut pace, &meter);
            drop(meter);
            let done = done.map_err(|error| explain(error, store))?;
            ctx.committed(done.commit.token);
            report.promoted = true;
            report.epoch = done.commit.token.epoch;
            report.position = (&done.commit).into();
            report.token = Some(done.commit.receipt().to_string());
            (report.pulled, report.adopted) = (done.pulled, done.adopted);
            report.segment = Some(done.facts.number);
        }
        self.tell(ctx, &report)?;
        db.close()?;
        if let Some(token) = &report.token {
            self.hook(&report.path, report.epoch, token)?;
        }
        Ok(Exit::Ok)
    }

    fn tell(&self, ctx: &mut Context, report: &PromoteReport) -> Result<(), Failure> {
        if ctx.globals.json {
            return ctx.out.json(report);
        }
        if ctx.globals.quiet > 0 {
            return Ok(());
        }
        for check in &report.checks {
            ctx.out.line(&format!("{}: {}", check.name, check.text))?;
        }
        match &report.token {
            Some(token) => ctx.out.line(&format!(
                "primary of epoch {} as of {token}; {} entries applied first, {} adopted",
                report.epoch, report.pulled, report.adopted
            )),
            None => ctx.out.line(&format!("epoch {} would begin", report.epoch)),
        }
    }
}
