//! A turn of shuttle's at each call to the disk.

use std::sync::Arc;

use shuttle::sync::atomic::{AtomicBool, Ordering};

use super::support::sim::{InTurns, SimDisk, Turn};

/// At this the schedule may turn to another thread.
#[derive(Debug, Default)]
struct Scheduled(AtomicBool);

impl Turn for Scheduled {
    fn turn(&self) {
        self.0.load(Ordering::Acquire);
    }

    fn wait(&self) {
        shuttle::thread::yield_now();
    }
}

pub fn turning(disk: Arc<SimDisk>) -> InTurns {
    InTurns::new(disk, Scheduled::default())
}
