//! Runs that print JSON: all commands, and options that change what is in the objects.

use std::fs;

use serde_json::Value;

use crate::exits::Holder;
use crate::support::{Db, creel, json_lines};

/// What was run, and one object that it printed.
pub type Printed = (String, Value);

/// Every object of every run.
pub fn all() -> Vec<Printed> {
    let mut printed = Vec::new();
    for part in [
        data,
        reports,
        exchange,
        comparisons,
        copies,
        files_that_follow,
        stores,
        statuses,
        damage,
        losses,
        errors,
        itself,
        soaks,
    ] {
        part(&mut printed);
    }
    printed
}

/// Runs `creel VERB DB ARGS --json` and keeps what both streams say.
fn run(printed: &mut Vec<Printed>, db: &Db, verb: &str, args: &[&str]) {
    let mut command = db.run(verb);
    command.args(args);
    keep(printed, command, &format!("{verb} {args:?}"));
}

fn keep(printed: &mut Vec<Printed>, mut command: assert_cmd::Command, name: &str) {
    let output = command.arg("--json").output().unwrap();
    let both = [output.stdout, output.stderr].concat();
    let objects = json_lines(&both);
    assert!(!objects.is_empty(), "{name}: nothing was printed");
    printed.extend(objects.into_iter().map(|object| (name.to_owned(), object)));
}

