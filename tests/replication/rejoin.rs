//! A former primary comes back: the new one is a server, and what only the old one had is saved.

use std::fs;

use crate::world::{World, creel, text};

/// `a.db` was the primary, has one commit that nobody else has, and one that is in nobody's log but
/// its own; `b.db` is primary of the next epoch.
fn parted(world: &World) {
    world.create("a.db");
    world.put("a.db", "both", "before");
    let a = world.path("a.db");
    world.replicate_to(0, "init", "b.db", &["--from", a.to_str().unwrap()]);
    world.put("a.db", "both", "old");
    world.put("a.db", "only here", "1");
    world.ok(
        &["promote", "--yes", "--accept-loss"],
        &[&world.path("b.db")],
    );
    world.put("b.db", "both", "new");
}

#[test]
fn a_former_primary_rejoins_the_server_of_the_new_one() {
    let world = World::new();
    parted(&world);
    let served = world.serve_local("b.db");
    let from = ["--from", served.address.as_str()];
    let before = fs::read(world.path("a.db")).unwrap();
    let dry = [from[0], from[1], "--dry-run"];
    let said = world.replicate_to(0, "rejoin", "a.db", &dry);
    assert!(said.contains("2 commits that only this copy has"), "{said}");
    assert!(
        before == fs::read(world.path("a.db")).unwrap(),
        "only looked at"
    );
    let said = world.replicate_to(0, "rejoin", "a.db", &from);
    assert!(said.contains("went back to 1:1"), "{said}");
    let saved = world.path("a.db.diverged");
    let files: Vec<_> = fs::read_dir(saved).unwrap().collect();
    assert_eq!(files.len(), 1);
    let path = files[0].as_ref().unwrap().path();
    let shown = world.ok(&["log", "show"], &[&path]);
    assert!(shown.contains("put only here"), "{shown}");
    // The source is remembered.
    world.replicate_to(0, "pull", "a.db", &[]);
    world.same("a.db", "b.db");
}

/// What both have where this copy's log ends is not in the epoch table: the server is asked.
#[test]
fn a_copy_that_is_behind_the_new_epoch_rejoins_and_has_nothing_to_save() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "1");
    let a = world.path("a.db");
    for copy in ["b.db", "c.db"] {
        world.replicate_to(0, "init", copy, &["--from", a.to_str().unwrap()]);
    }
    world.put("a.db", "key", "2");
    world.replicate_to(0, "pull", "b.db", &[]);
    world.ok(
        &["promote", "--yes", "--accept-loss"],
        &[&world.path("b.db")],
    );
    let served = world.serve_local("b.db");
    let from = ["--from", served.address.as_str()];
    let said = world.replicate_to(0, "rejoin", "c.db", &from);
    assert!(said.contains("0 commits that only this copy had"), "{said}");
    assert!(!world.path("c.db.diverged").exists());
    world.replicate_to(0, "pull", "c.db", &[]);
    world.same("c.db", "b.db");
}

#[test]
fn who_is_no_newer_primary_is_not_rejoined() {
    let world = World::new();
    parted(&world);
    let b = world.path("b.db");
    world.replicate_to(0, "init", "c.db", &["--from", b.to_str().unwrap()]);
    world.create("other.db");
    world.put("other.db", "key", "value");
    let before = world.position("a.db");
    for (source, status) in [("c.db", 10), ("other.db", 15)] {
        let served = world.serve_local(source);
        world.replicate_to(status, "rejoin", "a.db", &["--from", &served.address]);
    }
    // The old one is no source for the new one.
    let old = world.serve_local("a.db");
    world.replicate_to(10, "rejoin", "b.db", &["--from", &old.address]);
    let nobody = format!("tcp://{}", crate::world::free_address());
    world.replicate_to(12, "rejoin", "a.db", &["--from", &nobody]);
    world.replicate_to(2, "rejoin", "a.db", &["--from", "-"]);
    world.replicate_to(2, "rejoin", "a.db", &[]);
    assert_eq!(world.position("a.db"), before);
}

/// A server asks for a token: who rejoins shows it.
#[test]
fn a_token_is_shown_to_the_new_primary() {
    let world = World::new();
    parted(&world);
    let token = world.path("token");
    fs::write(&token, "0123456789abcdef0123\n").unwrap();
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    let token = token.to_str().unwrap();
    let words = ["--listen", "127.0.0.1:0", "--token-file", token];
    let served = world.serve("b.db", &words);
    let from = ["--from", served.address.as_str()];
    // As everywhere a token is asked for: trying again would not help.
    world.replicate_to(8, "rejoin", "a.db", &from);
    let with = [from[0], from[1], "--from-token-file", token];
    world.replicate_to(0, "rejoin", "a.db", &with);
    world.replicate_to(0, "pull", "a.db", &with);
    world.same("a.db", "b.db");
}

