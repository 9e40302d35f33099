//! Follows the copier: sends what was written to the device, and fetches it again from there.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use crate::sys::File;

/// Bytes that are fetched at a time, and how many such stretches are on their way to the device
/// before the first of them.
const STRETCH: u64 = 8 << 20;
const AHEAD: usize = 3;

/// The work, in a thread of its own where the file is a real one: both sides are busy with the
/// memory of the pages.
pub(super) enum Behind {
    Here(Follower),
    There(Sender<Range<u64>>, JoinHandle<Follower>),
}

/// What was written and fetched so far.
pub(super) struct Follower {
    to: Arc<dyn File>,
    fetch: bool,
    /// Written and not fetched yet, in the order of the file.
    waiting: VecDeque<Range<u64>>,
    fetched: Vec<Range<u64>>,
}

impl Behind {
    /// `fetch`: what was written is wanted from the medium.
    pub fn start(to: &Arc<dyn File>, fetch: bool) -> Behind {
        let follower = |to: &Arc<dyn File>| Follower {
            to: Arc::clone(to),
            fetch,
            waiting: VecDeque::new(),
            fetched: Vec::new(),
        };
        #[cfg(unix)]
        if to.descriptor().is_some() {
            let mut there = follower(to);
            let (ranges, written) = channel();
            let thread = std::thread::Builder::new().name("follow".into());
            let follow = move || {
                for range in written {
                    there.written(range);
                }
                there
            };
            if let Ok(thread) = thread.spawn(follow) {
                return Behind::There(ranges, thread);
            }
        }
        Behind::Here(follower(to))
    }

    /// These bytes were written.
    pub fn written(&mut self, range: Range<u64>) {
        match self {
            Behind::Here(follower) => follower.written(range),
            // A thread that is gone tells so when it is joined.
            Behind::There(ranges, _) => drop(ranges.send(range)),
        }
    }

    /// Waits for the thread; gives what was fetched, in the order of the file.
    pub fn finish(self) -> Vec<Range<u64>> {
        match self {
            Behind::Here(follower) => follower.fetched,
            Behind::There(ranges, thread) => {
                drop(ranges);
                match thread.join() {
                    Ok(follower) => follower.fetched,
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
        }
    }
}

impl Follower {
    /// Sends it off, and fetches what the device has by now in all likelihood.
    fn written(&mut self, range: Range<u64>) {
        self.to
            .start_writeback(range.start, range.end - range.start);
        if !self.fetch {
            return;
        }
        match self.waiting.back_mut() {
            Some(last) if last.end == range.start && last.end - last.start < STRETCH => {
                last.end = range.end;
            }
            _ => self.waiting.push_back(range),
        }
        if self.waiting.len() > AHEAD
            && let Some(range) = self.waiting.pop_front()
        {
            self.to.fetch_anew(range.start, range.end - range.start);
            self.fetched.push(range);
        }
    }
}
