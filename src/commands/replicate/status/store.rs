//! How a store stands.

use creel::chain::object::NodeRole;
use creel::chain::{Chain, HoldView, NodeView, Overview};
use creel::stream::speed::{rounded, seconds_left};
use serde::Serialize;

use super::super::outcome::At;
use super::super::store::{PatienceArg, chain_failure, hex, now_us, open_chain};
use super::lines::{Trouble, point};
use crate::cli::Failure;

/// What is told about a store.
#[derive(Serialize)]
pub struct StoreStatus {
    schema: &'static str,
    pub store: String,
    db_id: String,
    /// The store that this is a copy of.
    pub mirror_of: Option<String>,
    /// Whether it can decide who is primary: fit, unfit or unknown.
    pub fencing: &'static str,
    probed_ms: Option<u64>,
    pub epoch: u32,
    /// Who wrote the newest segment.
    pub writer: Option<String>,
    pub position: At,
    pub committed_ms: Option<u64>,
    pub first_segment: Option<u64>,
    pub last_segment: Option<u64>,
    pub floor_segment: Option<u64>,
    pub epochs: Vec<EpochRow>,
    pub snapshots: u64,
    pub newest_snapshot: Option<SnapshotRow>,
    pub retain_ms: u64,
    retain_min: u64,
    retain_max_bytes: Option<u64>,
    pub nodes: Vec<NodeRow>,
    pub holds: Vec<HoldRow>,
    /// When it last passed creel replicate verify --note.
    pub verified_ms: Option<u64>,
    /// When it was last restored whole by creel drill --note.
    pub drilled_ms: Option<u64>,
    /// Nothing damaged stands where the log ends.
    #[serde(skip)]
    pub is_end_known: bool,
    pub errors: Vec<Trouble>,
}

#[derive(Serialize)]
pub struct EpochRow {
    pub epoch: u32,
    pub segment: u64,
    pub node: String,
    pub name: String,
    pub reason: String,
    pub time_ms: u64,
    pub lost_entries: u64,
}

#[derive(Serialize)]
pub struct SnapshotRow {
    pub id: String,
    pub index: u64,
    pub time_ms: u64,
    pub age_ms: u64,
}

impl SnapshotRow {
    pub fn of(row: &creel::chain::object::SnapshotRow, now_us: u64) -> SnapshotRow {
        SnapshotRow {
            id: row.folder.clone(),
            index: row.at.index,
            time_ms: row.time_us / 1000,
            age_ms: now_us.saturating_sub(row.time_us) / 1000,
        }
    }
}

/// A node, as it said itself.
#[derive(Serialize)]
pub struct NodeRow {
    pub node: String,
    pub name: String,
    pub role: &'static str,
    pub position: At,
    /// What it holds was compared with the chain.
    pub history_same: Option<bool>,
    pub lag_entries: u64,
    pub lag_bytes: Option<u64>,
    pub lag_ms: u64,
    /// Bytes of log that may still be written before what it lacks is not kept for it any more.
    pub headroom_bytes: Option<u64>,
    /// Entries that came in a second, between two of its last words.
    pub entries_per_s: Option<f64>,
    pub eta_s: Option<u64>,
    pub needs_reseed: bool,
    /// Why the log is not kept for it.
    pub dropped: Option<String>,
    pub contact_ms: u64,
    pub progress_ms: u64,
    version: String,
}

#[derive(Serialize)]
pub struct HoldRow {
    pub name: String,
    pub index: u64,
    /// Bytes of log behind it.
    pub kept_bytes: Option<u64>,
    pub max_bytes: u64,
    pub expires_ms: u64,
    pub dropped: Option<String>,
    pub reason: String,
}

/// Looks at a store.
pub fn look(address: &str, patience: &PatienceArg) -> Result<StoreStatus, Failure> {
    let chain = open_chain(address, patience)?;
    let now_us = now_us();
    let overview = chain.overview(now_us, &mut patience.start());
    Ok(report(
        address,
        &chain,
        overview.map_err(chain_failure)?,
        now_us,
    ))
}

