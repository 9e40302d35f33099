//! The result of a run: for people, for programs, and as files.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use creel::soak::check::{Broken, Ledger, Standing};
use creel::soak::config::{Config, Limit};
use creel::soak::fleet::{Fleet, FleetCounts, Transport};
use creel::soak::measure::Quantiles;
use creel::soak::outcome::{FaultReport, Outcome as Found, Trends, Verdict};
use creel::soak::report::{Heading, PartView, annotations, junit, page, step_summary};
use creel::soak::store::Counts;
use creel::soak::text::name;
use serde::Serialize;

use super::args::{ReportKind, SoakArgs};
use super::artefacts::Artefacts;
use super::parts::{Part, exit};
use crate::cli::Failure;

/// A part and what was found.
pub(super) struct Done {
    pub part: Part,
    pub found: Found,
}

/// Everything together.
pub(super) struct Report<'a> {
    pub done: Vec<Done>,
    pub elapsed: Duration,
    pub args: &'a SoakArgs,
    /// A database that was kept.
    pub database: Option<PathBuf>,
    /// The time that was given to all parts.
    pub total_ms: u64,
    /// What repeats a failure.
    pub repro: Option<PathBuf>,
}

/// `result.json` and `--json`.
#[derive(Serialize)]
pub(super) struct Line {
    schema: &'static str,
    verdict: Verdict,
    exit: u8,
    seed: u64,
    operations: u64,
    operation_hash: String,
    final_digest: Option<String>,
    elapsed_s: f64,
    operations_per_s: f64,
    checks: Vec<Standing>,
    broken: Vec<Broken>,
    inconclusive: Vec<String>,
    parts: Vec<PartLine>,
    out: Option<String>,
    database: Option<String>,
    reproduce: String,
    version: &'static str,
}

#[derive(Serialize)]
struct PartLine {
    name: &'static str,
    verdict: Verdict,
    operations: u64,
    operation_hash: String,
    final_digest: Option<String>,
    elapsed_s: f64,
    operations_per_s: f64,
    first_quarter_per_s: Option<f64>,
    last_quarter_per_s: Option<f64>,
    counts: Counts,
    slowest_opening_ms: u64,
    commit_latency: Quantiles,
    read_latency: Quantiles,
    bytes_written: u64,
    syncs: u64,
    entries: u64,
    live_bytes: u64,
    file_bytes: u64,
    peak_rss_kb: u64,
    samples: u64,
    trends: Trends,
    faults: Vec<FaultReport>,
    replication: Option<FleetCounts>,
    config: serde_json::Value,
}

impl<'a> Report<'a> {
    pub fn new(done: Vec<Done>, elapsed: Duration, args: &'a SoakArgs) -> Report<'a> {
        Report {
            done,
            elapsed,
            args,
            database: None,
            total_ms: 0,
            repro: None,
        }
    }

    /// The worst verdict of all parts.
    pub fn verdict(&self) -> Verdict {
        let order = [
            Verdict::Invariant,
            Verdict::Resource,
            Verdict::Interrupted,
            Verdict::Performance,
            Verdict::Inconclusive,
        ];
        let all: Vec<Verdict> = self.done.iter().map(|d| d.found.verdict()).collect();
        let worst = order.into_iter().find(|verdict| all.contains(verdict));
        worst.unwrap_or(Verdict::Passed)
    }

    /// Checks of all parts.
    pub fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::default();
        for done in &self.done {
            ledger.merge(&done.found.ledger);
        }
        ledger
    }

    /// One value for all parts: that of the only part, or the hash of all.
    fn over_parts(&self, of: impl Fn(&Found) -> Option<String>) -> Option<String> {
        let all: Option<Vec<String>> = self.done.iter().map(|d| of(&d.found)).collect();
        let all = all?;
        match all.as_slice() {
            [one] => Some(one.clone()),
            several => Some(
                blake3::hash(several.join(" ").as_bytes())
                    .to_hex()
                    .to_string(),
            ),
        }
    }

    /// The command that does the same again.
    pub fn reproduce(&self) -> String {
        if let Some(path) = &self.repro {
            return format!("creel soak --replay {}", path.display());
        }
        let Some(first) = self.done.first() else {
            return "creel soak".into();
        };
        let fleet = self.done.iter().find_map(|d| d.part.fleet.as_ref());
        let has_store = self.done.iter().any(|d| d.part.fleet.is_none());
        let mut config = first.part.config.clone();
        for done in self.done.iter().filter_map(|d| d.part.fleet.as_ref()) {
            let more = done.faults.iter().copied();
            config.faults.retain(|kind| !done.faults.contains(kind));
            config.faults.extend(more);
        }
        if let Limit::DurationMs(_) = config.limit {
            config.limit = Limit::DurationMs(self.total_ms);
        }
        let mut text = command(&config, self.args);
        match (has_store, fleet) {
            (true, None) => text.push_str(" --mode store"),
            (false, _) => text.push_str(" --mode replication"),
            (true, Some(_)) => {}
        }
        if let Some(fleet) = fleet {
            text.push_str(&fleet_flags(fleet));
            let of_part = self.done.iter().filter_map(|d| d.part.fleet.as_ref());
            let transports: Vec<Transport> = match self.args.replay {
                None => self.args.transports(),
                Some(_) => of_part.map(|fleet| fleet.transport).collect(),
            };
            if transports != [Transport::Path] {
                let names: Vec<String> = transports.iter().map(name).collect();
                text.push_str(&format!(" --transport {}", names.join(",")));
            }
        }
        text
    }

