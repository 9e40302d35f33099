//! Processes that wait, `replicate follow` and `replicate serve`, killed at system calls: what is left is whole,
//! what was confirmed is there, and the same command once more goes on from there.
#![cfg(target_os = "linux")]

use std::cell::Cell;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use creel::{Depth, NoProgress, OpenOptions, Position, Verdict, VerifyOptions};

use crate::kills::{self, Running, Share};
use crate::store::{Site, creel, exit, json, succeeds};
use crate::store_kill::{Place, copy, strace_works, words};
use crate::world::{PATIENCE, ready};

/// Of each kind of call.
const SHARE: Share = Share::Changes(1);

/// How long a look at a file waits for a change before it asks whether the process is still there.
const LOOK: Duration = Duration::from_millis(20);

fn position(path: &str) -> Position {
    let db = OpenOptions::new().read_only(true).open(path).unwrap();
    db.position().unwrap()
}

/// Waits until the file has come so far, or the process has ended.
fn reaches(path: &str, target: Position, running: &mut Running) {
    let begun = Instant::now();
    while running.runs() {
        // A copy that is replaced has to be opened again.
        let db = OpenOptions::new().read_only(true).open(path);
        match db.and_then(|db| db.watch(target.index - 1, LOOK)) {
            Ok(seen) if seen >= target.index => return,
            Ok(_) | Err(creel::Error::Replaced { .. }) => {}
            Err(e) => panic!("{e}"),
        }
        assert!(begun.elapsed() < PATIENCE, "it does not come to {target:?}");
    }
}

/// Tells the process to end, and commits: it sees both at once, and not after half a second.
fn end_now(site: &Site, running: &mut Running) {
    running.tell();
    let db = creel::Db::open(site.path("a.db")).unwrap();
    db.put(b"late", b"v").unwrap();
    db.close().unwrap();
}

fn whole(path: &str) {
    let options = VerifyOptions {
        level: Depth::Deep,
        ..VerifyOptions::default()
    };
    let report = creel::verify(Path::new(path), &options, &NoProgress).unwrap();
    assert!(report.verdict <= Verdict::Recoverable, "{report:?}");
}

/// How many of the keys are there; none is without those before it.
fn prefix(path: &str, keys: &[&str]) -> usize {
    let db = OpenOptions::new().read_only(true).open(path).unwrap();
    let there = |key: &&str| db.get(key.as_bytes()).unwrap().is_some();
    let there: Vec<bool> = keys.iter().map(there).collect();
    assert!(there.is_sorted_by(|a, b| a >= b), "{there:?}");
    there.into_iter().filter(|there| *there).count()
}

const KEYS: [&str; 5] = ["first", "k0", "k1", "k2", "k3"];

/// A primary and its copy in a store, which lacks some entries.
fn behind() -> Site {
    let base = Site::with_copy();
    for key in &KEYS[1..4] {
        base.publish("a.db", key);
    }
    let (a, store) = (base.path("a.db"), base.store());
    succeeds(&["replicate", "snapshot", &a, "--to", &store, "-q"]);
    base.publish("a.db", KEYS[4]);
    base
}

/// Sweeps a follower of `base`'s `b.db`.
fn follower(name: &str, base: &Site, from: &dyn Fn(&Site) -> String, more: &[&str]) {
    if !strace_works() {
        return;
    }
    let target = position(&base.path("a.db"));
    let args = |site: &Site| {
        let (b, from) = (site.path("b.db"), from(site));
        words(&[&["replicate", "follow", &b, "--from", &from, "-qq"], more].concat())
    };
    let make = || {
        let site = copy(base);
        let args = args(&site);
        (site, args)
    };
    let drive = |site: &Site, running: &mut Running| {
        reaches(&site.path("b.db"), target, running);
        end_now(site, running);
    };
    let check = |site: &Site, ended: bool| {
        let b = site.path("b.db");
        whole(&b);
        let there = prefix(&b, &KEYS);
        assert!(there >= 1 && (there == KEYS.len() || !ended), "{there}");
        let (code, _) = exit(&["put", &b, "x", "y"]);
        assert_eq!(code, 10, "a replica, before and after");
        kills::plain_driven(site, &args(site), &drive);
        assert_eq!(prefix(&b, &KEYS), KEYS.len());
        whole(&b);
        let again = ["replicate", "pull", &b, "--reseed", "never", "--from"];
        succeeds(&[&again[..], &[&site.path("a.db"), "-q"]].concat());
        assert_eq!(site.digest("b.db"), site.digest("a.db"));
    };
    kills::sweep_driven(name, SHARE, 5, &make, Some(&drive), &check);
    // Told to end, or by itself: only the one that was told had come to its end.
    kills::errors_driven(name, 5, &make, &drive, &|site, _| check(site, false));
}

