//! A workload on a logged device; the power fails after any entry of the log, with some of what
//! was not flushed.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use super::log::{self, DISCARD, Entry, FLUSH, FUA};
use super::machine::{Device, KINDS, Kind, Mounted, has_program, missing, run};

/// splitmix64.
fn mix(word: u64) -> u64 {
    let mut z = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What is done: the first step makes the file.
pub fn steps() -> Vec<String> {
    let mut steps = vec!["open {db} --create --wal-size 64KiB".to_owned()];
    for i in 0..10 {
        steps.push(format!(
            "put {{db}} key{i:03} 'value {i} {}'",
            "x".repeat(i * 60)
        ));
    }
    steps.push("checkpoint {db}".into());
    for i in 0..6 {
        steps.push(format!("put {{db}} more{i:03} '{}'", "y".repeat(900 * i)));
    }
    steps.push("delete {db} --prefix key00 --yes".into());
    steps.push("checkpoint {db}".into());
    for i in 0..4 {
        steps.push(format!("put {{db}} large{i} '{}'", "z".repeat(30_000)));
    }
    steps.push("delete {db} large1 large2".into());
    steps.push("compact {db}".into());
    steps.push("put {db} last 1".into());
    steps
}

/// The digest, or that there is no such file.
fn digest(db: &Path) -> Result<Option<String>, String> {
    if !db.exists() {
        return Ok(None);
    }
    let output = Command::new(env!("CARGO_BIN_EXE_creel"))
        .arg("digest")
        .arg(db)
        .output()
        .unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8(output.stdout).unwrap();
    Ok(Some(text.split(' ').next().unwrap().to_owned()))
}

/// The digest after each step.
pub fn expected(steps: &[String]) -> Vec<Option<String>> {
    let dir = tempfile::tempdir().unwrap();
    let db = dir.path().join("test.db");
    let run = |step: &String| {
        let line = step.replace("{db}", db.to_str().unwrap());
        let command = format!("{} {line}", env!("CARGO_BIN_EXE_creel"));
        let output = Command::new("sh").args(["-c", &command]).output().unwrap();
        assert!(output.status.success(), "{step}: {output:?}");
        digest(&db).unwrap()
    };
    steps.iter().map(run).collect()
}

/// The database on a mounted image is as after the step `acked`, or the one that had begun.
pub fn judge(
    db: &Path,
    expected: &[Option<String>],
    acked: Option<usize>,
    begun: Option<usize>,
) -> Result<(), String> {
    let found = digest(db)?;
    let before = acked.and_then(|n| expected[n].clone());
    let after = begun.and_then(|n| expected[n].clone());
    if found != before && found != after {
        return Err(format!("neither step {acked:?} nor step {begun:?}"));
    }
    if found.is_some() {
        let status = Command::new(env!("CARGO_BIN_EXE_creel"))
            .args(["verify", "-qq", "--level", "deep"])
            .arg(db)
            .status()
            .unwrap();
        if !status.success() {
            return Err(format!("verify: {status}"));
        }
        let status = Command::new(env!("CARGO_BIN_EXE_creel"))
            .args(["put", "-qq"])
            .arg(db)
            .args(["~after", "1"])
            .status()
            .unwrap();
        if !status.success() {
            return Err(format!("put: {status}"));
        }
    }
    Ok(())
}

/// The number in the last mark of this name before an entry.
fn last(entries: &[Entry], name: &str) -> Option<usize> {
    let marks = entries.iter().rev().filter_map(|e| e.mark.as_deref());
    marks
        .filter_map(|m| m.strip_prefix(name)?.strip_prefix(':'))
        .find_map(|n| n.parse().ok())
}

fn images() -> usize {
    let text = std::env::var("CREEL_POWER_IMAGES");
    text.map_or(120, |text| text.parse().expect("a number of images"))
}

fn cuts(kind: &Kind) -> (usize, Vec<String>) {
    let steps = steps();
    let expected = expected(&steps);
    let done = run(kind, &steps, &Device::Logged);
    assert_eq!(done.done, steps.len(), "{}", done.said);
    let entries = log::read(&done.log());
    let mounted = entries
        .iter()
        .position(|e| e.mark.as_deref() == Some("mounted"));
    let begin = mounted.expect("a mark") + 1;
    let (log, at) = (File::open(done.log()).unwrap(), done.dir.path());
    let (base, tried) = (at.join("base.img"), at.join("tried.img"));
    // What was flushed, up to the last flush before the cut.
    let file = File::create(&base).unwrap();
    file.set_len(fs::metadata(done.image()).unwrap().len())
        .unwrap();
    entries[..begin]
        .iter()
        .for_each(|e| log::apply(e, &log, &file));
    let places = entries.len() - begin;
    let every = (places / images().max(1)).max(1);
    let (mut flushed, mut images, mut wrong) = (begin, 0, Vec::new());
    for cut in begin..=entries.len() {
        if cut > begin && entries[cut - 1].flags & (FLUSH | FUA) != 0 {
            entries[flushed..cut]
                .iter()
                .for_each(|e| log::apply(e, &log, &file));
            flushed = cut;
        }
        if !(cut - begin).is_multiple_of(every) && cut != entries.len() {
            continue;
        }
        let (acked, begun) = (last(&entries[..cut], "ack"), last(&entries[..cut], "begin"));
        // All of what came since the last flush, and two subsets of it.
        for choice in 0..3u64 {
            let status = Command::new("cp")
                .arg("--sparse=always")
                .args([&base, &tried])
                .status()
                .unwrap();
            assert!(status.success());
            let file = File::options().write(true).open(&tried).unwrap();
            for (i, entry) in entries[flushed..cut].iter().enumerate() {
                let kept = choice == 0 || mix(cut as u64 ^ choice << 40 ^ mix(i as u64)) & 1 == 1;
                if kept && entry.flags & DISCARD == 0 {
                    log::apply(entry, &log, &file);
                }
            }
            drop(file);
            images += 1;
            let place = at.join("mnt");
            let outcome = match Mounted::new(kind, &tried, &place) {
                None => Err("the file system does not mount".to_owned()),
                Some(_mounted) => judge(&place.join("test.db"), &expected, acked, begun),
            };
            if let Err(text) = outcome {
                wrong.push(format!("{}: cut {cut}, choice {choice}: {text}", kind.name));
            }
        }
    }
    (images, wrong)
}

#[test]
#[ignore = "takes a User-Mode Linux, root and minutes"]
fn power_cuts_at_every_write_of_a_real_file_system() {
    if let Some(why) = missing() {
        println!("SKIPPED: {why}");
        return;
    }
    let mut all = Vec::new();
    for kind in KINDS {
        if !has_program(kind.program) {
            println!("SKIPPED: {} needs {}", kind.name, kind.program);
            continue;
        }
        let started = Instant::now();
        let (images, wrong) = cuts(kind);
        println!(
            "power {:<15} {images:>6} images {:>3} violations {:>7.2} s",
            kind.name,
            wrong.len(),
            started.elapsed().as_secs_f64()
        );
        all.extend(wrong);
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}
