//! Gets a file from the medium into memory while it is being checked: the one side waits for the
//! device, the other for the processor.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crate::sys::{File, PageBuffer};

/// Bytes that are read at a time.
const STEP: usize = 1 << 20;
/// A file that is shorter is read quickly enough as it is.
const WORTH: u64 = 4 << 20;

/// A thread that reads, and throws away what it has read.
pub(super) struct ReadAhead {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl ReadAhead {
    /// Begins at the start of the file. Nothing on a simulated disk, which has no cache to fill.
    pub fn start(file: &Arc<dyn File>, len: u64) -> ReadAhead {
        let stop = Arc::new(AtomicBool::new(false));
        #[cfg(unix)]
        let real = file.descriptor().is_some();
        #[cfg(not(unix))]
        let real = false;
        let thread = (real && len >= WORTH).then(|| {
            let (file, stop) = (Arc::clone(file), Arc::clone(&stop));
            let read = move || {
                let mut buffer = PageBuffer::default();
                buffer.resize(STEP);
                let mut at = 0;
                // An error is met again, and told, by whoever checks.
                while at < len && !stop.load(Ordering::Relaxed) {
                    match file.read_at(&mut buffer, at) {
                        Ok(1..) => at += STEP as u64,
                        _ => return,
                    }
                }
            };
            let thread = std::thread::Builder::new().name("read-ahead".into());
            thread.spawn(read).ok()
        });
        ReadAhead {
            stop,
            thread: thread.flatten(),
        }
    }

    /// Ends it.
    pub fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread {
            let _ = thread.join(); // it has nothing to tell
        }
    }
}
