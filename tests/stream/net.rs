//! Real connections on loopback, with logs in memory.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use creel::stream::auth::TokenKey;
use creel::stream::client::Client;
use creel::stream::clock::Pace;
use creel::stream::follow::{FollowOptions, Trouble};
use creel::stream::follower::FollowerEnd;
use creel::stream::frame::{Deframer, Framer, Kind};
use creel::stream::hello::PeerRole;
use creel::stream::message::{Code, Heartbeat, Message};
use creel::stream::receiver::Limits;
use creel::stream::server::{STRANGERS_MAX, ServeOptions};
use creel::stream::transport::{Wire, tcp};

use crate::live::{
    Copy, Following, Leader, MemConnector, MemSource, PATIENCE, forever, options, within,
};
use crate::memory::Log;
use crate::pair::follower_config;

fn at_head() -> FollowOptions {
    FollowOptions {
        limits: Limits {
            at_head: true,
            ..Limits::default()
        },
        ..FollowOptions::default()
    }
}

fn write(source: &MemSource, count: u32) {
    for i in 0..count {
        source.write(&i.to_le_bytes());
    }
}

fn same(leader: &Leader, following: &Following) {
    following.copy.wait_for(leader.source.head());
    let log = following.copy.log.lock().unwrap();
    assert_eq!(log.sum, leader.source.sum());
}

#[test]
fn catches_up_and_streams() {
    let leader = Leader::plain();
    write(&leader.source, 20_000);
    let following = Following::forever(&leader, 1);
    same(&leader, &following);
    for _ in 0..50 {
        write(&leader.source, 3);
        same(&leader, &following);
    }
    leader.wait_acked(1);
    let peers = leader.hub.board.peers();
    assert_eq!((peers.len(), peers[0].connections), (1, 1));
    let (followed, _) = following.finish();
    assert_eq!(followed.entries, 20_150);
    leader.finish();
}

#[test]
fn a_pull_ends_at_the_head_or_at_its_limit() {
    let leader = Leader::plain();
    write(&leader.source, 20_000);
    let copy = Arc::default();
    let connector = MemConnector::new(leader.address(), &copy, 1);
    let mut options = at_head();
    options.limits.max_entries = Some(7000);
    let (followed, _) = Following::start(connector, options).join();
    let last = followed.last.unwrap();
    assert!(last.limited && !last.caught_up);
    let applied = copy.log.lock().unwrap().head().index;
    assert_eq!((applied, followed.entries), (7000, 7000));
    let connector = MemConnector::new(leader.address(), &copy, 1);
    let (followed, _) = Following::start(connector, at_head()).join();
    assert!(followed.last.unwrap().caught_up);
    assert_eq!(followed.entries, 20_000 - applied);
    assert_eq!(copy.log.lock().unwrap().head(), leader.source.head());
    leader.finish();
}

/// Cuts the connection after so many received bytes.
fn cut(wire: Wire, after: u64) -> Wire {
    Wire {
        reader: Box::new(wire.reader.take(after)),
        ..wire
    }
}

#[test]
fn reconnects_without_loss_or_duplicates() {
    let leader = Leader::plain();
    write(&leader.source, 30_000);
    let mut connector = MemConnector::new(leader.address(), &Arc::default(), 1);
    let mut after = 150;
    connector.twist = Some(Box::new(move |wire| {
        after = after * 3 / 2 + 77;
        cut(wire, after)
    }));
    let following = Following::start(connector, forever());
    same(&leader, &following);
    write(&leader.source, 500);
    same(&leader, &following);
    following.copy.log.lock().unwrap().check_whole();
    let (followed, connector) = following.finish();
    assert_eq!(followed.entries, 30_500, "each entry once");
    assert!(connector.connects > 10, "{}", connector.connects);
    leader.finish();
}

