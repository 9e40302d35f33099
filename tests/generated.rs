//! Manual pages and completions are committed, and say what the program says. After a change of
//! the command line: `UPDATE_GENERATED=1 cargo test --test generated` writes them anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // a test may panic

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[path = "support/skip.rs"]
mod skip;
use skip::skipped;

/// The shells, and the file names that each of them (or its package) expects.
const SHELLS: [(&str, &str); 5] = [
    ("bash", "creel.bash"),
    ("zsh", "_creel"),
    ("fish", "creel.fish"),
    ("powershell", "_creel.ps1"),
    ("elvish", "creel.elv"),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// `creel` in an environment that would show if the output depended on it.
fn creel(columns: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_creel"));
    command
        .env("COLUMNS", columns)
        .env("CLICOLOR_FORCE", "1")
        .env("LC_ALL", "C");
    command
}

fn output(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn pages(columns: &str) -> BTreeMap<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let mut command = creel(columns);
    command.arg("man").arg("--out").arg(folder.path());
    assert_eq!(output(command), "");
    files(folder.path())
}

fn completions(columns: &str) -> BTreeMap<String, String> {
    let one = |(shell, name): (&str, &str)| {
        let mut command = creel(columns);
        command.args(["completions", shell]);
        (name.to_owned(), output(command))
    };
    SHELLS.into_iter().map(one).collect()
}

/// Names and contents of a folder's files.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return BTreeMap::new();
    };
    let one = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read_to_string(entry.path()).unwrap())
    };
    entries.map(|entry| one(entry.unwrap())).collect()
}

/// Compares with what is committed, or replaces it where that was asked for.
fn same(folder: &str, made: &BTreeMap<String, String>) {
    let path = root().join(folder);
    let committed = files(&path);
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        fs::create_dir_all(&path).unwrap();
        for name in committed.keys().filter(|n| !made.contains_key(*n)) {
            fs::remove_file(path.join(name)).unwrap();
        }
        for (name, text) in made {
            fs::write(path.join(name), text).unwrap();
        }
        return;
    }
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    let advice = "UPDATE_GENERATED=1 cargo test --test generated writes them anew";
    assert_eq!(names(&committed), names(made), "{folder}: {advice}");
    for (name, text) in made {
        let old = &committed[name];
        if let Some((number, (old, new))) = first_difference(old, text) {
            panic!("{folder}/{name}:{number}:\n  file: {old}\n  made: {new}\n{advice}");
        }
    }
}

fn first_difference<'a>(old: &'a str, new: &'a str) -> Option<(usize, (&'a str, &'a str))> {
    let count = old.lines().count().max(new.lines().count());
    let line = |text: &'a str, i| text.lines().nth(i).unwrap_or("(the end)");
    (0..count)
        .map(|i| (i + 1, (line(old, i), line(new, i))))
        .find(|(_, (old, new))| old != new)
}

#[test]
fn manual_pages_are_those_of_the_program() {
    let made = pages("80");
    assert_eq!(
        made,
        pages("23"),
        "the width of the terminal must not matter"
    );
    same("man", &made);
}

#[test]
fn completions_are_those_of_the_program() {
    let made = completions("80");
    assert_eq!(
        made,
        completions("23"),
        "the width of the terminal must not matter"
    );
    same("completions", &made);
}

#[test]
fn every_command_has_a_page_that_is_complete() {
    let mut help = creel("80");
    help.arg("--help").env("CLICOLOR_FORCE", "0");
    let help = output(help);
    let commands = help.split("Commands:\n").nth(1).unwrap();
    let names: Vec<&str> = commands
        .lines()
        .take_while(|l| l.starts_with("  "))
        .filter(|l| !l.starts_with("   "))
        .map(|l| l.split_whitespace().next().unwrap())
        .filter(|name| *name != "help")
        .collect();
    assert!(names.len() >= 16, "{names:?}");
    let pages = pages("80");
    let below = pages.keys().filter(|page| page.matches('-').count() == 2);
    assert!(below.clone().count() >= 9);
    assert_eq!(pages.len(), names.len() + 1 + below.count());
    for name in names {
        let page = &pages[&format!("creel-{name}.1")];
        for part in [
            "NAME",
            "SYNOPSIS",
            "DESCRIPTION",
            "EXIT STATUS",
            "EXAMPLES",
            "SEE ALSO",
        ] {
            assert!(
                page.contains(&format!(".SH \"{part}\"\n")),
                "creel-{name}.1: {part}"
            );
        }
        assert!(
            page.contains(&format!("\ncreel {name} ")),
            "creel-{name}.1: an example"
        );
    }
    for part in [
        "COMMANDS",
        "GLOBAL OPTIONS",
        "EXIT STATUS",
        "ENVIRONMENT",
        "FILES",
        "EXAMPLES",
    ] {
        assert!(
            pages["creel.1"].contains(&format!(".SH \"{part}\"\n")),
            "creel.1: {part}"
        );
    }
}

