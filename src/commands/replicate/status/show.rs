//! Status for people.

use super::copy::CopyStatus;
use super::lines::Trouble;
use super::store::StoreStatus;
use crate::cli::table::{self, Value};
use crate::cli::{Context, Failure};

/// Columns of a follower's line. To a pipe they have no heading: their order is a promise.
const FOLLOWER: [&str; 12] = [
    "", "name", "state", "position", "lag", "bytes", "time", "headroom", "rate", "eta", "contact",
    "progress",
];
/// Columns of the line of a node of a store.
const NODE: [&str; 12] = [
    "role", "name", "node", "position", "lag", "bytes", "time", "headroom", "rate", "eta",
    "contact", "",
];

type Facts = Vec<(&'static str, Value)>;

fn add(facts: &mut Facts, name: &'static str, value: Option<impl Into<Value>>) {
    facts.extend(value.map(|value| (name, value.into())));
}

fn bytes(facts: &mut Facts, name: &'static str, value: Option<u64>) {
    add(facts, name, value.map(Value::Bytes));
}

fn seconds(ms: u64) -> Value {
    Value::Time(ms)
}

fn whole_seconds(s: u64) -> Value {
    Value::Text(format!("{s} s"))
}

fn per_second(entries: f64) -> Value {
    Value::Text(format!("{entries:.1}/s"))
}

/// A cell of a table, where it is known.
fn cell(value: Option<Value>) -> Value {
    value.unwrap_or("-".into())
}

/// How long ago.
fn ago(at_ms: Option<u64>) -> Option<Value> {
    let now_ms = super::now_us() / 1000;
    at_ms.map(|at| seconds(now_ms.saturating_sub(at)))
}

fn text(value: Option<u64>) -> Value {
    value.map_or(Value::Text("-".to_owned()), Value::Bytes)
}

fn troubles(facts: &mut Facts, errors: &[Trouble]) {
    for error in errors {
        facts.push(("error", format!("{}: {}", error.of, error.text).into()));
    }
}

/// What was compared and counted.
fn compared(facts: &mut Facts, copy: &CopyStatus) {
    if let Some(newest) = &copy.newest_snapshot {
        facts.push(("newest_snapshot", newest.id.clone().into()));
        add(facts, "snapshot_age", ago(Some(newest.time_ms)));
    }
    if copy.history_same == Some(false) {
        facts.push(("history", "another one than the source's".into()));
    }
    for row in copy.store_errors.iter().flatten() {
        facts.push(("store_errors", format!("{} {}", row.count, row.kind).into()));
    }
    if let Some(count @ 1..) = copy.degraded {
        let text = format!("{count} commits without the copies that were asked for");
        facts.push(("degraded", text.into()));
    }
}

/// A copy.
pub fn copy(ctx: &mut Context, copy: &CopyStatus) -> Result<(), Failure> {
    let role = match copy.fence_epoch {
        Some(epoch) => format!("{}, fenced by epoch {epoch}", copy.role),
        None => copy.role.to_owned(),
    };
    let at = format!("{}:{}", copy.position.epoch, copy.position.index);
    let mut facts: Facts = vec![
        ("role", role.into()),
        ("position", at.into()),
        ("oldest_position", copy.oldest_index.into()),
        ("epochs", (copy.epochs.len() as u64).into()),
    ];
    if copy.held_back {
        let text = "yes: the store is too far behind (--max-unpublished)";
        facts.push(("writes_wait", text.into()));
    }
    add(&mut facts, "source", copy.source.clone());
    add(&mut facts, "follows", copy.phase.clone());
    add(&mut facts, "lag_entries", copy.lag_entries);
    bytes(&mut facts, "lag_bytes", copy.lag_bytes);
    add(&mut facts, "lag", copy.lag_ms.map(seconds));
    bytes(&mut facts, "headroom", copy.headroom_bytes);
    add(&mut facts, "rate", copy.entries_per_s.map(per_second));
    add(&mut facts, "eta", copy.eta_s.map(whole_seconds));
    add(&mut facts, "last_contact", ago(copy.contact_ms));
    add(&mut facts, "damaged", copy.damaged.filter(|&n| n > 0));
    let other = copy.other_source_entries.filter(|&n| n > 0);
    add(&mut facts, "other_source_entries", other);
    add(
        &mut facts,
        "older_epochs",
        copy.older_epochs.filter(|&n| n > 0),
    );
    let needs = copy.reseed.as_ref();
    let what = match copy.history_same {
        // What only it has would be saved by both.
        Some(false) => "rejoin, or a new copy",
        _ if copy.role == "primary" => "rejoin, or a new copy",
        _ => "a new copy",
    };
    let needs = needs.map(|reason| format!("{what}: {reason}"));
    add(&mut facts, "needs", needs);
    add(&mut facts, "publish", copy.publish.clone());
    add(&mut facts, "published_position", copy.published_index);
    add(&mut facts, "unpublished_entries", copy.unpublished_entries);
    bytes(&mut facts, "unpublished_bytes", copy.unpublished_bytes);
    add(
        &mut facts,
        "unpublished_for",
        copy.unpublished_ms.map(seconds),
    );
    add(&mut facts, "store_contact", ago(copy.store_contact_ms));
    add(&mut facts, "fencing", copy.fencing.clone());
    compared(&mut facts, copy);
    add(&mut facts, "verified", ago(copy.verified_ms));
    for hold in &copy.holds {
        let over = if hold.expired { ", expired" } else { "" };
        let text = format!("{} from {}{over}", hold.name, hold.index);
        facts.push(("hold", text.into()));
    }
    troubles(&mut facts, &copy.errors);
    table::facts(&mut ctx.out, &facts)?;
    if copy.followers.is_empty() {
        return Ok(());
    }
    let rows: Vec<Vec<Value>> = copy
        .followers
        .iter()
        .map(|row| {
            let at = row.position.as_ref();
            let state = if row.connected { "connected" } else { "gone" };
            vec![
                "follower".into(),
                row.name.clone().into(),
                state.into(),
                at.map_or("-".to_owned(), |at| format!("{}:{}", at.epoch, at.index))
                    .into(),
                row.lag_entries.into(),
                text(row.lag_bytes),
                cell(row.lag_ms.map(seconds)),
                text(row.headroom_bytes),
                cell(row.entries_per_s.map(per_second)),
                cell(row.eta_s.map(whole_seconds)),
                cell(ago(row.contact_ms)),
                cell(ago(row.progress_ms)),
            ]
        })
        .collect();
    table::wide_rows(&mut ctx.out, &FOLLOWER, &rows)
}

/// A store.
pub fn store(ctx: &mut Context, store: &StoreStatus) -> Result<(), Failure> {
    let at = format!("{}:{}", store.position.epoch, store.position.index);
    let mut facts: Facts = vec![
        ("store", store.store.clone().into()),
        ("fencing", store.fencing.into()),
        ("epoch", u64::from(store.epoch).into()),
        ("position", at.into()),
    ];
    add(&mut facts, "mirror_of", store.mirror_of.clone());
    add(&mut facts, "last_commit", ago(store.committed_ms));
    add(&mut facts, "writer", store.writer.clone());
    add(&mut facts, "first_segment", store.first_segment);
    add(&mut facts, "last_segment", store.last_segment);
    add(&mut facts, "floor_segment", store.floor_segment);
    facts.push(("retain", seconds(store.retain_ms)));
    facts.push(("snapshots", store.snapshots.into()));
    if let Some(newest) = &store.newest_snapshot {
        let age = ago(Some(newest.time_ms));
        facts.push(("newest_snapshot", newest.id.clone().into()));
        add(&mut facts, "snapshot_age", age);
    }
    add(&mut facts, "verified", ago(store.verified_ms));
    add(&mut facts, "drilled", ago(store.drilled_ms));
    for row in &store.epochs {
        let text = format!(
            "{} from segment {} by {} ({})",
            row.epoch, row.segment, row.name, row.reason
        );
        facts.push(("epoch_began", text.into()));
    }
    for hold in &store.holds {
        let mut text = format!("{} from {}", hold.name, hold.index);
        if let Some(why) = &hold.dropped {
            text.push_str(&format!(", not counted: {why}"));
        }
        facts.push(("hold", text.into()));
    }
    troubles(&mut facts, &store.errors);
    table::facts(&mut ctx.out, &facts)?;
    if store.nodes.is_empty() {
        return Ok(());
    }
    let rows: Vec<Vec<Value>> = store
        .nodes
        .iter()
        .map(|row| {
            let note = match &row.dropped {
                _ if row.history_same == Some(false) => "another history",
                _ if row.needs_reseed => "needs a new copy",
                Some(_) => "not kept for",
                None => "",
            };
            vec![
                row.role.into(),
                row.name.clone().into(),
                row.node.clone().into(),
                format!("{}:{}", row.position.epoch, row.position.index).into(),
                row.lag_entries.into(),
                text(row.lag_bytes),
                seconds(row.lag_ms),
                text(row.headroom_bytes),
                cell(row.entries_per_s.map(per_second)),
                cell(row.eta_s.map(whole_seconds)),
                cell(ago(Some(row.contact_ms))),
                note.into(),
            ]
        })
        .collect();
    table::wide_rows(&mut ctx.out, &NODE, &rows)
}

#[cfg(test)]
mod tests {
    use super::super::StatusArgs;
    use super::*;
    use crate::commands::Run;

    /// Lines of up to 12 columns stood in no document.
    #[test]
    fn the_columns_of_lines_had_no_names() {
        let page = include_str!("../../../../docs/replication.md");
        let help = StatusArgs::EXAMPLES.replace('\n', " ");
        for (columns, first, last) in [(FOLLOWER, "follower", "progress"), (NODE, "role", "note")] {
            let mut names = columns.to_vec();
            (names[0], names[11]) = (first, last);
            assert!(help.contains(&names.join(", ")), "{names:?}");
            let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            assert!(page.contains(&quoted.join(", ")), "{names:?}");
        }
    }
}
