//! What the commands about copies say when something is wrong, and values that they do not take.

use std::fs;
use std::time::Instant;

use crate::store::{Site, creel, exit, json, succeeds};
use crate::world::World;

/// Exit status, and the error as JSON.
fn fails(args: &[&str]) -> (i32, serde_json::Value) {
    let (code, text) = exit(&[args, &["--json"]].concat());
    let line = text.lines().last().unwrap_or_default();
    (
        code,
        serde_json::from_str(line).unwrap_or_else(|_| panic!("{args:?}: {text}")),
    )
}

fn hint(args: &[&str], code: i32) -> String {
    let (found, error) = fails(args);
    assert_eq!(found, code, "{args:?}: {error}");
    error["hint"].as_str().unwrap().to_owned()
}

#[test]
fn a_missing_file_of_saved_commits_was_to_be_created() {
    let site = Site::new();
    let (a, none) = (site.path("a.db"), site.path("none.seg"));
    let calls: [&[&str]; 3] = [
        &["log", "show", &none],
        &["log", "diff", &a, &none],
        &["log", "reapply", &a, &none],
    ];
    for call in calls {
        let hint = hint(call, 5);
        assert!(
            !hint.contains("--create") && hint.contains("FILE.diverged"),
            "{hint}"
        );
    }
}

#[test]
fn a_copy_that_could_not_be_made_was_as_it_was() {
    let site = Site::new();
    let empty = site.path("empty");
    fs::create_dir(&empty).unwrap();
    let (new, empty) = (site.path("new.db"), format!("dir:{empty}"));
    let nobody = format!("tcp://{}", crate::world::free_address());
    for from in [&empty, &nobody] {
        let (code, error) = fails(&["replicate", "init", &new, "--from", from]);
        assert_eq!(
            (code, &error["state"]),
            (12, &"no copy was made".into()),
            "{error}"
        );
    }
    // The path of the copy stood where the primary's belongs.
    let hint = hint(&["replicate", "init", &new, "--from", &empty], 12);
    let wanted = format!("creel replicate snapshot PRIMARY --to {empty}");
    assert!(hint.starts_with(&wanted), "{hint}");
}

#[test]
fn wrong_words_led_to_the_help_of_all_verbs() {
    for (args, help) in [
        (&["replicate", "pull"][..], "replicate pull"),
        (&["replicate", "probe"], "replicate probe"),
        (&["replicate", "nonsense"], "replicate"),
        (&["log", "show"], "log show"),
        (&["put"], "put"),
    ] {
        let (code, text) = exit(args);
        assert_eq!(code, 2, "{text}");
        assert!(
            text.contains(&format!("hint: creel {help} --help\n")),
            "{args:?}: {text}"
        );
    }
}

#[test]
fn values_that_mean_nothing_were_taken_or_changed() {
    let site = Site::with_copy();
    let (b, store) = (site.path("b.db"), site.store());
    let calls: [&[&str]; 8] = [
        &["replicate", "pull", &b, "--max-frames", "0"],
        &["replicate", "pull", &b, "--max-bytes", "0"],
        &["replicate", "probe", &store, "--rounds", "0"],
        &["replicate", "probe", &store, "--rounds", "10001"],
        &["replicate", "probe", &store, "--racers", "1"],
        &["replicate", "probe", &store, "--racers", "65"],
        &["replicate", "hold", &store, "h", "--max-bytes", "0"],
        &["replicate", "hold", &store, "h", "--expires", "0s"],
    ];
    for call in calls {
        let (code, text) = exit(call);
        assert_eq!(code, 2, "{call:?}: {text}");
        assert!(text.contains("it has to be "), "{call:?}: {text}");
    }
    let rounds = ["--rounds", "1", "--racers", "2"];
    let found = json(&[&["replicate", "probe", &store], &rounds[..]].concat());
    assert_eq!((&found["rounds"], &found["racers"]), (&1.into(), &2.into()));
}

/// It said "waited 0 ms" after a second.
#[test]
fn a_wait_over_tcp_was_told_as_none() {
    let world = World::new();
    world.create("a.db");
    world.put("a.db", "k", "v");
    let served = world.serve_local("a.db");
    world.replicate_to(0, "init", "b.db", &["--from", &served.address]);
    let words = [
        "--from",
        &served.address,
        "--until",
        "1:99",
        "--timeout",
        "300ms",
    ];
    let begun = Instant::now();
    let said = world.replicate_to(12, "pull", "b.db", &words);
    assert!(begun.elapsed().as_millis() >= 300);
    assert!(said.contains("waited 300 ms"), "{said}");
}

