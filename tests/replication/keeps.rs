//! What only one copy has is not thrown away unasked.

use crate::world::{World, creel};

/// A primary `a.db` with a copy `c.db` that has all of it; `b.db` is primary of the next epoch and lacks
/// one commit, as `d.db` does.
fn pair(world: &World) {
    world.create("a.db");
    world.put("a.db", "key", "value");
    let served = world.serve_local("a.db");
    for copy in ["b.db", "c.db", "d.db"] {
        world.replicate_to(0, "init", copy, &["--from", &served.address]);
    }
    world.put("a.db", "only here", "1");
    world.replicate_to(0, "pull", "c.db", &["--from", &served.address]);
    served.process.terminate();
    let promote = ["promote", "--yes", "--accept-loss"];
    world.ok(&promote, &[&world.path("b.db")]);
    // A bulk step: the log of the new primary does not reach back any more.
    let file = world.path("lines.tsv");
    std::fs::write(&file, "one\t1\ntwo\t2\n").unwrap();
    let import = ["import", "--format", "tsv"];
    world.ok(&import, &[&world.path("b.db"), &file]);
    world.put("b.db", "key", "of the new primary");
}

#[test]
fn a_copy_with_commits_that_the_source_lacks_is_not_replaced_where_the_log_is_too_short() {
    let world = World::new();
    pair(&world);
    let served = world.serve_local("b.db");
    let before = world.digest("c.db");
    let path = world.path("b.db");
    for from in [served.address.as_str(), path.to_str().unwrap()] {
        let auto = ["--from", from, "--reseed", "auto"];
        world.replicate_to(15, "pull", "c.db", &auto);
        assert_eq!(world.digest("c.db"), before);
    }
    let follow = ["--from", &served.address];
    world.replicate_to(15, "follow", "c.db", &follow);
    assert_eq!(world.digest("c.db"), before, "nothing was replaced");
    let force = ["--from", &served.address, "--reseed", "force"];
    let said = world.replicate_to(0, "pull", "c.db", &force);
    assert!(said.contains("which only the old copy had"), "{said}");
    world.same("c.db", "b.db");
    saved(&world, "c.db");
}

#[test]
fn force_saves_what_only_the_old_copy_has_from_a_file_too() {
    let world = World::new();
    pair(&world);
    let path = world.path("b.db");
    let force = ["--from", path.to_str().unwrap(), "--reseed", "force"];
    let said = world.replicate_to(0, "pull", "c.db", &force);
    assert!(said.contains("which only the old copy had"), "{said}");
    world.same("c.db", "b.db");
    saved(&world, "c.db");
}

/// The commit that only the old copy had can be read.
fn saved(world: &World, name: &str) {
    let directory = world.path(&format!("{name}.diverged"));
    let files = std::fs::read_dir(directory).unwrap();
    let files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    let output = creel().args(["log", "show"]).args(&files).output().unwrap();
    let said = crate::world::text(&output);
    assert!(said.contains("only here"), "{said}");
}

#[test]
fn a_primary_is_not_fed_and_not_replaced() {
    let world = World::new();
    pair(&world);
    let served = world.serve_local("b.db");
    let before = world.digest("a.db");
    let path = world.path("b.db");
    for reseed in ["auto", "force"] {
        let words = ["--from", &served.address, "--reseed", reseed];
        let said = world.replicate_to(10, "pull", "a.db", &words);
        assert!(said.contains("creel replicate rejoin"), "{said}");
    }
    // It has a commit that the file lacks.
    let words = ["--from", path.to_str().unwrap(), "--reseed", "auto"];
    let said = world.replicate_to(15, "pull", "a.db", &words);
    assert!(said.contains("creel replicate rejoin"), "{said}");
    let said = world.replicate_to(10, "follow", "a.db", &["--from", &served.address]);
    assert!(said.contains("creel replicate rejoin"), "{said}");
    assert_eq!(world.digest("a.db"), before);
}

