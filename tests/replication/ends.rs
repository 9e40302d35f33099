//! How commands end where following is not possible.

use std::path::Path;

use crate::world::{World, creel, free_address};

#[test]
fn another_database_is_refused() {
    let world = World::new();
    for name in ["a.db", "x.db"] {
        world.create(name);
        world.put(name, "key", name);
    }
    let served = world.serve_local("a.db");
    let other = world.serve_local("x.db");
    world.replicate_to(0, "init", "b.db", &["--from", &served.address]);
    let before = world.digest("b.db");
    for verb in ["pull", "follow"] {
        let said = world.replicate_to(15, verb, "b.db", &["--from", &other.address]);
        assert!(said.contains("another database"), "{said}");
    }
    let file = world.path("x.db");
    let said = world.replicate_to(15, "pull", "b.db", &["--from", file.to_str().unwrap()]);
    assert!(said.contains("db_id") && !said.contains("rejoin"), "{said}");
    assert_eq!(world.digest("b.db"), before, "nothing was applied");
}

#[test]
fn nobody_answers() {
    let world = World::new();
    world.create("a.db");
    let from = format!("tcp://{}", free_address());
    world.replicate_to(12, "init", "b.db", &["--from", &from]);
    assert!(!world.path("b.db").exists());
}

/// K14: a replica took writes of its own.
#[test]
fn a_replica_refuses_writes() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    let served = world.serve_local("a.db");
    world.replicate_to(0, "init", "b.db", &["--from", &served.address]);
    let words = ["put"];
    let output = world.run(
        &words,
        &[&world.path("b.db"), Path::new("k"), Path::new("v")],
    );
    assert_eq!(output.status.code(), Some(10));
    // And is no place for a second copy.
    world.replicate_to(8, "init", "b.db", &["--from", &served.address]);
}

/// K20: what has to be done is told by the exit status, not by words in a message.
#[test]
fn a_copy_that_the_log_does_not_reach_needs_a_new_one() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    let served = world.serve_local("a.db");
    let from = ["--from", served.address.as_str()];
    world.replicate_to(0, "init", "b.db", &from);
    let mut import = creel();
    import.arg("import").arg(world.path("a.db"));
    let file = world.path("lines.tsv");
    std::fs::write(&file, "one\t1\ntwo\t2\n").unwrap();
    let status = import.arg(&file).args(["--format", "tsv"]).status();
    assert!(status.unwrap().success());
    world.put("a.db", "key", "later");
    let before = world.digest("b.db");
    world.replicate_to(11, "pull", "b.db", &from);
    assert_eq!(world.digest("b.db"), before, "no part of it was applied");
    let auto = [from[0], from[1], "--reseed", "auto"];
    world.replicate_to(0, "pull", "b.db", &auto);
    world.same("b.db", "a.db");
}

#[test]
fn histories_that_parted_are_told_and_only_force_takes_a_new_copy() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    // The same file goes on in two ways.
    std::fs::copy(world.path("a.db"), world.path("fork.db")).unwrap();
    let fork = world.serve_local("fork.db");
    world.replicate_to(0, "init", "b.db", &["--from", &fork.address]);
    world.put("fork.db", "key", "fork");
    world.replicate_to(0, "pull", "b.db", &["--from", &fork.address]);
    world.put("a.db", "key", "original");
    world.put("a.db", "key", "original again");
    let served = world.serve_local("a.db");
    let from = ["--from", served.address.as_str()];
    world.replicate_to(15, "pull", "b.db", &from);
    world.same("b.db", "fork.db");
    world.replicate_to(15, "pull", "b.db", &[from[0], from[1], "--reseed", "auto"]);
    world.replicate_to(0, "pull", "b.db", &[from[0], from[1], "--reseed", "force"]);
    world.same("b.db", "a.db");
}

#[test]
fn signals_end_server_and_follower_cleanly() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    let mut served = world.serve_local("a.db");
    world.replicate_to(0, "init", "b.db", &["--from", &served.address]);
    let mut follower = world.follow("b.db", &served.address, &[]);
    world.put("a.db", "key", "other");
    world.wait_for("b.db", "a.db");
    follower.signal("-INT");
    assert_eq!(follower.wait(), (None, Some(2)));
    served.process.signal("-TERM");
    assert_eq!(served.process.wait(), (None, Some(15)));
    world.same("b.db", "a.db");
}

/// Acknowledgements count as durable: no flag makes them less.
#[test]
fn copies_do_not_run_with_less_than_full_sync() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    let served = world.serve_local("a.db");
    let from = ["--from", served.address.as_str()];
    world.replicate_to(0, "init", "b.db", &from);
    for mode in ["normal", "off"] {
        let words = [from[0], from[1], "--sync", mode];
        for verb in ["pull", "follow"] {
            let said = world.replicate_to(2, verb, "b.db", &words);
            assert!(said.contains("leave out --sync"), "{said}");
        }
        world.replicate_to(2, "init", "c.db", &words);
        assert!(!world.path("c.db").exists());
        let listen = ["--listen", "127.0.0.1:0", "--sync", mode];
        world.replicate_to(2, "serve", "a.db", &listen);
    }
    world.replicate_to(0, "pull", "b.db", &[from[0], from[1], "--sync", "full"]);
}

