//! The log as it is kept for those who are behind; going back to an entry; waiting for one.

use std::time::Duration;

use creel::{
    Batch, Db, Error, Facts, Hold, IdentityChange, NoProgress, OpenOptions, Position, Receipt,
    Retention, Role, SyncMode,
};

use crate::replica::{
    FOR_EVER, assert_same, assert_sound, checkpoint, follow, options, pair, promote, pull, small,
};
use crate::rng::Rng;
use crate::scratch::Scratch;
use crate::since::{random_commit, state};

fn retain(db: &Db, retention: Retention) {
    let facts = Facts {
        retention,
        ..db.facts().unwrap()
    };
    db.set_facts(&facts).unwrap();
}

fn become_primary(db: &Db) {
    let change = IdentityChange {
        role: Some(Role::Primary),
        ..IdentityChange::default()
    };
    db.set_identity(&change).unwrap();
}

fn fill(db: &Db, rounds: u32, entries: u32) {
    for round in 0..rounds {
        for i in 0..entries {
            let key = (round * 1000 + i).to_be_bytes();
            db.put(&key, &[round as u8; 300]).unwrap();
        }
        checkpoint(db);
    }
}

/// Number of keys that changed since a position.
fn changed(db: &Db, since: &Position) -> usize {
    let mut changes = db.changes_since(since).unwrap();
    let mut count = 0;
    while changes.keys.next_key().unwrap().is_some() {
        count += 1;
    }
    count
}

#[test]
fn a_primary_keeps_its_log_through_checkpoints() {
    let scratch = Scratch::new();
    let (primary, replica) = pair(&scratch);
    become_primary(&primary);
    let start = replica.position().unwrap();
    fill(&primary, 9, 60);
    assert_sound(&primary);
    assert_eq!(changed(&primary, &start), 9 * 60);
    // Every position is one to go on from.
    for index in start.index..primary.position().unwrap().index {
        let at = Position {
            index,
            hash: None,
            ..start
        };
        let batch = primary.log_reader(&at).unwrap().read(1, 1).unwrap();
        assert!(!batch.is_empty(), "{index}");
    }
    // With a marker for each checkpoint.
    assert_eq!(pull(&primary, &replica, 7, 5000).unwrap(), 549);
    assert_same(&primary, &replica);
    assert_sound(&replica);
    // A copy has the archive too, and a dense one none.
    let copy = follow(&scratch, &primary, "c.creel");
    copy.log_reader(&start).unwrap();
    assert_sound(&copy);
    let dense = scratch.file("d.creel");
    primary.copy_dense(&dense, &NoProgress).unwrap();
    let dense = options().open(dense).unwrap();
    assert_sound(&dense);
    let gone = dense.log_reader(&start);
    assert!(matches!(gone, Err(Error::NotRetained { .. })), "{gone:?}");
}

#[test]
fn what_nobody_needs_goes_and_its_space_is_used_again() {
    let scratch = Scratch::new();
    let (primary, replica) = pair(&scratch);
    become_primary(&primary);
    let start = replica.position().unwrap();
    let few = Retention {
        min_entries: 100,
        rewind_bytes: Some(0),
        ..Retention::default()
    };
    retain(&primary, few);
    fill(&primary, 6, 60);
    fill(&primary, 6, 60);
    assert_sound(&primary);
    let size = primary.info().unwrap().page_count;
    for _ in 0..4 {
        fill(&primary, 6, 60);
    }
    assert_sound(&primary);
    let now = primary.info().unwrap().page_count;
    assert!(now <= size + 40, "{size} pages became {now}");
    let gone = primary.log_reader(&start);
    let Err(Error::NotRetained { oldest, .. }) = gone else {
        panic!("{gone:?}");
    };
    let newest = primary.position().unwrap().index;
    assert!(
        (100..=300).contains(&(newest - oldest)),
        "{oldest} of {newest}"
    );
    let at = Position {
        index: oldest,
        hash: None,
        ..start
    };
    primary.log_reader(&at).unwrap();

    // Held for somebody, and then for nobody.
    let hold = Hold {
        name: "c".into(),
        index: newest,
        max_bytes: 1 << 30,
        expires_us: u64::MAX,
    };
    let facts = Facts {
        holds: vec![hold],
        ..primary.facts().unwrap()
    };
    primary.set_facts(&facts).unwrap();
    let held = primary.position().unwrap();
    fill(&primary, 12, 60);
    primary.log_reader(&held).unwrap();
    let facts = Facts {
        holds: Vec::new(),
        ..facts
    };
    primary.set_facts(&facts).unwrap();
    fill(&primary, 2, 60);
    assert!(primary.log_reader(&held).is_err());
    assert_sound(&primary);
}