#[test]
fn a_follower_of_a_store_is_killed() {
    follower("follow-store", &behind(), &Site::store, &[]);
}

#[test]
fn a_follower_of_a_file_is_killed() {
    let serve = ["--serve", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    follower("follow-file", &behind(), &|site| site.path("a.db"), &serve);
}

/// It tried again and again, without a word, with a handle that does no more work.
#[test]
fn a_follower_of_a_file_went_on_for_ever_after_a_failed_write() {
    if !strace_works() {
        return;
    }
    let site = behind();
    let (a, b) = (site.path("a.db"), site.path("b.db"));
    let mut command = Command::new("strace");
    command
        .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=pwritev2"])
        .args(["-e", "inject=pwritev2:error=EIO:when=1"])
        .arg(env!("CARGO_BIN_EXE_creel"))
        .args(["replicate", "follow", &b, "--from", &a, "-qq"])
        .env_remove("LD_LIBRARY_PATH");
    let mut running = Running::of(&mut command);
    assert!(running.ends(), "it goes on");
    let code = running.end().code();
    assert!(matches!(code, Some(8 | 14)), "{code:?}");
    succeeds(&["replicate", "pull", &b, "--from", &a, "-q"]);
    assert_eq!(site.digest("b.db"), site.digest("a.db"));
}

#[test]
fn a_follower_of_a_server_is_killed() {
    let base = behind();
    let a = base.path("a.db");
    let listen = ["replicate", "serve", &a, "--listen", "127.0.0.1:0"];
    let served = ready(creel(&listen));
    follower("follow-tcp", &base, &|_| served.address.clone(), &[]);
}

/// Its store has not kept what it lacks: it takes a new copy.
#[test]
fn a_follower_that_takes_a_new_copy_is_killed() {
    let base = behind();
    let store = base.store();
    // It is not known of any more.
    std::fs::remove_dir_all(base.dir.path().join("store/progress")).unwrap();
    let keep = ["--retain", "0s", "--retain-min", "0"];
    let done = json(&[&["replicate", "gc", store.as_str()], &keep[..]].concat());
    assert!(done["segments_removed"].as_u64().unwrap() > 0, "{done}");
    let (code, _) = exit(&[
        "replicate",
        "pull",
        &copy(&base).path("b.db"),
        "--from",
        &store,
        "--reseed",
        "never",
    ]);
    assert_eq!(code, 11, "it needs a new copy");
    follower("follow-anew", &base, &Site::store, &[]);
}

/// Whatever a server does when it is killed: what it told to be published is in the store, and what it sent is
/// what it has.
#[test]
fn a_server_is_killed_while_it_publishes_and_is_pulled_from() {
    if !strace_works() {
        return;
    }
    let args = |site: &Site| {
        words(&[
            "replicate",
            "serve",
            &site.path("a.db"),
            "--publish",
            &site.store(),
            "--listen",
            "127.0.0.1:0",
            "--linger",
            "1ms",
            "--snapshot-every",
            "4KiB",
            "-qq",
        ])
    };
    let place = Place::of(|dir| {
        let site = Site::in_dir(dir).and_copy();
        succeeds(&["put", &site.path("a.db"), KEYS[1], "v"]);
        site
    });
    let make = || {
        let site = place.again();
        let args = args(&site);
        (site, args)
    };
    let is_kill = Cell::new(true);
    let confirmed = |site: &Site, key: &str| Path::new(&site.path(key)).exists();
    let drive = |site: &Site, running: &mut Running| {
        let Some(address) = running.line() else {
            return;
        };
        let (a, b) = (site.path("a.db"), site.path("b.db"));
        let (code, said) = exit(&["put", &a, KEYS[2], "v", "--ack", "published"]);
        if code == 0 {
            std::fs::write(site.path("confirmed"), "").unwrap();
        } else {
            assert!(matches!(code, 12 | 14), "{code}: {said}");
        }
        let pull = ["replicate", "pull", &b, "--from", &address, "-q"];
        let (code, said) = exit(&pull);
        let explained = code == 0 || !is_kill.get() || running.ends();
        assert!(explained, "{code}: {said}");
        if code == 0 {
            std::fs::write(site.path("pulled"), "").unwrap();
        }
    };
    let to_its_end = |site: &Site, running: &mut Running| {
        drive(site, running);
        end_now(site, running);
    };
    kills::sweep_driven(
        "serve",
        SHARE,
        6,
        &make,
        Some(&to_its_end),
        &|site, ended| {
            let (a, b) = (site.path("a.db"), site.path("b.db"));
            whole(&a);
            whole(&b);
            let (has, copied) = (prefix(&a, &KEYS), prefix(&b, &KEYS));
            let published = confirmed(site, "confirmed");
            assert!(has >= 2 && (published || !ended));
            assert!(copied <= has, "{copied} of {has}");
            assert!(copied == has || !confirmed(site, "pulled"), "{copied}");
            site.verify_store();
            if published {
                assert_eq!(has, 3);
                succeeds(&["restore", &site.store(), "-o", &site.path("r.db"), "-q"]);
                assert_eq!(prefix(&site.path("r.db"), &KEYS), 3);
            }
            // Another one goes on.
            kills::plain_driven(site, &args(site), &|site, running| {
                drive(site, running);
                site.publish("a.db", KEYS[3]);
                end_now(site, running);
            });
            site.publish("a.db", KEYS[4]);
            succeeds(&["replicate", "pull", &b, "--from", &site.store(), "-q"]);
            assert_eq!(prefix(&b, &KEYS), KEYS.len());
            assert_eq!(site.digest("b.db"), site.digest("a.db"));
            site.verify_store();
        },
    );
}

/// A signal that came while a server or a follower started was taken note of, and nothing followed from that.
#[test]
fn a_signal_at_the_start_was_ignored() {
    if !strace_works() {
        return;
    }
    let site = behind();
    let (a, log) = (site.path("a.db"), site.path("trace"));
    let mut told = 0;
    for n in 1..9 {
        let mut command = Command::new("strace");
        command
            .args(["-f", "-qq", "-o", &log, "-e", "trace=fcntl", "-e"])
            .arg(format!("inject=fcntl:signal=TERM:when={n}"))
            .arg(env!("CARGO_BIN_EXE_creel"))
            .args(["replicate", "serve", &a, "--listen", "127.0.0.1:0", "-qq"])
            .env_remove("LD_LIBRARY_PATH");
        let mut running = Running::of(&mut command);
        while running.line().is_some_and(|line| line != "ready") {}
        let text = std::fs::read_to_string(&log).unwrap();
        if !text.contains("SIGTERM") {
            break;
        }
        assert!(running.ends(), "signal at call {n}");
        told += 1;
    }
    assert!(told > 4, "{told}");
}

/// It ended with 2, as if it had been called in the wrong way.
#[test]
fn a_file_that_could_not_be_looked_at_was_a_wrong_call() {
    if !strace_works() {
        return;
    }
    let site = behind();
    let b = site.path("b.db");
    let mut said = 0;
    for n in 1..40 {
        let mut command = Command::new("strace");
        command
            .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=statx", "-e"])
            .arg(format!("inject=statx:error=EIO:when={n}"))
            .arg(env!("CARGO_BIN_EXE_creel"))
            .args(["replicate", "serve", &b, "--listen", "127.0.0.1:0", "-qq"])
            .env_remove("LD_LIBRARY_PATH");
        let mut running = Running::of(&mut command);
        let heard = running.line();
        let code = running.end().code();
        if heard.is_some() {
            break;
        }
        // 127: the loader's own.
        assert!(matches!(code, Some(8 | 127)), "at call {n}: {code:?}");
        said += u32::from(code == Some(8));
    }
    assert!(said > 2, "{said}");
}
