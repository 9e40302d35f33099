//! A promotion in a store, beside everybody else who is at the file, and where something is in its way.

use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::full::within;
use crate::world::{World, text};

fn store(world: &World) -> String {
    format!("dir:{}", world.path("store").display())
}

fn put(world: &World, name: &str, key: &str, words: &[&str]) -> Output {
    let path = world.path(name);
    world.run(
        &[&["put"][..], words].concat(),
        &[&path, Path::new(key), Path::new("v")],
    )
}

fn promote(world: &World, name: &str, words: &[&str]) -> Output {
    let store = store(world);
    let words = [&["promote", "--yes", "--store", &store][..], words].concat();
    world.run(&words, &[&world.path(name)])
}

fn status(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

/// `a.db` with a store, and a copy of it.
fn published(world: &World) {
    world.create("a.db");
    world.put("a.db", "first", "1");
    world.replicate_to(0, "snapshot", "a.db", &["--to", &store(world), "-q"]);
    world.replicate_to(0, "init", "b.db", &["--from", &store(world), "-q"]);
}

fn lacks(world: &World, name: &str, keys: &[String]) -> Vec<String> {
    let db = world.open(name);
    let missing = keys
        .iter()
        .filter(|key| db.get(key.as_bytes()).unwrap().is_none());
    missing.cloned().collect()
}

/// The keys that `put` confirmed until `done`, one after the other.
fn write_until(world: &World, name: &str, words: &[&str], done: &AtomicBool) -> Vec<String> {
    let mut confirmed = Vec::new();
    for i in 0.. {
        if done.load(Ordering::SeqCst) {
            break;
        }
        let key = format!("key {i}");
        if status(&put(world, name, &key, words)) == 0 {
            confirmed.push(key);
        }
    }
    confirmed
}

/// The fence was made for an end of the log that was not the end any more when it came into the file: then the old
/// primary was deposed, nobody else was the primary, and what the copy had confirmed was lost.
#[test]
fn a_copy_is_promoted_while_it_takes_entries() {
    let world = World::new();
    published(&world);
    let publish = [
        "--listen",
        "127.0.0.1:0",
        "--publish",
        &store(&world),
        "--linger",
        "300ms",
    ];
    let served = world.serve("a.db", &publish);
    let following = world.follow("b.db", &served.address, &[]);
    let done = AtomicBool::new(false);
    let words = ["--ack", "replica:1", "--ack-timeout", "2s"];
    let confirmed = std::thread::scope(|scope| {
        let writing = scope.spawn(|| write_until(&world, "a.db", &words, &done));
        let begun = world.position("b.db").index;
        world
            .open("b.db")
            .watch(begun + 10, crate::world::PATIENCE)
            .unwrap();
        let promoted = promote(&world, "b.db", &[]);
        done.store(true, Ordering::SeqCst);
        assert_eq!(status(&promoted), 0, "{}", text(&promoted));
        writing.join().unwrap()
    });
    assert!(confirmed.len() >= 10, "{confirmed:?}");
    assert_eq!(lacks(&world, "b.db", &confirmed), [""; 0]);
    let next = put(&world, "b.db", "next", &["--ack", "published"]);
    assert_eq!(status(&next), 0, "{}", text(&next));
    let deposed = put(&world, "a.db", "late", &["--ack", "published"]);
    assert_eq!(status(&deposed), 10, "{}", text(&deposed));
    drop(following);
    drop(served);
    world.verify("b.db");
}

/// What was confirmed between the fence in the store and the fence in the file was on neither side of it.
#[test]
fn a_primary_is_promoted_in_place_while_others_write() {
    let world = World::new();
    published(&world);
    let done = AtomicBool::new(false);
    let confirmed = std::thread::scope(|scope| {
        let writers = ["x", "y"].map(|_| scope.spawn(|| write_until(&world, "a.db", &[], &done)));
        for epoch in 2..8 {
            let promoted = promote(&world, "a.db", &[]);
            if status(&promoted) != 0 {
                done.store(true, Ordering::SeqCst);
            }
            assert_eq!(status(&promoted), 0, "epoch {epoch}: {}", text(&promoted));
        }
        done.store(true, Ordering::SeqCst);
        writers.map(|writer| writer.join().unwrap()).concat()
    });
    let last = put(&world, "a.db", "last", &["--ack", "published"]);
    assert_eq!(status(&last), 0, "{}", text(&last));
    assert_eq!(lacks(&world, "a.db", &confirmed), [""; 0]);
    world.replicate_to(0, "pull", "b.db", &["--from", &store(&world), "-q"]);
    assert_eq!(lacks(&world, "b.db", &confirmed), [""; 0]);
    world.same("b.db", "a.db");
}

fn epoch(world: &World, name: &str) -> Value {
    let output = world.run(&["info", "--json"], &[&world.path(name)]);
    let info: Value = serde_json::from_slice(&output.stdout).unwrap();
    info["epoch"].clone()
}

/// Changes the newest page that a quick look goes to.
fn damage(path: &Path) {
    const PAGE: usize = 4096;
    let whole = std::fs::read(path).unwrap();
    let ends = (0..whole.len()).step_by(PAGE).rev().map(|at| at + PAGE - 1);
    let found = ends.into_iter().any(|at| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        std::fs::write(path, bytes).unwrap();
        let options = creel::VerifyOptions {
            level: creel::Depth::Quick,
            ..creel::VerifyOptions::default()
        };
        let report = creel::verify(path, &options, &creel::NoProgress).unwrap();
        report.verdict == creel::Verdict::Damaged
    });
    assert!(found);
}

