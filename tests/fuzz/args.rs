//! Command lines that nobody means: the program answers, soon, with a status of its own.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::mutate::{Rng, mutated};
use super::replay::corpus;

/// Kibibytes of address space.
const MEMORY: u32 = 1 << 20;

fn runs() -> usize {
    let runs = std::env::var("CREEL_FUZZ_RUNS");
    runs.map_or(250, |text| text.parse::<usize>().unwrap() / 6)
}

/// Runs `creel` with the lines of an input as arguments, in a directory of its own.
fn run(dir: &Path, input: &[u8]) -> (Option<i32>, Duration, String) {
    use std::os::unix::ffi::OsStrExt;
    let args = input.split(|byte| *byte == b'\n' || *byte == 0);
    let args = args.map(std::ffi::OsStr::from_bytes).take(40);
    let started = Instant::now();
    let output = Command::new("sh")
        .args([
            "-c",
            &format!("ulimit -v {MEMORY}; ulimit -f 65536; exec \"$0\" \"$@\""),
        ])
        .arg(env!("CARGO_BIN_EXE_creel"))
        .args(args)
        .current_dir(dir)
        .env_remove("CREEL_DB")
        .env("XDG_DATA_HOME", dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), started.elapsed(), text)
}

/// Commands that wait for others, or serve them, until they are told to stop.
fn waits(input: &[u8]) -> bool {
    let waiting: &[&[u8]] = &[
        b"follow",
        b"serve",
        b"soak",
        b"wait",
        b"listen",
        b"replicate",
    ];
    let words = input.split(|byte| *byte == b'\n' || *byte == 0);
    words.into_iter().any(|word| {
        waiting
            .iter()
            .any(|w| word.windows(w.len()).any(|part| part == *w))
    })
}

#[test]
fn any_command_line_gets_an_answer() {
    let corpus = corpus("args");
    let dir = tempfile::tempdir().unwrap();
    let asked = std::env::var("CREEL_FUZZ").ok();
    let only: Option<usize> = asked
        .as_ref()
        .and_then(|text| text.strip_prefix("args:")?.parse().ok());
    if asked.is_some() && only.is_none() {
        return;
    }
    let range = match only {
        Some(n) => n..n + 1,
        None => 0..corpus.len() + runs(),
    };
    let count = range.len();
    for n in range {
        let input = match corpus.get(n) {
            Some(input) => input.clone(),
            None => mutated(&corpus, &mut Rng::new(n as u64)),
        };
        if waits(&input) || input.len() > 20_000 {
            continue;
        }
        let (status, time, said) = run(dir.path(), &input);
        let shown = String::from_utf8_lossy(&input);
        let known = matches!(status, Some(0..=23 | 130 | 143));
        assert!(known, "CREEL_FUZZ=args:{n} {shown:?}: {status:?} {said}");
        assert!(time < Duration::from_secs(5), "{shown:?} takes {time:?}");
    }
    println!("fuzz args     {count:>7} command lines");
}