#[test]
fn a_standalone_file_keeps_its_log_where_asked_to() {
    let scratch = Scratch::new();
    let db = options().create(scratch.file("a.creel"), &small()).unwrap();
    fill(&db, 2, 50);
    let start = db.position().unwrap();
    db.put(b"before", b"the next checkpoint").unwrap();
    retain(
        &db,
        Retention {
            standalone: true,
            ..Retention::default()
        },
    );
    for _ in 0..4 {
        assert_sound(&db);
        db.put(b"one", b"commit").unwrap();
        checkpoint(&db);
    }
    fill(&db, 5, 50);
    assert_eq!(changed(&db, &start), 252);
    assert_sound(&db);
    drop(db);
    let db = options().open(scratch.file("a.creel")).unwrap();
    assert!(db.facts().unwrap().retention.standalone);
    fill(&db, 2, 50);
    db.changes_since(&start).unwrap();
}

#[test]
fn facts_are_of_one_file_and_of_no_log() {
    let scratch = Scratch::new();
    let (primary, _) = pair(&scratch);
    let before = (primary.position().unwrap(), primary.info().unwrap());
    assert_eq!(primary.facts().unwrap(), Facts::default());
    let facts = Facts {
        source: "tcp://host:7".into(),
        highest_epoch: 3,
        ..Facts::default()
    };
    primary.set_facts(&facts).unwrap();
    assert_eq!(primary.facts().unwrap(), facts);
    assert_eq!(primary.position().unwrap(), before.0);
    checkpoint(&primary);
    let sum = |db: &Db| db.info().unwrap().content_sum;
    let copy = follow(&scratch, &primary, "c.creel");
    assert_eq!(copy.facts().unwrap(), Facts::default());
    assert_eq!(sum(&copy), sum(&primary));
    let again = OpenOptions::new().read_only(true).open(primary.path());
    assert_eq!(again.unwrap().facts().unwrap(), facts);
    assert_sound(&primary);
    let long = Facts {
        source: "x".repeat(2000),
        ..facts
    };
    let refused = primary.set_facts(&long);
    assert!(matches!(refused, Err(Error::Limit { .. })), "{refused:?}");
}

#[test]
fn a_checkpoint_that_can_wait_waits_until_its_commits_are_published() {
    let scratch = Scratch::new();
    let lazy = options().sync(SyncMode::Off).checkpoint_at(Some(4096));
    let path = scratch.file("a.creel");
    let db = lazy.create(&path, &small()).unwrap();
    become_primary(&db);
    let facts = Facts {
        publish: "dir:x".into(),
        ..Facts::default()
    };
    db.set_facts(&facts).unwrap();
    for i in 0..40u8 {
        db.put(&[i + 1], &[0; 300]).unwrap();
    }
    assert!(!db.checkpoint_due());
    db.note_published(db.position().unwrap().index);
    assert!(db.checkpoint_due());
    // For room it is made in any case.
    for i in 0..3000u32 {
        db.put(&i.to_be_bytes(), &[0; 300]).unwrap();
    }
    assert_sound(&db);
    // What nobody has published is never given up.
    let mut reader = db
        .log_reader(&Position {
            epoch: 1,
            index: 0,
            hash: None,
        })
        .unwrap();
    let mut count = 0;
    loop {
        let batch = reader.read(usize::MAX, 1 << 20).unwrap();
        if batch.is_empty() {
            break;
        }
        count += 1;
    }
    assert!(count > 0);
    assert_eq!(reader.position(), db.position().unwrap());
}