/// A damaged copy won the epoch and could not begin it.
#[test]
fn a_damaged_copy_deposes_nobody() {
    let world = World::new();
    published(&world);
    damage(&world.path("b.db"));
    for words in [&["--dry-run"][..], &[]] {
        let refused = promote(&world, "b.db", words);
        assert_eq!(status(&refused), 10, "{}", text(&refused));
        assert!(
            text(&refused).contains("nothing was changed"),
            "{}",
            text(&refused)
        );
    }
    assert_eq!(epoch(&world, "b.db"), 1);
    let goes_on = put(&world, "a.db", "next", &["--ack", "published"]);
    assert_eq!(status(&goes_on), 0, "{}", text(&goes_on));
}

/// It was said that nothing was changed, and the copy was the primary.
#[test]
fn a_promotion_that_cannot_note_where_to_publish_is_finished_by_the_next_one() {
    let world = World::new();
    published(&world);
    let (path, store) = (world.path("b.db"), store(&world));
    let path = path.to_str().unwrap();
    let words = ["promote", path, "--yes", "--store", &store];
    // Room for the headers and the log (two times 64 KiB behind 16 KiB), and none for pages.
    let half = within(144, &words);
    let said = text(&half);
    assert_eq!(status(&half), 8, "{said}");
    assert!(
        said.contains("this copy is the primary of epoch 2"),
        "{said}"
    );
    assert_eq!(epoch(&world, "b.db"), 2);
    let whole = promote(&world, "b.db", &[]);
    assert_eq!(status(&whole), 0, "{}", text(&whole));
    assert_eq!(epoch(&world, "b.db"), 2, "the epoch that had begun");
    let next = put(&world, "b.db", "next", &["--ack", "published"]);
    assert_eq!(status(&next), 0, "{}", text(&next));
}

