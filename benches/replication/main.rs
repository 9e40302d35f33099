//! Replication: catching up over a connection, from a file and from a store, latency, what followers
//! cost their primary, promotion, and new copies.
//!
//! `cargo bench --bench replication [-- catch-up path store latency fan-out promote reseed]`.
//! `CREEL_BENCH_ENTRIES` is the number of commits to catch up with (default 1,000,000),
//! `CREEL_BENCH_DIR` a directory on the device to measure.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod fan_out;
mod new_copy;

use std::fs::File;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use creel::chain::Tries;
use creel::replica::address::Source;
use creel::replica::dial::{DialOptions, Dialer};
use creel::replica::path::{Pair, PullWish};
use creel::replica::serve::{Serving, Setup};
use creel::replica::sink::DbSink;
use creel::replica::slot::Slot;
use creel::replica::state::State;
use creel::replica::store::{
    AttachOptions, Attached, PromoteWish, PullWish as StoreWish, attach, promote_in_store, pull,
};
use creel::stream::follow::{FollowOptions, Followed, follow};
use creel::stream::source::shared;
use creel::stream::stop::Stop;
use creel::{CreateOptions, Db, NoProgress, OpenOptions, Role, SeedOptions, SyncMode};

const VALUE: usize = 84; // 100 bytes with the key
const PATIENCE: Duration = Duration::from_secs(600);

/// No checkpoint comes between: only the stream is measured.
fn options(sync: SyncMode) -> OpenOptions {
    OpenOptions::new()
        .sync(sync)
        .background_checkpoint(false)
        .checkpoint_at(None)
        .wal_max(1 << 30)
}

fn primary(path: &Path, sync: SyncMode) -> Db {
    primary_with(path, sync, 512 << 20)
}

/// With a log of so many bytes, so that none has to be folded on the way.
fn primary_with(path: &Path, sync: SyncMode, wal_size: u64) -> Db {
    let create = CreateOptions {
        wal_size,
        role: Role::Primary,
        ..CreateOptions::default()
    };
    options(sync).create(path, &create).unwrap()
}

fn value(number: u64) -> [u8; VALUE] {
    let mut value = [b'v'; VALUE];
    for (to, from) in value.iter_mut().zip(number.to_le_bytes()) {
        *to = from;
    }
    value
}

fn write(db: &Db, from: u64, count: u64) {
    for i in from..from + count {
        db.put(
            format!("key {:012}", i * 7919 % 1_000_003).as_bytes(),
            &value(i),
        )
        .unwrap();
    }
}

struct Served {
    serving: Serving,
    stop: Arc<Stop>,
}

fn serve(path: &Path, sync: SyncMode) -> Served {
    let stop = Arc::new(Stop::default());
    let db = options(sync).open(path).unwrap();
    let slot = Arc::new(Slot::new(path, options(sync), Some(db)));
    let setup = Setup {
        listener: Some(TcpListener::bind("127.0.0.1:0").unwrap()),
        ..Setup::default()
    };
    Served {
        serving: Serving::start(&slot, &stop, setup).unwrap(),
        stop,
    }
}

impl Served {
    fn address(&self) -> SocketAddr {
        self.serving.address().unwrap()
    }

    fn finish(self) {
        self.stop.request();
        self.serving.finish();
    }
}

struct Copy {
    db: Db,
    stop: Arc<Stop>,
    thread: JoinHandle<Followed>,
}

/// A copy of the primary as it is now.
fn copy(db: &Db, path: &Path, sync: SyncMode) -> Db {
    db.seed(path, &SeedOptions::default(), &NoProgress).unwrap();
    options(sync).open(path).unwrap()
}

fn entries() -> u64 {
    std::env::var("CREEL_BENCH_ENTRIES").map_or(1_000_000, |n| n.parse().unwrap())
}

fn begin(served: &Served, path: &Path, db: Db, sync: SyncMode, at_head: bool) -> Copy {
    let mut options = FollowOptions::default();
    options.limits.at_head = at_head;
    begin_with(served.address(), path, db, sync, options)
}

