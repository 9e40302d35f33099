//! What takes the place of a copy is whole, a copy, and the moment that was announced.

use std::path::Path;
use std::sync::Arc;

use creel::format::entry::Point;
use creel::replica::sink::DbSink;
use creel::replica::slot::{Slot, durable_point};
use creel::replica::state::{Phase, State};
use creel::stream::source::{Head, ReplicaSink, SinkError};
use creel::{BackupOptions, Db, NoProgress, OpenOptions, Position, SeedOptions};
use tempfile::TempDir;

/// A primary, the path of a copy of it, and what feeds that.
struct Fed {
    dir: TempDir,
    primary: Db,
    state: Arc<State>,
    slot: Arc<Slot>,
    sink: DbSink,
}

fn fed(has_copy: bool) -> Fed {
    let dir = tempfile::tempdir().unwrap();
    let primary = Db::create(dir.path().join("a.db")).unwrap();
    primary.put(b"key", b"old").unwrap();
    let path = dir.path().join("b.db");
    let copy = has_copy.then(|| {
        primary
            .seed(&path, &SeedOptions::default(), &NoProgress)
            .unwrap();
        Db::open(&path).unwrap()
    });
    primary.put(b"key", b"new").unwrap();
    let state = Arc::new(State::default());
    let slot = Arc::new(Slot::new(&path, OpenOptions::new(), copy));
    let sink = DbSink::new(Arc::clone(&slot), Arc::clone(&state));
    Fed {
        dir,
        primary,
        state,
        slot,
        sink,
    }
}