/// KEY and TOKEN stood there, though both were known.
#[test]
fn what_was_not_confirmed_was_to_be_asked_for_by_placeholders() {
    let world = World::new();
    world.create("a.db");
    let _served = world.serve_local("a.db");
    let a = world.path("a.db");
    let a = a.to_str().unwrap();
    let ack = ["--ack", "replica:1", "--ack-timeout", "10ms"];
    for (words, typed) in [
        (&["put", a, "plain", "v"][..], "plain"),
        (
            &["put", a, "two words", "v", "--keyspace", "other"],
            "'two words' --keyspace other",
        ),
        (&["delete", a, "plain"], "plain"),
    ] {
        let (code, error) = fails(&[words, &ack].concat());
        assert_eq!(code, 14, "{error}");
        let token = error["detail"]["token"].as_str().unwrap();
        let wanted = format!("creel get {a} {typed} --wait-for {token} ");
        assert!(
            error["hint"].as_str().unwrap().starts_with(&wanted),
            "{error}"
        );
    }
    // A key that cannot be typed.
    let odd = ["put", a, "\t", "v"];
    let hint = hint(&[&odd[..], &ack].concat(), 14);
    assert!(
        hint.starts_with(&format!("creel get {a} KEY --wait-for 1:")),
        "{hint}"
    );
}

/// It named the newest segment as the one with which the epoch began.
#[test]
fn a_deposed_primary_was_told_of_the_wrong_segment() {
    let site = Site::with_copy();
    let (a, b, store) = (site.path("a.db"), site.path("b.db"), site.store());
    site.publish("a.db", "before");
    succeeds(&["promote", &b, "--yes", "-q"]);
    for key in ["k1", "k2"] {
        site.publish("b.db", key);
    }
    let status = json(&["replicate", "status", &store]);
    let began = status["epochs"].as_array().unwrap().last().unwrap()["segment"].as_u64();
    assert!(began < status["last_segment"].as_u64(), "{status}");
    let (code, error) = fails(&["put", &a, "late", "x", "--ack", "published"]);
    assert_eq!(code, 10, "{error}");
    assert_eq!(error["detail"]["segment"].as_u64(), began, "{error}");
    let words = format!("epoch 2 began with segment {},", began.unwrap());
    assert!(
        error["message"].as_str().unwrap().starts_with(&words),
        "{error}"
    );
}

