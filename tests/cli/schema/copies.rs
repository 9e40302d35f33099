//! What commands about copies and stores print.

use serde_json::Value;

use crate::support::{Db, creel, json_lines};

use super::outputs::{keep, run};

/// What was run, and one object that it printed.
pub type Printed = (String, Value);

/// A store, copies of it, and a fail-over.
pub(super) fn stores(printed: &mut Vec<Printed>) {
    let db = Db::with(&[("a", "1")]);
    let path = |name: &str| db.dir.path().join(name).to_str().unwrap().to_owned();
    let (old, copy) = (db.path.to_str().unwrap().to_owned(), path("copy.db"));
    let (store, mirror) = (format!("dir:{}", path("s")), format!("dir:{}", path("m")));
    let restored = path("restored.db");
    for args in [
        &["replicate", "probe", &store, "--rounds", "2"][..],
        &["replicate", "snapshot", &old, "--to", &store],
        &["put", &old, "b", "2", "--ack", "published"],
        &["replicate", "init", &copy, "--from", &store],
        &["replicate", "snapshot", &old, "--to", &store],
        &["replicate", "pull", &copy, "--from", &store],
        &["replicate", "hold", &store, "audit", "--at", "1"],
        &[
            "replicate",
            "gc",
            &store,
            "--retain",
            "0s",
            "--retain-min",
            "0",
        ],
        &["replicate", "forget", &store, "audit"],
        &["replicate", "mirror", &store, &mirror],
        &["restore", &store, "--dry-run"],
        &["restore", &store, "-o", &restored],
        &["promote", &copy, "--dry-run"],
        &["promote", &copy, "--yes"],
        &["put", &old, "c", "3"],
        &["put", &old, "d", "4", "--ack", "published"],
        &["replicate", "rejoin", &old, "--from", &store],
        &["replicate", "verify", &store, "--deep"],
        &["replicate", "verify", &store, "--range-digests", &old],
        &["replicate", "verify", &store, "--note"],
        &["replicate", "status", &store],
    ] {
        let mut command = creel();
        command.args(args);
        keep(printed, command, &format!("{args:?}"));
    }
    creel().args(["checkpoint", &old]).assert().success();
    crate::exits::patch_header(&db.path, |header| {
        (header.root_page, header.root_crc, header.root_height) = (0, 0, 0);
        (header.entry_count, header.logical_bytes, header.content_sum) = (0, 0, 0);
    });
    let mut command = creel();
    command.args(["replicate", "verify", &store, "--range-digests", &old]);
    keep(
        printed,
        command,
        "verify with a copy that has lost everything",
    );
    std::fs::write(db.dir.path().join("s/log/stray"), b"x").unwrap();
    let mut command = creel();
    command.args(["replicate", "verify", &store]);
    keep(printed, command, "verify with a stray object");
    store_errors(printed);
}

/// What goes wrong with a store, with what programs are told of it.
pub(super) fn store_errors(printed: &mut Vec<Printed>) {
    let db = Db::with(&[("a", "1")]);
    let path = |name: &str| db.dir.path().join(name).to_str().unwrap().to_owned();
    let own = db.path.to_str().unwrap().to_owned();
    let (copy, store) = (path("copy.db"), format!("dir:{}", path("s")));
    let run = |args: &[&str]| drop(creel().args(args).assert().success());
    let snapshot = ["replicate", "snapshot", &own, "--to", &store, "-q"];
    let published = ["put", &own, "b", "2", "--ack", "published"];
    run(&snapshot);
    let log = db.dir.path().join("s/log");
    #[cfg(unix)]
    {
        // Nothing can be written there, which shows only after the commit.
        std::os::unix::fs::symlink("nowhere", &log).unwrap();
        let mut command = creel();
        command.args(published);
        keep(printed, command, "a store that fails after the commit");
        std::fs::remove_file(&log).unwrap();
    }
    run(&["replicate", "init", &copy, "--from", &store, "-q"]);
    std::fs::remove_dir_all(db.dir.path().join("s/progress")).unwrap();
    run(&published);
    run(&snapshot);
    run(&published);
    run(&[
        "replicate",
        "gc",
        &store,
        "--retain",
        "0s",
        "--retain-min",
        "0",
        "-q",
    ]);
    let mut command = creel();
    command.args(["replicate", "pull", &copy, "--from", &store]);
    keep(printed, command, "a copy that slept");
    let third = path("third.db");
    run(&["replicate", "init", &third, "--from", &store, "-q"]);
    run(&["promote", &third, "--yes", "-q"]);
    let mut command = creel();
    command.args(published);
    keep(printed, command, "a primary whose epoch is over");
    for segment in std::fs::read_dir(&log).unwrap() {
        std::fs::write(segment.unwrap().path(), b"x").unwrap();
    }
    let mut command = creel();
    command.args(["replicate", "init", &path("new.db"), "--from", &store]);
    keep(printed, command, "a damaged segment");
}