/// Another copy has told the store that it has more.
#[test]
fn a_copy_that_lacks_what_another_one_has_is_promoted_only_when_told_to() {
    use creel::chain::object::{NodeRole, ProgressDoc};
    let world = World::new();
    published(&world);
    world.put("a.db", "more", "1");
    // As a copy that had it from the primary tells it.
    let a = world.position("a.db");
    let point = creel::format::entry::Point {
        index: a.index,
        epoch: a.epoch,
        history: a.hash.unwrap(),
    };
    let pace = &mut creel::chain::Tries(9);
    let chain = creel::replica::store::open_chain(&store(&world), pace).unwrap();
    let mut ahead = ProgressDoc::new([7; 16], chain.lineage(), NodeRole::Replica, point.into());
    ahead.name = "c".to_owned();
    chain.say_progress(&ahead, pace).unwrap();
    for words in [&["--dry-run"][..], &[]] {
        let refused = promote(&world, "b.db", words);
        let said = text(&refused);
        assert_eq!(status(&refused), 10, "{said}");
        assert!(
            said.contains(&format!("copies: copy c at 1:{}", a.index)),
            "{said}"
        );
    }
    let accepted = promote(&world, "b.db", &["--accept-loss", "--json"]);
    assert_eq!(status(&accepted), 0, "{}", text(&accepted));
    let report: Value = serde_json::from_slice(&accepted.stdout).unwrap();
    assert_eq!(report["lost"]["first_index"], a.index, "{report}");
    assert_eq!(report["lost"]["last_index"], a.index, "{report}");
}

/// While somebody had the copy to himself for longer than its time for locks, a `follow` ended.
#[test]
fn who_follows_a_store_waits_on_while_somebody_has_the_file_to_himself() {
    let world = World::new();
    published(&world);
    let following = world.follow("b.db", &store(&world), &["--lock-timeout", "50ms"]);
    let follows = |until: &dyn Fn(&Value) -> bool| {
        let begun = std::time::Instant::now();
        loop {
            let output = world.replicate("status", "b.db", &["--json"]);
            let status: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
            if until(&status) {
                return;
            }
            assert!(begun.elapsed() < crate::world::PATIENCE, "{status}");
        }
    };
    follows(&|status| status["phase"] == "streaming");
    let copy = world.writer("b.db");
    let alone = copy.write_alone().unwrap();
    let next = put(&world, "a.db", "next", &["--ack", "published"]);
    assert_eq!(status(&next), 0, "{}", text(&next));
    follows(&|status| {
        let errors = status["errors"].to_string();
        status["phase"] == "disconnected" && errors.contains("lock")
    });
    drop(alone);
    world.wait_for("b.db", "a.db");
    follows(&|status| status["phase"] == "streaming");
    drop(following);
}

/// Whoever follows the store goes on with the new primary, and with the one after it.
#[test]
fn who_follows_a_store_goes_on_whoever_is_promoted_in_it() {
    let world = World::new();
    published(&world);
    world.replicate_to(0, "init", "c.db", &["--from", &store(&world), "-q"]);
    let following = world.follow("c.db", &store(&world), &[]);
    let more = put(&world, "a.db", "more", &["--ack", "published"]);
    assert_eq!(status(&more), 0, "{}", text(&more));
    world.wait_for("c.db", "a.db");
    let promoted = promote(&world, "b.db", &[]);
    assert_eq!(status(&promoted), 0, "{}", text(&promoted));
    let next = put(&world, "b.db", "next", &["--ack", "published"]);
    assert_eq!(status(&next), 0, "{}", text(&next));
    world.wait_for("c.db", "b.db");
    assert_eq!(epoch(&world, "c.db"), 2);
    world.replicate_to(0, "rejoin", "a.db", &["--from", &store(&world)]);
    world.replicate_to(0, "pull", "a.db", &["--from", &store(&world), "-q"]);
    let promoted = promote(&world, "a.db", &[]);
    assert_eq!(status(&promoted), 0, "{}", text(&promoted));
    let last = put(&world, "a.db", "last", &["--ack", "published"]);
    assert_eq!(status(&last), 0, "{}", text(&last));
    world.wait_for("c.db", "a.db");
    drop(following);
    world.same("c.db", "a.db");
    world.verify("c.db");
}

