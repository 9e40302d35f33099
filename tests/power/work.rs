//! What is done on the device: lines of creel, one after the other, and what may be found after each.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

/// One command. `{dir}` is a directory on the device, `{db}` the database in it, `{in}` has the inputs.
pub struct Step {
    pub line: String,
    /// Where it ended with status 0, all that it and the steps before it did stays.
    pub durable: bool,
    /// It commits after each so many lines of this input.
    parts: Option<(&'static str, usize)>,
    /// The same once more comes to the same end.
    again: bool,
}

fn step(line: impl Into<String>) -> Step {
    Step {
        line: line.into(),
        durable: true,
        parts: None,
        again: false,
    }
}

impl Step {
    fn in_parts(self, input: &'static str, lines: usize) -> Step {
        let parts = Some((input, lines));
        Step { parts, ..self }
    }

    fn goes_on(self) -> Step {
        Step {
            again: true,
            ..self
        }
    }

    /// `--sync normal`: what it did may be gone, newest first.
    fn lazily(self) -> Step {
        Step {
            line: self.line + " --sync normal",
            durable: false,
            ..self
        }
    }
}

/// A name, and the steps.
pub struct Work {
    pub name: &'static str,
    pub steps: Vec<Step>,
}

pub fn works() -> Vec<Work> {
    vec![
        Work {
            name: "commits",
            steps: commits(),
        },
        Work {
            name: "files",
            steps: files(),
        },
        Work {
            name: "lazy",
            steps: lazy(),
        },
    ]
}

/// Single writes, and what moves pages.
fn commits() -> Vec<Step> {
    let mut steps = vec![step("open {db} --create --wal-size 64KiB")];
    for i in 0..10 {
        let value = "x".repeat(i * 60);
        steps.push(step(format!("put {{db}} key{i:03} 'value {i} {value}'")));
    }
    steps.push(step("checkpoint {db}"));
    for i in 0..6 {
        let value = "y".repeat(900 * i);
        steps.push(step(format!("put {{db}} more{i:03} '{value}'")));
    }
    steps.push(step("delete {db} --prefix key00 --yes"));
    steps.push(step("checkpoint {db}"));
    for i in 0..4 {
        let value = "z".repeat(30_000);
        steps.push(step(format!("put {{db}} large{i} '{value}'")));
    }
    steps.push(step("delete {db} large1 large2"));
    steps.push(step("compact {db}"));
    steps.push(step("put {db} last 1"));
    steps
}

/// Many records at once, and whole files that get their names when they are there.
fn files() -> Vec<Step> {
    let resumed = "import {db} {in}/more.jsonl --batch 40 --resume";
    vec![
        step("open {db} --create --wal-size 64KiB"),
        step("import {db} {in}/first.jsonl"),
        step(resumed).in_parts("more.jsonl", 40).goes_on(),
        step("backup {db} -o {dir}/backup.db"),
        step("batch {db} {in}/lines --every 25").in_parts("lines", 25),
        step("compact {db} -o {dir}/dense.db"),
        step("import {dir}/made.db {in}/first.jsonl --create"),
        step("import {dir}/sorted.db {in}/more.jsonl --create --sorted"),
        step("export {db} -o {dir}/out.jsonl"),
        step("put {db} between 1"),
        step("backup {db} -o {dir}/backup.db --force"),
        step("compact {db} -o {dir}/dense.db --force"),
        step("export {db} -o {dir}/out.jsonl --force"),
        step("salvage {db} -o {dir}/saved.db"),
        step("delete {db} --prefix more0 --yes"),
        step("compact {db}"),
        step("put {db} last 1"),
    ]
}

/// Commits that nothing waits for, and now and then one that is waited for.
fn lazy() -> Vec<Step> {
    let put = |i: usize| step(format!("put {{db}} key{i:03} '{}'", "x".repeat(i * 90)));
    let mut steps = vec![step("open {db} --create --wal-size 64KiB")];
    steps.extend((0..8).map(|i| put(i).lazily()));
    steps.push(put(8));
    steps.extend((9..13).map(|i| put(i).lazily()));
    let batch = step("batch {db} {in}/lines --every 25");
    steps.push(batch.in_parts("lines", 25).lazily());
    steps.push(step("checkpoint {db}"));
    steps.extend((13..17).map(|i| put(i).lazily()));
    steps.push(step("delete {db} --prefix key00 --yes").lazily());
    steps.push(step("backup {db} -o {dir}/backup.db").lazily());
    let import = step("import {db} {in}/more.jsonl --batch 40");
    steps.push(import.in_parts("more.jsonl", 40).lazily());
    steps.push(step("compact {db}"));
    steps.push(step("put {db} last 1"));
    steps
}

/// A file with all kinds of pages, and a log that has not been folded into the tree.
pub fn bad_sectors() -> Vec<Step> {
    let mut steps = vec![
        step("open {db} --create --wal-size 64KiB"),
        step("import {db} {in}/first.jsonl"),
        step("import {db} {in}/more.jsonl"),
    ];
    for i in 0..3 {
        let value = format!("{i} ").repeat(4000 * (i + 1));
        steps.push(step(format!("put {{db}} large{i} '{value}'")));
    }
    steps.push(step("checkpoint {db}"));
    for i in 0..9 {
        let value = format!("{i} ").repeat(500);
        steps.push(step(format!("put {{db}} more{:03} '{value}'", 150 + i)));
    }
    steps.push(step("put {db} more159 last"));
    steps
}

/// Writes what `{in}` stands for.
pub fn write_inputs(place: &Path) {
    let mut texts = [String::new(), String::new(), String::new()];
    for i in 0..160 {
        let value = "v".repeat(i % 23 * 17);
        let mut record = |n: usize, name: &str| {
            let line = format!("{{\"key_utf8\":\"{name}{i:03}\",\"value_utf8\":\"{i} {value}\"}}");
            writeln!(texts[n], "{line}").unwrap();
        };
        record(0, "first");
        record(1, "more");
        match i % 4 {
            3 => writeln!(texts[2], "del\tfirst{i:03}").unwrap(),
            _ => writeln!(texts[2], "put\tline{i:03}\t{value}").unwrap(),
        }
    }
    fs::create_dir_all(place).unwrap();
    for (name, text) in ["first.jsonl", "more.jsonl", "lines"].iter().zip(texts) {
        fs::write(place.join(name), text).unwrap();
    }
}

fn creel(args: &[&str], file: &Path) -> Result<String, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_creel"));
    let output = command.args(args).arg(file).output().unwrap();
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout).unwrap()),
        false => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(format!("{args:?} {}: {said}", file.display()))
        }
    }
}