/// Copies that follow.
pub(super) fn copies(printed: &mut Vec<Printed>) {
    let db = Db::with(&[("a", "1"), ("b", "2")]);
    let mut serve = std::process::Command::new(env!("CARGO_BIN_EXE_creel"))
        .args(["replicate", "serve"])
        .arg(&db.path)
        .args(["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--json"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = std::io::BufReader::new(serve.stdout.take().unwrap());
    let mut from = String::new();
    for _ in 0..2 {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut out, &mut line).unwrap();
        let object = json_lines(line.as_bytes()).remove(0);
        from.push_str(object["address"].as_str().unwrap_or_default());
        printed.push(("replicate serve".to_owned(), object));
    }
    // Nobody follows.
    let waits = ["k", "v", "--ack", "replica:1", "--ack-timeout", "1ms"];
    run(printed, &db, "put", &waits);
    let copy = db.dir.path().join("copy.db");
    for verb in ["init", "pull"] {
        let mut command = creel();
        command
            .args(["replicate", verb])
            .arg(&copy)
            .args(["--from", &from]);
        keep(printed, command, &format!("replicate {verb}"));
    }
    serve.kill().unwrap();
    serve.wait().unwrap();
    let mut command = creel();
    command
        .args(["replicate", "pull"])
        .arg(&copy)
        .args(["--from", &from]);
    keep(printed, command, "replicate pull");
}

/// A copy whose store is away.
pub(super) fn store_away(printed: &mut Vec<Printed>) {
    let db = Db::with(&[("a", "1")]);
    let path = |name: &str| db.dir.path().join(name);
    let (copy, store) = (path("copy.db"), format!("dir:{}", path("s").display()));
    let to_store = ["--to", &store];
    let from = ["--from", &store];
    let run = |verb: &str, file: &std::path::Path, words: &[&str]| {
        let mut command = creel();
        command.args(["replicate", verb]).arg(file).args(words);
        command.assert().success();
    };
    run("snapshot", &db.path, &to_store);
    run("init", &copy, &from);
    let mut follow = std::process::Command::new(env!("CARGO_BIN_EXE_creel"))
        .args(["replicate", "follow"])
        .arg(&copy)
        .args(["-q", "--from", &store])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let shows = |what: &str, holds: &dyn Fn(&Value) -> bool| {
        let begun = std::time::Instant::now();
        loop {
            assert!(begun.elapsed().as_secs() < 60, "never {what}");
            let mut command = creel();
            command.args(["replicate", "status", "--json"]).arg(&copy);
            let output = command.output().unwrap();
            let shown = json_lines(&output.stdout).remove(0);
            if holds(&shown) {
                return shown;
            }
        }
    };
    shows("streaming", &|shown| shown["phase"] == "streaming");
    std::fs::rename(path("s"), path("away")).unwrap();
    let shown = shows("an error", &|shown| shown["store_errors"].is_array());
    printed.push(("replicate status".to_owned(), shown));
    follow.kill().unwrap();
    follow.wait().unwrap();
}

/// Copies between files: followed, promoted, taken back, and what was saved of them.
pub(super) fn files_that_follow(printed: &mut Vec<Printed>) {
    let db = Db::with(&[("a", "1")]);
    let copy = db.dir.path().join("copy.db");
    let old = db.path.to_str().unwrap().to_owned();
    let new = copy.to_str().unwrap().to_owned();
    let mut say = |words: &[&str]| {
        let mut command = creel();
        command.args(words);
        keep(printed, command, &words.join(" "));
    };
    say(&["replicate", "init", &new, "--from", &old]);
    say(&["replicate", "pull", &new, "--dry-run"]);
    say(&["replicate", "keep", &old, "--hold", "laptop", "--at", "1"]);
    say(&["put", &old, "both", "old"]);
    say(&["batch", &old, db.file("ops", b"").to_str().unwrap()]);
    say(&["put", &old, "fruit", "x", "--keyspace", "new"]);
    say(&["delete", &old, "a"]);
    say(&["promote", &new]);
    say(&[
        "promote",
        &new,
        "--old-primary",
        &old,
        "--accept-loss",
        "--dry-run",
    ]);
    say(&[
        "promote",
        &new,
        "--old-primary",
        &old,
        "--accept-loss",
        "--yes",
    ]);
    say(&["replicate", "status", &old]);
    say(&["put", &new, "both", "new"]);
    say(&["replicate", "rejoin", &old, "--from", &new]);
    let handle = creel::Db::open(&new).unwrap();
    let facts = creel::Facts {
        publish: "dir:there".into(),
        published: Some((
            creel::format::entry::Point {
                index: 1,
                epoch: 1,
                history: [1; 16],
            },
            1,
        )),
        holds: vec![creel::Hold {
            name: "b".into(),
            index: 1,
            max_bytes: 5,
            expires_us: 6_000,
        }],
        ..creel::Facts::default()
    };
    handle.set_facts(&facts).unwrap();
    handle.close().unwrap();
    say(&["replicate", "status", &new]);
    say(&["replicate", "status", &old]);
    say(&["replicate", "status", &old, "--from", "/no/such.db"]);
    let saved = std::fs::read_dir(format!("{old}.diverged")).unwrap();
    let saved = saved.map(|entry| entry.unwrap().path()).next().unwrap();
    let saved = saved.to_str().unwrap();
    say(&["log", "show", saved]);
    say(&["log", "diff", &new, saved]);
    say(&["log", "reapply", &new, saved, "--dry-run"]);
    say(&["log", "reapply", &new, saved, "--on-conflict", "overwrite"]);
    // A copy that cannot go on.
    say(&["replicate", "pull", &new, "--from", &old]);
}

/// A store with a copy that cannot go on, and a server that a copy has asked.
pub(super) fn statuses(printed: &mut Vec<Printed>) {
    let db = Db::with(&[("a", "1")]);
    let path = |name: &str| db.dir.path().join(name).to_str().unwrap().to_owned();
    let (old, copy, late) = (
        db.path.to_str().unwrap().to_owned(),
        path("b"),
        path("late"),
    );
    let store = format!("dir:{}", path("s"));
    let mut say = |args: &[&str]| {
        let mut command = creel();
        command.args(args);
        keep(printed, command, &format!("{args:?}"));
    };
    let published = ["--ack", "published"];
    say(&["replicate", "snapshot", &old, "--to", &store]);
    say(&["replicate", "init", &copy, "--from", &store]);
    say(&["replicate", "init", &late, "--from", &store]);
    say(&["put", &old, "b", "2", published[0], published[1]]);
    say(&[
        "replicate",
        "hold",
        &store,
        "audit",
        "--at",
        "1",
        "--max-bytes",
        "1",
    ]);
    say(&["replicate", "snapshot", &old, "--to", &store]);
    say(&["replicate", "pull", &copy]);
    say(&["promote", &copy, "--yes"]);
    say(&["put", &copy, "c", "3", published[0], published[1]]);
    let id = creel::OpenOptions::new().read_only(true).open(&late);
    let id = id.unwrap().info().unwrap().file_id;
    let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    say(&["replicate", "forget", &store, &id]);
    say(&[
        "replicate",
        "gc",
        &store,
        "--retain",
        "0s",
        "--retain-min",
        "0",
    ]);
    say(&["replicate", "pull", &late]);
    say(&["replicate", "status", &store]);
    let mut server = std::process::Command::new(env!("CARGO_BIN_EXE_creel"))
        .args(["replicate", "serve", &copy, "--listen", "127.0.0.1:0", "-q"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let out = std::io::BufReader::new(server.stdout.take().unwrap());
    let lines = std::io::BufRead::lines(out).map(Result::unwrap);
    let lines: Vec<String> = lines.take_while(|line| line != "ready").collect();
    let fresh = path("fresh");
    say(&["replicate", "init", &fresh, "--from", &lines[0]]);
    say(&["replicate", "pull", &fresh]);
    say(&["replicate", "status", &copy]);
    say(&["replicate", "status", &fresh]);
    server.kill().unwrap();
    server.wait().unwrap();
}