/// A store, copies of it, and a fail-over.
fn stores(printed: &mut Vec<Printed>) {
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
fn store_errors(printed: &mut Vec<Printed>) {
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
fn copies(printed: &mut Vec<Printed>) {
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

/// Copies between files: followed, promoted, taken back, and what was saved of them.
fn files_that_follow(printed: &mut Vec<Printed>) {
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
fn statuses(printed: &mut Vec<Printed>) {
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

/// Commands on keys and values.
fn data(printed: &mut Vec<Printed>) {
    let db = Db::with(&[("user:1", "Anna"), ("user:2", "Bo"), ("x", "y")]);
    run(printed, &db, "put", &["k", "v"]);
    for args in [&["k", "absent"] as &[&str], &["k"], &["k", "--redact"]] {
        run(printed, &db, "get", args);
    }
    run(printed, &db, "exists", &["k"]);
    run(printed, &db, "exists", &["absent"]);
    for args in [
        &[] as &[&str],
        &["--limit", "1"],
        &["--keys-only"],
        &["--count"],
        &["--redact"],
        &["--prefix", "nothing"],
    ] {
        run(printed, &db, "list", args);
    }
    run(printed, &db, "delete", &["--prefix", "user:", "--dry-run"]);
    run(printed, &db, "delete", &["x"]);
    let empty = db.file("empty", b"");
    run(printed, &db, "batch", &[empty.to_str().unwrap()]);
    let lines = db.file("lines", b"{\"op\":\"del\",\"key\":\"YQ==\"}\n");
    run(printed, &db, "batch", &[lines.to_str().unwrap()]);
    run(printed, &db, "keyspaces", &[]);
}

/// Test runs: one with faults, one that breaks, one with enough samples for a trend.
fn soaks(printed: &mut Vec<Printed>) {
    for args in [
        "--ops 9000 --faults eio,bitflip,conn-drop --fault-every 2000 --cycles 2",
        "--ops 9000 --plant wrong-value --checkpoint-every 0 --reopen-every 4000",
        "--mode store --ops 60000 --sample-every 5ms --bounds memory-growth=1GiB --keys 100 --checkpoint-every 500",
        "--ops 0",
        "--self-test",
    ] {
        let dir = tempfile::tempdir().unwrap();
        let mut command = creel();
        command.args(["soak", "--seed", "3"]).args(args.split(' '));
        command.env("TMPDIR", dir.path());
        command.timeout(std::time::Duration::from_secs(900)); // the self-test is 21 runs
        keep(printed, command, args);
    }
}

/// Commands on the file.
fn reports(printed: &mut Vec<Printed>) {
    let db = Db::filled(3000);
    run(printed, &db, "open", &[]);
    let other = Db::new();
    fs::remove_file(&other.path).unwrap();
    run(printed, &other, "open", &["--create", "--role", "primary"]);
    run(printed, &db, "info", &[]);
    run(printed, &db, "checkpoint", &["--dry-run"]);
    run(printed, &db, "checkpoint", &["--background"]);
    run(printed, &db, "checkpoint", &[]);
    let all = [
        "--biggest",
        "3",
        "--prefixes",
        "0",
        "--histogram",
        "--exact",
    ];
    run(printed, &db, "stats", &[]);
    run(printed, &db, "stats", &all);
    run(printed, &db, "stats", &[&all[..], &["--redact"]].concat());
    run(printed, &db, "inspect", &["header"]);
    run(printed, &db, "doctor", &[]);
    let copy = db.dir.path().join("copy");
    run(printed, &db, "compact", &["-o", copy.to_str().unwrap()]);
    run(printed, &db, "compact", &["--dry-run"]);
    let copy = db.dir.path().join("backup");
    run(printed, &db, "backup", &["-o", copy.to_str().unwrap()]);
    let often = ["--progress", "json", "--progress-interval", "0s"];
    run(printed, &db, "verify", &often);
    run(printed, &db, "verify", &["-vv"]);
}

/// Data in and out, and its bad lines.
fn exchange(printed: &mut Vec<Printed>) {
    let db = Db::filled(2000);
    let path = |name: &str| db.dir.path().join(name).to_str().unwrap().to_owned();
    let (whole, delta) = (path("whole.jsonl"), path("delta.jsonl"));
    run(printed, &db, "export", &["-o", &whole]);
    let info = crate::support::json(db.run("keyspaces"));
    assert_eq!(info["keyspaces"][0]["entries"], 2000);
    let last = crate::support::json(db.run("checkpoint"));
    assert_eq!(last["done"], true);
    db.run("put").args(["after", "it"]).assert().success();
    run(printed, &db, "export", &["-o", &delta, "--since", "1:1"]);
    let other = Db::new();
    let often = ["--progress", "json", "--progress-interval", "0s"];
    run(
        printed,
        &other,
        "import",
        &[&[&whole[..]], &often[..]].concat(),
    );
    run(printed, &other, "import", &[&whole, "--resume"]);
    let text = "{\"key_utf8\":\"a\",\"payload_utf8\":\"1\"}\n{\"key\":\"*\"}\n";
    let bad = db.file("bad", text.as_bytes());
    let bad = bad.to_str().unwrap();
    let rejects = path("rejects");
    let aside = ["--on-error", "reject", "--rejects", &rejects];
    run(printed, &other, "import", &[&[bad], &aside[..]].concat());
    for args in [
        &[] as &[&str],
        &["--batch", "1"],
        &["--expect", "7", "--on-error", "skip"],
        &["--max-errors", "0", "--on-error", "skip"],
    ] {
        run(printed, &other, "import", &[&[bad], args].concat());
    }
}

/// Digests, differences, drills, and what verify compares.
fn comparisons(printed: &mut Vec<Printed>) {
    let db = Db::filled(2000);
    let export = db.dir.path().join("export.jsonl");
    let export = export.to_str().unwrap();
    db.run("export").args(["-o", export]).assert().success();
    let list = db.run("digest").output().unwrap().stdout;
    let list = db.file("digests", &list);
    run(printed, &db, "digest", &[export]);
    run(printed, &db, "digest", &["--ranges", "4"]);
    let mut check = creel();
    check.args(["digest", "--check"]).arg(list);
    keep(printed, check, "digest --check");
    let mut ranges = db.run("digest");
    let ranges = ranges.args(["--ranges", "4"]).output().unwrap().stdout;
    let mut check = creel();
    check.args(["digest", "--check"]);
    check.arg(db.file("ranges", &ranges));
    keep(printed, check, "digest --check of ranges");
    run(printed, &db, "diff", &[export]);
    run(printed, &db, "drill", &["--against", export]);
    run(
        printed,
        &db,
        "verify",
        &["--against", export, "--level", "deep"],
    );
    run(printed, &db, "verify", &["--self-test", "5"]);
    db.run("checkpoint").assert().success();
    run(printed, &db, "verify", &["--sample", "50%"]);
    db.run("put")
        .args(["key000001", "other"])
        .assert()
        .success();
    db.run("put").args(["new", "one"]).assert().success();
    run(printed, &db, "diff", &[export]);
    run(printed, &db, "diff", &[export, "--redact"]);
    run(printed, &db, "drill", &[]);
    let cut = db.file("cut.jsonl", b"{\"creel\":{\"format\":\"creel-jsonl/1\"}}\n");
    let mut drill = creel();
    drill.arg("drill").arg(cut);
    keep(printed, drill, "drill of a cut export");
}

/// Verdicts on a file with a changed byte in a leaf.
fn damage(printed: &mut Vec<Printed>) {
    let db = Db::filled(3000);
    db.run("checkpoint").assert().success();
    let mut bytes = db.bytes();
    let at = bytes.windows(9).rposition(|w| w == b"value 150").unwrap();
    bytes[at] ^= 1;
    fs::write(&db.path, &bytes).unwrap();
    run(printed, &db, "verify", &[]);
    run(printed, &db, "verify", &["--redact", "--level", "deep"]);
    run(printed, &db, "list", &["--count", "--glob", "*9"]);
    run(printed, &db, "list", &[]);
    for slot in [0, 8192] {
        bytes[slot + 100] ^= 1;
        fs::write(&db.path, &bytes).unwrap();
        run(printed, &db, "info", &[]);
    }
}

/// Salvage of a file that lost a leaf, which no log has, and a commit in the middle of the log.
fn losses(printed: &mut Vec<Printed>) {
    let db = Db::new();
    let line = |i| format!("{{\"key_utf8\":\"key{i:05}\",\"payload_utf8\":\"value {i}\"}}\n");
    let lines: String = (0..3000).map(line).collect();
    let input = db.file("input", lines.as_bytes());
    db.run("import").arg(input).assert().success();
    for key in ["first", "second", "third"] {
        db.run("put").args([key, "in the log"]).assert().success();
    }
    let mut bytes = db.bytes();
    for part in [&b"value 150"[..], b"second"] {
        let at = bytes.windows(part.len()).rposition(|w| w == part).unwrap();
        bytes[at] ^= 1;
    }
    fs::write(&db.path, bytes).unwrap();
    let path = |name: &str| db.dir.path().join(name).to_str().unwrap().to_owned();
    let (saved, lost) = (path("saved"), path("lost"));
    run(printed, &db, "salvage", &["-o", &saved]);
    for args in [&["--dry-run"] as &[&str], &["--dry-run", "--redact"]] {
        let to = ["--lost", &lost, "--force"];
        run(printed, &db, "salvage", &[args, &to].concat());
        let lines = json_lines(&fs::read(&lost).unwrap());
        printed.extend(lines.into_iter().map(|l| ("--lost".to_owned(), l)));
    }
}

/// Errors with every kind of detail.
fn errors(printed: &mut Vec<Printed>) {
    let db = Db::with(&[("k", "v")]);
    run(printed, &db, "put", &["k", "w", "--if-absent"]);
    run(printed, &db, "put", &[&"k".repeat(2000), "v"]);
    run(printed, &db, "delete", &["k", "--expect", "2"]);
    run(printed, &db, "list", &["--keyspace", "nothing"]);
    let lines = b"{\"op\":\"del\",\"key\":\"YQ==\"}\n{}\n";
    let file = db.file("lines", lines);
    let file = file.to_str().unwrap();
    run(printed, &db, "batch", &[file, "--every", "1"]);
    run(printed, &db, "batch", &[file]);
    let keys = db.file("keys", b"a\n\\q\n");
    run(
        printed,
        &db,
        "get",
        &["--keys-from", keys.to_str().unwrap()],
    );
    run(printed, &db, "frobnicate", &[]);
    let holder = Holder::of(&db);
    run(printed, &db, "put", &["k", "w", "--lock-timeout", "0"]);
    drop(holder);
    fs::remove_file(&db.path).unwrap();
    run(printed, &db, "get", &["k"]);
}

/// Commands about creel itself.
fn itself(printed: &mut Vec<Printed>) {
    for args in [&["explain", "--all"] as &[&str], &["schema"], &["version"]] {
        let mut command = creel();
        command.args(args);
        keep(printed, command, &format!("{args:?}"));
    }
}
