//! The threads of one follower connection: one reads the socket and applies a little that comes by
//! itself, one applies the rest (`applier`), one waits for the time. Each lets the session take what it
//! has for it.

use std::io::{ErrorKind, Read};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use super::applier::{Applier, Done, Job, Leaving, lock};
use super::follower::{FollowerConfig, FollowerEnd};
use super::link::{Ends, Link};
use super::mailbox::Mailbox;
use super::source::{Head, Sink};
use super::stop::{Stop, Wake};
use super::transport::Wire;

/// Jobs that may wait for the applying thread; above it no bytes are taken.
const JOBS_MAX: usize = 16;
/// Bytes that are read at a time.
const CHUNK: usize = 128 << 10;
/// Less than this is a little that came by itself: there is hardly more to be read.
const LITTLE: usize = 16 << 10;

/// When to stop by oneself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    /// Once everything is there that the leader has.
    pub at_head: bool,
    /// After so many entries.
    pub max_entries: Option<u64>,
    /// After so many bytes of entries.
    pub max_bytes: Option<u64>,
}

/// What one connection brought.
#[derive(Debug, Clone)]
pub struct Received {
    /// Why it ended.
    pub end: FollowerEnd,
    /// Entries applied.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
    /// A new copy was put in place.
    pub seeded: bool,
    /// The follower had everything when it ended.
    pub caught_up: bool,
    /// A limit ended it with work left.
    pub limited: bool,
    /// The leader's head, as far as it was told.
    pub head: Option<Head>,
    /// The leader let the follower in.
    pub greeted: bool,
}

/// Follows over one connection until it ends, the end is wished, or a limit is reached.
pub fn receive(
    wire: Wire,
    config: FollowerConfig,
    sink: &Sink,
    stop: &Stop,
    limits: Limits,
) -> std::io::Result<Received> {
    let (jobs, queue) = channel();
    let writer = wire.writer;
    let shared = Arc::new(Shared {
        link: Mutex::new(Link::new(config, Ends { writer, jobs }, limits)),
        room: Condvar::new(),
        mailbox: Arc::default(),
    });
    stop.register(&shared.mailbox);
    let applier = Arc::new(Mutex::new(Applier::new(Arc::clone(sink), limits)));
    let mut from = wire.reader;
    let (reading, applies) = (Arc::clone(&shared), Arc::downgrade(&applier));
    // Not waited for: what it reads may be a pipe that nobody closes.
    std::thread::Builder::new()
        .name("receiver".to_owned())
        .spawn(move || reading.read(&mut *from, &applies))?;
    std::thread::scope(|scope| {
        let worker = std::thread::Builder::new()
            .name("apply".to_owned())
            .spawn_scoped(scope, || shared.apply(&applier, queue));
        let report = worker.map(|worker| {
            let mut report = shared.run(stop);
            wire.closer.close();
            report.end = wire.closer.explain(report.end, report.greeted);
            shared.end();
            let _ = worker.join();
            report
        });
        if report.is_err() {
            wire.closer.close();
            shared.end();
        }
        report
    })
}

/// Shared by the threads.
struct Shared {
    link: Mutex<Link>,
    /// Fewer jobs wait, or the connection has ended.
    room: Condvar,
    /// Wakes the thread that waits for the time.
    mailbox: Arc<Mailbox<()>>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Link> {
        lock(&self.link)
    }

    /// Nothing is sent, applied or taken any more.
    fn end(&self) {
        self.lock().ends = None;
        self.room.notify_all();
    }

    /// Gives the session what `from` brings, until one of them ends.
    fn read(&self, from: &mut dyn Read, applier: &Weak<Mutex<Applier>>) {
        let mut chunk = vec![0u8; CHUNK];
        loop {
            let got = match from.read(&mut chunk) {
                Ok(got) => got,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => 0,
            };
            let mut link = self.lock();
            while link.waiting >= JOBS_MAX && link.ends.is_some() {
                link = self.wait(link);
            }
            if link.ends.is_none() {
                return;
            }
            link.is_little = got < LITTLE;
            link.take_bytes(chunk.get(..got).unwrap_or_default());
            while let Some(job) = link.own.take() {
                link.is_little = false;
                drop(link);
                let done = applier.upgrade().map(|a| lock(&a).run(job, None).0);
                link = self.lock();
                link.is_busy = false;
                link.is_little = true;
                link.take_result(done.unwrap_or(Done::Gone));
                link.perform();
                self.room.notify_all();
            }
            link.is_little = false;
            self.look_again(link);
            if got == 0 {
                return;
            }
        }
    }

    /// The applying thread: works until nobody can give it any more jobs.
    fn apply(&self, applier: &Mutex<Applier>, queue: Receiver<Job>) {
        let leaving = Leaving(|done| self.done(done));
        let mut next: Option<Job> = None;
        while let Some(job) = next.take().or_else(|| queue.recv().ok()) {
            let mut link = self.lock();
            while link.is_busy {
                link = self.wait(link);
            }
            drop(link);
            let (done, other) = lock(applier).run(job, Some(&queue));
            next = other;
            (leaving.0)(done);
        }
    }

    /// The applying thread has something for the session.
    fn done(&self, done: Done) {
        let mut link = self.lock();
        link.take_result(done);
        link.perform();
        self.look_again(link);
        self.room.notify_all();
    }

    fn wait<'l>(&self, link: MutexGuard<'l, Link>) -> MutexGuard<'l, Link> {
        let woken = self.room.wait(link);
        woken.unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the thread that waits for the time, where it has to act before.
    fn look_again(&self, mut link: MutexGuard<'_, Link>) {
        let is_news = link.has_news();
        drop(link);
        if is_news {
            self.mailbox.wake();
        }
    }

    /// Waits for the time, and for a reason to end.
    fn run(&self, stop: &Stop) -> Received {
        loop {
            let (deadline, is_full) = {
                let mut link = self.lock();
                link.perform();
                if let Some(end) = link.end.take() {
                    link.report.end = end;
                    link.ends = None;
                    break;
                }
                let next_us = link.session.next_tick_us();
                link.asleep_until_us = Some(next_us);
                let is_full = link.waiting >= JOBS_MAX || link.is_busy;
                (link.clock.instant(next_us), is_full)
            };
            self.mailbox.take(deadline, false);
            let mut link = self.lock();
            link.asleep_until_us = None;
            let now = link.clock.now();
            if is_full {
                // Whoever does not listen cannot say that the other side is silent.
                link.session.not_listening(now);
            }
            if stop.is_requested() || link.is_enough() {
                link.session.stop(now);
            }
            link.session.tick(now);
        }
        self.room.notify_all();
        // What is on its way to the copy is finished and counted.
        let mut link = self.lock();
        while link.waiting > 0 {
            link = self.wait(link);
        }
        link.report.clone()
    }
}
