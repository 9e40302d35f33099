//! Copies that follow: by name what other stores lost or refused.

use std::io::Write;
use std::process::Stdio;

use creel::Batch;

use crate::world::{World, creel, free_address};

fn write(world: &World, name: &str, from: u32, count: u32) {
    let db = world.writer(name);
    for i in from..from + count {
        db.put(
            format!("key {:05}", i % 3000).as_bytes(),
            format!("value {i}").as_bytes(),
        )
        .unwrap();
    }
    db.close().unwrap();
}

fn served(world: &World) -> crate::world::Served {
    world.create("a.db");
    write(world, "a.db", 0, 500);
    world.serve_local("a.db")
}

#[test]
fn catches_up_past_a_batch_and_streams_after_it() {
    let world = World::new();
    let served = served(&world);
    world.replicate_to(0, "init", "b.db", &["--from", &served.address]);
    world.same("b.db", "a.db");
    write(&world, "a.db", 500, 20_000);
    let follower = world.follow("b.db", &served.address, &[]);
    world.wait_for("b.db", "a.db");
    for i in 0..20 {
        world.put("a.db", &format!("one {i}"), "by one");
        world.wait_for("b.db", "a.db");
    }
    follower.terminate();
    served.process.terminate();
    world.same("b.db", "a.db");
}

#[test]
fn pull_goes_on_where_it_ended_and_keeps_to_its_limits() {
    let world = World::new();
    world.ok(
        &["open", "--create", "--wal-size", "4MiB"],
        &[&world.path("a.db")],
    );
    let served = world.serve_local("a.db");
    let from = ["--from", &served.address];
    world.replicate_to(0, "init", "b.db", &from);
    write(&world, "a.db", 0, 5000);
    let start = world.position("b.db").index;
    let limited = [from[0], from[1], "--max-frames", "1200"];
    world.replicate_to(13, "pull", "b.db", &limited);
    assert_eq!(world.position("b.db").index, start + 1200);
    let limited = [from[0], from[1], "--max-bytes", "10KiB"];
    world.replicate_to(13, "pull", "b.db", &limited);
    let index = world.position("b.db").index;
    assert!((start + 1201..start + 1500).contains(&index), "{index}");
    world.replicate_to(0, "pull", "b.db", &from);
    world.same("b.db", "a.db");
    // Nothing to do is no failure.
    world.replicate_to(0, "pull", "b.db", &from);
}

#[test]
fn several_keyspaces_with_drops_and_ranges() {
    let world = World::new();
    let served = served(&world);
    world.replicate_to(0, "init", "b.db", &["--from", &served.address]);
    let follower = world.follow("b.db", &served.address, &[]);
    let db = world.writer("a.db");
    for i in 0..300u32 {
        let mut batch = Batch::new();
        batch.keyspace(&format!("space {}", i % 7));
        batch.put(&i.to_be_bytes(), b"value");
        if i % 5 == 0 {
            batch.delete(&(i / 2).to_be_bytes());
        }
        db.write(batch).unwrap();
    }
    db.close().unwrap();
    world.wait_for("b.db", "a.db");
    follower.terminate();
    world.same("b.db", "a.db");
}

#[test]
fn the_log_turns_over_and_is_checkpointed_while_it_is_streamed() {
    let world = World::new();
    let served = served(&world);
    world.replicate_to(0, "init", "b.db", &["--from", &served.address]);
    let follower = world.follow("b.db", &served.address, &[]);
    for round in 0..15 {
        write(&world, "a.db", round * 400, 400);
        world.ok(&["checkpoint"], &[&world.path("a.db")]);
        world.wait_for("b.db", "a.db");
    }
    follower.terminate();
    world.same("b.db", "a.db");
}

