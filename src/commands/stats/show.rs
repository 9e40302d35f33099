//! The forms of a statistics report.

use std::path::Path;

use creel::{Quantiles, Stats};
use serde::Serialize;

use super::histogram::{Bucket, Histogram};
use crate::cli::escape;
use crate::cli::output::Out;
use crate::cli::table::{self, Value};
use crate::cli::{Failure, text};

/// A report and how to show it.
pub(super) struct View<'a> {
    pub(super) stats: &'a Stats,
    pub(super) histogram: Option<&'a Histogram>,
    pub(super) pages: bool,
    pub(super) redact: bool,
    pub(super) path: &'a Path,
    /// Commits since the last checkpoint and their bytes.
    pub(super) log: (u64, u64),
}

#[derive(Serialize)]
struct JsonStats {
    schema: &'static str,
    path: String,
    exact: bool,
    sampled_pages: u64,
    error_percent: f64,
    entries: u64,
    log_commits: u64,
    log_bytes: u64,
    logical_bytes: u64,
    file_bytes: u64,
    live_bytes: u64,
    dead_bytes: u64,
    expected_compact_bytes: u64,
    leaf_fill_percent: f64,
    pages: JsonPages,
    key_bytes: JsonQuantiles,
    value_bytes: JsonQuantiles,
    keyspaces: Vec<JsonKeyspace>,
    biggest: Vec<JsonBiggest>,
    prefixes: Vec<JsonPrefix>,
    prefixes_left_out: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    histogram: Option<Vec<Bucket>>,
}

#[derive(Serialize)]
struct JsonPages {
    leaf: u64,
    branch: u64,
    overflow: u64,
    free_list: u64,
    log: u64,
    available: u64,
    pending: u64,
}

#[derive(Serialize)]
struct JsonQuantiles {
    min: u64,
    p50: u64,
    p90: u64,
    p99: u64,
    max: u64,
    mean: f64,
}

#[derive(Serialize)]
struct JsonKeyspace {
    name: String,
    entries: u64,
}

#[derive(Serialize)]
struct JsonBiggest {
    #[serde(skip_serializing_if = "Option::is_none")]
    key_b64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_redacted: Option<String>,
    value_bytes: u64,
}

#[derive(Serialize)]
struct JsonPrefix {
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix_b64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix_redacted: Option<String>,
    entries: u64,
    bytes: u64,
}

fn quantiles(q: &Quantiles) -> JsonQuantiles {
    JsonQuantiles {
        min: q.min,
        p50: q.p50,
        p90: q.p90,
        p99: q.p99,
        max: q.max,
        mean: q.mean,
    }
}

