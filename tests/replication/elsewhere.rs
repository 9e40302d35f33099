//! A file publishes to one store: whoever is promoted in it stops it there.

use crate::world::{World, text};

fn store(world: &World, name: &str) -> String {
    format!("dir:{}", world.path(name).display())
}

fn published(world: &World) {
    world.create("a.db");
    world.put("a.db", "first", "1");
    let store = store(world, "one");
    world.replicate_to(0, "snapshot", "a.db", &["--to", &store, "-q"]);
    world.replicate_to(0, "init", "b.db", &["--from", &store, "-q"]);
}

fn put(world: &World, name: &str, key: &str) -> i32 {
    let paths = [world.path(name), key.into(), "v".into()];
    let paths: Vec<_> = paths.iter().map(|path| path.as_path()).collect();
    let words = ["put", "--ack", "published", "-q"];
    world.run(&words, &paths).status.code().unwrap_or(-1)
}

fn promote(world: &World, name: &str, store: &str) {
    let promoted = world.run(
        &["promote", "--yes", "--store", store],
        &[&world.path(name)],
    );
    assert!(promoted.status.success(), "{}", text(&promoted));
}

/// Its writes were confirmed as published, in a store that nobody had been promoted in, and rejoin took them back.
#[test]
fn a_primary_that_took_another_store_was_not_stopped_by_a_promotion() {
    let world = World::new();
    published(&world);
    let (one, two) = (store(&world, "one"), store(&world, "two"));
    let said = world.replicate_to(10, "snapshot", "a.db", &["--to", &two]);
    assert!(
        said.contains("publishes to dir:") && said.contains("--instead"),
        "{said}"
    );
    assert!(!world.path("two").exists(), "nothing is begun there");
    let serve = ["--listen", "127.0.0.1:0", "--publish", &two];
    world.replicate_to(10, "serve", "a.db", &serve);
    assert_eq!(put(&world, "a.db", "before"), 0);
    promote(&world, "b.db", &one);
    assert_eq!(put(&world, "a.db", "after"), 10);
    // Who is deposed cannot leave for another store either.
    let options = ["--to", &two, "--instead", "--accept-loss"];
    world.replicate_to(10, "snapshot", "a.db", &options);
    assert_eq!(put(&world, "b.db", "new"), 0);
    let before = world.open("b.db").get(b"before").unwrap();
    assert_eq!(before.as_deref(), Some(&b"v"[..]));
}

/// By somebody's word it goes elsewhere; who published to the store before ends.
#[test]
fn a_primary_leaves_its_store_for_another_one() {
    let world = World::new();
    published(&world);
    let (one, two) = (store(&world, "one"), store(&world, "two"));
    world.replicate_to(0, "snapshot", "a.db", &["--to", &two, "--instead", "-q"]);
    assert_eq!(put(&world, "a.db", "k"), 0);
    world.replicate_to(0, "init", "c.db", &["--from", &two, "-q"]);
    assert!(world.open("c.db").get(b"k").unwrap().is_some());
    // Back again would be another store as well.
    world.replicate_to(10, "snapshot", "a.db", &["--to", &one]);
}

/// The store before is away: whether somebody was promoted there is not known, and that is said.
#[test]
fn a_store_that_cannot_be_asked_is_left_by_somebodys_word_only() {
    let world = World::new();
    published(&world);
    let (one, two) = (world.path("one"), store(&world, "two"));
    // As where a volume is not mounted.
    std::fs::rename(&one, world.path("away")).unwrap();
    std::fs::create_dir(&one).unwrap();
    let said = world.replicate_to(10, "snapshot", "a.db", &["--to", &two, "--instead"]);
    assert!(
        said.contains("is not known") && said.contains("--accept-loss"),
        "{said}"
    );
    let options = ["--to", &two, "--instead", "--accept-loss", "-q"];
    world.replicate_to(0, "snapshot", "a.db", &options);
    assert_eq!(put(&world, "a.db", "k"), 0);
}

/// What the file published to is not mounted: nothing there was taken for nothing ever published, a chain was begun
/// in the empty folder, and writes confirmed in it were taken back, for a copy was promoted in the real one.
#[test]
fn a_primary_began_another_chain_where_its_store_was_not_mounted() {
    let world = World::new();
    published(&world);
    let (one, away) = (world.path("one"), world.path("away"));
    let address = store(&world, "one");
    std::fs::rename(&one, &away).unwrap();
    let serve = ["--listen", "127.0.0.1:0", "--publish", &address];
    for empty in [false, true] {
        if empty {
            std::fs::create_dir(&one).unwrap();
        }
        for options in [&["--to", &address][..], &["--to", &address, "--instead"]] {
            let said = world.replicate_to(10, "snapshot", "a.db", options);
            assert!(
                said.contains("is not known") && said.contains("mounted"),
                "{said}"
            );
        }
        world.replicate_to(10, "serve", "a.db", &serve);
        assert_ne!(put(&world, "a.db", "lost"), 0);
        assert_eq!(one.exists(), empty);
    }
    assert_eq!(std::fs::read_dir(&one).unwrap().count(), 0);
    std::fs::remove_dir(&one).unwrap();
    std::fs::rename(&away, &one).unwrap();
    // Mounted again nothing has changed.
    assert_eq!(put(&world, "a.db", "k"), 0);
    world.replicate_to(0, "snapshot", "a.db", &["--to", &address, "-q"]);
}

