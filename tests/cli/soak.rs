//! `creel soak`: the same operations from the same seed, an oracle that finds what is wrong, a
//! verdict that is a status.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use assert_cmd::Command;
use predicates::prelude::*;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{base64, creel, json, json_error, skipped};

mod faults;
mod interrupted;
mod replicas;
mod report;

/// `creel soak ARGS` with temporary files in a folder of its own.
struct Soak {
    dir: TempDir,
}

impl Soak {
    fn new() -> Soak {
        Soak {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// With a store alone, unless the arguments say more.
    fn command(&self, args: &str) -> Command {
        let mut command = creel();
        command.arg("soak").args(args.split(' '));
        let other = ["--mode", "--self-test", "--replay", "--minimize"];
        if !other.iter().any(|flag| args.contains(flag)) {
            command.args(["--mode", "store"]);
        }
        command.env("TMPDIR", self.dir.path());
        // Some of these runs are many: however slow the machine is.
        command.timeout(std::time::Duration::from_secs(900));
        command
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    fn is_empty(&self) -> bool {
        fs::read_dir(self.dir.path()).unwrap().next().is_none()
    }
}

/// The object that a run with this status prints.
fn result(mut command: Command, exit: i32) -> Value {
    let output = command
        .arg("--json")
        .assert()
        .code(exit)
        .get_output()
        .clone();
    serde_json::from_slice(&output.stdout).unwrap()
}

fn checks(result: &Value) -> BTreeMap<String, u64> {
    let list = result["checks"].as_array().unwrap();
    let one = |c: &Value| {
        let name = c["check"].as_str().unwrap().to_owned();
        (name, c["passed"].as_u64().unwrap())
    };
    list.iter().map(one).collect()
}

const SHORT: &str =
    "--ops 12000 --checkpoint-every 3000 --reopen-every 5000 --compact-every 4000 --hold 2500";

#[test]
fn the_same_seed_gives_the_same_operations_and_contents() {
    let soak = Soak::new();
    let run = |args: &str| result(soak.command(&format!("{SHORT} {args}")), 0);
    let one = run("--seed 5");
    for field in ["operation_hash", "final_digest"] {
        assert!(one[field].is_string(), "{one}");
        // Other commits, other checkpoints, another durability: the same operations.
        assert_eq!(
            one[field],
            run("--seed 5 --sync-mode off --sample-every 10ms")[field]
        );
        assert_ne!(one[field], run("--seed 6")[field], "{field}");
    }
    let checks = checks(&one);
    for name in [
        "acknowledged",
        "contents",
        "reads",
        "conditions",
        "positions",
        "snapshots",
        "readers",
        "compaction",
        "verify",
        "digest",
    ] {
        assert!(
            checks.get(name).is_some_and(|held| *held > 0),
            "{name}: {checks:?}"
        );
    }
    assert!(soak.is_empty(), "temporary files are left");
}

/// Another machine has to come to the same. Where operations, keys or values are made otherwise on
/// purpose, these change.
#[test]
fn the_operations_and_contents_of_a_seed_are_known() {
    let soak = Soak::new();
    let args = "--mode both --ops 3000 --cycles 1 --seed 1";
    let run = result(soak.command(args), 0);
    let parts = run["parts"].as_array().unwrap();
    let of = |field: &str| -> Vec<&str> {
        let all = parts.iter().map(|part| part[field].as_str().unwrap());
        all.collect()
    };
    assert_eq!(
        of("operation_hash"),
        [
            "09ff07864940a449e90b3a6aab6f57d7d8f1a5f5e85206b62f93de598611f60c",
            "4b42b4500634776bbbaff7a569453165ef7a1324ec8e51f70ad3db2743bbaec5"
        ]
    );
    assert_eq!(
        of("final_digest"),
        [
            "93e522175f24cfb1188a4d812b273985857880922cd1d25dbd70419dd9bc5ffb",
            "6ffeb37b5583348c48a3fc1a08e2377e488e3a10f083f1462dacde20088153fa"
        ]
    );
}

#[test]
fn the_digest_is_that_of_the_database() {
    let soak = Soak::new();
    let db = soak.path("kept.creel");
    let args = format!("{} {SHORT} --seed 9", db.display());
    let run = result(soak.command(&args), 0);
    let mut digest = creel();
    digest.arg("digest").arg(&db);
    assert_eq!(json(digest)["digest"], run["final_digest"]);
    assert_eq!(run["database"], db.to_str().unwrap());
    // A database that is there is never written to.
    let before = fs::read(&db).unwrap();
    json_error(soak.command(&format!("{} --ops 10", db.display())), 8);
    assert_eq!(fs::read(&db).unwrap(), before);
}

#[test]
fn beyond_its_memory_the_oracle_has_sums() {
    let soak = Soak::new();
    let args = format!("{SHORT} --seed 5 --oracle-memory 1000");
    let sums = result(soak.command(&args), 0);
    let model = result(soak.command(&format!("{SHORT} --seed 5")), 0);
    assert_eq!(sums["final_digest"], model["final_digest"]);
    assert!(checks(&sums)["contents"] > 3);
    let wrong = format!("{args} --plant wrong-value");
    let broken = result(soak.command(&wrong), 20);
    assert_eq!(broken["verdict"], "invariant");
}

#[test]
fn the_users_own_records_are_the_keys_and_values() {
    let soak = Soak::new();
    let line = |key: &str, value: &[u8]| {
        let (key, value) = (base64(key.as_bytes()), base64(value));
        format!("{{\"key\":\"{key}\",\"payload\":\"{value}\"}}\n")
    };
    let small: String = (0..300).map(|i| line(&format!("s{i}"), b"short")).collect();
    let large: String = (0..20)
        .map(|i| line(&format!("l{i}"), &[7; 3000]))
        .collect();
    fs::write(soak.path("small.jsonl"), small).unwrap();
    fs::write(soak.path("large.jsonl"), large).unwrap();
    let (small, large) = (soak.path("small.jsonl"), soak.path("large.jsonl"));
    let db = soak.path("own.creel");
    let input = format!(
        "--input small={},large={}",
        small.display(),
        large.display()
    );
    let args = format!(
        "{} {input} --ops 5000 --seed 1 --reopen-every 2000 --checkpoint-every 700",
        db.display()
    );
    let run = result(soak.command(&args), 0);
    assert!(run["parts"][0]["counts"]["puts"].as_u64().unwrap() > 1000);
    let mut list = creel();
    list.arg("list").arg(&db).arg("--keys-only");
    let keys = String::from_utf8(list.assert().success().get_output().stdout.clone()).unwrap();
    assert!(keys.lines().count() > 100);
    assert!(
        keys.lines()
            .all(|k| k.starts_with('s') || k.starts_with('l'))
    );
    fs::write(&large, "{\"key\":\"YQ==\"").unwrap();
    let fresh = Soak::new();
    let error = json_error(fresh.command(&format!("{input} --ops 10")), 9);
    assert!(
        error["message"].as_str().unwrap().contains("large.jsonl:1"),
        "{error}"
    );
    let missing = json_error(fresh.command("--input small=/nonexistent --ops 10"), 5);
    assert_eq!(missing["code"], "not_found");
}

#[test]
fn nonsense_is_a_usage_error() {
    let soak = Soak::new();
    for args in [
        "--opps 10",
        "--ops ten",
        "--ops -1",
        "--ops 10 --duration 1s",
        "--duration soon",
        "--seed x",
        "--mix 1/2",
        "--mix 0/0/0",
        "--delete 200%",
        "--delete 60% --get 60%",
        "--keys 0",
        "--keyspaces 100",
        "--batch 0",
        "--profile weekend",
        "--faults flood",
        "--fault-every 10",
        "--faults torn-write --sync-mode off",
        "--faults eio --oracle-memory 10",
        "--bounds speed=1",
        "--input small",
        "--sync normal --sync-mode full",
        "--sample-every 0",
        "--force",
        "--mode replication --replicas 0",
        "--mode replication --replicas 2 --active-replicas 3",
        "--mode replication --max-frames 1 --recovery-max-loops 1",
        "--mode replication --cycles x",
        "a.creel b.creel",
    ] {
        soak.command(args).assert().code(2);
    }
    soak.command("--read-only --ops 10").assert().code(2);
    assert!(soak.is_empty());
}

/// A fast machine came to the first hold late in a short run: the pipes to the reader were called
/// descriptors that become more.
#[test]
fn pipes_to_a_reader_were_called_a_leak() {
    let soak = Soak::new();
    let report = soak.path("report");
    let args = "--mode store --ops 3000 --hold 2000 --sample-every 1ms --seed 1";
    let mut command = soak.command(args);
    command.arg("--out").arg(&report);
    let ended = result(command, 0);
    assert_eq!(ended["parts"][0]["counts"]["reader_snapshots"], 1);
    let series = fs::read_to_string(report.join("series.csv")).unwrap();
    let mut rows = series.lines().map(|row| row.split(',').collect::<Vec<_>>());
    let names = rows.next().unwrap();
    let column = |name| names.iter().position(|n| *n == name).unwrap();
    let (fds, operations) = (column("fds"), column("operations"));
    let rows: Vec<_> = rows.collect();
    let (before, after): (Vec<_>, Vec<_>) = rows
        .iter()
        .partition(|row| row[operations].parse::<u64>().unwrap() < 2000);
    assert!(!before.is_empty() && !after.is_empty(), "{series}");
    assert!(
        rows.iter().all(|row| row[fds] == before[0][fds]),
        "{series}"
    );
}

#[test]
fn what_cannot_be_judged_is_no_pass() {
    let soak = Soak::new();
    let nothing = result(soak.command("--ops 0 --seed 1"), 20);
    assert_eq!(nothing["broken"][0]["check"], "work", "{nothing}");
    let reads = "--ops 5 --seed 1 --get 99% --delete 0% --scan 0% --cas 0%";
    let nothing = result(soak.command(reads), 23);
    assert_eq!(nothing["inconclusive"][0], "nothing was written");
    let short = result(soak.command("--duration 1s --seed 1"), 23);
    assert!(
        short["inconclusive"][0]
            .as_str()
            .unwrap()
            .contains("too few"),
        "{short}"
    );
    let enough = "--duration 2s --sample-every 20ms --keys 100 --checkpoint-every 100 --bounds memory-growth=1GiB";
    let judged = result(soak.command(&format!("{enough} --seed 1")), 0);
    assert!(judged["parts"][0]["trends"]["memory"]["samples"].as_u64() >= Some(10));
}

/// Memory and descriptors are read from /proc, which shows nothing here.
#[test]
fn samples_that_cannot_be_taken_are_no_pass() {
    let soak = Soak::new();
    let proc = soak.path("proc");
    fs::create_dir_all(proc.join("self")).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_creel"), proc.join("self/exe")).unwrap();
    let alone = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", script, "sh"]).arg(&proc);
        command.arg(env!("CARGO_BIN_EXE_creel"));
        command.env("TMPDIR", soak.dir.path());
        command
    };
    let hidden = "mount --bind \"$1\" /proc";
    if !alone(hidden).output().is_ok_and(|o| o.status.success()) {
        return skipped("mount", "unshare and mount are needed");
    }
    for part in ["--mode store --ops 300", "--mode replication --cycles 1"] {
        let script = format!("{hidden} && \"$2\" soak {part} --seed 1 --json");
        let ended = result(alone(&script), 23);
        let why = ended["inconclusive"][0].as_str().unwrap();
        assert!(why.contains("samples could not be taken"), "{ended}");
    }
}

#[test]
fn the_last_line_does_the_same_again() {
    let soak = Soak::new();
    let output = soak
        .command("--ops 3000 --seed 4 --batch 7 --delete 12.5% --mix 1/1/0 --sync full")
        .assert()
        .success()
        .get_output()
        .clone();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("config\tstore\t"), "{text}");
    let last = text.lines().last().unwrap();
    let args = last.strip_prefix("reproduce\tcreel soak ").unwrap();
    for flag in [
        "--seed 4",
        "--ops 3000",
        "--batch 7",
        "--delete 12.5%",
        "--mix 1/1/0",
        "--sync-mode full",
    ] {
        assert!(args.contains(flag), "{args}");
    }
    let again = result(soak.command(args), 0);
    let hash = again["operation_hash"].as_str().unwrap();
    assert!(
        text.contains(&format!("operation_hash\tstore\t{hash}")),
        "{text}"
    );
}

#[test]
fn a_report_is_a_directory_of_files() {
    let soak = Soak::new();
    let out = soak.path("report");
    let args = format!("{SHORT} --seed 2 --out {}", out.display());
    let printed = result(soak.command(&args), 0);
    let series = fs::read_to_string(out.join("series.csv")).unwrap();
    let columns =
        "elapsed_s,rss_kb,fds,segments,live_keys,puts,deletes,rotates,compacts,bytes_written,";
    assert!(series.starts_with(columns), "{series}");
    let cells = series.lines().next().unwrap().split(',').count();
    assert!(
        series.lines().count() >= 3,
        "a row at the start and at the end"
    );
    assert!(series.lines().all(|row| row.split(',').count() == cells));
    let events = fs::read_to_string(out.join("events.jsonl")).unwrap();
    for kind in ["checkpoint", "compaction", "reopen"] {
        assert!(events.contains(&format!("\"kind\":\"{kind}\"")), "{events}");
    }
    let saved: Value = serde_json::from_str(&read(&out, "result.json")).unwrap();
    for field in ["operation_hash", "final_digest", "checks", "seed"] {
        assert_eq!(saved[field], printed[field], "{field}");
    }
    let config: Value = serde_json::from_str(&read(&out, "config.json")).unwrap();
    assert_eq!(config["parts"][0]["config"]["limit"]["ops"], 12000);
    assert!(read(&out, "latency-store.hgrm").contains("Percentile"));
    // Another report is not written over it.
    json_error(soak.command(&args), 8);
    soak.command(&format!("{args} --force -q"))
        .assert()
        .success();
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

#[test]
fn progress_is_a_line_now_and_then() {
    let soak = Soak::new();
    let args = "--ops 3000 --seed 1 --progress-interval 0";
    soak.command(args)
        .assert()
        .success()
        .stderr(predicate::str::contains("soak store:").and(predicate::str::contains("checks")));
    soak.command(&format!("{args} -q"))
        .assert()
        .success()
        .stderr("");
    let output = soak
        .command(&format!("{args} --progress json"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    let line: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&line["schema"], &line["total"]),
        (&"creel.progress/1".into(), &3000.into())
    );
}

/// `--report csv` without a place for it was ignored in silence.
#[test]
fn a_report_without_a_place_is_refused() {
    let soak = Soak::new();
    let error = json_error(soak.command("--ops 10 --report csv"), 2);
    assert_eq!(error["hint"], "add --out DIR");
}

/// They had the hint of bad lines of an import.
#[test]
fn a_broken_file_of_an_earlier_run_is_told_where_to_get_another() {
    let soak = Soak::new();
    let broken = soak.dir.path().join("broken.json");
    fs::write(&broken, b"{\"schema\":1").unwrap();
    let broken = broken.to_str().unwrap();
    for (flag, made) in [("--replay", "repro.json"), ("--baseline", "result.json")] {
        let mut command = creel();
        command.args(["soak", flag, broken]);
        let error = json_error(command, 9);
        assert!(error["hint"].as_str().unwrap().contains(made), "{error}");
        assert_eq!(error["state"], "nothing was run");
    }
}