/// A1: a burst beyond the ring loses nothing; A7: more than one follower.
#[test]
fn a_burst_past_a_slow_follower_arrives_whole() {
    let leader = Leader::start(MemSource::default(), options(), 64 << 10);
    let slow = Following::forever(&leader, 1);
    let quick = Following::forever(&leader, 2);
    write(&leader.source, 10);
    same(&leader, &slow);
    slow.copy.gate.close();
    write(&leader.source, 200_000);
    same(&leader, &quick);
    slow.copy.gate.open();
    same(&leader, &slow);
    assert!(
        leader.hub.counters.from_log.load(Ordering::SeqCst) > 0,
        "the log was read"
    );
    assert!(leader.hub.ring_bytes() <= 64 << 10);
    // And it comes back to the ring.
    leader.wait_acked(2);
    let before = leader.source.0.reads.load(Ordering::SeqCst);
    write(&leader.source, 1);
    same(&leader, &slow);
    let reads = leader.source.0.reads.load(Ordering::SeqCst) - before;
    assert!(reads <= 4, "one reader for all: {reads} reads");
    slow.finish();
    quick.finish();
    leader.finish();
}

/// A follower that says HELLO and then takes nothing.
fn stuck(leader: &Leader) -> TcpStream {
    let mut stream = TcpStream::connect(leader.address()).unwrap();
    let mut config = follower_config(&Log::default());
    config.hello.node = [99; 16];
    config.hello.incarnation = [99; 16];
    let hello = Message::Hello(config.hello).frame(&mut Framer::default());
    stream.write_all(&hello).unwrap();
    stream
}

#[test]
fn fifty_followers_and_one_of_them_stuck() {
    let leader = Leader::start(MemSource::default(), options(), 256 << 10);
    let held = stuck(&leader);
    let all: Vec<Following> = (1..50)
        .map(|node| Following::forever(&leader, node))
        .collect();
    write(&leader.source, 8_000);
    for following in &all {
        same(&leader, following);
    }
    leader.wait_acked(49);
    for following in all {
        following.finish();
    }
    drop(held);
    leader.finish();
}

#[test]
fn a_copy_behind_the_log_is_seeded_over_the_wire() {
    let leader = Leader::plain();
    write(&leader.source, 9000);
    leader.source.0.log.lock().unwrap().floor = 8000;
    let following = Following::forever(&leader, 1);
    same(&leader, &following);
    write(&leader.source, 10);
    same(&leader, &following);
    let (followed, _) = following.finish();
    assert_eq!(followed.seeds, 1);
    leader.finish();
}

fn first_frame(stream: &mut TcpStream) -> Option<Message> {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut deframer = Deframer::default();
    let mut chunk = [0; 4096];
    loop {
        let got = stream.read(&mut chunk).ok().filter(|got| *got > 0)?;
        if let Some(frame) = deframer.next_frame(&mut &chunk[..got]).unwrap() {
            return Some(Message::decode(frame).unwrap());
        }
    }
}

fn is_closed(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn garbage_and_oversized_frames_are_closed_at_once() {
    let leader = Leader::plain();
    let mut huge = Framer::default().frame(Kind::Hello, 0, b"");
    huge[..4].copy_from_slice(&u32::MAX.to_le_bytes());
    let http = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec();
    let early = Framer::default().frame(Kind::Ack, 0, &[0; 48]);
    for bytes in [huge, http, early] {
        let mut stream = TcpStream::connect(leader.address()).unwrap();
        stream.write_all(&bytes).unwrap();
        let Some(Message::Error(fault)) = first_frame(&mut stream) else {
            panic!("no ERROR");
        };
        assert_eq!(fault.code, Code::Protocol);
        assert!(is_closed(&mut stream));
    }
    let hub = Arc::clone(&leader.hub);
    leader.finish();
    assert_eq!(hub.counters.malformed.load(Ordering::SeqCst), 3);
}

#[test]
fn strangers_are_few_and_have_little_time() {
    let leader = Leader::plain();
    let begun = Instant::now();
    let mut slow: Vec<TcpStream> = (0..STRANGERS_MAX)
        .map(|_| {
            let mut stream = TcpStream::connect(leader.address()).unwrap();
            stream.write_all(&[0]).unwrap();
            stream
        })
        .collect();
    let mut extra = TcpStream::connect(leader.address()).unwrap();
    let Some(Message::Error(fault)) = first_frame(&mut extra) else {
        panic!("no ERROR");
    };
    assert_eq!((fault.code, fault.retryable), (Code::Busy, true));
    // A follower that comes back later gets in.
    let following = Following::forever(&leader, 1);
    write(&leader.source, 10);
    for stream in &mut slow {
        assert!(is_closed(stream));
    }
    within(begun, Duration::from_secs(9));
    same(&leader, &following);
    following.finish();
    leader.finish();
}

#[test]
fn the_end_of_a_leader_is_told() {
    let leader = Leader::plain();
    write(&leader.source, 10);
    let connector = MemConnector::new(leader.address(), &Arc::default(), 1);
    let following = Following::start(connector, FollowOptions::default());
    same(&leader, &following);
    leader.wait_acked(1);
    leader.finish();
    let (followed, _) = following.join();
    assert_eq!(followed.last.unwrap().end, FollowerEnd::Bye);
}

#[test]
fn another_database_is_final_and_so_is_a_wrong_token() {
    let mut with_token = options();
    with_token.token = TokenKey::new(b"a token of the test");
    let leader = Leader::start(MemSource::default(), with_token, 1 << 20);
    write(&leader.source, 10);
    let outcome = |lineage: [u8; 16], token: &'static [u8]| {
        let mut connector = MemConnector::new(leader.address(), &Arc::default(), 1);
        connector.config = Box::new(move |config| {
            config.hello.lineage = lineage;
            config.token = TokenKey::new(token);
        });
        let (followed, connector) = Following::start(connector, forever()).join();
        assert_eq!(connector.connects, 1, "no second attempt");
        assert_eq!(followed.entries, 0);
        match followed.trouble {
            Some(Trouble::Ended(FollowerEnd::Refused(fault))) => fault.code,
            other => panic!("{other:?}"),
        }
    };
    let right = b"a token of the test";
    assert_eq!(outcome([9; 16], right), Code::Lineage);
    assert_eq!(outcome(Log::lineage(), b"another token of it"), Code::Auth);
    let counters = &leader.hub.counters;
    assert_eq!(counters.unproven.load(Ordering::SeqCst), 1);
    leader.finish();
}