/// The copy lacked a commit of the primary's, took its place, and nobody was primary any more.
#[test]
fn a_primary_was_replaced_by_a_copy_of_itself() {
    let world = World::new();
    world.create("p.db");
    let path = world.path("p.db");
    world.replicate_to(0, "init", "b.db", &["--from", path.to_str().unwrap()]);
    let copy = world.path("b.db");
    let words = ["--from", copy.to_str().unwrap(), "--reseed", "force"];
    for lacks in [false, true] {
        if lacks {
            world.put("p.db", "newest", "v");
        }
        let before = world.digest("p.db");
        let said = world.replicate_to(10, "pull", "p.db", &words);
        assert!(said.contains("nobody would be primary"), "{said}");
        world.replicate_to(10, "reseed", "p.db", &words[..2]);
        assert_eq!(world.digest("p.db"), before);
        world.put("p.db", "still", "primary");
        world.replicate_to(0, "pull", "b.db", &["--from", path.to_str().unwrap()]);
    }
    // One that was deposed goes back by force, too.
    let old = ["--old-primary", path.to_str().unwrap(), "--yes"];
    let promoted = world.run(
        &["promote"],
        &[&[copy.as_path()][..], &old.map(std::path::Path::new)].concat(),
    );
    assert_eq!(
        promoted.status.code(),
        Some(0),
        "{}",
        crate::world::text(&promoted)
    );
    world.replicate_to(0, "pull", "p.db", &words);
    world.same("p.db", "b.db");
}

/// Where the old primary is met after the new one, nothing of it is followed, and it is fenced: also
/// by a copy that could take nothing from the new one.
#[test]
fn an_epoch_that_was_only_heard_of_is_remembered() {
    let world = World::new();
    pair(&world);
    let old = world.serve_local("a.db");
    let new = world.serve_local("b.db");
    let from_new = ["--from", &new.address];
    let from_old = ["--from", &old.address];
    world.replicate_to(11, "pull", "d.db", &from_new);
    let before = world.position("d.db");
    world.replicate_to(10, "pull", "d.db", &from_old);
    let path = world.path("a.db");
    let from_file = ["--from", path.to_str().unwrap()];
    world.replicate_to(10, "pull", "d.db", &from_file);
    assert_eq!(world.position("d.db"), before);
    let put = world.run(&["put"], &[&path, "key".as_ref(), "late".as_ref()]);
    assert_eq!(put.status.code(), Some(10), "{}", crate::world::text(&put));
    let again = [from_new[0], from_new[1], "--reseed", "auto"];
    world.replicate_to(0, "pull", "d.db", &again);
    world.same("d.db", "b.db");
}

/// The server went on with the file that was there no more, and with the log that was taken back.
#[test]
fn a_file_that_is_rewound_and_replaced_under_its_server_is_served_as_it_is_then() {
    let world = World::new();
    pair(&world);
    world.replicate_to(0, "keep", "a.db", &["--rewind", "0"]);
    let served = world.serve_local("a.db");
    let mut follower = world.follow("c.db", &served.address, &[]);
    world.put("a.db", "only here", "2");
    world.wait_for("c.db", "a.db");
    let path = world.path("b.db");
    let from = ["--from", path.to_str().unwrap()];
    // What only it has is in the tree already: saved, and then replaced.
    world.replicate_to(11, "rejoin", "a.db", &from);
    let force = [from[0], from[1], "--reseed", "force"];
    world.replicate_to(0, "pull", "a.db", &force);
    world.replicate_to(0, "init", "e.db", &["--from", &served.address]);
    world.same("e.db", "b.db");
    assert_eq!(follower.wait().0, Some(15), "it is on the dead branch");
}

#[test]
fn a_copy_behind_one_that_another_process_replaces_goes_on() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "key", "value");
    let first = world.serve_local("a.db");
    let from = ["--from", first.address.as_str()];
    world.replicate_to(0, "init", "b.db", &from);
    let middle = world.serve_local("b.db");
    world.replicate_to(0, "init", "c.db", &["--from", &middle.address]);
    let last = world.follow("c.db", &middle.address, &[]);
    for round in 0..3 {
        world.put("a.db", "round", &round.to_string());
        world.replicate_to(0, "pull", "b.db", &[from[0], from[1], "--reseed", "force"]);
        world.wait_for("c.db", "a.db");
        world.put("a.db", "after round", &round.to_string());
        world.replicate_to(0, "pull", "b.db", &from);
        world.wait_for("c.db", "a.db");
    }
    last.terminate();
    world.same("c.db", "a.db");
}

#[test]
fn nothing_is_held_for_a_copy_that_is_where_nobody_is() {
    let world = World::new();
    pair(&world);
    let hold = ["--hold", "x", "--at", "99"];
    world.replicate_to(2, "keep", "a.db", &hold);
    world.replicate_to(0, "keep", "a.db", &["--hold", "x", "--at", "1"]);
    world.replicate_to(2, "keep", "a.db", &["--release", "y"]);
    world.replicate_to(0, "keep", "a.db", &["--release", "x"]);
}
