//! A source of an older epoch: nothing is taken from it, and both sides count how often.

use std::time::Instant;

use serde_json::Value;

use crate::health::{metric, until};
use crate::world::{PATIENCE, World, free_address};

fn count(http: &str, name: &str) -> f64 {
    metric(&until(http, "/metrics", 200), name)
}

/// `c.db` slept through the promotion of `b.db` and serves still; `d.db`, a copy of the new primary, is told to
/// follow it.
#[test]
fn a_source_of_an_older_epoch_is_refused_and_counted() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    let old = world.serve_local("a.db");
    for name in ["b.db", "c.db"] {
        world.replicate_to(0, "init", name, &["--from", &old.address]);
    }
    old.process.terminate();
    world.ok(
        &["promote", "--accept-loss", "--yes"],
        &[&world.path("b.db")],
    );
    world.put("b.db", "key", "new");
    let new = world.serve_local("b.db");
    world.replicate_to(0, "init", "d.db", &["--from", &new.address]);
    let before = (world.position("d.db"), world.digest("d.db"));
    assert_eq!(before.0.epoch, 2);

    let words = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    let slept = world.serve("c.db", &words);
    let http = slept.http.clone().unwrap();
    assert_eq!(count(&http, "creel_fenced_total"), 0.0);
    let own = free_address();
    let follower = world.follow("d.db", &slept.address, &["--http", &own]);
    let own = format!("http://{own}");
    let begun = Instant::now();
    while count(&own, "creel_older_epoch_total") < 2.0 {
        assert!(begun.elapsed() < PATIENCE, "nothing is counted");
        std::thread::yield_now();
    }
    // It is counted there when the connection has ended.
    while count(&http, "creel_fenced_total") < 2.0 {
        assert!(begun.elapsed() < PATIENCE, "nothing is counted");
        std::thread::yield_now();
    }
    let status = world.replicate_to(0, "status", "d.db", &["--json"]);
    let status: Value = serde_json::from_str(&status).unwrap();
    assert!(status["older_epochs"].as_u64() > Some(1), "{status}");
    let told = world.replicate_to(0, "status", "d.db", &[]);
    assert!(told.contains("older_epochs\t"), "{told}");
    assert_eq!((world.position("d.db"), world.digest("d.db")), before);
    // It waits for somebody to tell it better, and goes on from there.
    follower.terminate();
    world.put("b.db", "key", "newer");
    world.replicate_to(0, "pull", "d.db", &["--from", &new.address]);
    world.same("d.db", "b.db");
    slept.process.terminate();
}