#[test]
fn a_newer_epoch_fences_the_leader_and_everybody_hears_of_it() {
    let leader = Leader::plain();
    write(&leader.source, 10);
    let connector = MemConnector::new(leader.address(), &Arc::default(), 1);
    let following = Following::start(connector, FollowOptions::default());
    same(&leader, &following);
    let mut connector = MemConnector::new(leader.address(), &Arc::default(), 2);
    connector.config = Box::new(|config| config.hello.highest_epoch = 5);
    let (newer, _) = Following::start(connector, FollowOptions::default()).join();
    assert_eq!(newer.entries, 0);
    assert_eq!(leader.source.0.fenced.load(Ordering::SeqCst), 5);
    let (followed, _) = following.join();
    let end = followed.last.unwrap().end;
    assert!(
        matches!(end, FollowerEnd::Deposed { epoch: 5, .. }),
        "{end:?}"
    );
    leader.finish();
}

#[test]
fn a_client_waits_for_acknowledgements() {
    let source = MemSource::default();
    let mut with_answer = options();
    let cell: Arc<std::sync::OnceLock<Arc<creel::stream::hub::Hub>>> = Arc::default();
    let hub = Arc::clone(&cell);
    with_answer.answer = Some(Arc::new(move |json, gone| {
        let hub = hub.get().unwrap();
        let index: u64 = std::str::from_utf8(json).unwrap().parse().unwrap();
        let entry = hub.source().head().unwrap().point;
        assert_eq!(entry.index, index);
        let holders = hub.board.wait_unless(&entry, 1, PATIENCE, gone);
        holders.to_string().into_bytes()
    }));
    let leader = Leader::start(source, with_answer, 1 << 20);
    cell.set(Arc::clone(&leader.hub)).ok().unwrap();
    let point = leader.source.write(b"one");
    let mut config = follower_config(&Log::default());
    config.hello.role = PeerRole::Client;
    let wire = tcp(TcpStream::connect(leader.address()).unwrap()).unwrap();
    let mut client = Client::open(wire, config, PATIENCE).unwrap();
    let asking = std::thread::spawn(move || {
        client
            .ask(point.index.to_string().as_bytes(), PATIENCE)
            .unwrap()
    });
    let following = Following::forever(&leader, 1);
    assert_eq!(asking.join().unwrap(), b"1");
    following.finish();
    leader.finish();
}

#[test]
fn a_session_that_never_reads_is_given_up() {
    // The other side acknowledges nothing and sends no heartbeat.
    let leader = Leader::plain();
    let begun = Instant::now();
    let mut held = stuck(&leader);
    assert!(is_closed(&mut held));
    within(begun, Duration::from_secs(6));
    let hub = Arc::clone(&leader.hub);
    leader.finish();
    assert_eq!(hub.counters.dead.load(Ordering::SeqCst), 1);
}

