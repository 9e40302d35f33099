//! The report of a salvage, for people and for programs.

use std::path::Path;

use creel::Verdict;
use creel::salvage::{LostRange, SalvageReport, Salvaged};
use serde::Serialize;

use super::lost_file::{self, CommitsLine, RangeLine};
use crate::cli::escape::{self, Plain};
use crate::cli::table::{self, Value};
use crate::cli::{Context, Failure, report, text};

/// Ranges that are printed; `--lost` has all of them.
const SHOWN: usize = 100;
const SHOWN_JSON: usize = 1000;

/// A report and how to show it.
pub(super) struct View<'a> {
    pub(super) path: &'a Path,
    pub(super) report: &'a SalvageReport,
    /// What `verify` says, where nothing needed to be salvaged.
    pub(super) verdict: Option<Verdict>,
    pub(super) redact: bool,
}

#[derive(Serialize)]
struct KeyspaceJson<'a> {
    id: u32,
    name: &'a str,
    named: bool,
    entries: u64,
    bytes: u64,
    possibly_stale: u64,
}

#[derive(Serialize)]
struct PlanJson<'a> {
    schema: &'static str,
    record: &'static str,
    path: String,
    dry_run: bool,
    step: &'static str,
    complete: bool,
    may_be_stale: bool,
    entries: u64,
    bytes: u64,
    possibly_stale: u64,
    keyspaces: Vec<KeyspaceJson<'a>>,
    lost: Vec<RangeLine<'a>>,
    lost_left_out: u64,
    lost_entries: u64,
    lost_uncounted: bool,
    commits_applied: u64,
    commits_out_of_order: u64,
    commits_lost: u64,
    lost_commits: Vec<CommitsLine>,
    last_index: Option<u64>,
    doubts: &'a [String],
    notes: &'a [String],
    generation: u64,
    page_size: u32,
    pinned: bool,
    writer_active: bool,
    verdict: Option<&'static str>,
}

#[derive(Serialize)]
struct ResultJson {
    schema: &'static str,
    record: &'static str,
    output: String,
    entries: u64,
    bytes: u64,
    complete: bool,
    continues_history: bool,
    verified: bool,
}

