//! What a server knows, as Prometheus text.

use std::fmt::Write;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::by_kind::ByKind;
use super::control::hex;
use super::state::Following;
use crate::stream::board::Peer;
use crate::stream::hub::Hub;

fn metric(out: &mut String, name: &str, kind: &str, help: &str, value: f64) {
    let _ = writeln!(
        out,
        "# HELP creel_{name} {help}\n# TYPE creel_{name} {kind}"
    );
    let _ = writeln!(out, "creel_{name} {value}");
}

/// A label's value in Prometheus text.
fn label(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    text.replace('\n', "\\n")
}

/// What there is to tell.
pub struct Sight<'a> {
    /// What is served.
    pub hub: Option<&'a Hub>,
    /// How it follows.
    pub following: Option<&'a Following>,
    /// Writes are accepted.
    pub primary: bool,
    /// How it is published.
    pub store: Option<Store>,
}

/// How far a log is published.
pub struct Store {
    /// Newest entry in the store.
    pub index: u64,
    /// Bytes of what is not there, where they can be told.
    pub unpublished_bytes: Option<u64>,
    /// Failures of the store.
    pub errors: ByKind,
}

/// Everything in Prometheus text.
pub fn prometheus(sight: &Sight<'_>) -> String {
    let Sight {
        hub,
        following,
        primary,
        store,
    } = sight;
    let mut out = String::new();
    let flag = |on: bool| if on { 1.0 } else { 0.0 };
    metric(
        &mut out,
        "primary",
        "gauge",
        "1 where writes are accepted.",
        flag(*primary),
    );
    if let Some(store) = store {
        store_metrics(&mut out, store);
    }
    let mut errors = store
        .as_ref()
        .map_or_else(ByKind::default, |store| store.errors.clone());
    if let Some(state) = following {
        errors.add(&state.store_errors);
    }
    store_errors(&mut out, &errors);
    if let Some(hub) = hub {
        hub_metrics(&mut out, hub);
    }
    if let Some(state) = following {
        following_metrics(&mut out, state);
    }
    out
}

fn following_metrics(out: &mut String, state: &Following) {
    let gauge = |out: &mut String, name: &str, help: &str, value: f64| {
        metric(out, name, "gauge", help, value);
    };
    let index = state.index as f64;
    gauge(out, "applied_index", "Newest entry here.", index);
    let source = state.source_index as f64;
    gauge(out, "source_index", "Newest entry of the source.", source);
    let lag = state.lag_entries() as f64;
    gauge(out, "lag_entries", "Entries that are missing here.", lag);
    if let Some(lag) = state.lag() {
        let seconds = lag.as_secs_f64();
        gauge(
            out,
            "lag_seconds",
            "Time that entries have been missing.",
            seconds,
        );
    }
    let streaming = f64::from(u8::from(state.phase == super::state::Phase::Streaming));
    gauge(
        out,
        "streaming",
        "1 while the source is followed.",
        streaming,
    );
    let connects = state.connects as f64;
    metric(
        out,
        "connects_total",
        "counter",
        "Connections made.",
        connects,
    );
    for (name, help, count) in [
        (
            "damaged_total",
            "Times that the source delivered damage.",
            state.damaged,
        ),
        (
            "other_source_entries_total",
            "Entries taken from the other source then.",
            state.relieved,
        ),
        (
            "older_epoch_total",
            "Times that nothing was taken from a source whose epoch is over.",
            state.older_epochs,
        ),
    ] {
        metric(out, name, "counter", help, count as f64);
    }
}

fn store_metrics(out: &mut String, store: &Store) {
    let index = store.index as f64;
    let help = "Newest entry in the store.";
    metric(out, "published_index", "gauge", help, index);
    if let Some(bytes) = store.unpublished_bytes {
        let help = "Bytes of log that are not in the store.";
        metric(out, "unpublished_bytes", "gauge", help, bytes as f64);
    }
}

fn store_errors(out: &mut String, errors: &ByKind) {
    let name = "creel_store_errors_total";
    let mut rows = errors.rows().peekable();
    if rows.peek().is_none() {
        return;
    }
    let _ = writeln!(out, "# HELP {name} Failures of the store.");
    let _ = writeln!(out, "# TYPE {name} counter");
    for (kind, count) in rows {
        let _ = writeln!(out, "{name}{{kind=\"{kind}\"}} {count}");
    }
}