/// A7: a second follower was refused, or got nothing.
#[test]
fn a_second_follower_and_one_that_follows_a_follower() {
    let world = World::new();
    let served = served(&world);
    for copy in ["b.db", "c.db"] {
        world.replicate_to(0, "init", copy, &["--from", &served.address]);
    }
    let middle = world.cascade("b.db", &served.address);
    world.replicate_to(0, "init", "d.db", &["--from", &middle.address]);
    let second = world.follow("c.db", &served.address, &[]);
    let last = world.follow("d.db", &middle.address, &[]);
    write(&world, "a.db", 500, 3000);
    for copy in ["b.db", "c.db", "d.db"] {
        world.wait_for(copy, "a.db");
    }
    // A copy of a copy may as well follow the first one.
    last.terminate();
    write(&world, "a.db", 9000, 10);
    world.replicate_to(0, "pull", "d.db", &["--from", &served.address]);
    middle.process.terminate();
    second.terminate();
    for copy in ["b.db", "c.db", "d.db"] {
        world.same(copy, "a.db");
    }
}

#[test]
fn reconnects_without_loss_or_duplicates() {
    let world = World::new();
    world.create("a.db");
    let address = free_address();
    let listen = ["--listen", address.as_str()];
    let mut served = world.serve("a.db", &listen);
    write(&world, "a.db", 0, 100);
    world.replicate_to(0, "init", "b.db", &["--from", &served.address]);
    let follower = world.follow("b.db", &served.address, &[]);
    for round in 1..5 {
        if round % 2 == 0 {
            served.process.kill();
        } else {
            served.process.terminate();
        }
        write(&world, "a.db", round * 1000, 700);
        served = world.serve("a.db", &listen);
        world.wait_for("b.db", "a.db");
    }
    follower.terminate();
    world.same("b.db", "a.db");
}

/// A1: 58,000 of 300,000 entries were lost where a follower was slow.
#[test]
fn a_burst_past_a_stopped_follower_arrives_whole() {
    let world = World::new();
    world.create_with("a.db", "16MiB");
    let served = world.serve("a.db", &["--listen", "127.0.0.1:0"]);
    world.replicate_to(0, "init", "b.db", &["--from", &served.address]);
    let follower = world.follow("b.db", &served.address, &[]);
    write(&world, "a.db", 0, 10);
    world.wait_for("b.db", "a.db");
    follower.signal("-STOP");
    write(&world, "a.db", 10, 1_000_000);
    follower.signal("-CONT");
    world.wait_for("b.db", "a.db");
    follower.terminate();
    world.same("b.db", "a.db");
}

#[test]
fn sixteen_followers_with_one_stuck() {
    let world = World::new();
    let served = served(&world);
    let names: Vec<String> = (0..16).map(|i| format!("copy {i}.db")).collect();
    world.replicate_to(0, "init", &names[0], &["--from", &served.address]);
    for name in &names[1..] {
        world.replicate_to(0, "init", name, &["--from", &served.address]);
    }
    let followers: Vec<_> = names
        .iter()
        .map(|name| world.follow(name, &served.address, &[]))
        .collect();
    write(&world, "a.db", 500, 10);
    for name in &names {
        world.wait_for(name, "a.db");
    }
    followers[3].signal("-STOP");
    write(&world, "a.db", 600, 3000);
    for (_, name) in names.iter().enumerate().filter(|(i, _)| *i != 3) {
        world.wait_for(name, "a.db");
    }
    followers[3].signal("-CONT");
    world.wait_for(&names[3], "a.db");
    for follower in followers {
        follower.terminate();
    }
    world.same(&names[3], "a.db");
    world.same(&names[9], "a.db");
}

/// A2: after the leader had compacted, a new follower lacked a quarter of the keys.
#[test]
fn a_new_copy_after_compaction_and_checkpoints_has_everything() {
    let world = World::new();
    let served = served(&world);
    write(&world, "a.db", 0, 4000);
    world.ok(&["checkpoint"], &[&world.path("a.db")]);
    world.ok(&["compact"], &[&world.path("a.db")]);
    world.replicate_to(0, "init", "b.db", &["--from", &served.address]);
    world.same("b.db", "a.db");
}

