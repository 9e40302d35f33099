//! Going back beyond the last checkpoint: older trees are kept, within a limit, in files that are
//! replicated.

use creel::{
    CompactOptions, Db, Error, Facts, IdentityChange, NoProgress, Position, Retention, Role,
};

use crate::replica::{
    assert_same, assert_sound, checkpoint, follow, options, pair, promote, pull, small,
};
use crate::rng::Rng;
use crate::scratch::Scratch;
use crate::since::{random_commit, state};

fn become_role(db: &Db, role: Role) {
    let change = IdentityChange {
        role: Some(role),
        upstream: (role == Role::Replica).then_some([7; 16]),
        ..IdentityChange::default()
    };
    db.set_identity(&change).unwrap();
}

fn set_window(db: &Db, bytes: u64) {
    let retention = Retention {
        min_entries: 10,
        rewind_bytes: Some(bytes),
        ..Retention::default()
    };
    let facts = Facts {
        retention,
        ..db.facts().unwrap()
    };
    db.set_facts(&facts).unwrap();
}

/// Rounds of commits that replace everything, with a checkpoint behind each.
fn churn(db: &Db, rounds: u8) {
    for round in 0..rounds {
        for i in 0..40u8 {
            db.put(&[i], &[round; 900]).unwrap();
        }
        checkpoint(db);
    }
}

#[test]
fn a_deposed_primary_goes_back_beyond_its_checkpoints() {
    for seed in 1..=16 {
        println!("seed {seed}");
        deposed(&mut Rng::new(seed));
    }
}

fn deposed(rng: &mut Rng) {
    let scratch = Scratch::new();
    let (old, new) = pair(&scratch);
    become_role(&old, Role::Primary);
    let commits = |rng: &mut Rng, db: &Db, most| {
        for _ in 0..rng.between(1, most) {
            random_commit(rng, db);
            if rng.chance(10) {
                checkpoint(db);
            }
        }
    };
    commits(rng, &old, 60);
    pull(&old, &new, 5, 5000).unwrap();
    let (before, fork) = state(&new);
    // Commits that the new primary never hears of, with checkpoints between: one large value among them.
    for _ in 0..rng.between(1, 4) {
        commits(rng, &old, 20);
        old.put(b"large", &vec![rng.between(0, 255) as u8; 30_000])
            .unwrap();
        checkpoint(&old);
    }
    if rng.chance(50) {
        commits(rng, &old, 9);
    }
    promote(&new).unwrap();
    commits(rng, &new, 30);
    become_role(&old, Role::Replica);
    let folded = old.info().unwrap().checkpoint_index;
    assert!(fork.index < folded, "nothing to show");
    assert!(old.oldest_rewind().unwrap() <= fork.index);
    // Others see it too.
    let other = options().open(old.path()).unwrap();
    let snapshot = other.snapshot().unwrap();
    let count = snapshot.keyspaces().unwrap().len();
    let report = old.rewind(fork.index, &NoProgress).unwrap();
    assert_eq!(report.to, fork);
    let found = state(&old);
    assert_eq!(found.1, fork);
    assert!(found.0 == before, "what is there is not what was there");
    assert!(state(&other).0 == before);
    assert_eq!(snapshot.keyspaces().unwrap().len(), count);
    drop((snapshot, other));
    assert_sound(&old);
    let old = match rng.chance(50) {
        true => options().open(old.path()).unwrap(),
        false => old,
    };
    pull(&new, &old, 7, 7000).unwrap();
    assert_same(&new, &old);
    for _ in 0..4 {
        commits(rng, &new, 20);
        pull(&new, &old, 7, 7000).unwrap();
        checkpoint(&old);
        assert_sound(&old);
    }
    assert_same(&new, &old);
    let sums = [&new, &old].map(|db| {
        checkpoint(db);
        db.info().unwrap().content_sum
    });
    assert_eq!(sums[0], sums[1]);
}

/// Back, and back again from there: older trees stay what they were.
#[test]
fn a_replica_goes_back_again_and_again() {
    let scratch = Scratch::new();
    let (primary, replica) = pair(&scratch);
    become_role(&primary, Role::Primary);
    let mut states = Vec::new();
    for round in 0..9u8 {
        for i in 0..30u8 {
            primary.put(&[i], &[round; 700]).unwrap();
        }
        pull(&primary, &replica, 100, 1 << 20).unwrap();
        states.push(state(&replica));
        checkpoint(&replica);
    }
    for to in [7, 4, 3, 1] {
        let (there, at): &(_, Position) = &states[to];
        replica.rewind(at.index, &NoProgress).unwrap();
        assert_eq!(state(&replica), (there.clone(), *at));
        assert_sound(&replica);
        checkpoint(&replica);
    }
    pull(&primary, &replica, 100, 1 << 20).unwrap();
    assert_same(&primary, &replica);
}

