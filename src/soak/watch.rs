//! Who looks on while a run goes.

use serde::Serialize;

use super::measure::Sample;

/// Something worth a line in the list of events and a mark in the plots.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// Seconds since the start.
    pub elapsed_s: f64,
    /// Operations (or cycles) so far.
    pub operation: u64,
    /// What kind: `checkpoint`, `kill`, `promotion`.
    pub kind: &'static str,
    /// More about it.
    pub detail: String,
}

/// Looks on, and may end the run.
pub trait Observer {
    /// A sample was taken.
    fn sample(&mut self, sample: &Sample) {
        let _ = sample;
    }

    /// Something happened.
    fn event(&mut self, event: &Event) {
        let _ = event;
    }

    /// The run is to end.
    fn stopped(&self) -> bool {
        false
    }
}

/// Nobody looks on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Observer for Unwatched {}