/// A fence in the chain that a primary had made for itself, and was ended before it was in the file.
fn fence_alone(world: &World, name: &str) {
    let pace = &mut creel::chain::Tries(9);
    let chain = creel::replica::store::open_chain(&store(world), pace).unwrap();
    let db = world.writer(name);
    let (lineage, node) = db.ids();
    let writer = creel::chain::object::Writer {
        lineage,
        node,
        incarnation: [9; 16],
    };
    let end = chain.tail(0, pace).unwrap().unwrap().facts;
    let wish = creel::FenceWish::default();
    let fence = db.prepare_fence(&wish).unwrap();
    let done = creel::chain::promote(&chain, &writer, end.number, end.after, &fence, pace).unwrap();
    assert!(matches!(done, creel::chain::Promotion::Won(_)), "{done:?}");
    db.close().unwrap();
}

/// It published nothing more, and every further promotion ended with another history (15).
#[test]
fn a_primary_whose_promotion_in_place_was_ended_could_not_be_promoted_again() {
    let world = World::new();
    published(&world);
    let more = put(&world, "a.db", "more", &["--ack", "published"]);
    assert_eq!(status(&more), 0, "{}", text(&more));
    fence_alone(&world, "a.db");
    let stuck = put(&world, "a.db", "stuck", &["--ack", "published"]);
    assert_eq!(status(&stuck), 10, "{}", text(&stuck));
    let again = promote(&world, "a.db", &[]);
    assert_eq!(status(&again), 0, "{}", text(&again));
    assert_eq!(epoch(&world, "a.db"), 2, "the epoch that had begun");
    let next = put(&world, "a.db", "next", &["--ack", "published"]);
    assert_eq!(status(&next), 0, "{}", text(&next));
    // With commits of its own behind it, the fence is somebody else's way.
    fence_alone(&world, "a.db");
    let own = put(&world, "a.db", "own", &["--ack", "local"]);
    let refused = promote(&world, "a.db", &[]);
    let said = text(&refused);
    assert_eq!((status(&own), status(&refused)), (0, 10), "{said}");
    world.replicate_to(0, "rejoin", "a.db", &["--from", &store(&world)]);
    let third = promote(&world, "a.db", &[]);
    assert_eq!(status(&third), 0, "{}", text(&third));
    let last = put(&world, "a.db", "last", &["--ack", "published"]);
    assert_eq!(status(&last), 0, "{}", text(&last));
    world.verify("a.db");
}

/// Ended by Ctrl-C at any moment: it is done, or nothing has happened, or the next one finishes it.
#[test]
fn a_promotion_that_is_ended_by_a_signal_is_finished_by_the_next_one() {
    use std::time::Instant;
    let world = World::new();
    published(&world);
    let address = store(&world);
    let path = world.path("b.db");
    let begun = Instant::now();
    let whole = promote(&world, "b.db", &[]);
    let whole_time = begun.elapsed();
    assert_eq!(status(&whole), 0, "{}", text(&whole));
    let mut seen = std::collections::BTreeMap::new();
    for moment in 0..200u32 {
        // Where others work beside it, one takes longer than the first one took: on until one was whole.
        if moment >= 24 && seen.len() > 1 {
            break;
        }
        let before = epoch(&world, "b.db").as_u64().unwrap();
        let mut command = crate::world::creel();
        command
            .args(["promote", "--yes", "--store", &address])
            .arg(&path);
        let command = command.stdout(std::process::Stdio::null());
        let mut process = crate::world::Process {
            child: command.stderr(std::process::Stdio::null()).spawn().unwrap(),
        };
        // Another moment each time, which is what is wanted: nothing is waited for.
        let until = Instant::now() + whole_time * moment / 20;
        while Instant::now() < until {
            std::thread::yield_now();
        }
        process.signal("-INT");
        let ended = process.wait();
        *seen.entry(ended).or_insert(0) += 1;
        assert!(
            matches!(ended, (Some(0 | 130), None) | (None, Some(2))),
            "{ended:?}"
        );
        let again = promote(&world, "b.db", &[]);
        assert_eq!(status(&again), 0, "{}", text(&again));
        let now = epoch(&world, "b.db").as_u64().unwrap();
        assert!((before + 1..=before + 2).contains(&now), "{before} {now}");
        let key = format!("key {moment}");
        let next = put(&world, "b.db", &key, &["--ack", "published"]);
        assert_eq!(status(&next), 0, "{ended:?} {}", text(&next));
    }
    assert!(seen.len() > 1, "{seen:?}");
    world.verify("b.db");
}