#[test]
fn a_replica_goes_back_to_where_another_history_begins() {
    for seed in 1..=12 {
        go_back(seed);
    }
}

fn go_back(seed: u64) {
    println!("seed {seed}");
    let mut rng = Rng::new(seed);
    let scratch = Scratch::new();
    let (old, new) = pair(&scratch);
    become_primary(&old);
    let other = follow(&scratch, &old, "c.creel");
    let commits = |rng: &mut Rng, db: &Db, most| {
        for _ in 0..rng.between(1, most) {
            random_commit(rng, db);
        }
    };
    commits(&mut rng, &old, 60);
    pull(&old, &new, 5, 5000).unwrap();
    if rng.chance(40) {
        checkpoint(&old);
    }
    let fork = new.position().unwrap();
    // Commits that the new primary never hears of.
    commits(&mut rng, &old, 60);
    let lost: Receipt = old.position().unwrap().into();
    promote(&new).unwrap();
    commits(&mut rng, &new, 30);

    let change = IdentityChange {
        role: Some(Role::Replica),
        upstream: Some(new.info().unwrap().file_id),
        ..IdentityChange::default()
    };
    let refused = old.rewind(fork.index, &NoProgress);
    assert!(matches!(refused, Err(Error::Fenced { .. })), "{refused:?}");
    old.set_identity(&change).unwrap();
    assert!(matches!(
        pull(&new, &old, 9, 9000),
        Err(Error::Diverged { .. })
    ));
    let report = old.rewind(fork.index, &NoProgress).unwrap();
    assert_eq!(report.to, fork);
    assert_eq!(old.position().unwrap(), fork);
    assert_sound(&old);
    let old = match rng.chance(50) {
        true => options().open(old.path()).unwrap(),
        false => old,
    };
    pull(&new, &old, 7, 7000).unwrap();
    assert_same(&new, &old);
    assert_sound(&old);
    let waited = old.wait_for(&lost, Duration::ZERO);
    assert!(matches!(waited, Err(Error::TokenLost { .. })), "{waited:?}");

    // Those behind it find all that was kept.
    pull(&old, &other, 9, 9000).unwrap();
    assert_same(&new, &other);
    promote(&old).unwrap();
    commits(&mut rng, &old, 20);
    checkpoint(&old);
    pull(&old, &other, 9, 9000).unwrap();
    assert!(state(&old) == state(&other));
    assert_sound(&old);
    assert_sound(&other);
}

/// What was taken back comes from nowhere: not to a reader that was before it, and not with the
/// header before where the newest one is lost.
#[test]
fn what_was_taken_back_stays_away() {
    let scratch = Scratch::new();
    let (primary, replica) = pair(&scratch);
    for i in 0..20u8 {
        primary.put(&[i + 1], b"value").unwrap();
    }
    pull(&primary, &replica, 100, 1 << 20).unwrap();
    let other = options().open(replica.path()).unwrap();
    let at = |index| replica.position_at(index).unwrap();
    let mut before = other.log_reader(&at(5)).unwrap();
    assert!(!before.read(3, 1 << 20).unwrap().is_empty());
    let mut behind = other.log_reader(&at(15)).unwrap();
    assert!(!behind.read(1, 1 << 20).unwrap().is_empty());
    let mut head = other.log_reader(&at(21)).unwrap();
    replica.rewind(12, &NoProgress).unwrap();
    for reader in [&mut behind, &mut head] {
        let gone = reader.read(100, 1 << 20);
        assert!(matches!(gone, Err(Error::Diverged { .. })), "{gone:?}");
    }
    let mut last = before.position().index;
    loop {
        let batch = before.read(100, 1 << 20).unwrap();
        if batch.is_empty() {
            break;
        }
        last = before.position().index;
    }
    assert_eq!(last, 12);
    assert_eq!(before.position(), replica.position().unwrap());
    let newest = replica.info().unwrap().generation;
    drop((replica, other, before, behind, head));
    // The newest header is lost.
    let path = scratch.file("b.creel");
    let mut bytes = std::fs::read(&path).unwrap();
    let slot = if newest % 2 == 0 { 0 } else { 8192 };
    bytes[slot + 100] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(options().open(path).unwrap().position().unwrap().index, 12);
}

