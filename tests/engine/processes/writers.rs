//! A writer that is killed, and one that is in the way.

use std::time::Duration;

use creel::{Db, Error, NoProgress, OpenOptions, Verdict, VerifyOptions};

use super::parent::Child;
use super::{small, value_of};
use crate::rng::Rng;
use crate::scratch::Scratch;

/// Killed after some acknowledged line, again and again on the same file.
fn kill_and_look(how: &str, seed: u64, rounds: usize) {
    let scratch = Scratch::new();
    let path = scratch.file("a.creel");
    // A session that is there all the time, beside handles that open after each kill.
    let session = OpenOptions::new().create(&path, &small()).unwrap();
    let mut rng = Rng::new(seed);
    let mut total = 0;
    for round in 0..rounds {
        let mut child = Child::start(&path);
        child.open(how);
        child.send(&format!("many {round}- 100000"));
        let mut acknowledged = rng.between(1, 400) as u64;
        for i in 0..acknowledged {
            assert_eq!(
                child.answer().unwrap().split(' ').next(),
                Some(&i.to_string()[..])
            );
        }
        child.kill();
        // Lines still in the pipe were acknowledged, too.
        while child.answer().is_some() {
            acknowledged += 1;
        }
        let report = creel::verify(&path, &VerifyOptions::default(), &NoProgress).unwrap();
        assert!(report.verdict <= Verdict::Recoverable, "{report:?}");
        let db = Db::open(&path).unwrap();
        let mut there = 0;
        while db
            .get(format!("{round}-{there}").as_bytes())
            .unwrap()
            .is_some()
        {
            there += 1;
        }
        assert!(
            there >= acknowledged,
            "round {round}: {there} of {acknowledged}"
        );
        assert!(there <= acknowledged + 1, "one at most was under way");
        total += there;
        for db in [&db, &session] {
            assert_eq!(
                db.len().unwrap(),
                total,
                "round {round}: nothing else came or went"
            );
            let key = format!("{round}-{}", there - 1);
            assert_eq!(db.get(key.as_bytes()).unwrap(), Some(value_of(&key, 0)));
        }
        let writer = if round % 2 == 0 { &db } else { &session };
        writer
            .put(format!("after {round}").as_bytes(), b"goes on")
            .unwrap();
        total += 1;
    }
}

#[test]
fn a_killed_writer_loses_nothing_that_it_acknowledged() {
    kill_and_look("", 1, 10);
}

#[test]
fn a_writer_killed_among_background_checkpoints_loses_nothing_that_it_acknowledged() {
    kill_and_look("eager", 2, 10);
}

#[test]
fn a_killed_writer_without_sync_loses_nothing_as_long_as_the_machine_runs() {
    kill_and_look("eager normal", 3, 10);
}

#[test]
fn a_lock_that_is_held_is_refused_with_the_name_of_its_holder() {
    let scratch = Scratch::new();
    let path = scratch.file("a.creel");
    let options = OpenOptions::new().lock_timeout(Duration::ZERO);
    let db = options.clone().create(&path, &small()).unwrap();
    db.put(b"a", b"1").unwrap();
    let mut child = Child::start(&path);
    child.open("hold");
    match db.put(b"a", b"2") {
        Err(Error::Busy {
            lock: "writer",
            holder: Some(holder),
            ..
        }) => {
            assert_eq!(holder.pid, child.pid());
            assert!(holder.command.contains(super::child::NAME), "{holder:?}");
            assert!(!holder.host.is_empty());
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        options.clone().hold_lock(true).open(&path),
        Err(Error::Busy { .. })
    ));
    // Reading is never in anybody's way, nor is a refused handle of no more use.
    assert_eq!(db.get(b"a").unwrap().as_deref(), Some(&b"1"[..]));
    assert_eq!(child.ask("put b 0"), "2");
    child.kill();
    assert_eq!(db.put(b"a", b"2").unwrap().token.index, 3);
}