#[test]
fn a_refused_write_names_the_way_out() {
    let world = World::new();
    world.ok(
        &["open", "--create", "--role", "primary"],
        &[&world.path("a.db")],
    );
    world.put("a.db", "key", "value");
    let a = world.path("a.db");
    world.replicate_to(0, "init", "b.db", &["--from", a.to_str().unwrap()]);
    let refused = |name: &str| {
        let path = world.path(name);
        let put = creel().arg("put").arg(&path).args(["k", "v"]).output();
        let put = put.unwrap();
        assert_eq!(put.status.code(), Some(10));
        text(&put)
    };
    let said = refused("b.db");
    assert!(said.contains("creel promote"), "{said}");
    let b = world.path("b.db");
    world.ok(
        &["promote", "--yes", "--old-primary", a.to_str().unwrap()],
        &[&b],
    );
    let said = refused("a.db");
    let way = format!("creel replicate rejoin {} --from", a.display());
    assert!(said.contains(&way), "{said}");
}

/// Only the number of entries was told: not what they changed, nor what the new history made of it.
#[test]
fn what_was_taken_back_was_counted_in_entries_alone() {
    let world = World::new();
    parted(&world);
    let (a, b) = (world.path("a.db"), world.path("b.db"));
    let (a, b) = (a.to_str().unwrap(), b.to_str().unwrap());
    let served = world.serve_local("b.db");
    let copies = ["file.db", "tcp.db"].map(|name| {
        fs::copy(a, world.path(name)).unwrap();
        name
    });
    for (name, from, of_both) in [(copies[0], b, Some(1)), (copies[1], &served.address, None)] {
        let dry = world.replicate_to(0, "rejoin", name, &["--from", from, "--dry-run", "--json"]);
        let dry: serde_json::Value = serde_json::from_str(&dry).unwrap();
        assert!(
            dry["keys"].is_null() && dry["keys_of_both"].is_null(),
            "{dry}"
        );
        let done = world.replicate_to(0, "rejoin", name, &["--from", from, "--json"]);
        let done: serde_json::Value = serde_json::from_str(&done).unwrap();
        assert_eq!(done["diverged"], 2, "{done}");
        assert_eq!(done["keys"], 2, "{done}");
        assert_eq!(done["ranges"], 0, "{done}");
        assert_eq!(done["keys_of_both"].as_u64(), of_both, "{done}");
    }
    let said = world.replicate_to(0, "rejoin", "a.db", &["--from", b]);
    let words = "they changed 2 keys; the new history changed 1 of them too: creel log diff ";
    assert!(said.contains(words), "{said}");
    // The command that is named works as it stands there.
    let line = said.lines().find(|line| line.contains(words)).unwrap();
    let (_, command) = line.split_once(": creel log diff ").unwrap();
    let words: Vec<&str> = command.split(' ').collect();
    let diff = creel().args(["log", "diff"]).args(words).output().unwrap();
    assert_eq!(diff.status.code(), Some(1));
    let shown = text(&diff);
    assert!(shown.contains("conflict\tmain\tboth\n"), "{shown}");
    assert!(shown.contains("free\tmain\tonly here\n"), "{shown}");
}

#[test]
fn what_was_taken_back_is_counted_from_a_store_too() {
    let site = crate::store::Site::with_copy();
    let (a, b, store) = (site.path("a.db"), site.path("b.db"), site.store());
    use crate::store::{json, succeeds};
    succeeds(&["put", &a, "both", "old"]);
    succeeds(&["put", &a, "only here", "1"]);
    succeeds(&["delete", &a, "--prefix", "x", "--yes"]);
    succeeds(&["promote", &b, "--yes", "-q"]);
    site.publish("b.db", "both");
    let done = json(&["replicate", "rejoin", &a, "--from", &store]);
    assert_eq!(done["diverged"], 3, "{done}");
    let counts = ["keys", "ranges", "keys_of_both"].map(|name| done[name].as_u64());
    assert_eq!(counts, [Some(2), Some(1), Some(1)], "{done}");
}

/// Values that all belong to one writer, with a checkpoint behind each round.
fn rounds(world: &World, name: &str, what: &str, rounds: u32) {
    let db = world.writer(name);
    for round in 0..rounds {
        for i in 0..300u32 {
            let key = format!("{i:05}");
            let value = format!("{what} {round} {}", "x".repeat(200));
            db.put(key.as_bytes(), value.as_bytes()).unwrap();
        }
        let ends = format!("{what} ends {round}");
        db.put(ends.as_bytes(), b"1").unwrap();
        world.ok(&["checkpoint"], &[&world.path(name)]);
    }
    db.close().unwrap();
}

