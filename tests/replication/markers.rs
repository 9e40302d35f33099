//! Copies with the same log and other contents are found where their primary checkpoints.

use crate::forge;
use crate::store::{Site, json, succeeds};
use crate::world::{World, text};

fn primary(world: &World) {
    world.primary("64KiB");
    world.put("a.db", "key", "value");
}

#[test]
fn a_copy_with_other_contents_is_refused_until_it_is_made_anew() {
    let world = World::new();
    primary(&world);
    let a = world.path("a.db");
    let from_file = ["--from", a.to_str().unwrap()];
    world.replicate_to(0, "init", "b.db", &from_file);
    world.put("a.db", "one", "1");
    world.ok(&["checkpoint"], &[&a]);
    world.replicate_to(0, "pull", "b.db", &[]);
    forge::header(&world.path("b.db"), |header| header.content_sum ^= 1);
    world.put("a.db", "two", "2");
    world.ok(&["checkpoint"], &[&a]);
    world.put("a.db", "three", "3");
    let said = world.replicate_to(15, "pull", "b.db", &[]);
    assert!(said.contains("R4"), "{said}");
    let served = world.serve_local("a.db");
    let from = ["--from", served.address.as_str()];
    let said = world.replicate_to(15, "pull", "b.db", &from);
    assert!(said.contains("R4"), "{said}");
    let before = world.position("b.db");
    world.replicate_to(15, "follow", "b.db", &from);
    assert_eq!(
        world.position("b.db"),
        before,
        "nothing was replaced by itself"
    );
    let output = world.run(
        &["get", "--newline"],
        &[&world.path("b.db"), "two".as_ref()],
    );
    assert_eq!(text(&output), "2\n", "what came before the marker is there");
    let anew = [from[0], from[1], "--reseed", "force"];
    world.replicate_to(0, "pull", "b.db", &anew);
    world.same("b.db", "a.db");
    for round in 0..3 {
        world.put("a.db", "round", &round.to_string());
        world.ok(&["checkpoint"], &[&a]);
        world.replicate_to(0, "pull", "b.db", &from);
        world.same("b.db", "a.db");
    }
    let marks = ["a.db", "b.db"].map(|name| world.open(name).mark().unwrap());
    assert!(marks[0].is_some() && marks[0] == marks[1], "{marks:?}");
}

/// Markers go through a store as all entries do, to copies and to what is restored.
#[test]
fn markers_go_through_a_store() {
    let site = Site::with_copy();
    let (a, b, store) = (site.path("a.db"), site.path("b.db"), site.store());
    for round in 0..3 {
        let round = round.to_string();
        succeeds(&["put", &a, "round", &round, "--ack", "published"]);
        let done = json(&["checkpoint", &a]);
        assert_eq!(done["done"], true);
        let again = json(&["checkpoint", &a]);
        assert_eq!(again["done"], false, "a marker alone is nothing new");
        succeeds(&["put", &a, "behind", &round, "--ack", "published"]);
        succeeds(&["replicate", "pull", &b, "-q"]);
    }
    let marks = [&a, &b].map(|path| creel::Db::open(path).unwrap().mark().unwrap());
    assert!(marks[0].is_some() && marks[0] == marks[1], "{marks:?}");
    assert_eq!(site.digest("a.db"), site.digest("b.db"));
    site.verify_store();
    // Only the store's last commit is in the tree: the marker behind it takes nothing away.
    succeeds(&["checkpoint", &a, "-q"]);
    succeeds(&["promote", &b, "--yes", "-q"]);
    let back = json(&["replicate", "rejoin", &a, "--from", &store]);
    assert_eq!(back["diverged"], 1, "its marker, which nobody has");
    assert_eq!(site.digest("a.db"), site.digest("b.db"));
    succeeds(&["verify", &a, "--level", "deep", "-q"]);
}
