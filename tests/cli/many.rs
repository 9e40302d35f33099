//! Several processes on one file.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::{Db, json};

fn creel(args: &[&str], db: &Db) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_creel"));
    command.arg(args[0]).arg(&db.path).args(&args[1..]);
    command.stdin(std::process::Stdio::null()).output().unwrap()
}

#[test]
fn a_thousand_puts_from_eight_processes_are_all_there() {
    let db = Db::new();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let db = &db;
                scope.spawn(move || {
                    for i in 0..125 {
                        let key = format!("w{writer}-{i:03}");
                        let args = [
                            "put",
                            &key,
                            &key,
                            "--sync",
                            "normal",
                            "--lock-timeout",
                            "1m",
                        ];
                        let output = creel(&args, db);
                        assert!(output.status.success(), "{key}: {output:?}");
                    }
                })
            })
            .collect();
        // Somebody folds the log and somebody reads meanwhile.
        let (db, done) = (&db, &done);
        scope.spawn(move || {
            while !done.load(Ordering::Relaxed) {
                let output = creel(&["checkpoint", "--lock-timeout", "1m"], db);
                assert!(output.status.success(), "{output:?}");
            }
        });
        scope.spawn(move || {
            let mut before = 0;
            while !done.load(Ordering::Relaxed) {
                let output = creel(&["list", "--keys-only"], db);
                assert!(output.status.success(), "{output:?}");
                let now = output.stdout.iter().filter(|b| **b == b'\n').count();
                assert!(now >= before, "{now} after {before}: an entry disappeared");
                before = now;
            }
        });
        let outcomes: Vec<_> = writers.into_iter().map(|w| w.join()).collect();
        done.store(true, Ordering::Relaxed);
        for outcome in outcomes {
            outcome.unwrap();
        }
    });
    let list = db.list();
    let mut expected: Vec<String> = (0..8)
        .flat_map(|w| (0..125).map(move |i| format!("w{w}-{i:03}\tw{w}-{i:03}")))
        .collect();
    expected.sort();
    assert_eq!(list.lines().collect::<Vec<_>>(), expected);
    assert_eq!(
        json({
            let mut verify = db.run("verify");
            verify.args(["--level", "deep"]);
            verify
        })["verdict"],
        "clean"
    );
}

#[test]
fn of_several_put_if_absent_exactly_one_wins() {
    let db = Db::new();
    for round in 0..5 {
        let key = format!("lock{round}");
        let winners: usize = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..8)
                .map(|i: usize| {
                    let (db, key) = (&db, &key);
                    scope.spawn(move || {
                        let value = i.to_string();
                        let output = creel(&["put", key, &value, "--if-absent"], db);
                        match output.status.code() {
                            Some(0) => 1,
                            Some(1) => 0,
                            _ => panic!("{output:?}"),
                        }
                    })
                })
                .collect();
            racers.into_iter().map(|r| r.join().unwrap()).sum()
        });
        assert_eq!(winners, 1, "{key}");
    }
}

#[test]
fn counters_by_compare_and_set_lose_nothing() {
    let db = Db::with(&[("n", "0")]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let db = &db;
            scope.spawn(move || {
                let mut added = 0;
                while added < 15 {
                    let old = String::from_utf8(creel(&["get", "n"], db).stdout).unwrap();
                    let new = (old.parse::<u32>().unwrap() + 1).to_string();
                    let output = creel(
                        &[
                            "put",
                            "n",
                            &new,
                            "--if-equals",
                            &old,
                            "--lock-timeout",
                            "1m",
                        ],
                        db,
                    );
                    match output.status.code() {
                        Some(0) => added += 1,
                        Some(1) => {}
                        _ => panic!("{output:?}"),
                    }
                }
            });
        }
    });
    assert_eq!(db.get("n"), b"60");
}
