//! What waits for the thread that owns a session: received bytes, and that something changed.

use std::io::{ErrorKind, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::stop::Wake;

/// Bytes that may wait; the reader thread stops reading above it, so that the other side's
/// writes stop in the end.
const WAITING_MAX: usize = 512 << 10;
const CHUNK: usize = 64 << 10;

/// What has come in.
#[derive(Debug, Default)]
pub struct Mail<T> {
    /// Bytes from the other side, in order.
    pub bytes: Vec<u8>,
    /// It sends no more.
    pub ended: bool,
    /// Results of work done elsewhere.
    pub results: Vec<T>,
}

#[derive(Debug)]
struct State<T> {
    mail: Mail<T>,
    /// Bytes were taken, and whoever took them has not come back for more.
    taken: bool,
    woken: bool,
    abandoned: bool,
}

/// The mailbox.
#[derive(Debug)]
pub struct Mailbox<T> {
    state: Mutex<State<T>>,
    arrived: Condvar,
    drained: Condvar,
}

impl<T> Default for Mailbox<T> {
    fn default() -> Self {
        Mailbox {
            state: Mutex::new(State {
                mail: Mail {
                    bytes: Vec::new(),
                    ended: false,
                    results: Vec::new(),
                },
                taken: false,
                woken: false,
                abandoned: false,
            }),
            arrived: Condvar::new(),
            drained: Condvar::new(),
        }
    }
}

impl<T: Send> Wake for Mailbox<T> {
    fn wake(&self) {
        self.lock().woken = true;
        self.arrived.notify_one();
    }
}

impl<T> Mailbox<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for mail or a wake-up, no longer than until `deadline`. Bytes are left where they
    /// are unless they are wanted.
    pub fn take(&self, deadline: Instant, want_bytes: bool) -> Mail<T> {
        let mut state = self.lock();
        state.taken = false;
        loop {
            let bytes = want_bytes && !state.mail.bytes.is_empty();
            // The end counts once everything before it was taken.
            let ended = state.mail.ended && (bytes || state.mail.bytes.is_empty());
            let left = deadline.saturating_duration_since(Instant::now());
            if bytes || ended || state.woken || !state.mail.results.is_empty() || left.is_zero() {
                break;
            }
            let woken = self.arrived.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.woken = false;
        let results = std::mem::take(&mut state.mail.results);
        let bytes = if want_bytes {
            std::mem::take(&mut state.mail.bytes)
        } else {
            Vec::new()
        };
        state.taken = !bytes.is_empty();
        self.drained.notify_one();
        Mail {
            bytes,
            ended: state.mail.ended && state.mail.bytes.is_empty(),
            results,
        }
    }

    /// Work was done.
    pub fn post(&self, result: T) {
        self.lock().mail.results.push(result);
        self.arrived.notify_one();
    }

    /// All bytes that came were looked at.
    fn has_no_bytes(&self) -> bool {
        let state = self.lock();
        state.mail.bytes.is_empty() && !state.taken && !state.abandoned
    }

    /// Nobody looks into it any more.
    pub fn is_abandoned(&self) -> bool {
        self.lock().abandoned
    }

    /// Nobody looks into it any more: the reader may end.
    pub fn abandon(&self) {
        self.lock().abandoned = true;
        self.drained.notify_one();
    }

    /// Puts everything that `from` gives into the box, until it ends or nobody looks any more. But for
    /// what `first` takes: it is offered whatever has nothing before it that is still to be looked at.
    pub fn fill(&self, from: &mut dyn Read, first: &dyn Fn(&[u8]) -> bool) {
        let mut chunk = vec![0u8; CHUNK];
        loop {
            let got = match from.read(&mut chunk) {
                Ok(got) => got,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => 0,
            };
            let bytes = chunk.get(..got).unwrap_or_default();
            // Only this thread puts bytes into the box.
            if got > 0 && self.has_no_bytes() && first(bytes) {
                continue;
            }
            let mut state = self.lock();
            state.mail.ended |= got == 0;
            state.mail.bytes.extend_from_slice(bytes);
            self.arrived.notify_one();
            while state.mail.bytes.len() >= WAITING_MAX && !state.abandoned {
                let woken = self.drained.wait(state);
                state = woken.unwrap_or_else(PoisonError::into_inner);
            }
            if got == 0 || state.abandoned {
                return;
            }
        }
    }
}

/// When the sessions' clock began.
#[derive(Debug, Clone, Copy)]
pub struct Clock(Instant);

impl Clock {
    /// Begins now.
    pub fn start() -> Clock {
        Clock(Instant::now())
    }

    /// The moment as the sessions see it.
    pub fn now(&self) -> super::clock::Now {
        let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        super::clock::Now {
            mono_us: self.0.elapsed().as_micros() as u64,
            wall_us: wall.unwrap_or_default().as_micros() as u64,
        }
    }

    /// When a session wants to be called.
    pub fn instant(&self, mono_us: u64) -> Instant {
        self.0 + Duration::from_micros(mono_us)
    }
}

/// A mailbox with a thread that fills it.
pub fn reader_thread<T: Send + 'static>(
    name: &str,
    mut from: Box<dyn Read + Send>,
) -> std::io::Result<Arc<Mailbox<T>>> {
    let mailbox = Arc::new(Mailbox::default());
    let filled = Arc::clone(&mailbox);
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || filled.fill(&mut *from, &|_| false))?;
    Ok(mailbox)
}
