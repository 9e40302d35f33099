//! Runs with replicas.

use super::{Soak, checks, result};

const FAST: &str = "--mode replication --cycles 6 --commits-per-cycle 60 --promotion-interval 2 --churn-interval 2";

#[test]
fn replicas_follow_are_promoted_and_seeded_anew() {
    let soak = Soak::new();
    let run = result(soak.command(&format!("{FAST} --seed 1")), 0);
    let counts = &run["parts"][0]["replication"];
    for (name, least) in [
        ("cycles", 6),
        ("promotion_count", 3),
        ("promotions_with_laggards", 3),
        ("commits_saved", 1),
        ("lossy_promotions", 1),
        ("commits_lost", 1),
        ("stale_fence_rejections", 3),
        ("reseed_count", 1),
        ("rejoins", 3),
        ("digests_compared", 6),
        ("max_observed_lag", 60),
        ("primary_epoch", 4),
    ] {
        assert!(counts[name].as_u64() >= Some(least), "{name}: {counts}");
    }
    assert_eq!(counts["reseed_count"], counts["reseed_recovery_successes"]);
    assert_eq!(counts["divergence_violations"], 0);
    let checks = checks(&run);
    for name in [
        "prefix",
        "replicas",
        "fence",
        "promotion",
        "loss",
        "reseed",
        "retention",
        "lag",
    ] {
        assert!(
            checks.get(name).is_some_and(|held| *held > 0),
            "{name}: {checks:?}"
        );
    }
    assert!(soak.is_empty(), "copies are left");
    let again = result(soak.command(&format!("{FAST} --seed 1")), 0);
    let other = result(soak.command(&format!("{FAST} --seed 2")), 0);
    for field in ["operation_hash", "final_digest"] {
        assert_eq!(run[field], again[field], "{field}");
        assert_ne!(run[field], other[field], "{field}");
    }
}

/// Whatever carries the entries, the same holds: promotions, one of them lossy, stale writers,
/// reseeds while the primary writes, damage on the way.
fn over(transport: &str) {
    let soak = Soak::new();
    let usual = format!(
        "--mode replication --transport {transport} --cycles 4 --commits-per-cycle 40 --replicas 3 --active-replicas 2 --churn-interval 2 --promotion-interval 2 --reseed-check-interval 2 --retention-min 20 --seed 1"
    );
    let run = result(soak.command(&usual), 0);
    let counts = &run["parts"][0]["replication"];
    for (name, least) in [
        ("promotion_count", 2),
        ("promotions_with_laggards", 2),
        ("stale_fence_rejections", 2),
        ("lossy_promotions", 1),
        ("commits_lost", 1),
        ("commits_saved", 1),
        ("reseed_count", 1),
        ("frames_applied", 300),
    ] {
        assert!(counts[name].as_u64() >= Some(least), "{name}: {counts}");
    }
    assert_eq!(counts["reseed_count"], counts["reseed_recovery_successes"]);
    let part = &run["parts"][0];
    for number in ["/counts/puts", "/counts/entries_compared", "/bytes_written"] {
        assert!(
            part.pointer(number).unwrap().as_u64() > Some(0),
            "{number}: {part}"
        );
    }
    let held = checks(&run);
    for name in ["replicas", "prefix", "fence", "loss", "reseed", "retention"] {
        assert!(held.get(name).is_some_and(|n| *n > 0), "{name}: {held:?}");
    }
    let reproduce = run["reproduce"].as_str().unwrap();
    assert!(
        reproduce.ends_with(&format!("--transport {transport}")),
        "{run}"
    );
    let damaged = format!("{usual} --faults conn-drop,corrupt-frame");
    let damaged = result(soak.command(&damaged), 0);
    assert_eq!(damaged["final_digest"], run["final_digest"]);
    let faults = damaged["parts"][0]["faults"].as_array().unwrap();
    let struck: u64 = faults.iter().map(|f| f["struck"].as_u64().unwrap()).sum();
    assert!(faults.len() == 2 && struck > 2, "{damaged}");
    assert!(soak.is_empty(), "copies are left");
}

