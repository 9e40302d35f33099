//! `ssh://` through a real ssh and a real sshd.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use crate::sshd::Sshd;
use crate::world::{PATIENCE, Process, World, text};

const CREEL: &str = env!("CARGO_BIN_EXE_creel");

/// What no shell must take apart, here or there.
const NAME: &str = "it's \"a\" \\b\\\\ $HOME `id`;#&|?*[x] ~ %20 {c,d}.db";

fn from(sshd: &Sshd, path: &Path) -> String {
    format!("ssh://{}{}", sshd.place, path.display())
}

fn command(world: &World, sshd: &Sshd, verb: &str, words: &[&str]) -> Command {
    let mut command = sshd.creel("key");
    command.args(["replicate", verb]).arg(world.path("b.db"));
    command.args(words).stdin(Stdio::null());
    command
}

fn run(world: &World, sshd: &Sshd, verb: &str, words: &[&str]) -> Output {
    command(world, sshd, verb, words).output().unwrap()
}

fn ok(world: &World, sshd: &Sshd, verb: &str, words: &[&str]) -> String {
    let output = run(world, sshd, verb, words);
    assert!(
        output.status.success(),
        "{verb} {words:?}: {}",
        text(&output)
    );
    text(&output)
}

/// Where the source cannot be had: what is said.
fn fails(world: &World, sshd: &Sshd, words: &[&str]) -> String {
    let output = run(world, sshd, "init", words);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(12), "{words:?}: {said}");
    assert!(!world.path("b.db").exists());
    said
}

/// The processes whose numbers stand in the file have ended.
fn have_ended(file: &Path) {
    let begun = Instant::now();
    for pid in fs::read_to_string(file).unwrap().lines() {
        let stat = format!("/proc/{pid}/stat");
        let lives = || {
            let stat = fs::read_to_string(&stat).unwrap_or_default();
            // It may have lost its parent to somebody who does not wait for it.
            stat.rsplit_once(") ")
                .is_some_and(|(_, state)| !state.starts_with('Z'))
        };
        while lives() {
            assert!(begun.elapsed() < PATIENCE, "{pid} is still there");
            std::thread::yield_now();
        }
    }
}

fn follows_from(world: &World, sshd: &Sshd, from: &str, name: &str) {
    let pids = sshd.file("pids");
    let script = format!("echo $$ >>{}; exec {CREEL} \"$@\"", pids.display());
    let there = sshd.script("creel \\ of 'another' machine", &script);
    let words = ["--remote-creel", &there];
    ok(
        world,
        sshd,
        "init",
        &[&["--from", from], &words[..]].concat(),
    );
    world.same("b.db", name);
    // The source is the one that the copy was made from.
    world.put(name, "k1", "v");
    let said = ok(world, sshd, "pull", &[&["--dry-run"], &words[..]].concat());
    assert!(said.contains("1 entries are missing"), "{said}");
    ok(world, sshd, "pull", &words);
    world.same("b.db", name);
    let mut follow = command(world, sshd, "follow", &words);
    let follow = follow.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let follow = Process {
        child: follow.unwrap(),
    };
    sshd.cut();
    for round in 0..3 {
        world.put(name, "key", &format!("value {round}"));
        world.wait_for("b.db", name);
        assert!(sshd.cut() > 0, "it connects again");
    }
    follow.terminate();
    world.same("b.db", name);
    have_ended(&pids);
}

#[test]
fn a_copy_follows_through_ssh_whatever_its_path_is() {
    let Some(sshd) = Sshd::start("127.0.0.1") else {
        return;
    };
    let world = World::new();
    world.create(NAME);
    world.put(NAME, "k0", "v");
    follows_from(&world, &sshd, &from(&sshd, &world.path(NAME)), NAME);
}

/// In the home directory, by an address in brackets.
#[test]
fn an_address_in_brackets_and_a_path_from_home() {
    let Some(sshd) = Sshd::start("::1") else {
        return;
    };
    let world = World::new();
    world.create("a.db");
    let home = Command::new("sh").args(["-c", "cd && pwd -P"]).output();
    let home = text(&home.unwrap());
    let up = "../".repeat(
        home.trim()
            .split('/')
            .filter(|part| !part.is_empty())
            .count(),
    );
    let path = fs::canonicalize(world.path("a.db")).unwrap();
    let path = path.to_str().unwrap().trim_start_matches('/');
    let from = format!("ssh://{}/~/{up}{path}", sshd.place);
    let creel = format!("~/{up}{}", CREEL.trim_start_matches('/'));
    ok(
        &world,
        &sshd,
        "init",
        &["--from", &from, "--remote-creel", &creel],
    );
    world.same("b.db", "a.db");
}