/// `--from SOURCE`, though it was the store that had just been asked.
#[test]
fn a_promotion_below_the_floor_hinted_at_a_placeholder() {
    let site = Site::with_copy();
    let (a, b, store) = (site.path("a.db"), site.path("b.db"), site.store());
    for key in ["k1", "k2", "k3"] {
        site.publish("a.db", key);
    }
    succeeds(&["replicate", "snapshot", &a, "--to", &store, "-q"]);
    site.publish("a.db", "last");
    let keep = ["--retain", "0s", "--retain-min", "0", "-q"];
    // The copy told where it is: nothing is kept for it.
    let node = json(&["replicate", "status", &store])["nodes"].clone();
    for node in node.as_array().unwrap() {
        if node["role"] == "replica" {
            let id = node["node"].as_str().unwrap();
            succeeds(&["replicate", "forget", &store, id, "-q"]);
        }
    }
    succeeds(&[&["replicate", "gc", &store], &keep[..]].concat());
    let hint = hint(&["promote", &b, "--yes", "--store", &store], 11);
    assert_eq!(
        hint,
        format!("creel replicate pull {b} --from {store} --reseed auto")
    );
    let help = creel(&["promote", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap().replace("\n", " ");
    assert!(help.contains("11 the"), "{help}");
}

#[test]
fn what_a_store_can_restore_was_not_to_be_seen() {
    let site = Site::with_copy();
    let (a, store) = (site.path("a.db"), site.store());
    for i in 0..3 {
        site.publish("a.db", &format!("k{i}"));
    }
    succeeds(&["replicate", "snapshot", &a, "--to", &store, "-q"]);
    site.publish("a.db", "last");
    let all = json(&["restore", &store, "--dry-run"]);
    let (oldest, newest) = (&all["oldest_index"], &all["newest_index"]);
    assert!(oldest.as_u64() < all["snapshot_index"].as_u64(), "{all}");
    assert_eq!(*newest, all["upto"], "{all}");
    // The hint of a moment that cannot be had leads there, and then to one that can.
    let out = site.path("r.db");
    let beyond = (newest.as_u64().unwrap() + 1).to_string();
    let hint = hint(&["restore", &store, "-o", &out, "--at", &beyond], 5);
    assert!(hint.contains("--dry-run"), "{hint}");
    for at in [oldest, newest] {
        succeeds(&[
            "restore",
            &store,
            "-o",
            &out,
            "--at",
            &at.to_string(),
            "--force",
            "-q",
        ]);
    }
    let (code, _) = exit(&["restore", &store, "--dry-run", "--at", "0"]);
    assert_eq!(code, if oldest == 0 { 0 } else { 5 });
}

#[test]
fn a_server_with_nothing_to_do_asked_for_an_address_only() {
    let site = Site::new();
    let a = site.path("a.db");
    for rest in [&[][..], &["--http", "127.0.0.1:0"]] {
        let hint = hint(&[&["replicate", "serve", &a], rest].concat(), 2);
        for option in ["--listen", "--publish", "--stdio"] {
            assert!(hint.contains(option), "{hint}");
        }
    }
}

#[test]
fn a_copy_that_is_there_was_to_be_made_with_an_option_that_is_not() {
    let site = Site::with_copy();
    let (b, store) = (site.path("b.db"), site.store());
    let hint = hint(&["replicate", "init", &b, "--from", &store], 8);
    assert!(
        hint.contains("replicate pull") && !hint.contains("--force"),
        "{hint}"
    );
}

#[test]
fn a_former_primary_was_not_told_where_it_publishes() {
    let site = Site::with_copy();
    let (a, none, store) = (site.path("a.db"), site.path("none.db"), site.store());
    let told = hint(&["replicate", "rejoin", &a], 2);
    assert!(told.contains(&format!("--from {store}")), "{told}");
    // A new database is nobody's copy.
    for call in [
        &["promote", &none, "--yes"][..],
        &["replicate", "rejoin", &none],
    ] {
        let told = hint(call, 5);
        assert!(told.contains("replicate init"), "{call:?}: {told}");
    }
}

/// Who pulls was told to pull, and that nothing was read.
#[test]
fn a_pull_up_to_a_commit_that_does_not_come_was_told_to_pull() {
    let site = Site::with_copy();
    let (a, b, store) = (site.path("a.db"), site.path("b.db"), site.store());
    site.publish("a.db", "second");
    succeeds(&["replicate", "pull", &b, "-q"]);
    let world = World::new();
    fs::copy(&a, world.path("a.db")).unwrap();
    let served = world.serve_local("a.db");
    for from in [&a, &store, &served.address] {
        let pull = ["replicate", "pull", &b, "--from", from, "--until"];
        let late = [&pull[..], &["1:99999:00000000", "--timeout", "0s"]].concat();
        let (code, error) = fails(&late);
        let hint = error["hint"].as_str().unwrap();
        assert_eq!(code, 12, "{from}: {error}");
        assert!(hint.contains("--until"), "{from}: {hint}");
        let (code, error) = fails(&[&pull[..], &["1:2:00000000"]].concat());
        assert_eq!(code, 16, "{from}: {error}");
        assert_eq!(error["state"], "the copy is as it was", "{from}");
    }
}

/// The hint led to a plan with the very snapshot that was gone.
#[test]
fn a_lost_snapshot_was_what_could_be_had() {
    let site = Site::new();
    let (a, new, store) = (site.path("a.db"), site.path("new.db"), site.store());
    let folder = fs::read_dir(site.path("store/snap")).unwrap();
    for snapshot in folder {
        fs::remove_dir_all(snapshot.unwrap().path()).unwrap();
    }
    for call in [
        &["replicate", "init", &new, "--from", &store][..],
        &["restore", &store, "-o", &new],
    ] {
        let hint = hint(call, 5);
        assert!(hint.contains("replicate snapshot"), "{call:?}: {hint}");
    }
    succeeds(&["replicate", "snapshot", &a, "--to", &store, "-q"]);
    succeeds(&["replicate", "init", &new, "--from", &store, "-q"]);
}