fn hub_metrics(out: &mut String, hub: &Hub) {
    let head = hub.head();
    metric(
        out,
        "head_index",
        "gauge",
        "Newest durable entry.",
        head.point.index as f64,
    );
    metric(
        out,
        "epoch",
        "gauge",
        "Epoch of the newest entry.",
        f64::from(head.point.epoch),
    );
    metric(
        out,
        "floor_index",
        "gauge",
        "Oldest position to go on from.",
        head.floor as f64,
    );
    metric(
        out,
        "ring_bytes",
        "gauge",
        "Entries in memory.",
        hub.ring_bytes() as f64,
    );
    let c = &hub.counters;
    for (name, help, counter) in [
        ("connections_total", "Connections accepted.", &c.accepted),
        ("busy_total", "Connections that were too many.", &c.busy),
        (
            "malformed_total",
            "Connections ended by bad bytes.",
            &c.malformed,
        ),
        (
            "unproven_total",
            "Connections without the token.",
            &c.unproven,
        ),
        (
            "diverged_total",
            "Followers with another history.",
            &c.diverged,
        ),
        (
            "fenced_total",
            "Connections ended since a newer epoch exists.",
            &c.fenced,
        ),
        ("dead_total", "Connections that fell silent.", &c.dead),
        (
            "degraded_total",
            "Commits done though too few copies had confirmed them.",
            &c.degraded,
        ),
        ("snapshots_total", "Snapshots made.", &c.snapshots),
        ("sent_bytes_total", "Bytes sent.", &c.sent_bytes),
        (
            "log_reads_total",
            "Batches read for slow followers.",
            &c.from_log,
        ),
    ] {
        metric(
            out,
            name,
            "counter",
            help,
            counter.load(Ordering::Relaxed) as f64,
        );
    }
    let peers = hub.board.peers();
    let connected = peers.iter().filter(|peer| peer.connections > 0).count();
    metric(
        out,
        "followers",
        "gauge",
        "Followers connected.",
        connected as f64,
    );
    rates(out, &peers);
    lags(out, head.point.index, &peers);
    applied(out, &peers);
}

/// How fast each follower is, where that is known.
fn rates(out: &mut String, peers: &[Peer]) {
    let now = Instant::now();
    let name = "creel_follower_entries_per_second";
    let _ = writeln!(
        out,
        "# HELP {name} Entries that a follower has made durable of late."
    );
    let _ = writeln!(out, "# TYPE {name} gauge");
    for peer in peers {
        if let Some(rate) = peer.speed.per_second(now) {
            let (node, who) = (hex(&peer.node), label(&peer.name));
            let _ = writeln!(out, "{name}{{node=\"{node}\",name=\"{who}\"}} {rate}");
        }
    }
}

/// What readers of each follower see, where it has said so.
fn applied(out: &mut String, peers: &[Peer]) {
    let name = "creel_follower_applied_index";
    let _ = writeln!(
        out,
        "# HELP {name} Newest entry that readers of a follower see."
    );
    let _ = writeln!(out, "# TYPE {name} gauge");
    for peer in peers {
        if let Some(index) = peer.applied {
            let (node, who) = (hex(&peer.node), label(&peer.name));
            let _ = writeln!(out, "{name}{{node=\"{node}\",name=\"{who}\"}} {index}");
        }
    }
}

/// What each follower lacks.
fn lags(out: &mut String, head: u64, peers: &[Peer]) {
    let name = "creel_follower_behind_entries";
    let _ = writeln!(out, "# HELP {name} Entries that a follower does not hold.");
    let _ = writeln!(out, "# TYPE {name} gauge");
    for peer in peers {
        let held = peer.durable.map_or(0, |point| point.index);
        let behind = head.saturating_sub(held);
        let (node, who) = (hex(&peer.node), label(&peer.name));
        let _ = writeln!(out, "{name}{{node=\"{node}\",name=\"{who}\"}} {behind}");
    }
}
