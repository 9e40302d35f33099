//! Progress on standard error, drawn by the working thread itself: a bar on a terminal after
//! 250 ms, lines of text or JSON on request, nothing to a pipe.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::globals::{Globals, ProgressMode};
use super::{report, signals};

/// Work that ends sooner shows nothing.
const DELAY: Duration = Duration::from_millis(250);
/// Time between two looks at the clock's consequences on a terminal.
const REDRAW: Duration = Duration::from_millis(100);

/// Shows how far a command has come, and tells it to stop.
pub struct Meter {
    label: &'static str,
    mode: ProgressMode,
    interval: Duration,
    start: Instant,
    state: Mutex<State>,
}

struct State {
    next: Duration,
    bar: Option<ProgressBar>,
}

#[derive(Serialize)]
struct Line {
    schema: &'static str,
    label: &'static str,
    done: u64,
    total: Option<u64>,
    elapsed_ms: u64,
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
        let first = if mode == ProgressMode::Bar {
            DELAY
        } else {
            interval
        };
        Meter {
            label,
            mode,
            interval,
            start: Instant::now(),
            state: Mutex::new(State {
                next: first,
                bar: None,
            }),
        }
    }

    fn line(&self, done: u64, total: Option<u64>, elapsed: Duration) {
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        if self.mode == ProgressMode::Json {
            let schema = "creel.progress/1";
            let line = Line {
                schema,
                label: self.label,
                done,
                total,
                elapsed_ms,
            };
            if let Ok(text) = serde_json::to_string(&line) {
                report::stderr(&format!("{text}\n"));
            }
            return;
        }
        let share = match total {
            Some(total) if total > 0 => {
                format!(" of {total} ({:.0}%)", done as f64 * 100.0 / total as f64)
            }
            _ => String::new(),
        };
        let seconds = elapsed.as_secs_f64();
        report::stderr(&format!(
            "{}: {done}{share} after {seconds:.1} s\n",
            self.label
        ));
    }

    fn draw(&self, state: &mut State, done: u64, total: Option<u64>) {
        let bar = state.bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(10));
            let template = match total {
                Some(_) => "{msg} {bar:30} {percent}% {elapsed} ({eta} left)",
                None => "{msg} {spinner} {human_pos} {elapsed}",
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.set_message(self.label);
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
        let elapsed = self.start.elapsed();
        if wanted {
            self.line(done, total, elapsed);
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
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
                drop(state);
                self.line(done, total, elapsed);
            }
            ProgressMode::Auto | ProgressMode::Never => {}
        }
    }

    fn stopped(&self) -> bool {
        signals::stopped()
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(bar) = state.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}
