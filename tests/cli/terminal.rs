//! What people see on a terminal, and what they are asked there.
#![cfg(unix)]

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::stats::db;
use crate::support::{Db, creel, skipped};

/// A shell that finds the program and a database, on a terminal (`script` of util-linux makes one).
fn shell(db: &Db, line: &str) -> Command {
    let mut command = Command::new("script");
    command.args(["-qec", line, "/dev/null"]);
    for name in ["CREEL_LOG", "NO_COLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command
        .env("LC_ALL", "C")
        .env("TERM", "xterm")
        .env("COLUMNS", "100")
        .env("CREEL", env!("CARGO_BIN_EXE_creel"))
        .env("CREEL_DB", &db.path)
        .current_dir(db.dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

pub fn has_script() -> bool {
    let found = Command::new("script")
        .args(["-qec", "true", "/dev/null"])
        .stdin(Stdio::null())
        .output();
    let found = found.is_ok_and(|output| output.status.success());
    if !found {
        skipped(
            "script",
            "there is no script (util-linux) to make a terminal",
        );
    }
    found
}

/// What stands on the terminal at the end, and the exit status.
fn screen(mut command: Command, typed: &str) -> (String, i32) {
    let mut child = command.spawn().unwrap();
    let mut keyboard = child.stdin.take().unwrap();
    keyboard.write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    drop(keyboard);
    let text = String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n");
    (text, output.status.code().unwrap())
}

#[test]
fn tables_have_headings_and_sizes_that_people_read() {
    if !has_script() {
        return;
    }
    let db = db();
    let line = "$CREEL stats @ --exact --prefixes : --biggest 2 --histogram --pages";
    let (text, code) = screen(shell(&db, line), "");
    assert_eq!(code, 0, "{text}");
    let has = |words: &[&str]| {
        let mut lines = text.lines();
        lines.any(|line| line.split_whitespace().collect::<Vec<_>>() == words)
    };
    for words in [
        &["page", "kind", "pages"][..],
        &["prefix", "entries", "bytes"],
        &["user:", "2", "15", "B"],
        &["biggest", "bytes"],
        &["log:1", "1005", "B"],
        &["from", "to", "keys", "values"],
        &["entries", "3"],
        &["file", "bytes", "1.0", "MiB"],
    ] {
        assert!(has(words), "{words:?} in\n{text}");
    }
    assert!(text.contains('%'), "{text}");
    // The same to a pipe: names, tabs and bytes.
    let mut piped = db.run("stats");
    let piped = piped.args(["--exact", "--prefixes", ":"]).output().unwrap();
    let piped = String::from_utf8(piped.stdout).unwrap();
    assert!(piped.contains("user:\t2\t15\n"), "{piped}");
    assert!(!piped.contains("MiB") && !piped.contains('%'), "{piped}");
}

/// Copies of a store were cut into columns of six letters on a terminal of 80.
#[test]
fn what_does_not_fit_a_terminal_is_a_list() {
    if !has_script() {
        return;
    }
    let db = Db::with(&[("k", "v")]);
    let publish = "$CREEL replicate snapshot @ --to dir:store -q";
    let follow = "$CREEL replicate init copy.db --from dir:store -q";
    let (text, code) = screen(shell(&db, &format!("{publish} && {follow}")), "");
    assert_eq!(code, 0, "{text}");
    let status = |columns: &str| {
        let mut command = shell(&db, "$CREEL replicate status dir:store");
        command.env("COLUMNS", columns);
        let (text, code) = screen(command, "");
        assert_eq!(code, 0, "{text}");
        text
    };
    let narrow = status("80");
    let node = narrow.lines().find_map(|line| line.strip_prefix("node"));
    assert_eq!(node.map(|n| n.trim().len()), Some(32), "{narrow}");
    assert!(narrow.contains("retain           7d\n"), "{narrow}");
    let spaces = |line: &str| !line.is_empty() && line.trim().is_empty();
    assert!(!narrow.lines().any(spaces), "{narrow:?}");
    let wide = status("200");
    assert!(wide.contains(" contact"), "{wide}");
    let row = wide
        .lines()
        .find(|line| line.contains(node.unwrap().trim()));
    assert!(row.is_some_and(|row| row.contains("1:1")), "{wide}");
}

#[test]
fn the_locale_says_whether_text_can_be_shown() {
    if !has_script() {
        return;
    }
    let db = Db::with(&[("caf\u{e9}", "a\u{1b}b")]);
    for (variable, locale, shown) in [
        ("LC_ALL", "C", "caf\\xc3\\xa9"),
        ("LC_ALL", "C.UTF-8", "caf\u{e9}"),
        ("LC_CTYPE", "de_DE.utf8", "caf\u{e9}"),
        ("LANG", "en_US.UTF-8", "caf\u{e9}"),
        ("LANG", "en_US.ISO-8859-1", "caf\\xc3\\xa9"),
    ] {
        let mut command = shell(&db, "$CREEL list @");
        command.env_remove("LC_ALL").env_remove("LC_CTYPE");
        command.env_remove("LANG").env(variable, locale);
        let (text, code) = screen(command, "");
        assert_eq!(code, 0, "{text}");
        // What moves the cursor is never sent there.
        assert_eq!(text, format!("{shown}\ta\\x1bb\n"), "{variable}={locale}");
    }
}

#[test]
fn a_question_is_asked_before_a_range_is_deleted() {
    if !has_script() {
        return;
    }
    let db = db();
    for (typed, code, left) in [("n\n", 1, 3), ("\n", 1, 3), ("y\n", 0, 1)] {
        let (text, status) = screen(shell(&db, "$CREEL delete @ --prefix user:"), typed);
        assert!(text.contains("delete 2 entries? [y/N] "), "{text}");
        assert_eq!(status, code, "{text}");
        assert_eq!(text.contains("not confirmed"), code == 1, "{text}");
        assert_eq!(db.list().lines().count(), left);
    }
    let line = "$CREEL delete @ --prefix log: --no-input";
    let (text, status) = screen(shell(&db, line), "");
    assert!(!text.contains("[y/N]") && text.contains("--yes"), "{text}");
    assert_eq!((status, db.list().lines().count()), (2, 1));
}

#[test]
fn help_and_errors_have_colours_unless_they_are_not_wanted() {
    if !has_script() {
        return;
    }
    let db = db();
    for (line, coloured) in [
        ("$CREEL get --help", true),
        ("$CREEL get", true),
        ("$CREEL get /no/such.db k", true),
        ("NO_COLOR=1 $CREEL get --help", false),
        ("$CREEL get /no/such.db k --color never", false),
    ] {
        let (text, _) = screen(shell(&db, line), "");
        assert_eq!(text.contains("\u{1b}["), coloured, "{line}: {text}");
    }
}

#[test]
fn a_doctor_says_what_to_do() {
    if !has_script() {
        return;
    }
    let db = db();
    let (text, _) = screen(shell(&db, "$CREEL doctor ."), "");
    assert!(text.contains("ok    locks"), "{text}");
    assert!(text.contains("\n      one writer at a time"), "{text}");
}

/// Reads until this stands there.
fn read_until(from: &mut impl Read, wanted: &str) -> String {
    let mut text = String::new();
    let mut bytes = [0; 4096];
    while !text.contains(wanted) {
        let got = from.read(&mut bytes).unwrap();
        assert!(got > 0, "it ended without {wanted:?}: {text}");
        text.push_str(&String::from_utf8_lossy(&bytes[..got]));
    }
    text
}

/// Feeds a pipe until somebody has seen enough.
fn feed(path: &Path, done: &std::sync::atomic::AtomicBool) {
    let mut pipe = File::create(path).unwrap();
    let mut at = 0;
    while !done.load(std::sync::atomic::Ordering::Relaxed) {
        let lines: String = (at..at + 1000)
            .map(|i| format!("{{\"id\":\"{i:08}\",\"text\":\"{i:064}\"}}\n"))
            .collect();
        pipe.write_all(lines.as_bytes()).unwrap();
        at += 1000;
    }
}

#[test]
fn long_work_shows_how_far_it_is() {
    if !has_script() {
        return;
    }
    let db = Db::new();
    let pipe = db.dir.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let line = "$CREEL import @ pipe --format jsonl --field-map key=id";
    let mut child: Child = shell(&db, line).spawn().unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| feed(&pipe, &done));
        let mut shown = child.stdout.take().unwrap();
        let text = read_until(&mut shown, "/s");
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(text.contains("import"), "{text}");
        let mut rest = Vec::new();
        shown.read_to_end(&mut rest).unwrap();
    });
    assert!(child.wait().unwrap().success());
    creel().arg("verify").arg(&db.path).assert().success();
}