/// All of them were "nothing more came from the source".
#[test]
fn what_went_wrong_with_ssh_was_not_told() {
    let Some(sshd) = Sshd::start("127.0.0.1") else {
        return;
    };
    let world = World::new();
    world.create("a.db");
    let (from, none) = (
        from(&sshd, &world.path("a.db")),
        from(&sshd, &world.path("none.db")),
    );
    let here = ["--from", &from, "--remote-creel", CREEL];
    let told = |words: &[&str], parts: &[&str]| {
        let said = fails(&world, &sshd, words);
        for part in parts {
            assert!(said.contains(part), "{words:?}: {part:?} is not in {said}");
        }
    };
    // No creel there, no database there, something that is no database.
    let missing = ["--from", &from, "--remote-creel", "/no/such/creel"];
    told(&missing, &["status 127", "--remote-creel PATH"]);
    let words = ["--from", &none, "--remote-creel", CREEL];
    told(
        &words,
        &["no such", "ended with status 5", "creel explain 5"],
    );
    // A shell that greets.
    sshd.allow(
        "chatty",
        "command=\"echo Welcome!; eval $SSH_ORIGINAL_COMMAND\"",
    );
    let ssh = sshd.ssh("chatty");
    told(&[&here[..], &["--ssh", &ssh]].concat(), &["start-up file"]);
    // A key that is not known there.
    fs::write(sshd.file("authorized_keys"), "").unwrap();
    told(&here, &["Permission denied", "status 255", "log in"]);
    // Another host in its place.
    sshd.know(&sshd.client("chatty"));
    told(&here, &["Host key verification failed", "status 255"]);
    // Nobody there, and no ssh here.
    let closed = crate::world::free_address();
    let nobody = format!("ssh://{closed}/a.db");
    told(&["--from", &nobody], &["Connection refused", "status 255"]);
    let words = [&here[..], &["--ssh", "/no/such/ssh -v"]].concat();
    told(&words, &["/no/such/ssh cannot be run"]);
    let output = run(
        &world,
        &sshd,
        "init",
        &[&here[..], &["--ssh", "ssh 'x"]].concat(),
    );
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
}

/// Whoever logs in slowly, or types a password, had five seconds; who only asks had two.
#[test]
fn a_slow_login_was_given_up() {
    let Some(sshd) = Sshd::start("127.0.0.1") else {
        return;
    };
    let world = World::new();
    world.create("a.db");
    let from = from(&sshd, &world.path("a.db"));
    let slow = sshd.script("slow", &format!("sleep 6; exec {CREEL} \"$@\""));
    let usual = ["--from", &from, "--remote-creel", CREEL];
    ok(&world, &sshd, "init", &usual);
    world.put("a.db", "key", "value");
    let slow = ["--remote-creel", &slow];
    let dry = [&["--dry-run"], &slow[..]].concat();
    std::thread::scope(|scope| {
        let asks = scope.spawn(|| ok(&world, &sshd, "status", &slow));
        let looks = scope.spawn(|| ok(&world, &sshd, "pull", &dry));
        let mut copies = sshd.creel("key");
        copies.args(["replicate", "init", "--from", &from]);
        copies.args(slow).arg(world.path("c.db"));
        let output = copies.output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        let said = looks.join().unwrap();
        assert!(said.contains("1 entries are missing"), "{said}");
        let said = asks.join().unwrap();
        assert!(said.contains("lag"), "{said}");
    });
    world.same("c.db", "a.db");
}

/// The line for authorized_keys that docs/replication.md gives.
#[test]
fn a_key_that_is_only_for_one_database() {
    let Some(sshd) = Sshd::start("127.0.0.1") else {
        return;
    };
    let world = World::new();
    world.create("a.db");
    world.create("other.db");
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/replication.md");
    let docs = fs::read_to_string(docs).unwrap();
    let line = docs.lines().find(|line| line.contains("command=\"creel "));
    let options = line.unwrap().trim().split(" ssh-ed25519").next().unwrap();
    let path = world.path("a.db");
    let options = options.replace("\"creel ", &format!("\"{CREEL} "));
    let options = options.replace("/srv/my.db", path.to_str().unwrap());
    sshd.allow("only", &options);
    let ssh = sshd.ssh("only");
    // Whatever is asked for, this one is served.
    let other = from(&sshd, &world.path("other.db"));
    ok(&world, &sshd, "init", &["--from", &other, "--ssh", &ssh]);
    world.same("b.db", "a.db");
}

/// Who had no ssh was told to serve on the other side.
#[test]
fn a_missing_ssh_was_taken_for_a_missing_server() {
    let world = World::new();
    let from = ["--from", "ssh://nowhere/a.db", "--ssh", "/no/such/ssh"];
    let said = world.replicate_to(12, "init", "b.db", &from);
    assert!(said.contains("/no/such/ssh cannot be run"), "{said}");
    assert!(said.contains("--ssh PROGRAM"), "{said}");
    assert!(!said.contains("replicate serve"), "{said}");
}
