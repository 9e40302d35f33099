//! A page that needs nothing but itself: no network, no scripts.

use std::fmt::Write as _;

use super::chart::{Chart, Line, Unit};
use super::{Heading, PartView, escaped, verdict_text};
use crate::soak::measure::Sample;
use crate::soak::outcome::Verdict;

const STYLE: &str = "
:root { color-scheme: light dark; --fg: #1c2024; --dim: #60646c; --bg: #fcfcfd; --card: #fff;
  --edge: #d9d9e0; --good: #18794e; --bad: #c62a2f; --doubt: #9a6700;
  --c0: #0b68cb; --c1: #c2410c; --c2: #18794e; --fault: #c62a2f; --quiet: #b9bbc6; }
@media (prefers-color-scheme: dark) { :root { --fg: #edeef0; --dim: #b0b4ba; --bg: #111113;
  --card: #18191b; --edge: #363a3f; --good: #3dd68c; --bad: #ff9592; --doubt: #ffca16;
  --c0: #70b8ff; --c1: #ffa057; --c2: #3dd68c; --fault: #ff9592; --quiet: #54585f; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--fg); background: var(--bg);
  max-width: 1640px; margin: 0 auto; padding: 24px; }
h1 { font-size: 22px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 32px 0 8px; }
.verdict { font-weight: 600; } .passed { color: var(--good); } .failed { color: var(--bad); }
.doubt { color: var(--doubt); } .dim { color: var(--dim); }
code { font: 13px/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
.cards, .charts { display: grid; gap: 12px; }
.cards { grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); margin: 12px 0; }
.charts { grid-template-columns: repeat(auto-fill, minmax(min(100%, 480px), 1fr)); }
.card, figure { background: var(--card); border: 1px solid var(--edge); border-radius: 8px;
  padding: 10px 12px; margin: 0; min-width: 0; }
.card b { display: block; font-size: 19px; font-variant-numeric: tabular-nums; }
.card span { color: var(--dim); font-size: 13px; }
figcaption { font-weight: 600; margin-bottom: 4px; } svg { width: 100%; height: auto; display: block; }
.grid { stroke: var(--edge); stroke-width: 1; } .axis { fill: var(--dim); font-size: 11px; }
.line { fill: none; stroke-width: 1.6; stroke-linejoin: round; }
.line0 { stroke: var(--c0); } .line1 { stroke: var(--c1); } .line2 { stroke: var(--c2); }
.mark { stroke: var(--quiet); stroke-width: 1; stroke-dasharray: 2 3; opacity: .7; }
.mark-fault, .mark-kill, .mark-rebuild { stroke: var(--fault); }
.mark-promotion, .mark-reseed { stroke: var(--c1); stroke-dasharray: none; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; color: var(--dim); font-size: 13px; }
.legend b { color: var(--fg); font-weight: 600; font-variant-numeric: tabular-nums; }
.key { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 6px; }
.key0 { background: var(--c0); } .key1 { background: var(--c1); } .key2 { background: var(--c2); }
table { border-collapse: collapse; width: 100%; margin: 8px 0 16px; } .wide { overflow-x: auto; }
th, td { text-align: left; padding: 5px 12px 5px 0; border-bottom: 1px solid var(--edge);
  vertical-align: top; } th { color: var(--dim); font-weight: 500; font-size: 13px; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
";

/// The whole page.
pub fn page(heading: &Heading, parts: &[PartView<'_>]) -> String {
    let mut text = String::with_capacity(64 << 10);
    let class = match heading.verdict {
        Verdict::Passed => "passed",
        Verdict::Inconclusive | Verdict::Interrupted => "doubt",
        _ => "failed",
    };
    let _ = write!(
        text,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>creel soak: {}</title><style>{STYLE}</style></head><body>\n<h1>creel soak</h1><p class=\"verdict {class}\">{}</p>\n",
        escaped(verdict_text(heading.verdict)),
        escaped(verdict_text(heading.verdict))
    );
    let _ = write!(
        text,
        "<p class=\"dim\">creel {}, seed {}. The same again: <code>{}</code></p>\n<p class=\"dim\">operations <code>{}</code>{}</p>\n",
        heading.version,
        heading.seed,
        escaped(&heading.reproduce),
        escaped(&heading.operation_hash),
        match &heading.final_digest {
            Some(digest) => format!("<br>contents at the end <code>{}</code>", escaped(digest)),
            None => String::new(),
        }
    );
    failures(&mut text, parts);
    for part in parts {
        section(&mut text, part);
    }
    text.push_str("</body></html>\n");
    text
}

fn failures(text: &mut String, parts: &[PartView<'_>]) {
    for part in parts {
        for broken in part.outcome.broken() {
            let _ = writeln!(
                text,
                "<p class=\"failed\"><b>{}</b> in {}, operation {}: {}</p>",
                broken.check.name(),
                escaped(part.name),
                broken.operation,
                escaped(&broken.detail)
            );
        }
        for note in &part.outcome.inconclusive {
            let _ = writeln!(
                text,
                "<p class=\"doubt\">{}: {}</p>",
                escaped(part.name),
                escaped(note)
            );
        }
    }
}

fn section(text: &mut String, part: &PartView<'_>) {
    let outcome = part.outcome;
    let (commits, reads) = outcome.quantiles();
    let us = |ns: u64| format!("{:.1} us", ns as f64 / 1000.0);
    let _ = writeln!(
        text,
        "<h2>{}</h2>\n<div class=\"cards\">",
        escaped(part.name)
    );
    let counts = &outcome.counts;
    let cards = [
        ("operations", outcome.operations.to_string()),
        ("in a second", format!("{:.0}", outcome.rate())),
        ("seconds", format!("{:.1}", outcome.elapsed_s)),
        ("checks that held", outcome.ledger.total().to_string()),
        ("entries compared", counts.entries_compared.to_string()),
        ("commit p50", us(commits.p50_ns)),
        ("commit p99", us(commits.p99_ns)),
        ("read p99", us(reads.p99_ns)),
        ("faults", counts.faults.to_string()),
        ("kills", counts.kills.to_string()),
    ];
    for (name, value) in cards {
        if value != "0" && value != "0.0 us" {
            let _ = writeln!(
                text,
                "<div class=\"card\"><b>{value}</b><span>{name}</span></div>"
            );
        }
    }
    text.push_str("</div>\n<div class=\"charts\">\n");
    for chart in charts(part) {
        text.push_str(&chart.svg());
    }
    text.push_str("</div>\n");
    if !part.events.is_empty() {
        let mut kinds: Vec<(&str, usize)> = Vec::new();
        for event in &part.events {
            match kinds.iter_mut().find(|(kind, _)| *kind == event.kind) {
                Some((_, count)) => *count += 1,
                None => kinds.push((event.kind, 1)),
            }
        }
        let list: Vec<String> = kinds
            .iter()
            .map(|(kind, n)| format!("{n} {kind}"))
            .collect();
        let _ = writeln!(
            text,
            "<p class=\"dim\">Marked in the plots: {}.</p>",
            escaped(&list.join(", "))
        );
    }
    checks(text, part);
}

fn charts<'a>(part: &'a PartView<'_>) -> Vec<Chart<'a>> {
    let series = &part.outcome.series;
    let line = |name, of: fn(&Sample) -> f64| Line {
        name,
        points: series.points(of),
    };
    let chart = |title, unit, lines| Chart {
        title,
        unit,
        lines,
        events: &part.events,
    };
    let mut charts = vec![
        chart(
            "Operations in a second",
            Unit::Count,
            vec![line("operations/s", |s| s.operations_per_s)],
        ),
        chart(
            "Time of a commit",
            Unit::Micros,
            vec![
                line("half take at most", |s| s.commit_p50_us),
                line("99 % take at most", |s| s.commit_p99_us),
            ],
        ),
        chart(
            "Memory",
            Unit::Bytes,
            vec![
                line("all", |s| s.rss_kb as f64 * 1024.0),
                line("no file's", |s| s.anon_kb as f64 * 1024.0),
                line("after a checkpoint", |s| s.settled_kb as f64 * 1024.0),
            ],
        ),
        chart(
            "File",
            Unit::Bytes,
            vec![
                line("file", |s| s.file_bytes as f64),
                line("values in it", |s| s.live_bytes as f64),
                line("log in use", |s| s.log_bytes as f64),
            ],
        ),
    ];
    if series.samples().iter().any(|s| s.lag > 0) {
        charts.push(chart(
            "Lag of the replicas, in commits",
            Unit::Count,
            vec![line("worst replica", |s| s.lag as f64)],
        ));
    }
    charts
}

fn checks(text: &mut String, part: &PartView<'_>) {
    text.push_str("<div class=\"wide\"><table><tr><th>check</th><th>what has to hold</th><th class=\"n\">held</th><th class=\"n\">failed</th></tr>\n");
    for standing in part.outcome.standings() {
        let class = if standing.failed > 0 {
            " class=\"failed\""
        } else {
            ""
        };
        let _ = writeln!(
            text,
            "<tr{class}><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            standing.check.name(),
            escaped(standing.check.text()),
            standing.passed,
            standing.failed
        );
    }
    text.push_str("</table></div>\n");
    if part.outcome.faults.iter().any(|f| f.tally.armed > 0) {
        text.push_str("<div class=\"wide\"><table><tr><th>fault</th><th class=\"n\">prepared</th><th class=\"n\">struck</th><th class=\"n\">reported</th><th class=\"n\">harmless</th></tr>\n");
        for fault in &part.outcome.faults {
            let t = fault.tally;
            let _ = writeln!(
                text,
                "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
                fault.kind.name(),
                t.armed,
                t.struck,
                t.reported,
                t.harmless
            );
        }
        text.push_str("</table></div>\n");
    }
}
