//! How long work tells its caller where it is, and is asked to stop.

/// Receives progress of a long operation.
pub trait Progress: Sync {
    /// `done` of `total` units (bytes, mostly) are finished.
    fn report(&self, done: u64, total: Option<u64>);

    /// The next part of the work begins, which counts anew.
    fn begin(&self, _part: &'static str) {}

    /// True asks the operation to stop with [`crate::Error::Interrupted`], leaving everything
    /// consistent.
    fn stopped(&self) -> bool {
        false
    }
}

/// Ignores progress and never stops.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn report(&self, _done: u64, _total: Option<u64>) {}
}
