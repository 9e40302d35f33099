//! Progress on standard error, drawn by the working thread itself: a bar on a terminal after
//! 250 ms, lines of text or JSON on request, nothing to a pipe.

use std::io::IsTerminal;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::globals::{Globals, ProgressMode};
use super::units::human_size;
use super::{report, signals};

/// Work that ends sooner shows nothing.
const DELAY: Duration = Duration::from_millis(250);
/// Time between two looks at the clock's consequences on a terminal.
const REDRAW: Duration = Duration::from_millis(100);

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// Steps of the work, whatever they are.
    Steps,
    /// Bytes of input or output.
    Bytes,
}

/// Shows how far a command has come, and tells it to stop.
pub struct Meter {
    unit: Unit,
    mode: ProgressMode,
    interval: Duration,
    state: Mutex<State>,
}

struct State {
    label: &'static str,
    start: Instant,
    next: Duration,
    bar: Option<ProgressBar>,
}

impl State {
    fn new(label: &'static str, mode: ProgressMode, interval: Duration) -> State {
        let next = match mode {
            ProgressMode::Bar => DELAY,
            _ => interval,
        };
        State {
            label,
            start: Instant::now(),
            next,
            bar: None,
        }
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

#[derive(Serialize)]
struct Line {
    schema: &'static str,
    label: &'static str,
    done: u64,
    total: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'static str>,
    elapsed_ms: u64,
    /// A forecast, where the total is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_ms: Option<u64>,
}

/// Milliseconds until all is done at the pace so far.
fn left_ms(done: u64, total: Option<u64>, elapsed: Duration) -> Option<u64> {
    let rest = total?.checked_sub(done)?;
    (done > 0).then(|| (elapsed.as_secs_f64() * 1000.0 * rest as f64 / done as f64) as u64)
}

impl Meter {
    /// A meter for work with this name.
    pub fn new(label: &'static str, globals: &Globals) -> Meter {
        let asked = globals.progress.unwrap_or(ProgressMode::Auto);
        let mode = match asked {
            ProgressMode::Auto if globals.quiet > 0 => ProgressMode::Never,
            ProgressMode::Auto if std::io::stderr().is_terminal() && !dumb() => ProgressMode::Bar,
            ProgressMode::Auto => ProgressMode::Never,
            other => other,
        };
        let interval = globals.progress_interval.unwrap_or(Duration::from_secs(10));
        Meter {
            unit: Unit::Steps,
            mode,
            interval,
            state: Mutex::new(State::new(label, mode, interval)),
        }
    }

    /// Counts bytes: shown as sizes, with the pace.
    pub fn of_bytes(mut self) -> Meter {
        self.unit = Unit::Bytes;
        self
    }

    /// A meter for the next part of the work, which is counted in steps.
    pub fn then(&self, label: &'static str) -> Meter {
        Meter {
            unit: Unit::Steps,
            mode: self.mode,
            interval: self.interval,
            state: Mutex::new(State::new(label, self.mode, self.interval)),
        }
    }

    /// Takes the bar away: this part of the work is done.
    pub fn done(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self, label: &'static str, done: u64, total: Option<u64>, elapsed: Duration) {
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        if self.mode == ProgressMode::Json {
            let schema = "creel.progress/1";
            let line = Line {
                schema,
                label,
                done,
                total,
                unit: (self.unit == Unit::Bytes).then_some("bytes"),
                elapsed_ms,
                left_ms: left_ms(done, total, elapsed),
            };
            if let Ok(text) = serde_json::to_string(&line) {
                report::stderr(&format!("{text}\n"));
            }
            return;
        }
        let shown = |n: u64| match self.unit {
            Unit::Steps => n.to_string(),
            Unit::Bytes => human_size(n),
        };
        let mut text = format!("{label}: {}", shown(done));
        if let Some(total) = total.filter(|total| *total > 0) {
            let share = done as f64 * 100.0 / total as f64;
            text.push_str(&format!(" of {} ({share:.0}%)", shown(total)));
        }
        let seconds = elapsed.as_secs_f64();
        text.push_str(&format!(" after {seconds:.1} s"));
        if seconds > 0.0 {
            let pace = shown((done as f64 / seconds) as u64);
            text.push_str(&format!(", {pace}/s"));
            if let Some(left) = left_ms(done, total, elapsed) {
                text.push_str(&format!(", {:.0} s left", left as f64 / 1000.0));
            }
        }
        text.push('\n');
        report::stderr(&text);
    }

    fn draw(&self, state: &mut State, done: u64, total: Option<u64>) {
        let label = state.label;
        let bar = state.bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(10));
            let template = match (self.unit, total) {
                (Unit::Steps, Some(_)) => {
                    "{msg} {bar:30} {percent}% {human_pos}/{human_len} {per_sec} ({eta} left)"
                }
                (Unit::Steps, None) => "{msg} {spinner} {human_pos} {per_sec} {elapsed}",
                (Unit::Bytes, Some(_)) => {
                    "{msg} {bar:30} {percent}% {binary_bytes}/{binary_total_bytes} \
                     {binary_bytes_per_sec} ({eta} left)"
                }
                (Unit::Bytes, None) => {
                    "{msg} {spinner} {binary_bytes} {binary_bytes_per_sec} {elapsed}"
                }
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.set_message(label);
            bar
        });
        if let Some(total) = total {
            bar.set_length(total);
        }
        bar.set_position(done);
    }
}

impl creel::Progress for Meter {
    fn report(&self, done: u64, total: Option<u64>) {
        let wanted = signals::status_wanted();
        if self.mode == ProgressMode::Never && !wanted {
            return;
        }
        let mut state = self.lock();
        let elapsed = state.start.elapsed();
        if wanted {
            self.line(state.label, done, total, elapsed);
        }
        if elapsed < state.next {
            return;
        }
        match self.mode {
            ProgressMode::Bar => {
                state.next = elapsed + REDRAW;
                self.draw(&mut state, done, total);
            }
            ProgressMode::Plain | ProgressMode::Json => {
                state.next = elapsed + self.interval;
                self.line(state.label, done, total, elapsed);
            }
            ProgressMode::Auto | ProgressMode::Never => {}
        }
    }

    fn begin(&self, part: &'static str) {
        let mut state = self.lock();
        state.clear();
        *state = State::new(part, self.mode, self.interval);
    }

    fn stopped(&self) -> bool {
        signals::stopped()
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.lock().clear();
    }
}

fn dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}