/// It ended as where a device fails (status 8), and whoever runs it again and again did so.
#[test]
fn a_follower_whose_copy_was_promoted_told_of_a_failed_device() {
    let world = World::new();
    world.create("a.db");
    let served = world.serve_local("a.db");
    world.replicate_to(0, "init", "b.db", &["--from", &served.address]);
    let mut follower = world.follow("b.db", &served.address, &[]);
    world.put("a.db", "key", "value");
    world.wait_for("b.db", "a.db");
    world.ok(
        &["promote", "--accept-loss", "--yes"],
        &[&world.path("b.db")],
    );
    // More comes, which is not for a primary.
    world.put("a.db", "key", "other");
    assert_eq!(follower.wait(), (Some(10), None));
    world.replicate_to(10, "follow", "b.db", &["--from", &served.address]);
}

/// It tried for ever to reach the old primary, for a file that takes nothing from anybody.
#[test]
fn a_follower_of_a_promoted_copy_tried_a_dead_source_for_ever() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    let path = world.path("a.db").to_str().unwrap().to_owned();
    for kind in ["server", "file"] {
        let name = format!("{kind}.db");
        let served = world.serve_local("a.db");
        let from = match kind {
            "server" => served.address.clone(),
            _ => path.clone(),
        };
        world.replicate_to(0, "init", &name, &["--from", &from]);
        let mut follower = world.follow(&name, &from, &[]);
        world.put("a.db", "key", kind);
        world.wait_for(&name, "a.db");
        served.process.kill();
        let away = world.path("away.db");
        std::fs::rename(&path, &away).unwrap();
        let words = ["promote", "--accept-loss", "--yes"];
        world.ok(&words, &[&world.path(&name)]);
        assert_eq!(follower.wait(), (Some(10), None), "{kind}");
        std::fs::rename(&away, &path).unwrap();
    }
}

/// It was a few entries behind, for all that was counted, and every check of a script passed: replica, lag, age. What
/// following then said led to a comparison, not to what mends it.
#[test]
fn a_copy_of_another_history_passed_all_checks_of_its_server() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    let file = world.path("a.db").to_str().unwrap().to_owned();
    for name in ["b.db", "c.db"] {
        world.replicate_to(0, "init", name, &["--from", &file]);
    }
    let served = world.serve_local("b.db");
    let from = ["--from", &served.address];
    let checks = [["--check", "lag=9"], ["--check", "age=1h"]];
    for check in &checks {
        world.replicate_to(0, "status", "c.db", &[&from[..], check].concat());
    }
    let same = world.replicate_to(0, "status", "c.db", &[&from[..], &["--json"]].concat());
    assert!(same.contains("\"history_same\":true"), "{same}");
    world.put("a.db", "only here", "and in c.db");
    world.replicate_to(0, "pull", "c.db", &["--from", &file]);
    // It has more than a server that is behind, which says nothing of its history.
    let ahead = world.replicate_to(0, "status", "c.db", &[&from[..], &["--json"]].concat());
    assert!(ahead.contains("\"history_same\":null"), "{ahead}");
    world.ok(
        &["promote", "--accept-loss", "--yes"],
        &[&world.path("b.db")],
    );
    drop(served);
    let served = world.serve_local("b.db");
    let from = ["--from", &served.address];
    world.put("b.db", "more", "of it");
    for check in checks.iter().chain([&["--check", "replica"]]) {
        world.replicate_to(1, "status", "c.db", &[&from[..], check].concat());
    }
    let apart = world.replicate_to(0, "status", "c.db", &[&from[..], &["--json"]].concat());
    assert!(apart.contains("\"phase\":\"diverged\""), "{apart}");
    for dry in [&["--dry-run"][..], &[]] {
        let said = world.replicate_to(15, "pull", "c.db", &[&from[..], dry].concat());
        assert!(said.contains("replicate rejoin"), "{said}");
    }
    world.replicate_to(0, "rejoin", "c.db", &from);
    world.replicate_to(0, "pull", "c.db", &from);
    for check in checks.iter().chain([&["--check", "replica"]]) {
        world.replicate_to(0, "status", "c.db", &[&from[..], check].concat());
    }
    world.same("c.db", "b.db");
    // A server of another database counts entries, too.
    world.create("x.db");
    let other = world.serve_local("x.db");
    let words = ["--from", &other.address, "--check", "lag=9"];
    world.replicate_to(1, "status", "c.db", &words);
}
