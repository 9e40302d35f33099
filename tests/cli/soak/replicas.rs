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

/// A process serves, others pull; promotions and reseeds are the same.
#[test]
fn replicas_follow_over_tcp() {
    let soak = Soak::new();
    let args = "--mode replication --transport tcp --cycles 2 --commits-per-cycle 40 --replicas 2 --active-replicas 2 --promotion-interval 1 --seed 1";
    let run = result(soak.command(args), 0);
    let counts = &run["parts"][0]["replication"];
    assert_eq!(counts["promotion_count"], 2, "{counts}");
    assert_eq!(counts["stale_fence_rejections"], 2, "{counts}");
    assert!(counts["frames_applied"].as_u64() > Some(100), "{counts}");
    assert!(checks(&run)["replicas"] > 0);
    assert!(
        run["reproduce"]
            .as_str()
            .unwrap()
            .ends_with("--transport tcp"),
        "{run}"
    );
    soak.command("--mode replication --transport tcp --faults conn-drop")
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
