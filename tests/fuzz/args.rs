//! Command lines that nobody means: the program answers, soon, with a status of its own, and takes
//! little memory. What waits for others or serves them is told to stop, and stops.

use std::path::Path;
use std::process::{Command, Stdio};

use super::mutate::{Rng, mutated};
use super::replay::corpus;

/// Kibibytes that a process may write to: memory, and stacks of its threads.
const MEMORY: u32 = 96 << 10;
/// Seconds until what does not answer is a failure.
const LONGEST: u32 = 5;
/// Seconds until what waits is told to stop.
const WAITING: &str = "0.3";

fn runs() -> usize {
    let runs = std::env::var("CREEL_FUZZ_RUNS");
    runs.map_or(400, |text| text.parse::<usize>().unwrap() / 4)
}

fn creel(dir: &Path, args: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_creel"));
    command.args(args.split(' ')).current_dir(dir);
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{args}: {output:?}");
}

/// What each command line finds: a database, a copy of it, records, a store, and the saved end of a history.
fn prepare(dir: &Path) {
    creel(dir, "open a.db --create --wal-size 64KiB");
    creel(dir, "put a.db key value");
    save_an_end(dir);
    creel(dir, "replicate snapshot a.db --to dir:store");
    creel(dir, "put a.db more value --ack published");
    creel(dir, "replicate init c.db --from dir:store");
    creel(dir, "export a.db -o b.jsonl");
}

/// A commit that a copy which was promoted does not have, as `rejoin` puts it away.
fn save_an_end(dir: &Path) {
    let other = tempfile::tempdir().unwrap();
    std::fs::copy(dir.join("a.db"), other.path().join("x.db")).unwrap();
    for args in [
        "replicate init y.db --from x.db",
        "put x.db lost 1",
        "promote y.db --yes --accept-loss",
        "replicate rejoin x.db --from y.db",
    ] {
        creel(other.path(), args);
    }
    let mut saved = std::fs::read_dir(other.path().join("x.db.diverged")).unwrap();
    let saved = saved.next().unwrap().unwrap().path();
    std::fs::copy(saved, dir.join("saved.seg")).unwrap();
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, to) = {
            let entry = entry.unwrap();
            (entry.path(), to.join(entry.file_name()))
        };
        if path.is_dir() {
            copy(&path, &to);
        } else {
            std::fs::copy(&path, &to).unwrap();
        }
    }
}

/// Runs `creel` with these arguments under limits of its own.
fn run(dir: &Path, args: &[&[u8]], waits: bool) -> (Option<i32>, String) {
    use std::os::unix::ffi::OsStrExt;
    let limit = match waits {
        true => format!("-k {LONGEST} -s TERM {WAITING}"),
        false => format!("-s KILL {LONGEST}"),
    };
    let script = format!(
        "ulimit -d {MEMORY}; ulimit -f 65536; exec timeout --preserve-status {limit} \"$0\" \"$@\""
    );
    let output = Command::new("sh")
        .args(["-c", &script])
        .arg(env!("CARGO_BIN_EXE_creel"))
        .args(args.iter().copied().map(std::ffi::OsStr::from_bytes))
        .current_dir(dir)
        .env_remove("CREEL_DB")
        .env("XDG_DATA_HOME", dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), text)
}

fn has(word: &[u8], part: &[u8]) -> bool {
    word.windows(part.len()).any(|at| at == part)
}

/// Commands that wait for others, or serve them, until they are told to stop.
fn waits(words: &[&[u8]]) -> bool {
    let waiting: &[&[u8]] = &[
        b"follow", b"serve", b"soak", b"wait", b"watch", b"--ack", b"probe", b"rate",
    ];
    let waits = |word: &&[u8]| waiting.iter().any(|part| has(word, part));
    words.iter().any(waits)
}

/// Names of other machines are not asked for here.
fn leaves_the_machine(words: &[&[u8]]) -> bool {
    let away = |word: &&[u8]| has(word, b"://") && !has(word, b"://127.0.0.1:");
    words.iter().any(away)
}

/// `tests/cli/swept.rs` holds this list against `--help`.
#[test]
fn a_verb_was_in_no_command_line_of_the_corpus() {
    let inputs = corpus("args");
    let lines = inputs.iter().map(|input| String::from_utf8(input.clone()));
    let lines: Vec<String> = lines.map(|line| line.unwrap() + "\n").collect();
    for verb in super::sweeps::VERBS {
        let words = verb.name.replace(' ', "\n") + "\n";
        // Options that come before the verb have their values.
        let begins = |line: &String| {
            let mut rest = line.as_str();
            while rest.starts_with("--") {
                rest = rest.splitn(3, '\n').nth(2).unwrap_or_default();
            }
            rest.starts_with(&words)
        };
        assert!(lines.iter().any(begins), "fuzz/corpus/args: {}", verb.name);
    }
}

#[test]
fn any_command_line_gets_an_answer() {
    let corpus = corpus("args");
    let dir = tempfile::tempdir().unwrap();
    let template = dir.path().join("template");
    std::fs::create_dir(&template).unwrap();
    prepare(&template);
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
    let (mut count, mut told) = (0, 0);
    for n in range {
        let input = match corpus.get(n) {
            Some(input) => input.clone(),
            None => mutated(&corpus, &mut Rng::new(n as u64)),
        };
        let words = input.split(|byte| *byte == b'\n' || *byte == 0);
        let words: Vec<&[u8]> = words.take(40).collect();
        if leaves_the_machine(&words) || input.len() > 20_000 {
            continue;
        }
        // Each begins with the same files, so that one alone does the same again.
        let place = dir.path().join(n.to_string());
        copy(&template, &place);
        let waits = waits(&words);
        let (status, said) = run(&place, &words, waits);
        let known = matches!(status, Some(0..=23 | 130 | 143));
        let shown = String::from_utf8_lossy(&input);
        assert!(known, "CREEL_FUZZ=args:{n} {shown:?}: {status:?} {said}");
        std::fs::remove_dir_all(&place).unwrap();
        (count, told) = (count + 1, told + usize::from(waits));
    }
    println!("fuzz args     {count:>7} command lines, {told} of them told to stop if they go on");
}