impl Fed {
    fn file(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    /// The bytes of a new copy.
    fn seed(&self) -> Vec<u8> {
        let path = self.file("seed");
        let options = SeedOptions::default();
        self.primary.seed(&path, &options, &NoProgress).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        bytes
    }

    /// Sends them, in pieces.
    fn send(&mut self, bytes: &[u8]) -> Result<u64, SinkError> {
        let announced = durable_point(&self.primary).unwrap();
        self.sink.seed_begin(bytes.len() as u64, &announced)?;
        assert_eq!(self.state.look().phase, Phase::Seeding);
        for piece in bytes.chunks(10_000) {
            self.sink.seed_part(piece)?;
        }
        self.sink.seed_end().map(|point| point.index)
    }

    fn names(&self) -> usize {
        std::fs::read_dir(self.dir.path()).unwrap().count()
    }
}

fn value(path: &Path) -> Vec<u8> {
    let db = OpenOptions::new().read_only(true).open(path).unwrap();
    db.get(b"key").unwrap().unwrap()
}

#[test]
fn a_copy_that_is_damaged_or_another_file_takes_no_place() {
    let mut fed = fed(true);
    let seed = fed.seed();
    let backup = fed.file("backup");
    let options = BackupOptions::default();
    fed.primary.backup(&backup, &options, &NoProgress).unwrap();
    let no_replica = std::fs::read(&backup).unwrap();
    std::fs::remove_file(backup).unwrap();
    let mut flipped = seed.clone();
    let at = seed.windows(3).rposition(|bytes| bytes == b"new").unwrap();
    flipped[at] ^= 1;
    let cut = &seed[..seed.len() / 2];
    let old = std::fs::read(fed.file("b.db")).unwrap();
    for (bytes, why) in [
        (flipped.as_slice(), "does not pass verify"),
        (cut, ""),
        (b"no database at all".as_slice(), "not a creel database"),
        (&no_replica, "is no replica"),
    ] {
        let refused = fed.send(bytes);
        let Err(SinkError::Failed { reason }) = refused else {
            panic!("{why}: {refused:?}");
        };
        assert!(reason.contains(why), "{reason}");
        assert_eq!(fed.names(), 2, "{why}");
        assert_eq!(std::fs::read(fed.file("b.db")).unwrap(), old, "{why}");
    }
    // A whole one of an earlier moment than was said.
    fed.primary.put(b"key", b"newest").unwrap();
    let refused = fed.send(&seed);
    let Err(SinkError::Failed { reason }) = refused else {
        panic!("{refused:?}");
    };
    assert!(reason.contains("another moment"), "{reason}");
    assert_eq!(value(&fed.file("b.db")), b"old");
    // And the right one.
    let seed = fed.seed();
    assert_eq!(fed.send(&seed).unwrap(), 3);
    assert_eq!(value(&fed.file("b.db")), b"newest");
    assert_eq!(fed.state.look().phase, Phase::CatchingUp);
    assert_eq!(fed.slot.generation(), 1);
    assert_eq!(fed.names(), 2);
}

#[test]
fn without_a_copy_there_is_nothing_to_apply_to() {
    let mut fed = fed(false);
    let failed = |refused: Result<(), SinkError>| match refused {
        Err(SinkError::Failed { reason }) => reason,
        other => panic!("{other:?}"),
    };
    let applied = fed.sink.apply(b"entries").map(drop);
    assert!(failed(applied).contains("no copy yet"));
    assert!(failed(fed.sink.seed_part(b"bytes")).contains("no copy arrives"));
    assert!(failed(fed.sink.seed_end().map(drop)).contains("no copy arrives"));
    // An epoch that is heard of is kept for the copy that comes.
    fed.sink.saw_epoch(5).unwrap();
    assert_eq!(fed.state.look().highest_epoch, 5);
    let seed = fed.seed();
    assert_eq!(fed.send(&seed).unwrap(), 2);
    let head = Head {
        point: durable_point(&fed.primary).unwrap(),
        published: 0,
        floor: 0,
    };
    fed.sink.heard(&head, true);
    let copy = fed.slot.get().unwrap();
    assert_eq!(copy.highest_epoch().unwrap(), 5);
    assert_eq!(copy.get(b"key").unwrap().unwrap(), b"new");
}

/// What was given up leaves nothing behind, and a file that somebody put there meanwhile stays.
#[test]
fn a_copy_that_does_not_come_to_its_end_leaves_nothing() {
    let mut fed = fed(false);
    let seed = fed.seed();
    let announced = durable_point(&fed.primary).unwrap();
    fed.sink.seed_begin(9, &announced).unwrap();
    fed.sink.seed_part(&seed[..5000]).unwrap();
    // With the claim beside it.
    assert_eq!(fed.names(), 3);
    fed.sink.seed_abort();
    assert_eq!(fed.names(), 1);
    let other = fed.file("b.db");
    std::fs::write(&other, b"somebody else's").unwrap();
    let refused = fed.send(&seed);
    assert!(
        matches!(refused, Err(SinkError::Failed { .. })),
        "{refused:?}"
    );
    assert_eq!(std::fs::read(&other).unwrap(), b"somebody else's");
    assert_eq!(fed.names(), 2);
}

/// A copy with commits of its own is not replaced, unless that is wished: then they are saved.
#[test]
fn commits_that_only_the_old_copy_has_are_saved_first() {
    for force in [false, true] {
        let mut fed = fed(true);
        let copy = fed.slot.get().unwrap();
        let promoted = creel::FenceWish {
            name: "b".into(),
            reason: "a test".into(),
            ..Default::default()
        };
        copy.install_fence(&copy.prepare_fence(&promoted).unwrap())
            .unwrap();
        copy.put(b"own", b"commit").unwrap();
        drop(copy);
        fed.sink.force = force;
        let seed = fed.seed();
        let sent = fed.send(&seed);
        let saved = fed.state.look().saved;
        if force {
            sent.unwrap();
            assert_eq!(value(&fed.file("b.db")), b"new");
            assert!(!saved.is_empty() && saved.iter().all(|path| path.exists()));
        } else {
            assert!(matches!(sent, Err(SinkError::Diverged { .. })), "{sent:?}");
            assert_eq!(value(&fed.file("b.db")), b"old");
            assert!(saved.is_empty());
        }
    }
}

/// A newer creel on the other side: its entries are whole, so they are no damage, and asking for them again would not
/// help. The same bytes with a wrong checksum are damage.
#[test]
fn an_entry_of_a_newer_kind_was_called_damage() {
    let mut fed = fed(true);
    let at = durable_point(&fed.slot.get().unwrap()).unwrap();
    let mut reader = fed.primary.log_reader(&position(&at)).unwrap();
    let batch = reader.read(100, 1 << 20).unwrap().to_vec();
    // Another kind; flags; a key.
    for byte in [4, 5, 6] {
        let mut newer = batch.clone();
        newer[byte] = 0x40;
        let error = fed.sink.apply(&newer).unwrap_err();
        assert!(matches!(error, SinkError::Damaged { .. }), "{error:?}");
        assert!(!fed.state.look().newer);
        let end = newer.len() - 4;
        let sum = creel::format::checksum::crc(&newer[..end]).to_le_bytes();
        newer[end..].copy_from_slice(&sum);
        let error = fed.sink.apply(&newer).unwrap_err();
        let SinkError::Failed { reason } = error else {
            panic!("{error:?}");
        };
        assert!(reason.contains("newer creel"), "{reason}");
        assert!(fed.state.look().newer);
        fed.state.update(|state| state.newer = false);
        assert_eq!(durable_point(&fed.slot.get().unwrap()).unwrap(), at);
    }
    fed.sink.apply(&batch).unwrap();
    assert_eq!(value(&fed.file("b.db")), b"new");
}

fn position(at: &Point) -> Position {
    Position {
        epoch: at.epoch,
        index: at.index,
        hash: Some(at.history),
    }
}