impl View<'_> {
    /// What can be saved and what is lost.
    pub(super) fn plan(&self, ctx: &mut Context, dry_run: bool) -> Result<(), Failure> {
        if ctx.globals.json {
            return self.plan_json(ctx, dry_run);
        }
        if ctx.globals.quiet > 0 {
            return Ok(());
        }
        let r = self.report;
        for range in r.lost.iter().take(SHOWN) {
            ctx.out
                .line(&format!("lost range: {}", self.range(range)))?;
        }
        if let Some(more) = r.lost.len().checked_sub(SHOWN).filter(|&more| more > 0) {
            ctx.out.line(&format!(
                "{more} more lost ranges; --lost FILE has all of them"
            ))?;
        }
        for commits in r.lost_commits.iter().take(SHOWN) {
            let how = if commits.readable {
                "can be read, but commits before them are missing; --prefer newest applies them"
            } else {
                "cannot be read"
            };
            ctx.out.line(&format!(
                "lost commits: {} to {} {how}",
                commits.from, commits.to
            ))?;
        }
        for doubt in &r.doubts {
            ctx.out
                .line(&format!("doubt: {}", report::printable(doubt)))?;
        }
        for note in &r.notes {
            ctx.out
                .line(&format!("note: {}", report::printable(note)))?;
        }
        if r.writer_active {
            ctx.out
                .line("note: another process is writing to the file; this is one moment of it")?;
        }
        if let Some(verdict) = self.verdict {
            ctx.out.line(&format!("note: {}", of_verdict(verdict)))?;
        }
        for keyspace in &r.keyspaces {
            let stale = match keyspace.possibly_stale {
                0 => String::new(),
                n => format!(", {n} of them possibly stale"),
            };
            let name = escape::to_string(keyspace.name.as_bytes(), Plain::Ascii);
            ctx.out.line(&format!(
                "keyspace {name}: {} entries{stale}",
                keyspace.entries
            ))?;
        }
        table::facts(&mut ctx.out, &self.facts())
    }

    fn facts(&self) -> Vec<(&'static str, Value)> {
        let r = self.report;
        let word = |yes| Value::from(if yes { "yes" } else { "no" });
        let at_least = if r.lost_uncounted { "at least " } else { "" };
        vec![
            (
                "step",
                format!("{}: {}", r.step.name(), r.step.text()).into(),
            ),
            ("complete", word(r.complete)),
            ("entries", r.entries.into()),
            ("bytes", Value::Bytes(r.bytes)),
            ("possibly_stale", r.possibly_stale.into()),
            ("lost_ranges", (r.lost.len() as u64).into()),
            (
                "entries_in_lost_ranges",
                format!("{at_least}{}", r.lost_entries).into(),
            ),
            ("commits_applied", r.commits_applied.into()),
            ("commits_lost", r.commits_lost().into()),
        ]
    }

    fn range(&self, range: &LostRange) -> String {
        let show = |key: &[u8]| {
            if self.redact {
                text::redacted(key)
            } else {
                escape::to_string(key, Plain::Ascii)
            }
        };
        let keyspace = match (&range.name, range.keyspace) {
            (_, Some(0)) => "names of keyspaces".to_owned(),
            (Some(name), _) => escape::to_string(name.as_bytes(), Plain::Ascii),
            (None, Some(id)) => format!("keyspace {id}"),
            (None, None) => "keyspaces that nothing is known of".to_owned(),
        };
        let from = match range.from.as_slice() {
            [] => "the first key".to_owned(),
            from => show(from),
        };
        let to = range
            .to
            .as_deref()
            .map_or("the end".to_owned(), |to| format!("before {}", show(to)));
        let size = range
            .entries
            .map_or(String::new(), |n| format!(": {n} entries"));
        let recovered = match range.recovered {
            0 => String::new(),
            n => format!(", {n} found on single pages"),
        };
        let places = match range.places {
            0 | 1 => String::new(),
            n => format!(", and {} more places", n - 1),
        };
        let cause = report::printable(&range.cause.to_string());
        format!("{keyspace}, from {from} to {to}{size}{recovered} ({cause}{places})")
    }

    fn plan_json(&self, ctx: &mut Context, dry_run: bool) -> Result<(), Failure> {
        let r = self.report;
        let keyspaces = r.keyspaces.iter().map(|k| KeyspaceJson {
            id: k.id,
            name: &k.name,
            named: k.named,
            entries: k.entries,
            bytes: k.bytes,
            possibly_stale: k.possibly_stale,
        });
        let lost = r.lost.iter().take(SHOWN_JSON);
        ctx.out.json(&PlanJson {
            schema: "creel.salvage/1",
            record: "plan",
            path: self.path.to_string_lossy().into_owned(),
            dry_run,
            step: r.step.name(),
            complete: r.complete,
            may_be_stale: r.may_be_stale(),
            entries: r.entries,
            bytes: r.bytes,
            possibly_stale: r.possibly_stale,
            keyspaces: keyspaces.collect(),
            lost: lost.map(|l| lost_file::range(l, self.redact)).collect(),
            lost_left_out: r.lost.len().saturating_sub(SHOWN_JSON) as u64,
            lost_entries: r.lost_entries,
            lost_uncounted: r.lost_uncounted,
            commits_applied: r.commits_applied,
            commits_out_of_order: r.commits_out_of_order,
            commits_lost: r.commits_lost(),
            lost_commits: r
                .lost_commits
                .iter()
                .take(SHOWN_JSON)
                .map(lost_file::commits)
                .collect(),
            last_index: r.last_index,
            doubts: &r.doubts,
            notes: &r.notes,
            generation: r.generation,
            page_size: r.page_size,
            pinned: r.pinned,
            writer_active: r.writer_active,
            verdict: self.verdict.map(name_of),
        })
    }

    /// What was written.
    pub(super) fn result(
        &self,
        ctx: &mut Context,
        new: &Path,
        saved: &Salvaged,
    ) -> Result<(), Failure> {
        if ctx.globals.json {
            return ctx.out.json(&ResultJson {
                schema: "creel.salvage/1",
                record: "result",
                output: new.to_string_lossy().into_owned(),
                entries: saved.entries,
                bytes: saved.bytes,
                complete: self.report.complete,
                continues_history: saved.continues,
                verified: true,
            });
        }
        if ctx.globals.quiet > 0 {
            return Ok(());
        }
        let history = if saved.continues { "continued" } else { "new" };
        table::facts(
            &mut ctx.out,
            &[
                ("written", new.to_string_lossy().into_owned().into()),
                ("file_bytes", Value::Bytes(saved.bytes)),
                ("verified", "yes".into()),
                ("history", history.into()),
            ],
        )
    }
}

fn name_of(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Clean => "clean",
        Verdict::Recoverable => "recoverable",
        Verdict::Damaged => "damaged",
        Verdict::Unreadable => "unreadable",
    }
}

fn of_verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Clean => "verify finds nothing wrong: nothing needed to be salvaged",
        Verdict::Recoverable => {
            "verify finds nothing that the next open does not put right: nothing needed to be salvaged"
        }
        Verdict::Damaged | Verdict::Unreadable => {
            "all data is whole; creel verify says what is damaged beside it"
        }
    }
}