fn begin_with(
    address: SocketAddr,
    path: &Path,
    db: Db,
    sync: SyncMode,
    follow_options: FollowOptions,
) -> Copy {
    let source: Source = format!("tcp://{address}").parse().unwrap();
    let slot = Arc::new(Slot::new(path, options(sync), Some(db.clone())));
    let state = Arc::new(State::default());
    let stop = Arc::new(Stop::default());
    let wish = Arc::clone(&stop);
    let thread = std::thread::spawn(move || {
        let tell = Box::new(|_: &str| {});
        let options = DialOptions::default();
        let (there, told) = (Arc::clone(&slot), Arc::clone(&state));
        let mut dialer = Dialer::new(source, options, there, told, tell).unwrap();
        let sink = shared(DbSink::new(slot, state));
        follow(&mut dialer, &sink, &wish, follow_options)
    });
    Copy { db, stop, thread }
}

impl Copy {
    fn wait(&self, index: u64) {
        assert!(self.db.watch(index - 1, PATIENCE).unwrap() >= index);
    }

    fn finish(self) -> Followed {
        self.stop.request();
        self.thread.join().unwrap()
    }
}

/// What has to be written at least: the bytes of the entries in a file, with a sync for each 8 MiB.
fn floor(dir: &Path, bytes: u64) -> Duration {
    let mut file = File::create(dir.join("floor")).unwrap();
    let piece = vec![7u8; 8 << 20];
    let begun = Instant::now();
    let mut left = bytes;
    while left > 0 {
        let count = left.min(piece.len() as u64);
        file.write_all(piece.get(..count as usize).unwrap())
            .unwrap();
        file.sync_data().unwrap();
        left -= count;
    }
    begun.elapsed()
}

fn say_caught_up(row: &str, dir: &Path, entries: u64, bytes: u64, took: Duration) {
    let rate = entries as f64 / took.as_secs_f64();
    let megabytes = bytes as f64 / took.as_secs_f64() / 1e6;
    let floor = floor(dir, bytes).as_secs_f64();
    println!(
        "{row:10} {entries} entries of 100 bytes in {:.2} s: {rate:.0} entries/s, {megabytes:.0} MB/s, durable with each batch; a bare write and sync of the bytes takes {floor:.2} s",
        took.as_secs_f64()
    );
}

/// A primary with a copy that lacks `entries` commits.
fn apart(dir: &Path, entries: u64) -> (PathBuf, Db, PathBuf, Db) {
    let (path, own) = (dir.join("a.db"), dir.join("b.db"));
    let db = primary(&path, SyncMode::Off);
    let replica = copy(&db, &own, SyncMode::Full);
    write(&db, 0, entries);
    db.durable_position().unwrap();
    (path, db, own, replica)
}

fn catch_up(dir: &Path) {
    let entries = entries();
    let (path, db, own, replica) = apart(dir, entries);
    let served = serve(&path, SyncMode::Full);
    let begun = Instant::now();
    let copy = begin(&served, &own, replica, SyncMode::Full, true);
    let index = db.position().unwrap().index;
    let followed = copy.thread.join().unwrap();
    let took = begun.elapsed();
    assert_eq!(followed.entries, entries);
    assert_eq!(copy.db.position().unwrap().index, index);
    say_caught_up("catch-up", dir, entries, followed.bytes, took);
    served.finish();
}

fn from_path(dir: &Path) {
    let entries = entries();
    let (path, db, own, replica) = apart(dir, entries);
    drop(db);
    let source = OpenOptions::new().read_only(true).open(&path).unwrap();
    let options = options(SyncMode::Full);
    let pair = Pair {
        path: &own,
        options: &options,
        source: &source,
    };
    let begun = Instant::now();
    let (_, pulled) = pair
        .pull(replica, &PullWish::default(), &NoProgress)
        .unwrap();
    assert_eq!(pulled.entries, entries);
    say_caught_up("path", dir, entries, pulled.bytes, begun.elapsed());
}