#[test]
fn replicas_follow_over_tcp() {
    over("tcp");
}

#[test]
fn replicas_follow_through_a_store() {
    over("dir");
}

#[test]
fn each_transport_is_a_part() {
    let soak = Soak::new();
    let args = "--mode replication --transport tcp,path,dir --cycles 1 --commits-per-cycle 8 --replicas 1 --seed 1";
    let run = result(soak.command(args), 0);
    let parts = run["parts"].as_array().unwrap();
    let names: Vec<_> = parts.iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["replication", "replication-tcp", "replication-dir"]);
    assert!(
        run["reproduce"]
            .as_str()
            .unwrap()
            .ends_with("--transport path,tcp,dir"),
        "{run}"
    );
    soak.command("--mode replication --transport pigeon")
        .assert()
        .code(2);
}

#[test]
fn what_is_damaged_on_the_way_is_refused_and_changes_nothing() {
    let soak = Soak::new();
    let usual = result(soak.command(&format!("{FAST} --seed 3")), 0);
    let run = result(
        soak.command(&format!("{FAST} --seed 3 --faults conn-drop,corrupt-frame")),
        0,
    );
    assert_eq!(run["final_digest"], usual["final_digest"]);
    assert!(
        run["parts"][0]["replication"]["transport_faults"].as_u64() > Some(3),
        "{run}"
    );
}

#[test]
fn both_parts_make_one_result() {
    let soak = Soak::new();
    let args = "--mode both --ops 4000 --cycles 2 --seed 1";
    let run = result(soak.command(args), 0);
    let parts = run["parts"].as_array().unwrap();
    let names: Vec<_> = parts.iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["store", "replication"]);
    assert_eq!(run["final_digest"].as_str().unwrap().len(), 64);
    assert_eq!(
        run["reproduce"],
        "creel soak --seed 1 --ops 4000 --cycles 2"
    );
    assert_eq!(parts[0]["replication"], serde_json::Value::Null);
}

#[test]
fn defects_of_replication_are_found_and_repeated() {
    let soak = Soak::new();
    for (plant, found_by) in [
        ("divergent-replica", &["replicas", "prefix"] as &[&str]),
        ("stale-writer", &["fence"]),
        ("forgotten-fence", &["fence"]),
        ("early-retention", &["retention"]),
    ] {
        let run = result(
            soak.command(&format!("{FAST} --seed 1 --plant {plant}")),
            20,
        );
        let check = run["broken"][0]["check"].as_str().unwrap();
        assert!(found_by.contains(&check), "{plant}: {run}");
        let replay = run["reproduce"]
            .as_str()
            .unwrap()
            .strip_prefix("creel soak ")
            .unwrap();
        let again = result(soak.command(replay), 20);
        assert_eq!(again["broken"][0]["check"], check);
    }
}

#[test]
fn a_failure_of_replicas_is_shrunk() {
    let soak = Soak::new();
    let args = format!("{FAST} --seed 1 --plant forgotten-fence");
    let broken = result(soak.command(&args), 20);
    let replay = broken["reproduce"].as_str().unwrap();
    let replay = replay.strip_prefix("creel soak ").unwrap();
    let output = soak
        .command(&format!("{replay} --minimize"))
        .assert()
        .code(20)
        .get_output()
        .clone();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains(" commits with 1 replicas are left"), "{text}");
    let small = text.lines().last().unwrap();
    let small = small.strip_prefix("reproduce\tcreel soak ").unwrap();
    let again = result(soak.command(small), 20);
    assert_eq!(again["broken"][0]["check"], "fence");
    let fleet = &again["parts"][0]["config"];
    assert!(fleet["commits_per_cycle"].as_u64() < Some(10), "{fleet}");
}
