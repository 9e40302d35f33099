//! Processes killed anywhere, and strangers at the door.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::rng::Rng;
use crate::world::{World, free_address};

const ROUNDS: u32 = 12;

/// A8: a follower's cursor was ahead of its data after a kill, and 4096 entries were gone.
#[test]
fn killed_anywhere_nothing_is_lost_or_doubled() {
    let seed = std::env::var("CREEL_TEST_SEED")
        .map_or_else(|_| std::process::id().into(), |text| text.parse().unwrap());
    eprintln!("CREEL_TEST_SEED={seed}");
    let mut rng = Rng::new(seed);
    let world = World::new();
    world.create("a.db");
    let address = free_address();
    let listen = ["--listen", address.as_str()];
    let mut served = world.serve("a.db", &listen);
    world.put("a.db", "first", "value");
    world.replicate_to(0, "init", "b.db", &["--from", &served.address]);
    let from = served.address.clone();
    let mut follower = world.follow("b.db", &from, &[]);
    let db = world.writer("a.db");
    let mut number = 0u32;
    for _ in 0..ROUNDS {
        for _ in 0..rng.below(1500) {
            number += 1;
            let key = (rng.next() % 500).to_be_bytes();
            db.put(&key, &number.to_be_bytes()).unwrap();
        }
        // It dies wherever it is now.
        if rng.below(2) == 0 {
            follower.kill();
            world.verify("b.db");
            follower = world.follow("b.db", &from, &[]);
        } else {
            served.process.kill();
            served = world.serve("a.db", &listen);
        }
    }
    db.close().unwrap();
    world.wait_for("b.db", "a.db");
    follower.terminate();
    world.same("b.db", "a.db");
}

/// A9: no checksum, no version, no limit before anybody knows who speaks.
#[test]
fn strangers_do_not_disturb_those_who_follow() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    let served = world.serve_local("a.db");
    world.replicate_to(0, "init", "b.db", &["--from", &served.address]);
    let follower = world.follow("b.db", &served.address, &[]);
    world.put("a.db", "key", "one");
    world.wait_for("b.db", "a.db");
    let to = served.address.strip_prefix("tcp://").unwrap();
    let mut idle: Vec<TcpStream> = (0..7).map(|_| TcpStream::connect(to).unwrap()).collect();
    for bytes in [&[0xff; 4096][..], b"GET / HTTP/1.1\r\n\r\n", &[0; 20]] {
        let mut stream = TcpStream::connect(to).unwrap();
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.len() > 20, "it is told why");
    }
    world.put("a.db", "key", "two");
    world.wait_for("b.db", "a.db");
    for stream in &mut idle {
        // Closed by the server, with a word of why.
        let _ = stream.read_to_end(&mut Vec::new());
    }
    world.put("a.db", "key", "three");
    world.wait_for("b.db", "a.db");
    follower.terminate();
    world.same("b.db", "a.db");
}
