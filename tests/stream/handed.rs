//! Which thread of a leader sends: few entries that come by themselves go without waking another.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use creel::format::entry::Point;
use creel::stream::transport::{Wire, tcp};

use crate::live::{Following, Leader, MemSource, PATIENCE, options};

/// The thread of each write to a follower, and its bytes.
type Sent = Arc<Mutex<Vec<(Option<String>, usize)>>>;

struct Noted {
    to: Box<dyn Write + Send>,
    sent: Sent,
}

impl Write for Noted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        let thread = std::thread::current().name().map(str::to_owned);
        self.sent.lock().unwrap().push((thread, written));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// A leader whose writes are noted, and one follower that has caught up.
fn noted() -> (Leader, Following, Sent) {
    let sent = Sent::default();
    let noting = Arc::clone(&sent);
    let mut options = options();
    options.dress = Arc::new(move |stream| {
        let wire = tcp(stream)?;
        let sent = Arc::clone(&noting);
        let writer = Box::new(Noted {
            to: wire.writer,
            sent,
        });
        Ok(Wire { writer, ..wire })
    });
    let leader = Leader::start(MemSource::default(), options, 1 << 20);
    let following = Following::forever(&leader, 1);
    following.copy.wait_for(leader.source.write(b"first"));
    leader.wait_acked(1);
    (leader, following, sent)
}

/// Bytes that the thread sent that reads the log.
fn by_reader(sent: &Sent) -> usize {
    let sent = sent.lock().unwrap();
    let own = sent
        .iter()
        .filter(|(thread, _)| thread.as_deref() == Some("log"));
    own.map(|(_, bytes)| bytes).sum()
}

/// Until all that read the log know of this one.
fn wait_read(leader: &Leader, point: Point) {
    let begun = std::time::Instant::now();
    while leader.hub.head().point.index < point.index {
        assert!(begun.elapsed() < PATIENCE);
        std::thread::yield_now();
    }
}

#[test]
fn a_little_is_sent_by_the_thread_that_reads_the_log() {
    let (leader, following, sent) = noted();
    // Its acknowledgement may be looked at when the next entry comes, and then that has to wait.
    for _ in 0..10_000 {
        following.copy.wait_for(leader.source.write(&[7; 100]));
        leader.wait_acked(1);
        if by_reader(&sent) > 0 {
            break;
        }
    }
    assert!(by_reader(&sent) > 0);
    following.finish();
    leader.finish();
}

#[test]
fn the_thread_that_reads_the_log_sends_little_to_a_follower_that_does_not_answer() {
    let (leader, following, sent) = noted();
    let before = by_reader(&sent);
    following.copy.gate.close();
    let mut last = None;
    for _ in 0..40 {
        let point = leader.source.write(&[7; 1000]);
        wait_read(&leader, point);
        last = Some(point);
    }
    let without_answer = by_reader(&sent) - before;
    assert!(without_answer <= 17 << 10, "{without_answer} bytes");
    following.copy.gate.open();
    following.copy.wait_for(last.unwrap());
    assert_eq!(following.copy.log.lock().unwrap().sum, leader.source.sum());
    following.finish();
    leader.finish();
}
