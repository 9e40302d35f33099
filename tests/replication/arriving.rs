//! What is committed while a copy is on its way is there when it arrives.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use creel::replica::path::{Pair, PullWish, WhenGone};
use creel::{CheckpointOptions, Error, NoProgress, OpenOptions, Progress};

use crate::world::{Served, World, creel, text};

/// So many that a file with nobody on the way keeps no log of them.
const COMMITS: u32 = 3000;

/// A file whose snapshot is not sent at once.
fn create(world: &World, role: &str) {
    let words = ["open", "--create", "--role", role, "--wal-size", "64KiB"];
    world.ok(&words, &[&world.path("a.db")]);
    let db = world.writer("a.db");
    for i in 0..400u32 {
        db.put(&i.to_be_bytes(), &[7; 3000]).unwrap();
    }
    db.close().unwrap();
}

/// Commits and checkpoints until the log has been dropped several times over.
fn write(world: &World) {
    let db = world.writer("a.db");
    for i in 0..COMMITS {
        db.put(&(i % 40).to_be_bytes(), &i.to_be_bytes()).unwrap();
        if i % 200 == 0 {
            let options = CheckpointOptions::default();
            db.checkpoint(&options, &NoProgress).unwrap();
        }
    }
    db.close().unwrap();
}

/// Does something once, in the middle of the copying.
struct Meanwhile<F> {
    done: AtomicBool,
    act: F,
}

impl<F: Fn() + Sync> Progress for Meanwhile<F> {
    fn report(&self, _done: u64, _total: Option<u64>) {
        if !self.done.swap(true, Ordering::SeqCst) {
            (self.act)();
        }
    }
}

fn meanwhile<F: Fn() + Sync>(act: F) -> Meanwhile<F> {
    let done = AtomicBool::new(false);
    Meanwhile { done, act }
}

#[test]
fn a_copy_from_a_file_gets_what_was_committed_while_it_was_made() {
    let world = World::new();
    create(&world, "primary");
    world.replicate_to(0, "keep", "a.db", &["--rewind", "0"]);
    let source = world.open("a.db");
    let begun = source.position().unwrap();
    let (path, options) = (world.path("b.db"), OpenOptions::new());
    let pair = Pair {
        path: &path,
        options: &options,
        source: &source,
    };
    let progress = meanwhile(|| write(&world));
    let (copy, done) = pair.init("a.db", &progress).unwrap();
    assert!(progress.done.into_inner());
    assert_eq!(done.new_copies, 1, "{done:?}");
    assert!(done.entries >= u64::from(COMMITS), "{done:?}");
    copy.close().unwrap();
    world.same("b.db", "a.db");
    // Nobody needs it any more, so the next checkpoint drops it.
    write(&world);
    let gone = world.open("a.db").log_reader(&begun);
    assert!(matches!(gone, Err(Error::NotRetained { .. })), "{gone:?}");
    // The same for a copy that is made anew.
    let progress = meanwhile(|| write(&world));
    let wish = PullWish {
        when_gone: WhenGone::Reseed,
        ..PullWish::default()
    };
    let copy = options.clone().open(&path).unwrap();
    let (copy, done) = pair.pull(copy, &wish, &progress).unwrap();
    assert!(progress.done.into_inner());
    assert_eq!(done.new_copies, 1, "{done:?}");
    copy.close().unwrap();
    let from = world.path("a.db").to_str().unwrap().to_owned();
    world.replicate_to(0, "pull", "b.db", &["--from", &from]);
    world.same("b.db", "a.db");
}

/// Hands bytes on between a follower and its server, and does something once in the middle of what the
/// server sends.
fn relay(listener: &TcpListener, to: &str, most: usize, act: &(dyn Fn() + Sync)) {
    let sent = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..most {
            let (near, _) = listener.accept().unwrap();
            let far = TcpStream::connect(to).unwrap();
            let (mut up, mut down) = (near.try_clone().unwrap(), far.try_clone().unwrap());
            let (mut near, mut far) = (near, far);
            scope.spawn(move || {
                let _ = std::io::copy(&mut up, &mut down);
                let _ = down.shutdown(std::net::Shutdown::Write);
            });
            let sent = &sent;
            scope.spawn(move || {
                let mut bytes = [0; 16 << 10];
                while let Ok(got @ 1..) = far.read(&mut bytes) {
                    let before = sent.fetch_add(got as u64, Ordering::SeqCst);
                    let middle = 100_000;
                    if before < middle && before + got as u64 >= middle {
                        act();
                    }
                    if near.write_all(&bytes[..got]).is_err() {
                        break;
                    }
                }
                let _ = near.shutdown(std::net::Shutdown::Both);
                let _ = far.shutdown(std::net::Shutdown::Both);
            });
        }
    });
}

/// `init` through a relay; gives what it printed.
fn init_through(world: &World, served: &Served, act: &(dyn Fn() + Sync)) -> serde_json::Value {
    let to = served.address.strip_prefix("tcp://").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let from = format!("tcp://{address}");
    std::thread::scope(|scope| {
        // The copy comes by one connection, and what follows it by the next.
        scope.spawn(|| relay(&listener, to, 2, act));
        let output = creel()
            .args(["replicate", "init", "--json", "--from", &from])
            .arg(world.path("b.db"))
            .output()
            .unwrap();
        // Where it made fewer, the relay ends all the same.
        let _ = [(); 2].map(|()| TcpStream::connect(address));
        assert!(output.status.success(), "{}", text(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    })
}

#[test]
fn a_copy_over_tcp_gets_what_was_committed_while_it_was_sent() {
    let world = World::new();
    create(&world, "primary");
    world.replicate_to(0, "keep", "a.db", &["--rewind", "0"]);
    let begun = world.position("a.db");
    let served = world.serve_local("a.db");
    let said = init_through(&world, &served, &|| write(&world));
    assert_eq!(said["new_copies"], 1, "{said}");
    assert!(
        said["entries"].as_u64() >= Some(u64::from(COMMITS)),
        "{said}"
    );
    world.same("b.db", "a.db");
    // The log that was kept for it goes, although its server goes on.
    write(&world);
    let gone = world.open("a.db").log_reader(&begun);
    assert!(matches!(gone, Err(Error::NotRetained { .. })), "{gone:?}");
    drop(served);
}

/// A file that keeps no old log: a new copy is made once more, which has all of it.
#[test]
fn a_copy_of_a_file_that_keeps_no_log_is_made_once_more() {
    let world = World::new();
    create(&world, "standalone");
    let source = world.open("a.db");
    let (path, options) = (world.path("b.db"), OpenOptions::new());
    let pair = Pair {
        path: &path,
        options: &options,
        source: &source,
    };
    let progress = meanwhile(|| write(&world));
    let (copy, done) = pair.init("a.db", &progress).unwrap();
    assert_eq!(done.new_copies, 2, "{done:?}");
    copy.close().unwrap();
    world.same("b.db", "a.db");
}