#[test]
fn a_bulk_import_reaches_a_follower_as_a_new_copy() {
    let world = World::new();
    let served = served(&world);
    world.replicate_to(0, "init", "b.db", &["--from", &served.address]);
    let follower = world.follow("b.db", &served.address, &[]);
    let mut import = creel()
        .arg("import")
        .arg(world.path("a.db"))
        .args(["--format", "tsv"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let lines: String = (0..20_000)
        .map(|i| format!("bulk {i:06}\tvalue\n"))
        .collect();
    import
        .stdin
        .take()
        .unwrap()
        .write_all(lines.as_bytes())
        .unwrap();
    assert!(import.wait().unwrap().success());
    write(&world, "a.db", 0, 10);
    world.wait_for("b.db", "a.db");
    follower.terminate();
    world.same("b.db", "a.db");
}

/// The one in the middle takes a new copy while others follow it.
#[test]
fn those_behind_a_copy_that_is_replaced_go_on() {
    let world = World::new();
    let served = served(&world);
    world.replicate_to(0, "init", "b.db", &["--from", &served.address]);
    let middle = world.cascade("b.db", &served.address);
    world.replicate_to(0, "init", "c.db", &["--from", &middle.address]);
    let last = world.follow("c.db", &middle.address, &[]);
    write(&world, "a.db", 0, 10);
    world.wait_for("c.db", "a.db");
    // A bulk step is in no log.
    let file = world.path("lines.tsv");
    std::fs::write(&file, "one\t1\ntwo\t2\n").unwrap();
    world.ok(
        &["import", "--format", "tsv"],
        &[&world.path("a.db"), &file],
    );
    write(&world, "a.db", 10, 10);
    for copy in ["b.db", "c.db"] {
        world.wait_for(copy, "a.db");
    }
    last.terminate();
    middle.process.terminate();
    for copy in ["b.db", "c.db"] {
        world.same(copy, "a.db");
    }
}

#[test]
fn over_the_pipes_of_another_program() {
    let world = World::new();
    world.create("a.db");
    write(&world, "a.db", 0, 300);
    // Takes ssh's words, and runs here what it would run there.
    let ssh = world.path("ssh");
    let script = "#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done\nshift\nexec sh -c \"$*\"\n";
    std::fs::write(&ssh, script).unwrap();
    let status = std::process::Command::new("chmod")
        .arg("+x")
        .arg(&ssh)
        .status();
    assert!(status.unwrap().success());
    let from = format!("ssh://host{}", world.path("a.db").display());
    let ssh = format!("sh {}", ssh.display());
    let words = [
        "--from",
        &from,
        "--ssh",
        &ssh,
        "--remote-creel",
        env!("CARGO_BIN_EXE_creel"),
    ];
    world.replicate_to(0, "init", "b.db", &words);
    world.same("b.db", "a.db");
    write(&world, "a.db", 300, 500);
    world.replicate_to(0, "pull", "b.db", &words);
    world.same("b.db", "a.db");
}

/// The copy had the archived log and the newest region, and nothing of what lay between.
#[test]
fn copies_of_a_file_that_keeps_its_log_have_it_without_a_gap() {
    let world = World::new();
    world.create("a.db");
    world.serve_local("a.db").process.terminate(); // a primary now
    let file = world.path("lines.tsv");
    for round in 0..8 {
        write(&world, "a.db", round * 700, 700);
        std::fs::write(&file, format!("bulk {round}\t1\n")).unwrap();
        world.ok(
            &["import", "--format", "tsv"],
            &[&world.path("a.db"), &file],
        );
        write(&world, "a.db", round * 90, 30);
        let copy = world.path(&format!("copy {round}.db"));
        let words = ["backup", world.path("a.db").to_str().unwrap(), "-o"].map(str::to_owned);
        world.ok(&words.each_ref().map(String::as_str), &[&copy]);
        world.verify(&format!("copy {round}.db"));
    }
}
