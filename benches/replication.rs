//! Streams over loopback: catching up, latency, and what followers cost their primary.
//!
//! `cargo bench --bench replication [-- catch-up latency fan-out]`. `CREEL_BENCH_ENTRIES` is the
//! number of commits to catch up with (default 1,000,000), `CREEL_BENCH_DIR` a directory on the
//! device to measure.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use creel::replica::address::Source;
use creel::replica::dial::{DialOptions, Dialer};
use creel::replica::serve::{Serving, Setup};
use creel::replica::sink::DbSink;
use creel::replica::slot::Slot;
use creel::replica::state::State;
use creel::stream::follow::{FollowOptions, Followed, follow};
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
    let create = CreateOptions {
        wal_size: 512 << 20,
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

fn begin(served: &Served, path: &Path, db: Db, sync: SyncMode, at_head: bool) -> Copy {
    let address = format!("tcp://{}", served.serving.address().unwrap());
    let source: Source = address.parse().unwrap();
    let slot = Arc::new(Slot::new(path, options(sync), Some(db.clone())));
    let state = Arc::new(State::default());
    let stop = Arc::new(Stop::default());
    let wish = Arc::clone(&stop);
    let thread = std::thread::spawn(move || {
        let tell = Box::new(|_: &str| {});
        let options = DialOptions::default();
        let (there, told) = (Arc::clone(&slot), Arc::clone(&state));
        let mut dialer = Dialer::new(source, options, there, told, tell).unwrap();
        let mut sink = DbSink::new(slot, state);
        let mut options = FollowOptions::default();
        options.limits.at_head = at_head;
        follow(&mut dialer, &mut sink, &wish, options)
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

fn catch_up(dir: &Path) {
    let entries = std::env::var("CREEL_BENCH_ENTRIES").map_or(1_000_000, |n| n.parse().unwrap());
    let path = dir.join("a.db");
    let db = primary(&path, SyncMode::Off);
    let own = dir.join("b.db");
    let replica = copy(&db, &own, SyncMode::Full);
    write(&db, 0, entries);
    db.durable_position().unwrap();
    let served = serve(&path, SyncMode::Full);
    let begun = Instant::now();
    let copy = begin(&served, &own, replica, SyncMode::Full, true);
    let index = db.position().unwrap().index;
    let followed = copy.thread.join().unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    assert_eq!(followed.entries, entries);
    assert_eq!(copy.db.position().unwrap().index, index);
    let rate = entries as f64 / seconds;
    let megabytes = followed.bytes as f64 / seconds / 1e6;
    println!(
        "catch-up   {entries} entries of 100 bytes in {seconds:.2} s: {rate:.0} entries/s, {megabytes:.0} MB/s, durable with each batch"
    );
    served.finish();
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

/// Commits a second with so many followers.
fn commits(dir: &Path, followers: usize, sync: SyncMode) -> f64 {
    let path = dir.join(format!("e{followers}.db"));
    let db = primary(&path, sync);
    let copies: Vec<(PathBuf, Db)> = (0..followers)
        .map(|i| {
            let own = dir.join(format!("f{followers}-{i}.db"));
            let replica = copy(&db, &own, SyncMode::Off);
            (own, replica)
        })
        .collect();
    let served = serve(&path, sync);
    let running: Vec<Copy> = copies
        .into_iter()
        .map(|(own, replica)| begin(&served, &own, replica, SyncMode::Off, false))
        .collect();
    write(&db, 0, 50);
    running.iter().for_each(|copy| copy.wait(50));
    let begun = Instant::now();
    let mut count = 0;
    while begun.elapsed() < Duration::from_secs(4) {
        write(&db, 50 + count, 10);
        count += 10;
    }
    let rate = count as f64 / begun.elapsed().as_secs_f64();
    let index = db.position().unwrap().index;
    for copy in running {
        copy.wait(index);
        copy.finish();
    }
    served.finish();
    rate
}

fn fan_out(dir: &Path) {
    for round in 1..=3 {
        let alone = commits(&dir.join(format!("{round}-0-")), 0, SyncMode::Full);
        let eight = commits(&dir.join(format!("{round}-8-")), 8, SyncMode::Full);
        let share = eight / alone * 100.0;
        println!(
            "fan-out    round {round}: {alone:.0} commits/s alone, {eight:.0} with 8 followers ({share:.0} %)"
        );
    }
}

fn main() {
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
        ("latency", latency),
        ("fan-out", fan_out),
    ] {
        if wants(name) {
            let own = dir.join(name);
            std::fs::create_dir_all(&own).unwrap();
            for round in 1..=3 {
                for part in ["0", "8"] {
                    std::fs::create_dir_all(own.join(format!("{round}-{part}-"))).unwrap();
                }
            }
            run(&own);
        }
    }
    std::fs::remove_dir_all(&dir).unwrap();
}
