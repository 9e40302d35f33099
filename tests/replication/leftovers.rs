//! What killed commands leave beside a database.

use std::time::Instant;

use crate::world::{PATIENCE, Process, World};

/// Hidden files.
fn hidden(world: &World) -> Vec<String> {
    let entries = std::fs::read_dir(world.dir.path()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.starts_with('.')).collect();
    names.sort();
    names
}

fn has(world: &World, kind: &str) -> bool {
    hidden(world).iter().any(|name| name.ends_with(kind))
}

/// Runs a command again and again until it is killed where it has such a file.
fn killed_with(world: &World, kind: &str, made: &str, start: &dyn Fn() -> Process) {
    let begun = Instant::now();
    loop {
        let mut process = start();
        while process.child.try_wait().unwrap().is_none() && !has(world, kind) {
            std::thread::yield_now();
        }
        process.kill();
        if has(world, kind) {
            return;
        }
        let _ = std::fs::remove_file(world.path(made));
        assert!(begun.elapsed() < PATIENCE, "never killed with a {kind}");
    }
}

fn site() -> World {
    let world = World::new();
    world.create_with("a.db", "4MiB");
    let db = world.writer("a.db");
    for i in 0..200u32 {
        db.put(&i.to_be_bytes(), &vec![i as u8; 50_000]).unwrap();
    }
    db.close().unwrap();
    world
}

/// Each killed attempt kept as many bytes as the copy has, for ever.
#[test]
fn killed_commands_left_copies_that_nobody_removed() {
    let world = site();
    let store = format!("dir:{}", world.path("chain").display());
    world.replicate_to(0, "snapshot", "a.db", &["--to", &store]);
    let served = world.serve_local("a.db");
    let quiet = |mut command: std::process::Command| {
        let command = command.stdout(std::process::Stdio::null());
        let command = command.stderr(std::process::Stdio::null());
        Process {
            child: command.spawn().unwrap(),
        }
    };
    let spawn = |verb: &str, name: &str, words: &[&str]| quiet(world.spawn(verb, name, words));
    let restore = || {
        let mut command = crate::world::creel();
        command
            .args(["restore", &store, "-o"])
            .arg(world.path("r.db"));
        command
    };
    let init = |from: &str| spawn("init", "b.db", &["--from", from]);
    killed_with(&world, ".fetch", "b.db", &|| init(&store));
    world.replicate_to(0, "init", "b.db", &["--from", &store]);
    assert_eq!(hidden(&world), [""; 0]);

    std::fs::remove_file(world.path("b.db")).unwrap();
    killed_with(&world, ".seed", "b.db", &|| init(&served.address));
    // Whoever comes next, from wherever.
    world.replicate_to(0, "init", "b.db", &["--from", &store]);
    assert_eq!(hidden(&world), [""; 0]);

    std::fs::remove_file(world.path("b.db")).unwrap();
    let a = world.path("a.db");
    killed_with(&world, ".reseed", "b.db", &|| init(a.to_str().unwrap()));
    world.replicate_to(0, "init", "b.db", &["--from", a.to_str().unwrap()]);
    assert_eq!(hidden(&world), [""; 0]);

    killed_with(&world, ".fetch", "r.db", &|| quiet(restore()));
    assert!(restore().output().unwrap().status.success());
    assert_eq!(hidden(&world), [""; 0]);
    world.same("b.db", "a.db");
}

/// A copy that arrives is not taken from the process that takes it.
#[test]
fn what_a_living_process_writes_is_left_alone() {
    let world = site();
    let served = world.serve_local("a.db");
    let from = ["--from", served.address.as_str()];
    let slow = Process {
        child: world.spawn("init", "b.db", &from).spawn().unwrap(),
    };
    let begun = Instant::now();
    while !has(&world, ".seed") && !world.path("b.db").exists() {
        assert!(begun.elapsed() < PATIENCE, "it never begins");
        std::thread::yield_now();
    }
    slow.signal("-STOP");
    let before = hidden(&world);
    // Both make a copy at once: one of them is first, and neither breaks the other.
    let other = world.replicate("init", "b.db", &from);
    let left = hidden(&world);
    assert!(before.iter().all(|name| left.contains(name)), "{left:?}");
    slow.signal("-CONT");
    let mut slow = slow;
    let codes = [other.status.code(), slow.wait().0];
    assert!(codes.contains(&Some(0)), "{codes:?}");
    assert_eq!(hidden(&world), [""; 0]);
    world.same("b.db", "a.db");
}
