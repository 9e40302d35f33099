//! Making a copy the primary, where no store decides who is: one check after the other, each with
//! its reason, then a new epoch.

use crate::chain::store::Address;
use crate::check::{Verdict, VerifyOptions, verify};
use crate::db::{Commit, Db, Facts, FenceWish, Position};
use crate::error::{Error, Result};
use crate::format::Depth;
use crate::format::header::Role;
use crate::progress::{NoProgress, Progress};

/// What is wished.
#[derive(Debug, Clone, Default)]
pub struct PromoteWish {
    /// Go on only where this is the present epoch.
    pub expect_epoch: Option<u32>,
    /// Go on only where this is the copy's newest entry.
    pub expect_index: Option<u64>,
    /// What may be lost is known and accepted.
    pub accept_loss: bool,
    /// Why.
    pub reason: String,
    /// Name of this node.
    pub name: String,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What was looked at.
    pub name: &'static str,
    /// What was found.
    pub text: String,
    /// Nothing speaks against going on.
    pub good: bool,
    /// `--accept-loss` overrules it.
    pub overruled: bool,
}

/// What was found before anything was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preflight {
    /// The checks, in order.
    pub steps: Vec<Step>,
    /// The copy's newest entry.
    pub position: Position,
    /// The epoch that would begin.
    pub epoch: u32,
    /// Entries of the old primary that this copy lacks, first and last.
    pub loss: Option<(u64, u64)>,
    /// The store that has to decide.
    pub store: Option<String>,
}

impl Preflight {
    /// The first check that stands in the way.
    pub fn obstacle(&self) -> Option<&Step> {
        self.steps.iter().find(|step| !step.good && !step.overruled)
    }
}

/// Looks at everything. `old`: the primary so far, where it can be read.
pub fn preflight(copy: &Db, old: Option<&Db>, wish: &PromoteWish) -> Result<Preflight> {
    let info = copy.info()?;
    let position = copy.durable_position()?;
    let facts = copy.facts()?;
    let known = copy.highest_epoch()?;
    let mut steps = Vec::new();
    let mut step = |name, good, text: String| {
        steps.push(Step {
            name,
            text,
            good,
            overruled: false,
        });
    };
    let role = super::rejoin::role_name(info.role);
    step(
        "role",
        true,
        format!("{role} in epoch {known}, at entry {}", position.index),
    );
    if let Some(expected) = wish.expect_epoch {
        let text = format!("epoch {known}, {expected} expected");
        step("epoch", expected == known, text);
    }
    if let Some(expected) = wish.expect_index {
        let text = format!("entry {}, {expected} expected", position.index);
        step("index", expected == position.index, text);
    }
    let report = verify(copy.path(), &quick(), &NoProgress)?;
    let sound = matches!(report.verdict, Verdict::Clean | Verdict::Recoverable);
    let found = report
        .findings
        .first()
        .map_or("no findings".to_owned(), |f| f.detail.clone());
    step("verify", sound, found);
    let store = deciding(&facts, old)?;
    if let Some(store) = &store {
        step(
            "store",
            false,
            format!("{store} decides, and was not asked"),
        );
    }
    let (mut loss, mut other) = (None, 0);
    let old_step = match old {
        None if info.role == Role::Replica => Step {
            name: "old primary",
            text: "not looked at: if it still runs it can go on confirming commits with \
--ack local until it hears of the new epoch; they will be in its saved tail, not here"
                .to_owned(),
            good: false,
            overruled: wish.accept_loss,
        },
        None => Step {
            name: "old primary",
            text: "this copy itself".to_owned(),
            good: true,
            overruled: false,
        },
        Some(old) => {
            let (step, range, epoch) = compare(&position, info.lineage_id, old, wish)?;
            (loss, other) = (range, epoch);
            step
        }
    };
    steps.push(old_step);
    Ok(Preflight {
        steps,
        position,
        epoch: known.max(other).saturating_add(1),
        loss,
        store,
    })
}

/// The store of which the copy or the old primary knows. An epoch that is given out beside it is
/// given out there once more.
fn deciding(facts: &Facts, old: Option<&Db>) -> Result<Option<String>> {
    let of_old = old.map(Db::facts).transpose()?;
    let of_old = of_old.map_or(String::new(), |facts| facts.publish);
    let known = [&facts.publish, &facts.source, &of_old];
    let store = known.into_iter().find(|at| Address::is_address(at));
    Ok(store.cloned())
}

fn quick() -> VerifyOptions {
    VerifyOptions {
        level: Depth::Quick,
        ..VerifyOptions::default()
    }
}

/// Entries, first and last.
type Span = Option<(u64, u64)>;

/// What the old primary has and this copy lacks, and its epoch.
fn compare(
    here: &Position,
    lineage: [u8; 16],
    old: &Db,
    wish: &PromoteWish,
) -> Result<(Step, Span, u32)> {
    let info = old.info()?;
    if info.lineage_id != lineage {
        let reason = "the old primary is another database, not a copy of this one".into();
        return Err(Error::Diverged { reason });
    }
    let there = old.position()?;
    let step = |good, overruled, text| Step {
        name: "old primary",
        text,
        good,
        overruled,
    };
    if there.epoch > here.epoch {
        let text = format!(
            "it is in epoch {} already, this copy in {}",
            there.epoch, here.epoch
        );
        return Ok((step(false, false, text), None, there.epoch));
    }
    if there.index <= here.index {
        let text = format!("nothing is missing here: it is at entry {}", there.index);
        return Ok((step(true, false, text), None, info.epoch));
    }
    let range = (here.index + 1, there.index);
    let text = format!(
        "entries {} to {} are there and not here: creel replicate pull first, or lose them",
        range.0, range.1
    );
    Ok((step(false, wish.accept_loss, text), Some(range), info.epoch))
}

/// Begins the epoch. The old primary, where it can be written to, is fenced first: then it can
/// confirm nothing more that this copy lacks.
pub fn promote(
    copy: &Db,
    old: Option<&Db>,
    found: &Preflight,
    wish: &PromoteWish,
    progress: &dyn Progress,
) -> Result<Commit> {
    if progress.stopped() {
        return Err(Error::Interrupted);
    }
    let mut loss = found.loss;
    if let Some(old) = old {
        old.fence(found.epoch)?;
        // What it confirmed since it was looked at.
        let now = old.position()?.index;
        let more = now > loss.map_or(found.position.index, |(_, last)| last);
        if more && !wish.accept_loss {
            let reason =
                format!("the old primary went on to entry {now}; pull, then promote again");
            return Err(Error::Fenced { reason });
        }
        loss = (now > found.position.index).then_some((found.position.index + 1, now));
    }
    let fence = FenceWish {
        name: wish.name.clone(),
        reason: wish.reason.clone(),
        loss,
        above_epoch: found.epoch.saturating_sub(1),
    };
    let entry = copy.prepare_fence(&fence)?;
    copy.install_fence(&entry)
}