#[test]
fn what_waits_for_going_back_has_a_limit() {
    let scratch = Scratch::new();
    let (primary, replica) = pair(&scratch);
    become_role(&primary, Role::Primary);
    set_window(&primary, 1 << 20);
    let fork = replica.position().unwrap().index;
    churn(&primary, 30);
    let size = primary.info().unwrap().page_count;
    churn(&primary, 60);
    assert_sound(&primary);
    let info = primary.info().unwrap();
    assert!(
        info.page_count < size + 100,
        "{size} pages became {}",
        info.page_count
    );
    assert!(
        info.page_count * 4096 < 4 << 20,
        "{} pages",
        info.page_count
    );
    let oldest = primary.oldest_rewind().unwrap();
    assert!(oldest > fork && oldest < info.checkpoint_index, "{oldest}");
    become_role(&primary, Role::Replica);
    let refused = primary.rewind(oldest - 1, &NoProgress);
    assert!(
        matches!(refused, Err(Error::NotRetained { .. })),
        "{refused:?}"
    );
    primary.rewind(oldest, &NoProgress).unwrap();
    assert_sound(&primary);
}

#[test]
fn nothing_waits_where_nobody_wants_it() {
    let scratch = Scratch::new();
    let (alone, _) = pair(&scratch);
    churn(&alone, 9);
    let size = alone.info().unwrap().page_count;
    churn(&alone, 40);
    let info = alone.info().unwrap();
    assert!(
        info.page_count <= size,
        "{size} pages became {}",
        info.page_count
    );
    assert_eq!(alone.oldest_rewind().unwrap(), info.checkpoint_index);
    // Where it is switched off, what was kept goes, and its space is used again.
    become_role(&alone, Role::Primary);
    churn(&alone, 20);
    assert!(alone.oldest_rewind().unwrap() < alone.info().unwrap().checkpoint_index);
    set_window(&alone, 0);
    churn(&alone, 4);
    let info = alone.info().unwrap();
    assert_eq!(alone.oldest_rewind().unwrap(), info.checkpoint_index);
    churn(&alone, 20);
    let size = alone.info().unwrap().page_count;
    assert!(size < 200 && size < info.page_count, "{size} pages");
    assert_sound(&alone);
}

#[test]
fn compaction_gives_older_trees_up() {
    let scratch = Scratch::new();
    let (primary, _) = pair(&scratch);
    become_role(&primary, Role::Primary);
    let few = Facts {
        retention: Retention {
            min_entries: 10,
            ..Retention::default()
        },
        ..Facts::default()
    };
    primary.set_facts(&few).unwrap();
    churn(&primary, 20);
    let before = primary.info().unwrap();
    let report = primary
        .compact(&CompactOptions::default(), &NoProgress)
        .unwrap();
    assert!(report.done, "{}", report.reason);
    let after = primary.info().unwrap();
    let used = after.page_count - after.free_available - after.free_pending;
    assert!(
        used * 4 < before.page_count,
        "{used} of {} pages",
        before.page_count
    );
    assert_eq!(primary.oldest_rewind().unwrap(), after.checkpoint_index);
    assert_sound(&primary);
    churn(&primary, 2);
    let folded = primary.info().unwrap().checkpoint_index;
    assert!(primary.oldest_rewind().unwrap() < folded);
}

/// The log has no more of a bulk step than that there was one.
#[test]
fn a_bulk_step_is_gone_back_to_and_not_over() {
    let scratch = Scratch::new();
    let path = scratch.file("c.creel");
    let db = options().create(path, &small()).unwrap();
    become_role(&db, Role::Primary);
    churn(&db, 2);
    let before = db.position().unwrap().index;
    db.put(b"between", b"1").unwrap();
    let pairs = (0..2000u32).map(|i| Ok((i.to_be_bytes(), [3; 50])));
    db.bulk_load("main", pairs, &NoProgress).unwrap();
    let loaded = state(&db);
    db.put(b"behind", b"1").unwrap();
    checkpoint(&db);
    churn(&db, 2);
    become_role(&db, Role::Replica);
    db.rewind(loaded.1.index + 1, &NoProgress).unwrap();
    assert_eq!(db.get(b"behind").unwrap().as_deref(), Some(&b"1"[..]));
    db.rewind(loaded.1.index, &NoProgress).unwrap();
    assert_eq!(state(&db), loaded);
    db.rewind(before, &NoProgress).unwrap();
    assert_eq!(db.get(b"between").unwrap(), None);
    assert_eq!(db.get(&7u32.to_be_bytes()).unwrap(), None);
    assert_sound(&db);
}

#[test]
fn a_copy_has_none_of_the_older_trees() {
    let scratch = Scratch::new();
    let (primary, _) = pair(&scratch);
    become_role(&primary, Role::Primary);
    churn(&primary, 9);
    let copy = follow(&scratch, &primary, "c.creel");
    let folded = copy.info().unwrap().checkpoint_index;
    assert_eq!(copy.oldest_rewind().unwrap(), folded);
    assert_sound(&copy);
    let refused = copy.rewind(folded - 1, &NoProgress);
    assert!(
        matches!(refused, Err(Error::NotRetained { .. })),
        "{refused:?}"
    );
    for round in 0..3 {
        churn(&primary, 1);
        pull(&primary, &copy, 100, 1 << 20).unwrap();
        checkpoint(&copy);
        assert_sound(&copy);
        assert!(copy.oldest_rewind().unwrap() >= folded, "{round}");
    }
    copy.rewind(folded, &NoProgress).unwrap();
    assert_sound(&copy);
}
