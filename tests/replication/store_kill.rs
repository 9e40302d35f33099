//! Processes killed at system calls while they publish, pull, promote, rejoin and restore: run
//! again, each comes to its end, and nothing that was confirmed is missing.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::kills::{self, Share};
use crate::store::{Site, creel, exit, json, succeeds};
use crate::world::ready;

pub fn strace_works() -> bool {
    let probe = Command::new("strace")
        .args([
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            "inject=linkat:error=EIO:when=99",
            "true",
        ])
        .stderr(Stdio::null())
        .status();
    let works = probe.is_ok_and(|status| status.success());
    if !works {
        crate::skip::skipped("strace", "it cannot inject faults here");
    }
    works
}

/// Kills a command at its calls, of each kind six, each time at a site made anew; `after` looks at what is
/// left, and is told whether the command came to its end.
fn sweep(
    name: &str,
    make: &dyn Fn() -> Site,
    args: &dyn Fn(&Site) -> Vec<String>,
    after: &dyn Fn(&Site, bool),
) {
    let make = || {
        let site = make();
        let args = args(&site);
        (site, args)
    };
    kills::sweep(name, Share::AtMost(6), 6, &make, after);
}

/// Copies a site, which is quicker than to make it.
pub fn copy(site: &Site) -> Site {
    let new = Site {
        dir: tempfile::tempdir().unwrap(),
    };
    copy_folder(site.dir.path(), new.dir.path());
    new
}

/// A site that is made once, and then again and again at the same path: the address of its store stands in
/// the file.
pub struct Place {
    outer: TempDir,
    image: TempDir,
}

impl Place {
    pub fn of(make: impl FnOnce(TempDir) -> Site) -> Place {
        let (outer, image) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let place = Place { outer, image };
        let site = make(place.dir());
        copy_folder(site.dir.path(), place.image.path());
        place
    }

    fn dir(&self) -> TempDir {
        let mut named = tempfile::Builder::new();
        let named = named.prefix("site").rand_bytes(0);
        named.tempdir_in(self.outer.path()).unwrap()
    }