fn report(address: &str, chain: &Chain, seen: Overview, now_us: u64) -> StoreStatus {
    let creel = chain.creel();
    let end = seen
        .tail
        .as_ref()
        .map_or(chain.start(), |facts| facts.after);
    let catalogue = seen.catalogue.as_ref();
    let probe = creel.probe.as_ref();
    let newest = catalogue.and_then(|catalogue| catalogue.snapshots.last());
    let nodes: Vec<NodeRow> = seen
        .nodes
        .iter()
        .map(|view| node(view, seen.retention.node_max_bytes(newest), now_us))
        .collect();
    StoreStatus {
        schema: "creel.store_status/1",
        store: address.to_owned(),
        db_id: hex(&chain.lineage()),
        mirror_of: creel.mirror_of.clone(),
        fencing: creel.fencing(),
        probed_ms: probe.map(|probe| probe.time_us / 1000),
        epoch: end.epoch,
        writer: seen.tail.as_ref().map(|facts| hex(&facts.node)),
        position: At::of(end.epoch, end.index, end.history),
        committed_ms: seen.tail_us.map(|time| time / 1000),
        first_segment: seen.first,
        last_segment: seen.tail.as_ref().map(|facts| facts.number),
        floor_segment: catalogue.map(|catalogue| catalogue.floor.number),
        epochs: epochs(catalogue),
        snapshots: catalogue.map_or(0, |catalogue| catalogue.snapshots.len() as u64),
        newest_snapshot: newest.map(|row| SnapshotRow::of(row, now_us)),
        retain_ms: seen.retention.time_us / 1000,
        retain_min: seen.retention.min_entries,
        retain_max_bytes: (seen.retention.max_bytes < u64::MAX).then_some(seen.retention.max_bytes),
        holds: seen.holds.iter().map(hold).collect(),
        verified_ms: catalogue
            .and_then(|found| found.verified_us)
            .map(|us| us / 1000),
        drilled_ms: catalogue
            .and_then(|found| found.drilled_us)
            .map(|us| us / 1000),
        is_end_known: seen.damaged_end.is_empty(),
        errors: errors(&seen),
        nodes,
    }
}

fn epochs(catalogue: Option<&creel::chain::object::Catalogue>) -> Vec<EpochRow> {
    let rows = catalogue.map_or(&[][..], |catalogue| catalogue.epochs.as_slice());
    let row = |row: &creel::chain::object::EpochRow| EpochRow {
        epoch: row.epoch,
        segment: row.number,
        node: hex(&row.node),
        name: row.name.clone(),
        reason: row.reason.clone(),
        time_ms: row.time_us / 1000,
        lost_entries: row.lost.map_or(0, |(from, to)| to.saturating_sub(from) + 1),
    };
    rows.iter().map(row).collect()
}

fn node(view: &NodeView, most: u64, now_us: u64) -> NodeRow {
    let (said, behind) = (&view.said, &view.behind);
    let kept = view.dropped.is_none() && said.holds;
    let room = behind.bytes.map(|bytes| most.saturating_sub(bytes));
    let entries_per_s = said.per_second(now_us).map(rounded);
    NodeRow {
        node: hex(&said.node),
        name: said.name.clone(),
        role: match said.role {
            NodeRole::Standalone => "standalone",
            NodeRole::Primary => "primary",
            NodeRole::Replica => "replica",
        },
        position: point(&said.durable),
        history_same: behind.is_same(&said.durable.history),
        lag_entries: behind.entries,
        lag_bytes: behind.bytes,
        lag_ms: behind
            .since_us
            .map_or(0, |since| now_us.saturating_sub(since) / 1000),
        headroom_bytes: match behind.below_floor || !kept {
            true => Some(0),
            false => room,
        },
        entries_per_s,
        eta_s: seconds_left(behind.entries, entries_per_s),
        needs_reseed: behind.below_floor,
        dropped: view.dropped.clone(),
        contact_ms: said.time_us / 1000,
        progress_ms: said.moved_us / 1000,
        version: said.program.clone(),
    }
}

fn hold(view: &HoldView) -> HoldRow {
    HoldRow {
        name: view.said.name.clone(),
        index: view.said.index,
        kept_bytes: view.behind.bytes,
        max_bytes: view.said.max_bytes,
        expires_ms: view.said.expires_us / 1000,
        dropped: view.dropped.clone(),
        reason: view.said.reason.clone(),
    }
}

fn errors(seen: &Overview) -> Vec<Trouble> {
    let damaged = seen.damaged_end.iter();
    let damaged = damaged.map(|end| Trouble::new(&end.object, &end.detail));
    let said = seen.nodes.iter().filter_map(|view| {
        let text = view.said.trouble.clone()?;
        Some(Trouble::new(hex(&view.said.node), text))
    });
    damaged.chain(said).collect()
}
