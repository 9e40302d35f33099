//! What is looked at before a copy becomes primary by a fence in the chain.

use super::StoreResult;
use crate::chain::object::{NodeRole, ProgressDoc};
use crate::chain::{Chain, Pace};
use crate::check::{Verdict, VerifyOptions, verify};
use crate::db::{Db, Position};
use crate::format::Depth;
use crate::format::entry::Point;
use crate::progress::NoProgress;
use crate::replica::promote::Step;

/// Copies that are named, at most.
const NAMED_MAX: usize = 8;

/// What was found before anything was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorePreflight {
    /// The checks, in order.
    pub steps: Vec<Step>,
    /// The copy's newest entry.
    pub position: Position,
    /// The epoch that would begin.
    pub epoch: u32,
    /// Entries that another copy says it has, and that neither this one nor the chain has.
    pub loss: Option<(u64, u64)>,
}

impl StorePreflight {
    /// The first check that stands in the way.
    pub fn obstacle(&self) -> Option<&Step> {
        self.steps.iter().find(|step| !step.good && !step.overruled)
    }
}

fn good(name: &'static str, text: String) -> Step {
    Step {
        name,
        text,
        good: true,
        overruled: false,
    }
}

/// Looks at this copy, at the chain, and at what the other copies say of themselves there.
pub fn preflight_in_store(
    db: &Db,
    chain: &Chain,
    accept_loss: bool,
    pace: &mut dyn Pace,
) -> StoreResult<StorePreflight> {
    let info = db.info()?;
    let here = db.durable_position()?;
    let tail = chain.tail(0, pace)?;
    let end = tail.map_or(chain.start(), |segment| segment.facts.after);
    let role = super::super::rejoin::role_name(info.role);
    let role = format!("{role} in epoch {}, at entry {}", here.epoch, here.index);
    let store = format!("epoch {}, at entry {}", end.epoch, end.index);
    let mut steps = vec![good("role", role), good("store", store), sound(db)?];
    steps.push(good("lag", lag(here.index, end.index)));
    let known = here.index.max(end.index);
    let documents = chain.progress(pace)?;
    let others = documents.iter().filter(|d| d.node != info.file_id);
    let others: Vec<&ProgressDoc> = others.collect();
    let ahead = others.iter().filter(|d| is_ahead(d, &end, known));
    let newest = ahead.map(|d| d.durable.index).max();
    steps.push(Step {
        name: "copies",
        text: said(&others),
        good: newest.is_none(),
        overruled: accept_loss,
    });
    let holds = chain.hold_documents(pace)?;
    let holds = match holds.len() {
        0 => "none".to_owned(),
        count => format!("{count}: log that they keep stays in the store"),
    };
    steps.push(good("holds", holds));
    steps.push(good(
        "old primary",
        "it can publish nothing more; what it confirmed with --ack local or replica:N, did not publish \
and this copy lacks will be in its saved tail, not here"
            .to_owned(),
    ));
    // A mirror is refused later.
    if chain.creel().mirror_of.is_none() && chain.creel().fencing() == "none" {
        steps.push(Step {
            name: "fencing",
            text: "none: the store failed its probe; of two promotions at once both may succeed, and the old primary may go on publishing".to_owned(),
            good: false,
            overruled: true,
        });
    }
    Ok(StorePreflight {
        steps,
        epoch: here.epoch.max(end.epoch) + 1,
        position: here,
        loss: newest.map(|newest| (known + 1, newest)),
    })
}

/// It has entries of this epoch that nobody else may have.
fn is_ahead(document: &ProgressDoc, end: &Point, known: u64) -> bool {
    document.durable.epoch >= end.epoch && document.durable.index > known
}

/// The copy is no primary that fails at its first checkpoint.
fn sound(db: &Db) -> StoreResult<Step> {
    let options = VerifyOptions {
        level: Depth::Quick,
        ..VerifyOptions::default()
    };
    let report = verify(db.path(), &options, &NoProgress)?;
    let first = report.findings.first();
    Ok(Step {
        name: "verify",
        text: first.map_or("no findings".to_owned(), |f| f.detail.clone()),
        good: matches!(report.verdict, Verdict::Clean | Verdict::Recoverable),
        overruled: false,
    })
}

fn lag(here: u64, there: u64) -> String {
    match here.cmp(&there) {
        std::cmp::Ordering::Equal => "none".to_owned(),
        std::cmp::Ordering::Less => {
            format!("{} entries of the store are applied first", there - here)
        }
        std::cmp::Ordering::Greater => format!(
            "none; {} entries that only this copy has go into the store with the new epoch",
            here - there
        ),
    }
}

/// What the others say of themselves.
fn said(others: &[&ProgressDoc]) -> String {
    if others.is_empty() {
        return "no other one has told the store where it is".to_owned();
    }
    let each = others.iter().take(NAMED_MAX).map(|d| {
        let role = match d.role {
            NodeRole::Primary => "primary",
            _ => "copy",
        };
        let name = match d.name.as_str() {
            "" => "without a name",
            name => name,
        };
        format!("{role} {name} at {}:{}", d.durable.epoch, d.durable.index)
    });
    let mut text = each.collect::<Vec<_>>().join(", ");
    if let Some(more @ 1..) = others.len().checked_sub(NAMED_MAX) {
        text.push_str(&format!(", and {more} more"));
    }
    text
}