    pub fn line(&self, artefacts: Option<&Artefacts>) -> Line {
        let ledger = self.ledger();
        let operations: u64 = self.done.iter().map(|d| d.found.operations).sum();
        let seconds: f64 = self.done.iter().map(|d| d.found.elapsed_s).sum();
        let verdict = self.verdict();
        let inconclusive = self
            .done
            .iter()
            .flat_map(|d| d.found.inconclusive.iter().cloned());
        Line {
            schema: "creel.soak/1",
            verdict,
            exit: exit(verdict).code(),
            seed: self.done.first().map_or(0, |d| d.part.config.seed),
            operations,
            operation_hash: self
                .over_parts(|f| Some(f.operation_hash.clone()))
                .unwrap_or_default(),
            final_digest: self.over_parts(|f| f.digest().map(str::to_owned)),
            elapsed_s: self.elapsed.as_secs_f64(),
            operations_per_s: if seconds > 0.0 {
                operations as f64 / seconds
            } else {
                0.0
            },
            checks: ledger.standings(),
            broken: ledger.broken().to_vec(),
            inconclusive: inconclusive.collect(),
            parts: self.done.iter().map(part_line).collect(),
            out: artefacts
                .and_then(Artefacts::dir)
                .map(|d| d.to_string_lossy().into_owned()),
            database: self
                .database
                .as_ref()
                .map(|d| d.to_string_lossy().into_owned()),
            reproduce: self.reproduce(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    /// Writes the files that are made at the end.
    pub fn write(&self, artefacts: &Artefacts) -> Result<(), Failure> {
        if artefacts.dir().is_none() {
            return Ok(());
        }
        let wants = |kind| self.args.report.wants(kind);
        let (heading, parts) = (self.heading(), self.views(artefacts));
        if wants(ReportKind::Json) {
            let text = serde_json::to_string_pretty(&self.line(Some(artefacts)));
            artefacts.file("result.json", &text.unwrap_or_default())?;
        }
        if wants(ReportKind::Junit) {
            artefacts.file("junit.xml", &junit(&parts))?;
        }
        if wants(ReportKind::Html) {
            artefacts.file("report.html", &page(&heading, &parts))?;
        }
        for done in self.done.iter().filter(|_| wants(ReportKind::Hgrm)) {
            let file = format!("latency-{}.hgrm", done.part.name);
            artefacts.file(&file, &done.found.commit_times.table())?;
        }
        Ok(())
    }
}

impl Report<'_> {
    fn heading(&self) -> Heading {
        Heading {
            verdict: self.verdict(),
            seed: self.done.first().map_or(0, |d| d.part.config.seed),
            reproduce: self.reproduce(),
            version: env!("CARGO_PKG_VERSION"),
            operation_hash: self
                .over_parts(|f| Some(f.operation_hash.clone()))
                .unwrap_or_default(),
            final_digest: self.over_parts(|f| f.digest().map(str::to_owned)),
        }
    }

    fn views<'v>(&'v self, artefacts: &'v Artefacts) -> Vec<PartView<'v>> {
        let view = |done: &'v Done| PartView {
            name: done.part.name,
            outcome: &done.found,
            events: artefacts
                .kept
                .iter()
                .filter(|(part, _)| *part == done.part.name)
                .map(|(_, event)| event)
                .collect(),
        };
        self.done.iter().map(view).collect()
    }

    /// In a GitHub workflow: annotations on standard error, a table on the page of the run.
    pub fn tell_github(&self) -> Result<(), Failure> {
        if !self.args.report.wants(ReportKind::Github) {
            return Ok(());
        }
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let nothing = Artefacts::default();
        let parts = self.views(&nothing);
        if set("GITHUB_ACTIONS").is_some() {
            crate::cli::report::stderr(&annotations(&parts));
        }
        let Some(summary) = set("GITHUB_STEP_SUMMARY").map(PathBuf::from) else {
            return Ok(());
        };
        let text = step_summary(&self.heading(), &parts);
        let file = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(&summary);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|e| Failure::file("write", &summary, &e))
    }
}