/// The content sum of each file, by its name.
pub type State = BTreeMap<String, String>;

/// What a directory has. A file that nobody asked for is an error; where a command that replaces a file
/// may have been stopped, so is not the name under which it makes the new one (docs/durability.md).
fn state(dir: &Path, replaces: bool) -> Result<State, String> {
    let mut found = State::new();
    for entry in fs::read_dir(dir).map_err(|e| e.to_string())? {
        let path = entry.map_err(|e| e.to_string())?.path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let temporary = replaces && name.starts_with('.') && name.contains("tmp");
        if name == "lost+found" || temporary {
            continue;
        }
        if !name.ends_with(".db") && !name.ends_with(".jsonl") {
            return Err(format!("a stray file {name}"));
        }
        let text = creel(&["digest"], &path)?;
        found.insert(name, text.split(' ').next().unwrap().to_owned());
    }
    Ok(found)
}

/// The line for a shell.
fn line(step: &Step, dir: &Path, inputs: &Path) -> String {
    let place = dir.to_str().unwrap();
    let line = step.line.replace("{db}", &format!("{place}/test.db"));
    let line = line.replace("{dir}", place);
    let line = line.replace("{in}", inputs.to_str().unwrap());
    format!("{} {line}", env!("CARGO_BIN_EXE_creel"))
}

fn shell(line: &str) -> Result<(), String> {
    let output = Command::new("sh").args(["-c", line]).output().unwrap();
    let said = || String::from_utf8_lossy(&output.stderr).into_owned();
    let done = output.status.success().then_some(());
    done.ok_or_else(|| format!("{line}: {}", said()))
}

/// What is there after each step, and what `test.db` may be in the middle of it.
pub struct Expected {
    after: Vec<State>,
    between: Vec<BTreeSet<String>>,
}