/// The store was not asked, and gave the same epoch to the next one.
#[test]
fn two_copies_of_one_store_were_primaries_of_one_epoch() {
    let world = World::new();
    published(&world);
    world.replicate_to(0, "init", "c.db", &["--from", &store(&world), "-q"]);
    let way = |name: &str| {
        let path = world.path(name).display().to_string();
        format!("creel promote {path} --store {}", store(&world))
    };
    let beside = |name: &str, old: &str, words: &[&str]| {
        let old = world.path(old).display().to_string();
        let words = [&["promote", "--yes", "--old-primary", &old][..], words].concat();
        let refused = world.run(&words, &[&world.path(name)]);
        let said = text(&refused);
        assert_eq!(status(&refused), 10, "{said}");
        assert!(said.contains(&way(name)), "{said}");
    };
    for words in [&["--dry-run"][..], &[], &["--accept-loss"]] {
        beside("b.db", "a.db", words);
    }
    // This copy does not know of the store, and the old primary does.
    let a = world.path("a.db").display().to_string();
    world.replicate_to(0, "init", "d.db", &["--from", &a, "-q"]);
    beside("d.db", "a.db", &[]);
    let goes_on = put(&world, "a.db", "next", &["--ack", "published"]);
    assert_eq!(status(&goes_on), 0, "{}", text(&goes_on));
    let promoted = world.run(&["promote", "--yes"], &[&world.path("c.db")]);
    assert_eq!(status(&promoted), 0, "{}", text(&promoted));
    assert_eq!([epoch(&world, "b.db"), epoch(&world, "c.db")], [1, 2]);
}

/// What docs/replication.md has for it.
#[test]
fn a_copy_of_a_store_that_is_gone_is_promoted_by_a_copy_of_it() {
    let world = World::new();
    published(&world);
    std::fs::remove_dir_all(world.path("store")).unwrap();
    let words = ["promote", "--yes", "--accept-loss"];
    let refused = world.run(&words, &[&world.path("b.db")]);
    assert_eq!(status(&refused), 5, "{}", text(&refused));
    let b = world.path("b.db").display().to_string();
    world.replicate_to(0, "init", "new.db", &["--from", &b, "-q"]);
    let promoted = world.run(&words, &[&world.path("new.db")]);
    assert_eq!(status(&promoted), 0, "{}", text(&promoted));
    assert_eq!(epoch(&world, "new.db"), 2);
}

/// It met the fence, ended with 10, and took the next write.
#[test]
fn an_old_primary_that_met_a_fence_while_it_was_promoted_went_on_writing() {
    let world = World::new();
    published(&world);
    let promoted = promote(&world, "b.db", &[]);
    assert_eq!(status(&promoted), 0, "{}", text(&promoted));
    let refused = promote(&world, "a.db", &[]);
    assert_eq!(status(&refused), 10, "{}", text(&refused));
    let late = put(&world, "a.db", "late", &[]);
    assert_eq!(status(&late), 10, "{}", text(&late));
}

/// The hint was to promote without the check.
#[test]
fn a_promotion_in_another_state_than_expected_named_the_command_without_the_check() {
    let world = World::new();
    published(&world);
    for (option, name) in [("--expect-epoch", "epoch: "), ("--expect-index", "index: ")] {
        let refused = promote(&world, "b.db", &[option, "77"]);
        let said = text(&refused);
        assert_eq!(status(&refused), 10, "{said}");
        assert!(said.contains(name), "{said}");
        assert!(said.contains("creel replicate status"), "{said}");
        assert!(!said.contains("creel promote"), "{said}");
    }
}
