//! Faults, and defects that have to be found.

use serde_json::Value;

use super::{Soak, checks, result};

/// What a run without any trouble ends with.
fn undisturbed(soak: &Soak, ops: u64, seed: u64) -> Value {
    result(soak.command(&format!("--ops {ops} --seed {seed}")), 0)
}

#[test]
fn faults_are_harmless_or_reported_and_change_nothing() {
    let soak = Soak::new();
    for (faults, sync) in [
        ("torn-write", "full"),
        ("torn-write", "normal"),
        ("short-write,enospc,eio", "normal"),
        ("bitflip", "full"),
        ("lost-sync", "normal"),
    ] {
        let args = format!(
            "--ops 9000 --seed 8 --faults {faults} --fault-every 900 --sync-mode {sync} --checkpoint-every 2500 --batch 16"
        );
        let run = result(soak.command(&args), 0);
        let usual = undisturbed(&soak, 9000, 8);
        // The same operations, in other batches.
        assert_ne!(run["operation_hash"], Value::Null);
        let same = result(soak.command("--ops 9000 --seed 8 --batch 16"), 0);
        assert_eq!(run["operation_hash"], same["operation_hash"]);
        assert_eq!(run["final_digest"], same["final_digest"]);
        assert_ne!(run["operation_hash"], usual["operation_hash"]);
        let struck: u64 = run["parts"][0]["faults"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| f["struck"].as_u64().unwrap())
            .sum();
        assert!(struck > 1, "{faults}: {run}");
        assert!(checks(&run)["faults"] >= struck, "{faults}");
    }
}

/// The worker dies at moments that nobody chose; what is left goes on to the same end.
#[test]
fn a_worker_that_is_killed_loses_nothing_that_it_confirmed() {
    let soak = Soak::new();
    let often =
        "--ops 12000 --seed 6 --checkpoint-every 2500 --reopen-every 4000 --compact-every 3000";
    let killed = result(soak.command(&format!("{often} --kill-every 2000")), 0);
    let usual = undisturbed(&soak, 12000, 6);
    assert_eq!(killed["operation_hash"], usual["operation_hash"]);
    assert_eq!(killed["final_digest"], usual["final_digest"]);
    let kills = killed["parts"][0]["counts"]["kills"].as_u64().unwrap();
    assert!(kills >= 2, "{killed}");
    assert!(checks(&killed)["acknowledged"] > kills);
}

#[test]
fn the_self_test_catches_every_defect() {
    let soak = Soak::new();
    let tested = result(soak.command("--self-test --seed 3"), 0);
    assert_eq!(tested["missed"], 0, "{tested}");
    // Four defects of a store, four of replicas over each transport, and each run without any.
    assert_eq!(tested["caught"], 4 + 4 * 3 + 5);
    let plants = tested["plants"].as_array().unwrap();
    for run in ["replication", "replication-tcp", "replication-dir"] {
        let of = plants.iter().filter(|tried| tried["run"] == run);
        assert_eq!(of.count(), 5, "{run}: {tested}");
    }
}

#[test]
fn a_failure_is_repeated_and_shrunk() {
    let soak = Soak::new();
    let out = soak.path("out");
    let args = format!(
        "--ops 9000 --seed 4 --plant wrong-value --checkpoint-every 0 --reopen-every 4000 --out {}",
        out.display()
    );
    let broken = result(soak.command(&args), 20);
    let repro = out.join("repro.json");
    let replay = format!("--replay {}", repro.display());
    assert_eq!(broken["reproduce"], format!("creel soak {replay}"));
    let again = result(soak.command(&replay), 20);
    assert_eq!(again["broken"], broken["broken"]);
    let shrunk = soak
        .command(&format!("{replay} --minimize"))
        .assert()
        .code(20)
        .get_output()
        .clone();
    let text = String::from_utf8(shrunk.stdout).unwrap();
    assert!(
        text.starts_with("minimized\t1 of 4001 operations"),
        "{text}"
    );
    let small = format!("--replay {}", out.join("repro.min.json").display());
    let small = result(soak.command(&small), 20);
    for field in ["check", "operation"] {
        assert_eq!(small["broken"][0][field], broken["broken"][0][field]);
    }
    std::fs::write(&repro, "{}").unwrap();
    soak.command(&replay).assert().code(9);
    soak.command("--minimize").assert().code(2);
}

#[test]
fn planted_defects_are_found_and_named() {
    let soak = Soak::new();
    let usual = "--ops 8000 --seed 3 --checkpoint-every 0 --reopen-every 3000 --hold 0";
    for (plant, found_by) in [
        ("wrong-value", &["contents", "reads"] as &[&str]),
        ("lost-write", &["acknowledged", "positions", "calls"]),
        (
            "dropping-checkpoint",
            &["acknowledged", "positions", "calls"],
        ),
    ] {
        let run = result(soak.command(&format!("{usual} --plant {plant}")), 20);
        let check = run["broken"][0]["check"].as_str().unwrap();
        assert!(found_by.contains(&check), "{plant}: {run}");
        // What is wrong stays to be looked at.
        let database = run["database"].as_str().unwrap();
        assert!(std::path::Path::new(database).is_dir(), "{plant}");
    }
    result(soak.command(usual), 0);
    let leak = "--duration 3s --seed 3 --sample-every 25ms --keys 200 --hold 0 --compact-every 0 --checkpoint-every 50";
    let run = result(soak.command(&format!("{leak} --plant leak")), 21);
    assert_eq!(run["broken"][0]["check"], "memory", "{run}");
}
