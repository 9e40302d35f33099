//! Every test by itself: how long it takes and which mutants it reaches.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use super::Place;
use super::weave::{load, save};

/// Small budgets: a mutant that only the large ones find counts as missed.
pub const BUDGETS: &[(&str, &str)] = &[
    ("CREEL_CRASH_STATES", "12000"),
    ("CREEL_FAULT_PLACES", "4"),
    ("CREEL_VERDICT_STEP", "61"),
    ("CREEL_FUZZ_RUNS", "150"),
    ("CREEL_SCHEDULES", "40"),
    ("CREEL_SEQUENCES", "8"),
];

/// Tests that say nothing about mutants: they look at the repository, or take very long.
const PASSED_OVER: &[&str] = &[
    "killed_anywhere",
    "killed_twice",
    "a_gigabyte",
    "tell_the_truth",
];

/// The test programs of these names, as cargo built them.
pub fn programs(place: &Place, names: &[String]) -> Vec<(String, PathBuf)> {
    let mut command = Command::new("cargo");
    command.args([
        "test",
        "--no-run",
        "--locked",
        "--message-format=json",
        "--lib",
    ]);
    for name in names {
        command.args(["--test", name]);
    }
    let out = command
        .current_dir(&place.tree)
        .stderr(Stdio::inherit())
        .output();
    let out = out.expect("cargo");
    assert!(out.status.success(), "the woven source does not build");
    let text = String::from_utf8_lossy(&out.stdout);
    let messages = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages
        .filter(|m| m["profile"]["test"] == true)
        .filter_map(|m| {
            let kind = m["target"]["kind"][0].as_str()?;
            let name = m["target"]["name"].as_str()?;
            let name = if kind == "test" { name } else { kind };
            Some((name.to_owned(), PathBuf::from(m["executable"].as_str()?)))
        })
        .collect()
}

pub fn reach(place: &Place) {
    let mutants = load(place, "list.json").as_array().map_or(0, Vec::len);
    let names = std::env::var("MUTATE_TESTS");
    let names =
        names.unwrap_or_else(|_| "format engine verify salvage sim_disk crash cli".to_owned());
    let names: Vec<String> = names.split_whitespace().map(str::to_owned).collect();
    let mut tests = Vec::new();
    for (name, path) in programs(place, &names) {
        let list = Command::new(&path)
            .args(["--list", "--format", "terse"])
            .output();
        let list = String::from_utf8_lossy(&list.expect("a test program").stdout).into_owned();
        for test in list.lines().filter_map(|line| line.strip_suffix(": test")) {
            if PASSED_OVER.iter().any(|part| test.contains(part)) {
                continue;
            }
            tests.extend(one(place, &name, &path, test, mutants));
        }
    }
    println!("{} tests", tests.len());
    save(place, "reach.json", &json!(tests));
}

fn one(place: &Place, program: &str, path: &PathBuf, test: &str, mutants: usize) -> Option<Value> {
    let map = place.work.join("reach.map");
    std::fs::write(&map, vec![0u8; mutants]).expect("a map");
    let began = Instant::now();
    let status = Command::new(path)
        .args([test, "--exact"])
        .envs(BUDGETS.iter().copied())
        .env("CREEL_REACH", &map)
        .current_dir(&place.tree)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("a test program");
    let seconds = began.elapsed().as_secs_f64();
    if !status.success() {
        println!("left out, for it fails by itself: {program} {test}");
        return None;
    }
    let mut bytes = Vec::new();
    let read = std::fs::File::open(&map).and_then(|mut file| file.read_to_end(&mut bytes));
    read.expect("a map");
    let reached: Vec<usize> = (0..mutants).filter(|id| bytes[*id] == 1).collect();
    Some(json!({
        "program": program, "path": path, "test": test, "seconds": seconds, "reached": reached,
    }))
}