impl View<'_> {
    /// What the figures leave out.
    pub fn remark(&self) -> Option<String> {
        let path = self.path.display();
        let commits = match self.log.0 {
            0 => return None,
            1 => "1 commit in the log is".to_owned(),
            many => format!("{many} commits in the log are"),
        };
        Some(format!(
            "{commits} left out of the figures: creel checkpoint {path} folds them in"
        ))
    }

    fn named_pages(&self) -> [(&'static str, u64); 7] {
        let p = &self.stats.pages;
        [
            ("leaf", p.leaf),
            ("branch", p.branch),
            ("overflow", p.overflow),
            ("free_list", p.free_list),
            ("log", p.log),
            ("available", p.available),
            ("pending", p.pending),
        ]
    }

    /// For people.
    pub(super) fn text(&self, out: &mut Out) -> Result<(), Failure> {
        let s = self.stats;
        let basis = if s.exact {
            "everything was read".to_owned()
        } else {
            format!(
                "a sample of {} pages; shares may be off by {:.1}%",
                s.sampled_pages, s.error_percent
            )
        };
        table::facts(
            out,
            &[
                ("basis", basis.into()),
                ("entries", s.entries.into()),
                ("log_commits", self.log.0.into()),
                ("log_bytes", Value::Bytes(self.log.1)),
                ("logical_bytes", Value::Bytes(s.logical_bytes)),
                ("file_bytes", Value::Bytes(s.file_bytes)),
                ("live_bytes", Value::Bytes(s.live_bytes)),
                ("dead_bytes", Value::Bytes(s.dead_bytes)),
                (
                    "bytes_after_compact",
                    Value::Bytes(s.expected_compact_bytes),
                ),
                ("leaf_fill", Value::Percent(s.leaf_fill_percent)),
                ("key_bytes", spread(&s.key_length).into()),
                ("value_bytes", spread(&s.value_length).into()),
            ],
        )?;
        if self.pages {
            let rows: Vec<Vec<Value>> = self
                .named_pages()
                .into_iter()
                .map(|(kind, n)| vec![kind.into(), n.into()])
                .collect();
            section(out, &["page kind", "pages"], &rows)?;
        }
        if s.keyspaces.len() > 1 {
            let rows = s
                .keyspaces
                .iter()
                .map(|(name, entries)| vec![Value::from(name.clone()), Value::from(*entries)]);
            section(out, &["keyspace", "entries"], &rows.collect::<Vec<_>>())?;
        }
        self.lists(out)
    }

    fn lists(&self, out: &mut Out) -> Result<(), Failure> {
        let s = self.stats;
        let plain = out.plain();
        let shown = |key: &[u8]| {
            if self.redact {
                text::redacted(key)
            } else {
                escape::to_string(key, plain)
            }
        };
        if !s.prefixes.is_empty() {
            let rows = s.prefixes.iter().map(|(prefix, entries, bytes)| {
                vec![
                    shown(prefix).into(),
                    Value::from(*entries),
                    Value::Bytes(*bytes),
                ]
            });
            section(
                out,
                &["prefix", "entries", "bytes"],
                &rows.collect::<Vec<_>>(),
            )?;
            if s.prefixes_left_out > 0 {
                let others = s.prefixes_left_out;
                out.line(&format!(
                    "# {others} entries under more prefixes are not listed"
                ))?;
            }
        }
        if !s.biggest.is_empty() {
            let rows = s
                .biggest
                .iter()
                .map(|(key, bytes)| vec![shown(key).into(), Value::Bytes(*bytes)]);
            section(out, &["biggest", "bytes"], &rows.collect::<Vec<_>>())?;
        }
        if let Some(histogram) = self.histogram {
            let rows = histogram.buckets().into_iter().map(|b| {
                vec![
                    b.from.into(),
                    b.to.into(),
                    Value::from(b.keys),
                    Value::from(b.values),
                ]
            });
            section(
                out,
                &["from", "to", "keys", "values"],
                &rows.collect::<Vec<_>>(),
            )?;
        }
        Ok(())
    }

    /// One object.
    pub(super) fn json(&self, out: &mut Out) -> Result<(), Failure> {
        let s = self.stats;
        let p = &s.pages;
        let plain = |key: &[u8]| (!self.redact).then(|| text::base64(key));
        let redacted = |key: &[u8]| self.redact.then(|| text::redacted(key));
        let keyspaces = s.keyspaces.iter();
        let prefixes = s.prefixes.iter();
        out.json(&JsonStats {
            schema: "creel.stats/1",
            path: self.path.to_string_lossy().into_owned(),
            exact: s.exact,
            sampled_pages: s.sampled_pages,
            error_percent: s.error_percent,
            entries: s.entries,
            log_commits: self.log.0,
            log_bytes: self.log.1,
            logical_bytes: s.logical_bytes,
            file_bytes: s.file_bytes,
            live_bytes: s.live_bytes,
            dead_bytes: s.dead_bytes,
            expected_compact_bytes: s.expected_compact_bytes,
            leaf_fill_percent: s.leaf_fill_percent,
            pages: JsonPages {
                leaf: p.leaf,
                branch: p.branch,
                overflow: p.overflow,
                free_list: p.free_list,
                log: p.log,
                available: p.available,
                pending: p.pending,
            },
            key_bytes: quantiles(&s.key_length),
            value_bytes: quantiles(&s.value_length),
            keyspaces: keyspaces
                .map(|(name, entries)| JsonKeyspace {
                    name: name.clone(),
                    entries: *entries,
                })
                .collect(),
            biggest: s
                .biggest
                .iter()
                .map(|(key, bytes)| JsonBiggest {
                    key_b64: plain(key),
                    key_redacted: redacted(key),
                    value_bytes: *bytes,
                })
                .collect(),
            prefixes: prefixes
                .map(|(prefix, entries, bytes)| JsonPrefix {
                    prefix_b64: plain(prefix),
                    prefix_redacted: redacted(prefix),
                    entries: *entries,
                    bytes: *bytes,
                })
                .collect(),
            prefixes_left_out: s.prefixes_left_out,
            histogram: self.histogram.map(Histogram::buckets),
        })
    }

    /// OpenMetrics text, for a scraper.
    pub(super) fn openmetrics(&self, out: &mut Out) -> Result<(), Failure> {
        let s = self.stats;
        let path = self.path.to_string_lossy();
        let path = path
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n");
        for (name, unit, help, value) in [
            ("entries", "", "Entries in the database", s.entries),
            (
                "log_commits",
                "",
                "Commits since the last checkpoint",
                self.log.0,
            ),
            (
                "logical_bytes",
                "bytes",
                "Bytes of keys and values",
                s.logical_bytes,
            ),
            ("file_bytes", "bytes", "Size of the file", s.file_bytes),
            ("live_bytes", "bytes", "Bytes of pages in use", s.live_bytes),
            (
                "dead_bytes",
                "bytes",
                "Bytes that compaction would free",
                s.dead_bytes,
            ),
        ] {
            out.line(&format!("# TYPE creel_{name} gauge"))?;
            if !unit.is_empty() {
                out.line(&format!("# UNIT creel_{name} {unit}"))?;
            }
            out.line(&format!("# HELP creel_{name} {help}."))?;
            out.line(&format!("creel_{name}{{path=\"{path}\"}} {value}"))?;
        }
        out.line("# TYPE creel_pages gauge")?;
        out.line("# HELP creel_pages Pages by kind.")?;
        for (kind, pages) in self.named_pages() {
            out.line(&format!(
                "creel_pages{{path=\"{path}\",kind=\"{kind}\"}} {pages}"
            ))?;
        }
        out.line("# EOF")
    }
}

/// A table after an empty line.
fn section(out: &mut Out, heading: &[&str], rows: &[Vec<Value>]) -> Result<(), Failure> {
    out.line("")?;
    if !out.is_terminal() {
        out.line(&format!("# {}", heading.join("\t")))?;
    }
    table::rows(out, heading, rows)
}

fn spread(q: &Quantiles) -> String {
    format!(
        "min {} p50 {} p90 {} p99 {} max {} mean {:.1}",
        q.min, q.p50, q.p90, q.p99, q.max, q.mean
    )
}
