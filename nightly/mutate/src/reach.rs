//! Every test by itself: how long it takes and which mutants it reaches.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::files::{load, load_or, save};
use super::run::{self, Limits, Outcome};
use super::{Place, number};

/// Tests that say nothing about mutants: they look at the repository, or take very long.
const PASSED_OVER: &[&str] = &[
    "killed_anywhere",
    "killed_twice",
    "a_gigabyte",
    "tell_the_truth",
];

/// The test programs of these names, as cargo built them.
fn programs(place: &Place, names: &[String]) -> Vec<(String, PathBuf)> {
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

struct Job {
    program: String,
    path: PathBuf,
    test: String,
}

/// The tests of these programs that are not known yet.
fn jobs(place: &Place, known: &[Value]) -> Vec<Job> {
    let names = std::env::var("MUTATE_TESTS");
    let names =
        names.unwrap_or_else(|_| "format engine verify sim_disk salvage crash cli".to_owned());
    let names: Vec<String> = names.split_whitespace().map(str::to_owned).collect();
    let mut jobs = Vec::new();
    for (program, path) in programs(place, &names) {
        let list = Command::new(&path)
            .args(["--list", "--format", "terse"])
            .output();
        let list = String::from_utf8_lossy(&list.expect("a test program").stdout).into_owned();
        for test in list.lines().filter_map(|line| line.strip_suffix(": test")) {
            let is_known = |v: &&Value| v["program"] == *program && v["test"] == test;
            let passed_over = PASSED_OVER.iter().any(|part| test.contains(part));
            if !passed_over && !known.iter().any(|v| is_known(&v)) {
                jobs.push(Job {
                    program: program.clone(),
                    path: path.clone(),
                    test: test.to_owned(),
                });
            }
        }
    }
    jobs.reverse();
    jobs
}

pub fn reach(place: &Place) {
    let mutants = load(place, "list.json").as_array().map_or(0, Vec::len);
    let known = load_or(place, "reach.json", json!([]));
    let known = known.as_array().cloned().unwrap_or_default();
    let longest_s = number("MUTATE_LONGEST", 12.0);
    let jobs = Mutex::new(jobs(place, &known));
    let done = Mutex::new(known);
    std::thread::scope(|scope| {
        for worker in 0..number("MUTATE_WORKERS", 2.0) as usize {
            let (jobs, done) = (&jobs, &done);
            scope.spawn(move || {
                loop {
                    let Some(job) = jobs.lock().expect("jobs").pop() else {
                        return;
                    };
                    if let Some(found) = one(place, worker, &job, mutants, longest_s) {
                        done.lock().expect("tests").push(found);
                    }
                }
            });
        }
    });
    let done = done.into_inner().expect("tests");
    println!("{} tests", done.len());
    save(place, "reach.json", &json!(done));
}

fn one(place: &Place, worker: usize, job: &Job, mutants: usize, longest_s: f64) -> Option<Value> {
    let map = place.work.join(format!("reach-{worker}.map"));
    std::fs::write(&map, vec![0u8; mutants]).expect("a map");
    let began = Instant::now();
    let limits = Limits {
        time: Duration::from_secs_f64(longest_s),
        worker,
    };
    let reaches = [("CREEL_REACH", map.display().to_string())];
    let outcome = run::run(place, &job.path, &[job.test.as_str()], &reaches, &limits);
    let seconds = began.elapsed().as_secs_f64();
    match outcome {
        Outcome::Passed => {}
        Outcome::Failed(_) => println!("fails by itself: {} {}", job.program, job.test),
        Outcome::Timeout => println!("takes longer: {} {}", job.program, job.test),
    }
    let reached = match outcome {
        Outcome::Passed => read(&map, mutants),
        // What is not there cannot be asked; it is not tried again either.
        _ => Vec::new(),
    };
    Some(json!({
        "program": job.program, "path": job.path, "test": job.test, "seconds": seconds,
        "reached": reached,
    }))
}

fn read(map: &Path, mutants: usize) -> Vec<usize> {
    let mut bytes = Vec::new();
    let read = std::fs::File::open(map).and_then(|mut file| file.read_to_end(&mut bytes));
    read.expect("a map");
    (0..mutants).filter(|id| bytes[*id] == 1).collect()
}