fn part_line(done: &Done) -> PartLine {
    let found = &done.found;
    let (commit_latency, read_latency) = found.quantiles();
    let rates = found.quarter_rates();
    let last = found.series.samples().last().copied().unwrap_or_default();
    let peak = found.series.samples().iter().map(|s| s.rss_kb).max();
    PartLine {
        name: done.part.name,
        verdict: found.verdict(),
        operations: found.operations,
        operation_hash: found.operation_hash.clone(),
        final_digest: found.digest().map(str::to_owned),
        elapsed_s: found.elapsed_s,
        operations_per_s: found.rate(),
        first_quarter_per_s: rates.map(|r| r.0),
        last_quarter_per_s: rates.map(|r| r.1),
        counts: found.counts,
        slowest_opening_ms: u64::try_from(found.openings.1.as_millis()).unwrap_or(u64::MAX),
        commit_latency,
        read_latency,
        bytes_written: found.bytes_written,
        syncs: found.syncs,
        entries: last.live_keys,
        live_bytes: last.live_bytes,
        file_bytes: last.file_bytes,
        peak_rss_kb: peak.unwrap_or(0),
        samples: found.series.seen(),
        trends: found.trends,
        faults: found.faults.clone(),
        replication: found.fleet,
        config: match &done.part.fleet {
            Some(fleet) => serde_json::to_value(fleet),
            None => serde_json::to_value(&done.part.config),
        }
        .unwrap_or_default(),
    }
}

/// The flags that make this run with replicas.
fn fleet_flags(fleet: &Fleet) -> String {
    let usual = Fleet::default();
    let of = |f: &Fleet| {
        [
            ("replicas", f.replicas.into()),
            ("cycles", f.cycles),
            ("commits-per-cycle", f.commits_per_cycle),
            ("active-replicas", f.active_replicas.into()),
            ("churn-interval", f.churn_interval),
            ("promotion-interval", f.promotion_interval),
            ("reseed-check-interval", f.reseed_check_interval),
            ("max-frames", f.max_frames as u64),
            ("recovery-max-loops", f.recovery_max_loops),
            ("segment-max-bytes", f.segment_max_bytes),
            ("retention-min", f.retention_min),
        ]
    };
    let changed = of(fleet).into_iter().zip(of(&usual));
    let changed = changed.filter(|(now, usual)| now.1 != usual.1);
    let mut text = String::new();
    for ((flag, value), _) in changed {
        text.push_str(&format!(" --{flag} {value}"));
    }
    text
}

/// The flags that make this configuration.
fn command(config: &Config, args: &SoakArgs) -> String {
    let usual = Config::default();
    let mut text = format!("creel soak --seed {}", config.seed);
    let mut flag = |name: &str, value: String| {
        text.push_str(&format!(" --{name} {value}"));
    };
    match config.limit {
        Limit::Ops(ops) => flag("ops", ops.to_string()),
        Limit::Cycles(_) => {}
        Limit::DurationMs(ms) => flag("duration", format!("{ms}ms")),
    }
    let numbers = [
        (
            "checkpoint-every",
            config.checkpoint_every,
            usual.checkpoint_every,
        ),
        ("compact-every", config.compact_every, usual.compact_every),
        ("reopen-every", config.reopen_every, usual.reopen_every),
        ("hold", config.hold, usual.hold),
        ("oracle-memory", config.oracle_memory, usual.oracle_memory),
        ("keyspaces", config.keyspaces.into(), usual.keyspaces.into()),
        ("batch", config.batch.into(), usual.batch.into()),
    ];
    for (name, value, usual) in numbers {
        if value != usual {
            flag(name, value.to_string());
        }
    }
    let shares = [
        ("delete", config.delete, usual.delete),
        ("get", config.get, usual.get),
        ("scan", config.scan, usual.scan),
        ("cas", config.cas, usual.cas),
    ];
    for (name, value, usual) in shares {
        if value != usual {
            flag(name, format!("{}%", f64::from(value) / 100.0));
        }
    }
    if let Some(inputs) = &args.work.input {
        let files = inputs
            .iter()
            .map(|(class, path)| format!("{}={}", name(class), path.display()));
        flag("input", files.collect::<Vec<_>>().join(","));
    } else if config.keys != usual.keys {
        flag("keys", config.keys.to_string());
    }
    if config.mix != usual.mix && args.work.input.is_none() {
        let [small, medium, large] = config.mix;
        flag("mix", format!("{small}/{medium}/{large}"));
    }
    if config.sample_every_ms != usual.sample_every_ms {
        flag("sample-every", format!("{}ms", config.sample_every_ms));
    }
    if config.bounds != usual.bounds {
        let b = &config.bounds;
        let trend = name(&b.trend);
        let mut text = format!(
            "memory-growth={},descriptors={},file-factor={},file-extra={},log={},recovery={}ms,trend={trend}",
            b.memory_growth, b.descriptors, b.file_factor, b.file_extra, b.log, b.recovery_ms
        );
        if b.lag > 0 {
            text.push_str(&format!(",lag={}", b.lag));
        }
        flag("bounds", text);
    }
    if config.sync != usual.sync {
        flag("sync-mode", name(&config.sync));
    }
    if config.kill_every != usual.kill_every {
        flag("kill-every", config.kill_every.to_string());
    }
    if !config.faults.is_empty() {
        let names: Vec<String> = config.faults.iter().map(|kind| kind.name()).collect();
        flag("faults", names.join(","));
        if config.fault_every != usual.fault_every {
            flag("fault-every", config.fault_every.to_string());
        }
    }
    text
}