    /// As it was made. The one before is gone by now.
    pub fn again(&self) -> Site {
        let site = Site { dir: self.dir() };
        copy_folder(self.image.path(), site.dir.path());
        site
    }
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn killed_while_a_write_is_published() {
    if !strace_works() {
        return;
    }
    let place = Place::of(Site::in_dir);
    sweep(
        "put-published",
        &|| place.again(),
        &|site| words(&["put", &site.path("a.db"), "k", "v", "--ack", "published"]),
        &|site, ended| {
            let was_there = site.has("a.db", "k");
            assert!(was_there || !ended);
            // The next one publishes what was left.
            site.publish("a.db", "next");
            succeeds(&["restore", &site.store(), "-o", &site.path("r.db"), "-q"]);
            assert_eq!(site.digest("r.db"), site.digest("a.db"));
            assert_eq!(site.has("r.db", "k"), was_there);
        },
    );
}

#[test]
fn killed_while_a_chain_is_begun() {
    if !strace_works() {
        return;
    }
    let make = || {
        let site = Site {
            dir: tempfile::tempdir().unwrap(),
        };
        succeeds(&["open", &site.path("a.db"), "--create", "-q"]);
        succeeds(&["put", &site.path("a.db"), "first", "1"]);
        site
    };
    let args = |site: &Site| {
        words(&[
            "replicate",
            "snapshot",
            &site.path("a.db"),
            "--to",
            &site.store(),
        ])
    };
    sweep("snapshot-first", &make, &args, &|site, _| {
        succeeds(&[
            "replicate",
            "snapshot",
            &site.path("a.db"),
            "--to",
            &site.store(),
            "-q",
        ]);
        succeeds(&[
            "replicate",
            "init",
            &site.path("b.db"),
            "--from",
            &site.store(),
            "-q",
        ]);
        assert_eq!(site.digest("a.db"), site.digest("b.db"));
    });
}

#[test]
fn killed_while_it_pulls_or_restores() {
    if !strace_works() {
        return;
    }
    let base = Site::with_copy();
    for i in 0..3 {
        base.publish("a.db", &format!("k{i}"));
    }
    let wanted = base.digest("a.db");
    let pull = |site: &Site| {
        words(&[
            "replicate",
            "pull",
            &site.path("b.db"),
            "--from",
            &site.store(),
        ])
    };
    sweep("pull-store", &|| copy(&base), &pull, &|site, _| {
        succeeds(&[
            "replicate",
            "pull",
            &site.path("b.db"),
            "--from",
            &site.store(),
            "-q",
        ]);
        assert_eq!(site.digest("b.db"), wanted);
    });
    let restore = |site: &Site| words(&["restore", &site.store(), "-o", &site.path("r.db")]);
    sweep(
        "restore-store",
        &|| copy(&base),
        &restore,
        &|site, ended| {
            // Whole, or not there.
            let there = Path::new(&site.path("r.db")).exists();
            assert!(there || !ended);
            if !there {
                succeeds(&["restore", &site.store(), "-o", &site.path("r.db"), "-q"]);
            }
            assert_eq!(site.digest("r.db"), wanted);
        },
    );
}

/// A copy whose disk is full says so, keeps what it has, and goes on once there is room.
#[test]
fn a_full_disk_of_a_copy_is_told_and_passes() {
    if !strace_works() {
        return;
    }
    let base = Site::with_copy();
    let old = base.digest("b.db");
    base.publish("a.db", "k");
    let wanted = base.digest("a.db");
    let mut failed = 0;
    for call in [
        "pwritev2",
        "pwrite64",
        "fallocate",
        "ftruncate",
        "fdatasync",
    ] {
        let site = copy(&base);
        let pull = [
            "replicate",
            "pull",
            &site.path("b.db"),
            "--from",
            &site.store(),
        ];
        let output = Command::new("strace")
            .args(["-f", "-qq", "-o", "/dev/null", "-e"])
            .arg(format!("trace={call}"))
            .arg("-e")
            .arg(format!("inject={call}:error=ENOSPC:when=1+"))
            .arg(env!("CARGO_BIN_EXE_creel"))
            .args(pull)
            .env_remove("LD_LIBRARY_PATH")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        if output.status.success() {
            continue; // it has no need of this call
        }
        failed += 1;
        // Whether a commit is there that could not be synced is not known.
        assert!(
            matches!(output.status.code(), Some(8 | 14)),
            "{call}: {text}"
        );
        assert!(text.contains("No space left"), "{call}: {text}");
        let now = site.digest("b.db");
        assert!(now == old || now == wanted, "{call}");
        succeeds(&pull);
        assert_eq!(site.digest("b.db"), wanted);
    }
    assert!(failed > 0, "nothing was refused");
}

/// A copy that slept past what is kept: wherever the taking of a new one ends, the old one is whole
/// and at its place, or the new one is.
#[test]
fn killed_while_it_takes_a_new_copy() {
    if !strace_works() {
        return;
    }
    let base = Site::with_copy();
    let old = base.digest("b.db");
    for i in 0..3 {
        base.publish("a.db", &format!("k{i}"));
    }
    let (a, store) = (base.path("a.db"), base.store());
    succeeds(&["replicate", "snapshot", &a, "--to", &store, "-q"]);
    let snapshot = base.digest("a.db");
    base.publish("a.db", "last");
    // It is not known of any more.
    std::fs::remove_dir_all(base.dir.path().join("store/progress")).unwrap();
    let keep = ["--retain", "0s", "--retain-min", "0"];
    let done = json(&[&["replicate", "gc", store.as_str()], &keep[..]].concat());
    assert!(done["segments_removed"].as_u64().unwrap() > 0, "{done}");
    let wanted = base.digest("a.db");
    let reseeds = [
        ("pull-anew-store", "store", "auto"),
        ("pull-anew-file", "a.db", "force"),
    ];
    for (name, from, when) in reseeds {
        let from = |site: &Site| match from {
            "store" => site.store(),
            name => site.path(name),
        };
        let pull = |site: &Site| {
            let (b, from) = (site.path("b.db"), from(site));
            words(&["replicate", "pull", &b, "--from", &from, "--reseed", when])
        };
        sweep(name, &|| copy(&base), &pull, &|site, ended| {
            succeeds(&["verify", &site.path("b.db"), "--level", "deep", "-q"]);
            let now = site.digest("b.db");
            // The new one is put in place as it was made, then follows.
            let on_the_way = now == old || now == snapshot;
            assert!(
                now == wanted || (on_the_way && !ended),
                "neither old nor new"
            );
            let (code, _) = exit(&["put", &site.path("b.db"), "x", "y"]);
            assert_eq!(code, 10, "a replica, before and after");
            let again = pull(site);
            succeeds(&again.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(site.digest("b.db"), wanted);
        });
    }
}

/// The same where the new copy comes from a server: readers have the old one or the new one.
#[test]
fn killed_while_it_takes_a_new_copy_over_tcp() {
    if !strace_works() {
        return;
    }
    let base = Site::with_copy();
    let a = base.path("a.db");
    let old = base.digest("b.db");
    base.publish("a.db", "new");
    let wanted = base.digest("a.db");
    let served = ready(creel(&[
        "replicate",
        "serve",
        &a,
        "--listen",
        "127.0.0.1:0",
    ]));
    let pull = |site: &Site| {
        let (b, from) = (site.path("b.db"), served.address.clone());
        words(&[
            "replicate",
            "pull",
            &b,
            "--from",
            &from,
            "--reseed",
            "force",
        ])
    };
    sweep("pull-anew-tcp", &|| copy(&base), &pull, &|site, ended| {
        let b = site.path("b.db");
        succeeds(&["verify", &b, "--level", "deep", "-q"]);
        assert_eq!(succeeds(&["get", &b, "first"]), "1", "it is served");
        let now = site.digest("b.db");
        assert!(
            now == wanted || (now == old && !ended),
            "neither old nor new"
        );
        let (code, _) = exit(&["put", &b, "x", "y"]);
        assert_eq!(code, 10, "a replica, before and after");
        let again = pull(site);
        succeeds(&again.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(site.digest("b.db"), wanted);
    });
    assert_eq!(base.digest("b.db"), old, "only copies of it were touched");
}

#[test]
fn killed_while_it_is_promoted() {
    if !strace_works() {
        return;
    }
    let base = Site::with_copy();
    base.publish("a.db", "k");
    let promote = |site: &Site| {
        words(&[
            "promote",
            &site.path("b.db"),
            "--store",
            &site.store(),
            "--yes",
        ])
    };
    sweep("promote-store", &|| copy(&base), &promote, &|site, _| {
        // Its own fence may stand in the chain already: then it begins another epoch.
        let done = json(&[
            "promote",
            &site.path("b.db"),
            "--store",
            &site.store(),
            "--yes",
        ]);
        assert!(done["epoch"].as_u64().unwrap() >= 2);
        site.publish("b.db", "new");
        let (code, text) = exit(&["replicate", "verify", &site.store(), "--deep"]);
        assert_eq!(code, 0, "{text}");
        succeeds(&["restore", &site.store(), "-o", &site.path("r.db"), "-q"]);
        assert_eq!(site.digest("r.db"), site.digest("b.db"));
        assert!(site.has("r.db", "k"));
    });
}

#[test]
fn killed_while_it_rejoins() {
    if !strace_works() {
        return;
    }
    let base = Site::with_copy();
    base.publish("a.db", "k");
    succeeds(&["promote", &base.path("b.db"), "--yes", "-q"]);
    succeeds(&["put", &base.path("a.db"), "local", "x"]);
    base.publish("b.db", "new");
    let wanted = base.digest("b.db");
    let rejoin = |site: &Site| {
        words(&[
            "replicate",
            "rejoin",
            &site.path("a.db"),
            "--from",
            &site.store(),
        ])
    };
    sweep("rejoin-store", &|| copy(&base), &rejoin, &|site, _| {
        succeeds(&[
            "replicate",
            "rejoin",
            &site.path("a.db"),
            "--from",
            &site.store(),
            "-q",
        ]);
        assert_eq!(site.digest("a.db"), wanted);
        let saved = std::fs::read_dir(site.path("a.db.diverged")).unwrap();
        let names: Vec<String> = saved
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        let whole = names.iter().filter(|name| name.ends_with(".seg")).count();
        assert_eq!(whole, 1, "what was taken back was saved: {names:?}");
    });
}

/// The same without a store, and beyond checkpoints: an older tree takes the place of the newest one.
#[test]
fn killed_while_it_goes_back_beyond_its_checkpoints() {
    if !strace_works() {
        return;
    }
    let base = Site {
        dir: tempfile::tempdir().unwrap(),
    };
    let (a, b) = (base.path("old.db"), base.path("new.db"));
    succeeds(&["open", "--create", "--role", "primary", &a]);
    succeeds(&["put", &a, "both", "1"]);
    succeeds(&["checkpoint", &a]);
    succeeds(&["replicate", "init", &b, "--from", &a, "-q"]);
    let both = base.digest("old.db");
    for round in ["1", "2", "3"] {
        succeeds(&["put", &a, "alone", round]);
        succeeds(&["checkpoint", &a]);
    }
    succeeds(&["promote", &b, "--yes", "--accept-loss", "-q"]);
    let rejoin = |site: &Site| {
        let (a, b) = (site.path("old.db"), site.path("new.db"));
        words(&["replicate", "rejoin", &a, "--from", &b, "-q"])
    };
    sweep("rejoin-beyond", &|| copy(&base), &rejoin, &|site, _| {
        let a = site.path("old.db");
        succeeds(&["verify", &a, "--level", "deep", "-q"]);
        let again = rejoin(site);
        succeeds(&again.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(site.digest("old.db"), both);
        succeeds(&["replicate", "pull", &a, "--reseed", "never", "-q"]);
        assert_eq!(site.digest("old.db"), site.digest("new.db"));
        succeeds(&["verify", &a, "--level", "deep", "-q"]);
    });
}
