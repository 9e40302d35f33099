//! Followers of a store that goes away and comes back.

use std::process::Stdio;
use std::time::Instant;

use crate::health::{get, metric, until};
use crate::world::{PATIENCE, World, free_address};

fn wait_for(what: &str, holds: &dyn Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "never: {what}");
        std::thread::yield_now();
    }
}

/// It streamed with a lag of 0 for an hour, or ended at once where the store was a directory, and nobody was told.
#[test]
fn a_follower_said_it_was_fine_while_its_store_was_dead() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    let (chain, away, log) = (world.path("chain"), world.path("away"), world.path("log"));
    let store = format!("dir:{}", chain.display());
    world.replicate_to(0, "snapshot", "a.db", &["--to", &store]);
    world.replicate_to(0, "init", "b.db", &["--from", &store]);
    let own = free_address();
    let mut command = world.spawn("follow", "b.db", &["--from", &store, "--http", &own]);
    command.stdout(Stdio::null());
    command.stderr(std::fs::File::create(&log).unwrap());
    let follower = crate::world::Process {
        child: command.spawn().unwrap(),
    };
    let base = format!("http://{own}");
    until(&base, "/replica", 200);
    let said = |words: &str| {
        let text = std::fs::read_to_string(&log).unwrap();
        text.lines().filter(|line| line.contains(words)).count()
    };
    world.replicate_to(0, "status", "b.db", &["--check", "lag=0"]);
    std::fs::rename(&chain, &away).unwrap();
    assert!(until(&base, "/replica", 503).contains("disconnected"));
    let (status, lag) = get(&base, "/lag?max=0").unwrap();
    assert_eq!(status, 503, "{lag}");
    let text = get(&base, "/metrics").unwrap().1;
    assert_eq!(metric(&text, "creel_streaming"), 0.0);
    assert!(metric(&text, "creel_lag_seconds") > 0.0, "{text}");
    wait_for("it is told", &|| said("it is tried again") > 0);
    world.replicate_to(1, "status", "b.db", &["--check", "lag=0"]);
    // By kind, so that a dead store is told from rights that have run out.
    let seen = world.ok(&["replicate", "status", "--json"], &[&world.path("b.db")]);
    let seen: serde_json::Value = serde_json::from_str(&seen).unwrap();
    let errors = seen["store_errors"].as_array().unwrap();
    assert!(
        errors.iter().any(|row| row["count"].as_u64() > Some(0)),
        "{seen}"
    );
    let text = get(&base, "/metrics").unwrap().1;
    assert!(text.contains("creel_store_errors_total{kind="), "{text}");
    std::fs::rename(&away, &chain).unwrap();
    until(&base, "/lag?max=0", 200);
    wait_for("that is told too", &|| said("can be reached again") > 0);
    world.replicate_to(0, "status", "b.db", &["--check", "lag=0"]);
    let words = ["put", "--ack", "published"];
    let (key, value) = (std::path::Path::new("more"), std::path::Path::new("value"));
    world.ok(&words, &[&world.path("a.db"), key, value]);
    world.wait_for("b.db", "a.db");
    follower.terminate();
    assert_eq!(said("it is tried again"), 1, "once");
    assert_eq!(said("can be reached again"), 1, "once");
    world.same("b.db", "a.db");
}