/// Gone for good: somebody's word begins it anew, at the same address.
#[test]
fn a_store_that_is_gone_for_good_is_begun_anew_by_somebodys_word() {
    let world = World::new();
    published(&world);
    let address = store(&world, "one");
    std::fs::remove_dir_all(world.path("one")).unwrap();
    let options = ["--to", &address, "--instead", "--accept-loss", "-q"];
    world.replicate_to(0, "snapshot", "a.db", &options);
    assert_eq!(put(&world, "a.db", "k"), 0);
    world.replicate_to(0, "init", "c.db", &["--from", &address, "-q"]);
    assert!(world.open("c.db").get(b"k").unwrap().is_some());
}

/// A store that did not answer was left by a file that had been told before, in its header, that it is deposed.
#[test]
fn a_primary_that_knew_of_a_newer_epoch_began_another_chain() {
    let world = World::new();
    published(&world);
    let (one, two) = (store(&world, "one"), store(&world, "two"));
    promote(&world, "b.db", &one);
    assert_eq!(put(&world, "a.db", "late"), 10);
    std::fs::rename(world.path("one"), world.path("away")).unwrap();
    for place in [&one, &two] {
        let options = ["--to", place, "--instead", "--accept-loss"];
        let said = world.replicate_to(10, "snapshot", "a.db", &options);
        assert!(said.contains("newer epoch"), "{said}");
    }
    assert!(!world.path("one").exists() && !world.path("two").exists());
}

/// A publisher that still runs says so and ends, once the file publishes elsewhere.
#[test]
fn a_publisher_ends_where_its_file_has_left() {
    let world = World::new();
    published(&world);
    let (one, two) = (store(&world, "one"), store(&world, "two"));
    let publish = [
        "--listen",
        "127.0.0.1:0",
        "--publish",
        &one,
        "--linger",
        "1ms",
    ];
    let mut served = world.serve("a.db", &publish);
    world.replicate_to(0, "snapshot", "a.db", &["--to", &two, "--instead", "-q"]);
    world.put("a.db", "k", "v");
    assert_eq!(served.process.wait(), (Some(10), None));
}

/// What an older copy of its file, or a power cut with `--sync off`, has taken from a primary, its store has; the hint led
/// to the role of the file.
#[test]
fn a_primary_that_lost_commits_was_not_told_how_to_go_on() {
    let world = World::new();
    published(&world);
    let address = store(&world, "one");
    let (file, older) = (world.path("a.db"), world.path("older.db"));
    std::fs::copy(&file, &older).unwrap();
    assert_eq!(put(&world, "a.db", "second"), 0);
    std::fs::rename(&older, &file).unwrap();
    assert_eq!(put(&world, "a.db", "third"), 10);
    let said = world.replicate_to(10, "snapshot", "a.db", &["--to", &address]);
    assert!(
        said.contains("replicate reseed") && said.contains("promote"),
        "{said}"
    );
    world.replicate_to(0, "reseed", "a.db", &["--from", &address]);
    promote(&world, "a.db", &address);
    assert_eq!(put(&world, "a.db", "third"), 0);
    for key in ["first", "second", "third"] {
        assert!(
            world.open("a.db").get(key.as_bytes()).unwrap().is_some(),
            "{key}"
        );
    }
}

/// `dir:one/` was refused as another store than `dir:one`, and so was a link to it.
#[test]
fn a_store_by_another_spelling_was_another_store() {
    let world = World::new();
    published(&world);
    let one = store(&world, "one");
    std::fs::create_dir(world.path("folder")).unwrap();
    std::os::unix::fs::symlink(world.path("one"), world.path("link")).unwrap();
    let around = store(&world, "folder/../one");
    let words = [
        format!("{one}/"),
        format!("{one}//."),
        around,
        store(&world, "link"),
    ];
    let mut served = world.serve("a.db", &["--listen", "127.0.0.1:0", "--publish", &words[0]]);
    for address in &words {
        world.replicate_to(0, "snapshot", "a.db", &["--to", address, "-q"]);
        assert_eq!(put(&world, "a.db", address), 0);
        // It is still the file's own store, for whoever publishes to it.
        let said = world.replicate_to(0, "status", "a.db", &["--json"]);
        assert!(said.contains(&format!("\"publish\":\"{one}\"")), "{said}");
    }
    assert!(served.process.child.try_wait().unwrap().is_none());
}
