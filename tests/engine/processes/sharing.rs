//! Several processes that write to one file at the same time.

use creel::{CheckpointOptions, CompactOptions, Db, NoProgress, OpenOptions};

use super::parent::Child;
use super::{small, value_of};
use crate::scratch::Scratch;

fn created(scratch: &Scratch) -> std::path::PathBuf {
    let path = scratch.file("a.creel");
    OpenOptions::new()
        .create(&path, &small())
        .unwrap()
        .close()
        .unwrap();
    path
}

/// Every key of every prefix is there, and the tokens are 1, 2, 3 and so on.
fn expect_all(path: &std::path::Path, children: usize, count: usize, mut tokens: Vec<u64>) {
    tokens.sort_unstable();
    assert_eq!(tokens, (1..=(children * count) as u64).collect::<Vec<_>>());
    let db = Db::open(path).unwrap();
    assert_eq!(db.len().unwrap(), (children * count) as u64);
    for child in 0..children {
        for i in 0..count {
            let key = format!("{child}-{i}");
            assert_eq!(
                db.get(key.as_bytes()).unwrap(),
                Some(value_of(&key, 0)),
                "{key}"
            );
        }
    }
}

/// Starts `children` processes, lets all of them run `command` at once, and gives the tokens.
fn run_at_once(path: &std::path::Path, children: usize, how: &str, command: &str) -> Vec<u64> {
    let mut started: Vec<Child> = (0..children).map(|_| Child::start(path)).collect();
    for child in &mut started {
        child.open(how);
    }
    for (i, child) in started.iter_mut().enumerate() {
        child.send(&command.replace('#', &i.to_string()));
    }
    let mut tokens = Vec::new();
    for child in &mut started {
        loop {
            let answer = child.answer().expect("a child ended");
            match answer.split_once(' ') {
                Some((_, token)) => tokens.push(token.parse().unwrap()),
                None => break assert_eq!(answer, "done"),
            }
        }
    }
    tokens
}

#[test]
fn puts_of_eight_processes_at_once_are_all_there() {
    for how in ["", "eager normal", "unmapped alone"] {
        let scratch = Scratch::new();
        let path = created(&scratch);
        let tokens = run_at_once(&path, 8, how, "many #- 125");
        expect_all(&path, 8, 125, tokens);
    }
}

#[test]
fn one_shot_puts_of_eight_processes_at_once_are_all_there() {
    let scratch = Scratch::new();
    let path = created(&scratch);
    let tokens = run_at_once(&path, 8, "alone", "one-shots #- 60");
    expect_all(&path, 8, 60, tokens);
}

/// Two sessions take turns; each sees at once what the other did, over checkpoints of both.
#[test]
fn two_processes_see_each_others_commits_at_once() {
    for how in ["", "eager", "unmapped"] {
        let scratch = Scratch::new();
        let path = created(&scratch);
        let db = OpenOptions::new()
            .checkpoint_at(Some(20 << 10))
            .open(&path)
            .unwrap();
        let mut child = Child::start(&path);
        child.open(how);
        for round in 0..400u64 {
            let (mine, theirs) = (
                format!("mine{}", round % 50),
                format!("theirs{}", round % 70),
            );
            let commit = db.put(mine.as_bytes(), &value_of(&mine, round)).unwrap();
            assert_eq!(commit.token.index, 2 * round + 1);
            let seen = child.ask(&format!("get {mine}"));
            assert_eq!(
                seen.as_bytes(),
                value_of(&mine, round),
                "the child, round {round}"
            );
            assert_eq!(
                child.ask(&format!("put {theirs} {round}")),
                (2 * round + 2).to_string()
            );
            let seen = db.get(theirs.as_bytes()).unwrap();
            assert_eq!(
                seen,
                Some(value_of(&theirs, round)),
                "the parent, round {round}"
            );
            if round % 60 == 20 {
                assert!(child.ask("checkpoint").starts_with("generation"));
            }
            if round % 60 == 50 {
                db.checkpoint(&CheckpointOptions::default(), &NoProgress)
                    .unwrap();
            }
        }
        assert_eq!(db.len().unwrap(), 120);
        assert_eq!(child.ask("close"), "closed");
        drop(db);
        assert_eq!(Db::open(&path).unwrap().len().unwrap(), 120);
    }
}

/// Compaction moves pages and log regions under four processes that write.
#[test]
fn compaction_under_writers_of_other_processes_loses_nothing() {
    let scratch = Scratch::new();
    let path = created(&scratch);
    let db = OpenOptions::new().open(&path).unwrap();
    let mut children: Vec<Child> = (0..4).map(|_| Child::start(&path)).collect();
    for (i, child) in children.iter_mut().enumerate() {
        child.open(["", "eager", "normal", "unmapped alone"][i]);
        child.send(&format!("many {i}- 400"));
    }
    while db.len().unwrap() < 1600 {
        db.compact(&CompactOptions::default(), &NoProgress).unwrap();
    }
    let mut tokens = Vec::new();
    for child in &mut children {
        while let Some((_, token)) = child.answer().unwrap().split_once(' ') {
            tokens.push(token.parse().unwrap());
        }
    }
    drop(db);
    expect_all(&path, 4, 400, tokens);
}