/// Words in quotes after a call that reads the environment, or after a short name for one.
#[test]
fn every_variable_of_the_environment_is_described() {
    let page = pages("80").remove("creel.1").unwrap();
    let section = page.split(".SH \"ENVIRONMENT\"").nth(1).unwrap();
    let section = section.split(".SH").next().unwrap();
    let mut sources = Vec::new();
    for folder in ["src/cli", "src/commands"] {
        rust(&root().join(folder), &mut sources);
    }
    let mut seen = 0;
    for path in sources {
        let text = fs::read_to_string(&path).unwrap();
        if !text.contains("env::var") {
            continue;
        }
        for call in ["var(\"", "var_os(\"", "set(\""] {
            for part in text.split(call).skip(1) {
                let name = part.split('"').next().unwrap();
                seen += 1;
                let told = name.starts_with("CREEL_TEST_") || section.contains(name);
                assert!(told, "{}: {name} is not in creel.1", path.display());
            }
        }
    }
    assert!(seen >= 8, "{seen}");
}

fn rust(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// A formatter finds nothing to complain about.
#[test]
fn formatters_accept_the_pages() {
    let there = |tool: &str| Command::new(tool).arg("-h").output().is_ok();
    let checks: [(&str, &[&str]); 2] = [
        ("mandoc", &["-T", "lint", "-W", "warning"]),
        ("groff", &["-man", "-ww", "-z", "-Tutf8"]),
    ];
    let mut checked = 0;
    for (tool, args) in checks.iter().filter(|(tool, _)| there(tool)) {
        checked += 1;
        for (name, text) in pages("80") {
            let mut child = Command::new(tool)
                .args(*args)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut stdin = child.stdin.take().unwrap();
            stdin.write_all(text.as_bytes()).unwrap();
            drop(stdin);
            let output = child.wait_with_output().unwrap();
            let said = [output.stdout, output.stderr].concat();
            assert!(
                said.is_empty(),
                "{tool}, {name}:\n{}",
                String::from_utf8_lossy(&said)
            );
        }
    }
    if checked == 0 {
        skipped(
            "mandoc",
            "neither mandoc nor groff is there to look at the manual pages",
        );
    }
}

/// Each shell that is there can read its file; bash also answers with it.
#[test]
fn shells_accept_the_completions() {
    let folder = root().join("completions");
    let checks: [(&str, &str, &[&str]); 3] = [
        ("bash", "creel.bash", &["-n"]),
        ("zsh", "_creel", &["-n"]),
        ("fish", "creel.fish", &["--no-execute"]),
    ];
    for (shell, file, args) in checks {
        let mut command = Command::new(shell);
        match command.args(args).arg(folder.join(file)).output() {
            Ok(output) => assert!(output.status.success(), "{shell}: {output:?}"),
            Err(_) => skipped("shells", &format!("{shell} is not there to read {file}")),
        }
    }
    let script = ". \"$1\"; COMP_WORDS=(creel ve); COMP_CWORD=1; _creel creel ve creel; \
                  printf '%s\\n' \"${COMPREPLY[@]}\"";
    let mut command = Command::new("bash");
    command
        .args(["-c", script, "bash"])
        .arg(folder.join("creel.bash"));
    let Ok(output) = command.output() else {
        return skipped("shells", "bash is not there to answer with its completions");
    };
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().any(|l| l == "verify"), "{text:?}");
}