fn saved_entries(world: &World, name: &str) -> (Vec<std::path::PathBuf>, u64) {
    let directory = world.path(&format!("{name}.diverged"));
    let files = fs::read_dir(directory).unwrap();
    let files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    let entries = files.iter().map(|file| {
        let name = file.file_name().unwrap().to_str().unwrap();
        let mut numbers = name.split('-').skip(1).map(str::parse::<u64>);
        let (from, to) = (numbers.next().unwrap(), numbers.next().unwrap());
        to.unwrap() - from.unwrap() + 1
    });
    let count = entries.sum();
    (files, count)
}

/// No store, so no checkpoint waits for anybody. The server is killed, what it served goes on for itself
/// with many checkpoints, the follower is promoted: the old primary comes back without a new copy, and
/// each of its own commits is saved.
fn comes_back(world: &World, from: &str) {
    let digest = world.digest("b.db");
    rounds(world, "a.db", "alone", 9);
    world.ok(
        &["promote", "--yes", "--accept-loss"],
        &[&world.path("b.db")],
    );
    rounds(world, "b.db", "new", 2);
    let alone = world.position("a.db").index;
    let said = world.replicate_to(0, "rejoin", "a.db", &["--from", from]);
    let (files, entries) = saved_entries(world, "a.db");
    let line = format!("{entries} commits that only this copy had");
    assert!(said.contains(&line), "{said}");
    assert_eq!(world.position("a.db").index, alone - entries);
    assert_eq!(world.digest("a.db"), digest, "as the follower had it");
    world.verify("a.db");
    let paths: Vec<_> = files.iter().map(std::path::PathBuf::as_path).collect();
    let shown = world.ok(&["log", "show"], &paths);
    for round in 0..9 {
        assert!(
            shown.contains(&format!("put alone ends {round} ")),
            "{round}"
        );
    }
    world.replicate_to(0, "pull", "a.db", &["--reseed", "never"]);
    world.same("a.db", "b.db");
}

#[test]
fn a_killed_primary_comes_back_over_tcp_without_a_new_copy_whatever_was_checkpointed() {
    let world = World::new();
    world.primary("64KiB");
    rounds(&world, "a.db", "both", 3);
    let served = world.serve_local("a.db");
    world.replicate_to(0, "init", "b.db", &["--from", &served.address]);
    let follower = world.follow("b.db", &served.address, &[]);
    rounds(&world, "a.db", "followed", 2);
    world.wait_for("b.db", "a.db");
    follower.terminate();
    served.process.kill();
    let served = world.serve_local("b.db");
    comes_back(&world, &served.address);
}

#[test]
fn a_stopped_primary_comes_back_from_a_file_without_a_new_copy() {
    let world = World::new();
    world.primary("64KiB");
    rounds(&world, "a.db", "both", 3);
    let a = world.path("a.db");
    world.replicate_to(0, "init", "b.db", &["--from", a.to_str().unwrap()]);
    rounds(&world, "a.db", "followed", 2);
    world.replicate_to(0, "pull", "b.db", &[]);
    let b = world.path("b.db");
    comes_back(&world, b.to_str().unwrap());
}

/// Beyond what is kept a new copy is needed, and is said so; what the log still has is saved.
#[test]
fn beyond_what_waits_for_it_a_primary_needs_a_new_copy() {
    let world = World::new();
    world.primary("64KiB");
    world.replicate_to(
        0,
        "keep",
        "a.db",
        &["--rewind", "0", "--retain-min", "100000"],
    );
    rounds(&world, "a.db", "both", 1);
    let a = world.path("a.db");
    world.replicate_to(0, "init", "b.db", &["--from", a.to_str().unwrap()]);
    rounds(&world, "a.db", "alone", 3);
    let b = world.path("b.db");
    world.ok(&["promote", "--yes", "--accept-loss"], &[&b]);
    let from = ["--from", b.to_str().unwrap()];
    let said = world.replicate_to(11, "rejoin", "a.db", &from);
    assert!(said.contains("--reseed force"), "{said}");
    // And a marker for each checkpoint, however many the writer made by itself.
    assert!(saved_entries(&world, "a.db").1 >= 3 * 301);
    world.replicate_to(0, "pull", "a.db", &["--from", from[1], "--reseed", "force"]);
    world.same("a.db", "b.db");
}
