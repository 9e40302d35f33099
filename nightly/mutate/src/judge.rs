//! The tests that reach a mutant, the quickest first, until one fails.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::reach::BUDGETS;
use super::weave::load;
use super::{Place, mix};

/// Tests are run together while they take no longer than this, and then twice as long, and so on.
const FIRST_BATCH_S: f64 = 1.0;

/// A run may take so many times what it takes without a mutant, and this much more.
const TIMES: f64 = 6.0;
const GRACE_S: f64 = 20.0;

struct Test {
    path: String,
    name: String,
    seconds: f64,
}

enum Verdict {
    Caught(String),
    Timeout,
    Missed,
    /// No test reaches it.
    Unreached,
}

pub fn judge(place: &Place) {
    let list = load(place, "list.json");
    let woven = load(place, "woven.json");
    let reach = load(place, "reach.json");
    let reach = reach.as_array().expect("tests");
    let woven = woven.as_array().expect("ids").iter();
    let mut sample: Vec<usize> = woven
        .filter_map(|id| id.as_u64().map(|id| id as usize))
        .collect();
    // In no order, so that a run that is ended early is a sample too.
    sample.sort_by_key(|id| mix(mix(*id as u64)));
    let path = place.work.join("judged.txt");
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    let known: Vec<&str> = known
        .lines()
        .filter_map(|line| line.split(' ').nth(1))
        .collect();
    sample.retain(|id| !known.contains(&id.to_string().as_str()));
    let mut log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .expect("a log");
    // Tests that take longer are left out.
    let longest = std::env::var("MUTATE_LONGEST")
        .ok()
        .and_then(|text| text.parse().ok());
    let longest: f64 = longest.unwrap_or(f64::MAX);
    let mut sums: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    for id in sample {
        let began = Instant::now();
        let mut tests: Vec<Test> = reach
            .iter()
            .filter(|test| {
                test["reached"]
                    .as_array()
                    .is_some_and(|all| all.iter().any(|n| *n == id))
            })
            .map(|test| Test {
                path: test["path"].as_str().unwrap_or("").to_owned(),
                name: test["test"].as_str().unwrap_or("").to_owned(),
                seconds: test["seconds"].as_f64().unwrap_or(1.0),
            })
            .collect();
        tests.retain(|test| test.seconds < longest);
        tests.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        let verdict = one(place, id, &tests);
        let (word, by) = match &verdict {
            Verdict::Caught(by) => ("caught", by.as_str()),
            Verdict::Timeout => ("timeout", ""),
            Verdict::Missed => ("MISSED", ""),
            Verdict::Unreached => ("UNREACHED", ""),
        };
        let mutant = &list[id];
        let line = format!(
            "{word} {id} {}:{}:{} {} [{}] {:.1} s {by}",
            mutant["file"].as_str().unwrap_or(""),
            mutant["span"]["start"]["line"],
            mutant["span"]["start"]["column"],
            mutant["name"]
                .as_str()
                .unwrap_or("")
                .split(": ")
                .last()
                .unwrap_or(""),
            mutant["function"]["function_name"].as_str().unwrap_or(""),
            began.elapsed().as_secs_f64(),
        );
        writeln!(log, "{line}").expect("a log");
        let layer = mutant["file"]
            .as_str()
            .unwrap_or("")
            .split('/')
            .nth(1)
            .unwrap_or("")
            .to_owned();
        let sum = sums.entry(layer).or_default();
        sum[0] += 1;
        sum[1] += usize::from(matches!(verdict, Verdict::Caught(_) | Verdict::Timeout));
        if matches!(verdict, Verdict::Missed | Verdict::Unreached) {
            println!("{line}");
        }
    }
    for (layer, [all, caught]) in sums {
        println!("{layer:<8} {all:>5} mutants {caught:>5} caught");
    }
}

fn one(place: &Place, id: usize, tests: &[Test]) -> Verdict {
    if tests.is_empty() {
        return Verdict::Unreached;
    }
    let (mut at, mut most) = (0, FIRST_BATCH_S);
    while at < tests.len() {
        let mut seconds = 0.0;
        let mut batch: BTreeMap<&str, Vec<&Test>> = BTreeMap::new();
        while let Some(test) = tests
            .get(at)
            .filter(|t| seconds == 0.0 || seconds + t.seconds < most)
        {
            seconds += test.seconds;
            batch.entry(&test.path).or_default().push(test);
            at += 1;
        }
        for (path, tests) in batch {
            match run(place, id, path, &tests) {
                Verdict::Missed => {}
                verdict => return verdict,
            }
        }
        most *= 2.0;
    }
    Verdict::Missed
}

fn run(place: &Place, id: usize, path: &str, tests: &[&Test]) -> Verdict {
    let scratch = place.work.join(format!("scratch-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&scratch);
    std::fs::create_dir_all(&scratch).expect("a scratch folder");
    let names: Vec<&str> = tests.iter().map(|test| test.name.as_str()).collect();
    // No memory and no file without bound: mutants run wild.
    let mut child = Command::new("sh")
        .args([
            "-c",
            "ulimit -v 16000000 -f 4000000; exec \"$0\" \"$@\" --exact",
            path,
        ])
        .args(&names)
        .envs(BUDGETS.iter().copied())
        .env("CREEL_MUTANT", id.to_string())
        .env("TMPDIR", &scratch)
        .current_dir(&place.tree)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("a test program");
    let expected: f64 = tests.iter().map(|test| test.seconds).sum();
    let limit = Duration::from_secs_f64(expected * TIMES + GRACE_S);
    let verdict = watch(&mut child, limit);
    // What it started dies with it.
    let _ = Command::new("kill")
        .args(["-KILL", "--", &format!("-{}", child.id())])
        .stderr(Stdio::null())
        .status();
    let _ = child.kill();
    let _ = child.wait();
    let _ = std::fs::remove_dir_all(Path::new(&scratch));
    verdict
}

/// The first failure ends it.
fn watch(child: &mut Child, limit: Duration) -> Verdict {
    let Some(out) = child.stdout.take() else {
        return Verdict::Missed;
    };
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    let until = Instant::now() + limit;
    loop {
        match receiver.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) if line.starts_with("test ") && line.ends_with("FAILED") => {
                let name = line.split_whitespace().nth(1).unwrap_or("").to_owned();
                return Verdict::Caught(name);
            }
            Ok(line) if line.starts_with("test result: ok") => return Verdict::Missed,
            Ok(_) => {}
            Err(mpsc::RecvTimeoutError::Timeout) => return Verdict::Timeout,
            // It ended without a result: it was aborted.
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                return Verdict::Caught("(aborted)".to_owned());
            }
        }
    }
}