/// A primary that publishes to a directory, and a copy that has what is published.
fn published(dir: &Path, wal_size: u64) -> (Db, Attached, String, Db) {
    let address = format!("dir:{}", dir.join("store").display());
    let db = primary_with(&dir.join("a.db"), SyncMode::Off, wal_size);
    let pace = &mut Tries(100);
    let attached = attach(&db, &address, &AttachOptions::default(), pace, &NoProgress).unwrap();
    let replica = copy(&db, &dir.join("b.db"), SyncMode::Full);
    (db, attached, address, replica)
}

fn from_store(dir: &Path) {
    let entries = entries();
    let (db, mut attached, _, replica) = published(dir, 512 << 20);
    write(&db, 0, entries);
    let end = db.durable_position().unwrap().index;
    let begun = Instant::now();
    let pace = &mut Tries(100);
    attached.publishing.upto(end, pace).unwrap();
    println!(
        "publish    {entries} entries in {:.2} s",
        begun.elapsed().as_secs_f64()
    );
    let begun = Instant::now();
    let chain = attached.publishing.chain();
    let report = pull(&replica, chain, &StoreWish::default(), pace, &NoProgress).unwrap();
    assert_eq!(report.entries, entries);
    say_caught_up("store", dir, entries, report.bytes, begun.elapsed());
}

/// From the wish to a file that accepts writes, with a store that decides.
fn promotion(dir: &Path) {
    let mut times = Vec::new();
    for round in 0..9 {
        let own = dir.join(round.to_string());
        std::fs::create_dir_all(&own).unwrap();
        let (db, mut attached, address, replica) = published(&own, 4 << 20);
        write(&db, 0, 1000);
        let pace = &mut Tries(100);
        let end = db.durable_position().unwrap().index;
        attached.publishing.upto(end, pace).unwrap();
        let chain = attached.publishing.chain().clone();
        pull(&replica, &chain, &StoreWish::default(), pace, &NoProgress).unwrap();
        let begun = Instant::now();
        let wish = PromoteWish {
            name: "b".to_owned(),
            ..PromoteWish::default()
        };
        promote_in_store(&replica, &chain, &address, &wish, pace, &NoProgress).unwrap();
        replica.put(b"first", b"write").unwrap();
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    let median = times.get(times.len() / 2).unwrap();
    println!(
        "promote    a copy that has everything, with the first write after: {:.1} ms, at most {:.1} ms (a directory)",
        median.as_secs_f64() * 1e3,
        times.last().unwrap().as_secs_f64() * 1e3
    );
}

fn latency(dir: &Path) {
    let path = dir.join("c.db");
    let db = primary(&path, SyncMode::Off);
    let own = dir.join("d.db");
    let replica = copy(&db, &own, SyncMode::Off);
    let served = serve(&path, SyncMode::Off);
    let copy = begin(&served, &own, replica, SyncMode::Off, false);
    write(&db, 0, 100);
    copy.wait(100);
    let mut times = Vec::new();
    for i in 100..3100 {
        let begun = Instant::now();
        write(&db, i, 1);
        copy.wait(i + 1);
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    let at = |percent: usize| times.get(times.len() * percent / 100).unwrap().as_micros();
    println!(
        "latency    from put to visible in the copy, --sync off: p50 {} us, p90 {} us, p99 {} us",
        at(50),
        at(90),
        at(99)
    );
    copy.finish();
    served.finish();
}

fn main() {
    if fan_out::is_follower() {
        return;
    }
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|w| w == name);
    let dir = std::env::var_os("CREEL_BENCH_DIR").map(PathBuf::from);
    let dir = dir
        .unwrap_or_else(std::env::temp_dir)
        .join(format!("creel-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    for (name, run) in [
        ("catch-up", catch_up as fn(&Path)),
        ("path", from_path),
        ("store", from_store),
        ("promote", promotion),
        ("reseed", new_copy::run),
        ("latency", latency),
        ("fan-out", fan_out::run),
    ] {
        if wants(name) {
            let own = dir.join(name);
            std::fs::create_dir_all(&own).unwrap();
            run(&own);
            std::fs::remove_dir_all(&own).unwrap();
        }
    }
    std::fs::remove_dir_all(&dir).unwrap();
}
