//! What is shown while a run goes.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use creel::soak::config::Limit;
use creel::soak::measure::Sample;
use creel::soak::watch::{Event, Observer};
use serde::Serialize;

use super::artefacts::Artefacts;
use crate::cli::globals::{Globals, ProgressMode};
use crate::cli::units::human_size;
use crate::cli::{report, signals};

/// Samples in the little plot of memory.
const PLOTTED: usize = 24;

/// Shows samples, and passes them on to the report.
pub(super) struct Live<'a> {
    pub artefacts: &'a mut Artefacts,
    mode: ProgressMode,
    interval: Duration,
    next: Instant,
    part: &'static str,
    limit: Limit,
    memory: Vec<u64>,
    drawn: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    schema: &'static str,
    label: &'a str,
    done: u64,
    total: Option<u64>,
    elapsed_ms: u64,
}

impl<'a> Live<'a> {
    pub fn new(
        globals: &Globals,
        part: &'static str,
        limit: Limit,
        artefacts: &'a mut Artefacts,
    ) -> Live<'a> {
        let mode = match globals.progress.unwrap_or(ProgressMode::Auto) {
            ProgressMode::Auto if globals.quiet > 0 || globals.json => ProgressMode::Never,
            ProgressMode::Auto if std::io::stderr().is_terminal() => ProgressMode::Bar,
            ProgressMode::Auto => ProgressMode::Plain,
            other => other,
        };
        let interval = globals.progress_interval.unwrap_or(Duration::from_secs(10));
        let artefacts = {
            artefacts.begin_part(part);
            artefacts
        };
        Live {
            artefacts,
            mode,
            interval,
            next: Instant::now() + interval,
            part,
            limit,
            memory: Vec::new(),
            drawn: false,
        }
    }

    fn text(&self, s: &Sample) -> String {
        let whole = match self.limit {
            Limit::Ops(ops) => format!("{} of {ops} operations", s.operations),
            Limit::Cycles(cycles) => format!("{} operations of {cycles} cycles", s.operations),
            Limit::DurationMs(ms) => {
                format!("{:.0} of {:.0} s", s.elapsed_s, ms as f64 / 1000.0)
            }
        };
        let mut text = format!(
            "soak {}: {:.0} s, {whole}, {:.0}/s, commit p50 {:.0} us p99 {:.0} us, {} checks",
            self.part, s.elapsed_s, s.operations_per_s, s.commit_p50_us, s.commit_p99_us, s.checks
        );
        let mut more = |count: u64, what: &str| {
            if count > 0 {
                text.push_str(&format!(", {count} {what}"));
            }
        };
        more(s.faults, "faults survived");
        more(s.kills, "kills survived");
        more(s.lag, "lag");
        text.push_str(&format!(
            ", memory {}, file {}",
            human_size(s.anon_kb * 1024),
            human_size(s.file_bytes)
        ));
        text
    }

    /// The same for narrow terminals.
    fn short(&self, s: &Sample) -> String {
        let mut text = format!(
            "{} {:.0} s {:.0}/s p99 {:.0} us {} checks",
            self.part, s.elapsed_s, s.operations_per_s, s.commit_p99_us, s.checks
        );
        for (count, what) in [(s.faults + s.kills, "survived"), (s.lag, "lag")] {
            if count > 0 {
                text.push_str(&format!(" {count} {what}"));
            }
        }
        text.push_str(&format!(" {}", human_size(s.anon_kb * 1024)));
        text
    }

    /// The last samples of memory as a row of blocks.
    fn plot(&self) -> String {
        let blocks = [
            '\u{2581}', '\u{2582}', '\u{2583}', '\u{2584}', '\u{2585}', '\u{2586}', '\u{2587}',
            '\u{2588}',
        ];
        let most = self.memory.iter().copied().max().unwrap_or(0).max(1);
        let block = |kb: &u64| {
            let at = (*kb as usize * (blocks.len() - 1)).div_ceil(most as usize);
            blocks.get(at).copied().unwrap_or(' ')
        };
        self.memory.iter().map(block).collect()
    }

    fn draw(&mut self, sample: &Sample) {
        let width = terminal_size::terminal_size().map_or(80, |(w, _)| usize::from(w.0));
        let text = fit(&self.text(sample), &self.short(sample), &self.plot(), width);
        report::stderr(&format!("\r\x1b[K{text}"));
        self.drawn = true;
    }

    /// Takes the line away.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            report::stderr("\r\x1b[K");
        }
    }

    fn json(&self, s: &Sample) {
        let line = Line {
            schema: "creel.progress/1",
            label: self.part,
            done: s.operations,
            total: match self.limit {
                Limit::Ops(ops) => Some(ops),
                Limit::Cycles(_) | Limit::DurationMs(_) => None,
            },
            elapsed_ms: (s.elapsed_s * 1000.0) as u64,
        };
        if let Ok(text) = serde_json::to_string(&line) {
            report::stderr(&format!("{text}\n"));
        }
    }
}

/// The longer text where there is room for the plot behind it, otherwise the short one with as much of
/// the plot as fits, newest samples last.
fn fit(long: &str, short: &str, plot: &str, width: usize) -> String {
    let room = width.saturating_sub(1);
    let count = |text: &str| text.chars().count();
    if count(long) + 1 + count(plot) <= room {
        return format!("{long} {plot}");
    }
    let left = room.saturating_sub(count(short) + 1);
    let shown: String = plot
        .chars()
        .skip(count(plot).saturating_sub(left))
        .collect();
    format!("{short} {shown}").chars().take(room).collect()
}

impl Observer for Live<'_> {
    fn sample(&mut self, sample: &Sample) {
        self.artefacts.sample(sample);
        if self.memory.len() >= PLOTTED {
            self.memory.remove(0);
        }
        self.memory.push(sample.anon_kb);
        if self.mode == ProgressMode::Bar {
            self.draw(sample);
            return;
        }
        let now = Instant::now();
        let wanted = signals::status_wanted();
        if now < self.next && !wanted {
            return;
        }
        self.next = now + self.interval;
        match self.mode {
            ProgressMode::Plain => report::stderr(&format!("{}\n", self.text(sample))),
            ProgressMode::Json => self.json(sample),
            _ if wanted => report::stderr(&format!("{}\n", self.text(sample))),
            _ => {}
        }
    }

    fn event(&mut self, event: &Event) {
        self.artefacts.event(event);
    }

    fn stopped(&self) -> bool {
        signals::stopped()
    }
}

impl Drop for Live<'_> {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plot_is_seen_in_narrow_terminals_too() {
        let (long, short) = ("l".repeat(140), "s".repeat(60));
        let wide = fit(&long, &short, "123456", 200);
        assert_eq!(wide, format!("{long} 123456"));
        assert_eq!(fit(&long, &short, "123456", 80), format!("{short} 123456"));
        assert_eq!(fit(&long, &short, "123456", 65), format!("{short} 456"));
        assert_eq!(fit(&long, &short, "123456", 20), "s".repeat(19));
    }
}