#[test]
fn what_is_in_the_tree_cannot_be_taken_back_where_nothing_waits_for_it() {
    let scratch = Scratch::new();
    let (primary, replica) = pair(&scratch);
    let none = Retention {
        rewind_bytes: Some(0),
        ..Retention::default()
    };
    retain(&replica, none);
    let before = replica.position().unwrap();
    primary.put(b"k", b"v").unwrap();
    pull(&primary, &replica, 1, 1).unwrap();
    let same = replica.rewind(before.index + 1, &NoProgress).unwrap();
    assert_eq!(same.from, same.to);
    checkpoint(&replica);
    let refused = replica.rewind(before.index, &NoProgress);
    assert!(
        matches!(refused, Err(Error::NotRetained { .. })),
        "{refused:?}"
    );
    let refused = replica.rewind(before.index + 9, &NoProgress);
    assert!(
        matches!(refused, Err(Error::NotRetained { .. })),
        "{refused:?}"
    );
    assert_eq!(replica.get(b"k").unwrap().unwrap(), b"v");
}

#[test]
fn a_commit_is_waited_for_by_what_it_is_and_not_by_its_number() {
    let scratch = Scratch::new();
    let (primary, replica) = pair(&scratch);
    let first = primary.put(b"a", b"1").unwrap().receipt();
    let late = replica.wait_for(&first, Duration::ZERO);
    assert!(matches!(late, Err(Error::TimedOut { .. })), "{late:?}");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| replica.wait_for(&first, FOR_EVER));
        pull(&primary, &replica, 9, 999).unwrap();
        waiting.join().unwrap().unwrap();
    });
    let second = primary.put(b"b", b"2").unwrap();
    promote(&replica).unwrap();
    // The fence has the index of the commit that is lost.
    let lost = replica.wait_for(&second.receipt(), FOR_EVER);
    assert!(matches!(lost, Err(Error::TokenLost { .. })), "{lost:?}");
    let third = primary.put(b"c", b"3").unwrap().receipt();
    let lost = replica.wait_for(&third, FOR_EVER);
    assert!(matches!(lost, Err(Error::TokenLost { .. })), "{lost:?}");
    replica.wait_for(&first, FOR_EVER).unwrap();
    // By epoch and index alone, and where the log does not reach back any more.
    let own = replica.put(b"d", b"4").unwrap();
    let short: Receipt = own.token.to_string().parse().unwrap();
    replica.wait_for(&short, FOR_EVER).unwrap();
    retain(
        &replica,
        Retention {
            min_entries: 0,
            ..Retention::default()
        },
    );
    for i in 0..200u8 {
        let mut batch = Batch::new();
        batch.put(&[i + 1], &[0; 3000]);
        replica.write(batch).unwrap();
    }
    checkpoint(&replica);
    checkpoint(&replica);
    replica.wait_for(&first, FOR_EVER).unwrap();
    replica.wait_for(&own.receipt(), FOR_EVER).unwrap();
    let lost = replica.wait_for(&second.receipt(), FOR_EVER);
    assert!(matches!(lost, Err(Error::TokenLost { .. })), "{lost:?}");
}

#[test]
fn who_changes_a_part_of_the_facts_keeps_what_others_changed() {
    let scratch = Scratch::new();
    let db = options().create(scratch.file("a.creel"), &small()).unwrap();
    let other = options().open(db.path()).unwrap();
    // Both know the facts before either changes them.
    assert_eq!(db.facts().unwrap(), other.facts().unwrap());
    other
        .change_facts(|facts| facts.control = "door".into())
        .unwrap();
    db.change_facts(|facts| facts.source = "dir:s".into())
        .unwrap();
    for handle in [&db, &other] {
        let facts = handle.facts().unwrap();
        assert_eq!(
            (facts.control.as_str(), facts.source.as_str()),
            ("door", "dir:s")
        );
    }
}
