//! What followers cost their primary: commits a second with eight of them and with none.
//!
//! Each follower is a process. They share the processors of this machine with the primary, which they
//! would not do elsewhere; so they run once like it, and once only when it has nothing to do (`nice`).

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use creel::replica::address::Source;
use creel::replica::dial::{DialOptions, Dialer};
use creel::replica::sink::DbSink;
use creel::replica::slot::Slot;
use creel::replica::state::State;
use creel::stream::follow::{FollowOptions, follow};
use creel::stream::source::shared;
use creel::stream::stop::Stop;
use creel::{OpenOptions, SyncMode};

use super::{PATIENCE, copy, options, primary_with, serve, write};

const FOLLOWERS: usize = 8;
const ROUNDS: usize = 5;
const TIME: Duration = Duration::from_secs(3);
/// Room for what is written, and no more: nine such files are made right before.
const LOG_BYTES: u64 = 32 << 20;
/// Path and address, for the process that follows.
const FOLLOW: &str = "CREEL_BENCH_FOLLOW";

/// Follows until standard input ends, where this process was started for that.
pub fn is_follower() -> bool {
    let Ok(order) = std::env::var(FOLLOW) else {
        return false;
    };
    let (address, path) = order.split_once(' ').unwrap();
    let path = Path::new(path);
    let source: Source = address.parse().unwrap();
    let db = options(SyncMode::Off).open(path).unwrap();
    let slot = Arc::new(Slot::new(path, options(SyncMode::Off), Some(db)));
    let (state, stop) = (Arc::new(State::default()), Arc::new(Stop::default()));
    let wish = Arc::clone(&stop);
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        wish.request();
    });
    let (there, told) = (Arc::clone(&slot), Arc::clone(&state));
    let tell = Box::new(|_: &str| {});
    let mut dialer = Dialer::new(source, DialOptions::default(), there, told, tell).unwrap();
    let sink = shared(DbSink::new(slot, state));
    follow(&mut dialer, &sink, &stop, FollowOptions::default());
    true
}

struct Follower {
    path: PathBuf,
    process: Child,
}

impl Follower {
    fn start(path: PathBuf, address: &str, niceness: &str) -> Follower {
        let process = Command::new("nice")
            .args(["-n", niceness])
            .arg(std::env::current_exe().unwrap())
            .env(FOLLOW, format!("{address} {}", path.display()))
            .stdin(Stdio::piped())
            .spawn();
        Follower {
            path,
            process: process.unwrap(),
        }
    }

    fn wait(&self, index: u64) {
        let db = OpenOptions::new().read_only(true).sync(SyncMode::Off);
        let db = db.open(&self.path).unwrap();
        assert!(db.watch(index - 1, PATIENCE).unwrap() >= index);
    }

    fn finish(mut self) {
        drop(self.process.stdin.take());
        assert!(self.process.wait().unwrap().success());
    }
}

/// Commits a second, and syncs of nothing but them: with so many followers.
fn commits(dir: &Path, followers: usize, niceness: &str) -> f64 {
    std::fs::create_dir_all(dir).unwrap();
    let path = dir.join("primary.db");
    let db = primary_with(&path, SyncMode::Full, LOG_BYTES);
    let copies: Vec<PathBuf> = (0..followers)
        .map(|i| dir.join(format!("{i}.db")))
        .collect();
    for own in &copies {
        copy(&db, own, SyncMode::Off).close().unwrap();
    }
    // What the files made dirty is not to be written while commits are timed.
    let synced = Command::new("sync").status().unwrap();
    assert!(synced.success());
    let served = serve(&path, SyncMode::Full);
    let address = format!("tcp://{}", served.serving.address().unwrap());
    let running: Vec<Follower> = copies
        .into_iter()
        .map(|own| Follower::start(own, &address, niceness))
        .collect();
    write(&db, 0, 50);
    running.iter().for_each(|follower| follower.wait(50));
    let begun = Instant::now();
    let mut count = 0;
    while begun.elapsed() < TIME {
        write(&db, 50 + count, 10);
        count += 10;
    }
    let rate = count as f64 / begun.elapsed().as_secs_f64();
    let index = db.position().unwrap().index;
    running.iter().for_each(|follower| follower.wait(index));
    running.into_iter().for_each(Follower::finish);
    served.finish();
    std::fs::remove_dir_all(dir).unwrap();
    rate
}

/// In each round one without followers, one with them like the primary, one with them behind it.
pub fn run(dir: &Path) {
    let mut shares = [Vec::new(), Vec::new()];
    for round in 1..=ROUNDS {
        let alone = commits(&dir.join("alone"), 0, "0");
        let like = commits(&dir.join("like"), FOLLOWERS, "0");
        let behind = commits(&dir.join("behind"), FOLLOWERS, "19");
        for (shares, rate) in shares.iter_mut().zip([like, behind]) {
            shares.push(rate / alone * 100.0);
        }
        println!(
            "fan-out    round {round}: {alone:.0} commits/s alone, with {FOLLOWERS} followers {like:.0} ({:.0} %), with {FOLLOWERS} that let it go first {behind:.0} ({:.0} %)",
            like / alone * 100.0,
            behind / alone * 100.0
        );
        std::io::stdout().flush().unwrap();
    }
    let [like, behind] = shares.map(|mut shares| {
        shares.sort_by(f64::total_cmp);
        *shares.get(shares.len() / 2).unwrap()
    });
    println!("fan-out    medians: {like:.0} %, and {behind:.0} % where they let it go first");
}