/// Heartbeats filled the queue behind the check of a new copy; then nothing was read any more, and
/// the follower took the leader for dead while the copy was put in place.
#[test]
fn a_new_copy_whose_check_takes_long_is_no_dead_leader() {
    // Long enough for a machine that has other things to do.
    let pace = Pace {
        heartbeat_us: 40_000,
        dead_us: 4_000_000,
        ..Pace::default()
    };
    let leader_options = ServeOptions { pace, ..options() };
    let leader = Leader::start(MemSource::default(), leader_options, 1 << 20);
    write(&leader.source, 100);
    let copy = Arc::<Copy>::default();
    copy.gate.close();
    let mut connector = MemConnector::new(leader.address(), &copy, 1);
    connector.config = Box::new(move |config| config.pace = pace);
    let options = FollowOptions {
        reseed_first: true,
        ..at_head()
    };
    let following = Following::start(connector, options);
    let begun = Instant::now();
    let beat = Message::Heartbeat(Heartbeat {
        time_us: 0,
        position: leader.source.head(),
        published: 0,
    });
    let beat = beat.frame(&mut Framer::default()).len() as u64;
    let sent = || leader.hub.counters.sent_bytes.load(Ordering::Relaxed);
    let snapshots = || leader.hub.counters.snapshots.load(Ordering::Relaxed);
    while snapshots() == 0 {
        assert!(begun.elapsed() < PATIENCE);
        std::thread::yield_now();
    }
    // Twice the time after which silence is death.
    let target = sent() + 200 * beat + 10_000;
    while sent() < target && leader.server.connections() > 0 {
        assert!(begun.elapsed() < PATIENCE);
        // Nobody wakes it: it only looks less often.
        std::thread::park_timeout(Duration::from_millis(20));
    }
    copy.gate.open();
    let (followed, connector) = following.join();
    assert!(followed.trouble.is_none(), "{:?}", followed.trouble);
    // The new copy, and the same copy under its new name.
    assert_eq!((followed.seeds, connector.connects), (1, 2));
    leader.finish();
}

/// What waited behind a damaged batch was applied after it, and following ended for good.
#[test]
fn batches_behind_a_damaged_one_come_again() {
    let leader = Leader::plain();
    write(&leader.source, 10);
    let connector = MemConnector::new(leader.address(), &Arc::default(), 1);
    let following = Following::start(connector, FollowOptions::default());
    same(&leader, &following);
    following.copy.gate.close();
    let sent = || leader.hub.counters.sent_bytes.load(Ordering::Relaxed);
    let begun = Instant::now();
    for _ in 0..6 {
        let before = sent();
        write(&leader.source, 1);
        while sent() == before {
            assert!(begun.elapsed() < PATIENCE);
            std::thread::yield_now();
        }
    }
    following.copy.damage.store(true, Ordering::SeqCst);
    following.copy.gate.open();
    same(&leader, &following);
    write(&leader.source, 5);
    same(&leader, &following);
    let (followed, connector) = following.finish();
    assert!(followed.trouble.is_none(), "{:?}", followed.trouble);
    assert_eq!(connector.connects, 1);
    leader.finish();
}

/// No epoch can begin above the highest number: one HELLO would have fenced a primary for good.
#[test]
fn an_epoch_that_cannot_be_fences_nobody() {
    let leader = Leader::plain();
    write(&leader.source, 10);
    for epoch in [u32::MAX, u32::MAX / 2, (1 << 16) + 2] {
        let mut connector = MemConnector::new(leader.address(), &Arc::default(), 2);
        connector.config = Box::new(move |config| config.hello.highest_epoch = epoch);
        let (followed, _) = Following::start(connector, FollowOptions::default()).join();
        assert_eq!(followed.entries, 0);
        assert_eq!(leader.source.0.fenced.load(Ordering::SeqCst), 0);
    }
    let malformed = leader.hub.counters.malformed.load(Ordering::Relaxed);
    assert_eq!(malformed, 3);
    let connector = MemConnector::new(leader.address(), &Arc::default(), 1);
    let (followed, _) = Following::start(connector, at_head()).join();
    assert_eq!(followed.entries, 10);
    leader.finish();
}