impl Expected {
    pub fn new(work: &Work) -> Expected {
        let (room, inputs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write_inputs(inputs.path());
        let mut expected = Expected {
            after: Vec::new(),
            between: Vec::new(),
        };
        for step in &work.steps {
            let between = parts(step, room.path(), inputs.path());
            expected.between.push(between);
            shell(&line(step, room.path(), inputs.path())).unwrap();
            expected.after.push(state(room.path(), false).unwrap());
        }
        expected
    }

    /// What a file may be: as after the step `floor` (or not there) or any later one up to `last`.
    fn allowed(
        &self,
        name: &str,
        floor: Option<usize>,
        last: Option<usize>,
    ) -> BTreeSet<Option<&String>> {
        let mut allowed = BTreeSet::new();
        allowed.insert(floor.and_then(|n| self.after[n].get(name)));
        let later = floor.map_or(0, |n| n + 1)..last.map_or(0, |n| n + 1);
        for n in later {
            allowed.insert(self.after[n].get(name));
            if name == "test.db" {
                allowed.extend(self.between[n].iter().map(Some));
            }
        }
        allowed
    }

    /// An answer that some moment up to a step would have given.
    pub fn ever(&self, name: &str, last: usize, digest: &str) -> bool {
        let digest = digest.to_owned();
        self.allowed(name, None, Some(last))
            .contains(&Some(&digest))
    }
}

/// What `test.db` is after each commit of a step but the last.
fn parts(step: &Step, dir: &Path, inputs: &Path) -> BTreeSet<String> {
    let Some((input, lines)) = step.parts else {
        return BTreeSet::new();
    };
    let text = fs::read_to_string(inputs.join(input)).unwrap();
    let all: Vec<&str> = text.lines().collect();
    let mut found = BTreeSet::new();
    for end in (lines..all.len()).step_by(lines) {
        let (copy, part) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::copy(dir.join("test.db"), copy.path().join("test.db")).unwrap();
        fs::write(part.path().join(input), all[..end].join("\n") + "\n").unwrap();
        shell(&line(step, copy.path(), part.path())).unwrap();
        found.extend(state(copy.path(), false).unwrap().into_values());
    }
    found
}

/// What a mounted image has is what it may have: everything up to the step `acked`, and of the one
/// that had `begun` what it is allowed to leave. It is whole, and can be written to.
pub fn judge(
    dir: &Path,
    work: &Work,
    expected: &Expected,
    acked: Option<usize>,
    begun: Option<usize>,
) -> Result<(), String> {
    let durable = |n: &usize| work.steps[*n].durable;
    let floor = acked.and_then(|n| (0..=n).rev().find(durable));
    let last = acked.max(begun);
    let replaces = begun.is_some_and(|n| work.steps[n].line.contains("--force"));
    let found = state(dir, replaces)?;
    let known = expected.after.iter().take(last.map_or(0, |n| n + 1));
    let names: BTreeSet<&String> = found.keys().chain(known.flat_map(State::keys)).collect();
    for name in names {
        if !expected
            .allowed(name, floor, last)
            .contains(&found.get(name))
        {
            let is = found.get(name).map_or("not there", |_| "something else");
            return Err(format!(
                "{name} is {is}: neither as of step {floor:?} nor of one up to {last:?}"
            ));
        }
    }
    let databases = || found.keys().filter(|name| name.ends_with(".db"));
    for name in databases() {
        creel(&["verify", "-qq", "--level", "deep"], &dir.join(name))?;
    }
    if let Some(n) = begun.filter(|n| work.steps[*n].again && acked.is_none_or(|acked| acked < *n))
    {
        let inputs = tempfile::tempdir().unwrap();
        write_inputs(inputs.path());
        shell(&line(&work.steps[n], dir, inputs.path()))?;
        if state(dir, false)? != expected.after[n] {
            return Err(format!("step {n} once more does not come to its end"));
        }
    }
    for name in databases() {
        let path = dir.join(name);
        shell(&format!(
            "{} put -qq {} '~after' 1",
            env!("CARGO_BIN_EXE_creel"),
            path.display()
        ))?;
    }
    Ok(())
}
