//! The steps of a sequence.

use creel::{CheckpointOptions, CompactOptions, Interest, KeyRange, NoProgress, OpenOptions};

use super::check;
use super::generate;
use super::hold::{HeldCursor, HeldSnapshot, expected};
use super::reference::{Item, MAIN, Plan, Space};
use super::world::{World, open_options};

impl World {
    /// One random step.
    pub fn step(&mut self) {
        match self.rng.below(100) {
            0..18 => self.put(),
            18..42 => self.batch(),
            42..46 => self.delete_range(),
            46..54 => self.get(),
            54..62 => self.scan(),
            62..67 => self.take_snapshot(),
            67..71 => self.look_at_snapshot(),
            71..74 => self.drop_snapshot(),
            74..78 => self.hold_cursor(),
            78..84 => self.move_cursor(),
            84..90 => self.checkpoint(),
            90..92 => self.compact(),
            92..94 => self.bulk(),
            94..96 => self.one_shot(),
            96..98 => self.reopen(),
            _ => {
                self.check_all("now and then");
                check::file(&self.path, "the file now and then");
            }
        }
    }

    fn put(&mut self) {
        let name = generate::space_name(&mut self.rng);
        let key = generate::key(&mut self.rng, self.page_size);
        let value = generate::value(&mut self.rng, self.page_size, key.len());
        let plan = Plan::one(&name, Item::Put(key, value));
        let db = self.db();
        self.commit(&db, &plan);
    }

    fn batch(&mut self) {
        let plan = generate::plan(&mut self.rng, &self.state, self.page_size);
        let db = self.db();
        self.commit(&db, &plan);
    }

    fn delete_range(&mut self) {
        let name = generate::space_name(&mut self.rng);
        let range = generate::range(&mut self.rng, self.page_size);
        let db = self.db();
        self.commit(&db, &Plan::one(&name, Item::DeleteRange(range)));
    }

    fn get(&mut self) {
        let db = self.db();
        let mut keys: Vec<Vec<u8>> = Vec::new();
        for _ in 0..5 {
            keys.push(generate::known_key(
                &mut self.rng,
                &self.state,
                MAIN,
                self.page_size,
            ));
        }
        for key in &keys {
            let wanted = self
                .state
                .space(MAIN)
                .and_then(|s| s.get(key))
                .map(|v| v.to_vec());
            assert!(db.get(key).unwrap() == wanted, "get {}", check::short(key));
        }
        let snapshot = db.snapshot().unwrap();
        for (name, space) in &self.state.0 {
            check::keys(&snapshot, name, space, &keys);
        }
    }

    fn scan(&mut self) {
        let snapshot = self.db().snapshot().unwrap();
        for (name, space) in &self.state.0 {
            let range = generate::range(&mut self.rng, self.page_size);
            check::range(&mut self.rng, &snapshot, name, space, &range);
        }
    }

    fn take_snapshot(&mut self) {
        if self.snapshots.len() >= 4 {
            return self.drop_snapshot();
        }
        let snapshot = self.db().snapshot().unwrap();
        let (state, index) = (self.state.clone(), self.last_index);
        assert_eq!(snapshot.token().index, index, "token of a snapshot");
        self.say(|| format!("snapshot at {index}"));
        self.snapshots.push(HeldSnapshot {
            snapshot,
            state,
            index,
        });
    }

    fn look_at_snapshot(&mut self) {
        let Some(at) = self.any_snapshot() else {
            return;
        };
        let held = &self.snapshots[at];
        assert_eq!(held.snapshot.token().index, held.index);
        check::whole(&held.snapshot, &held.state, "held snapshot");
        for (name, space) in &held.state.0 {
            let range = generate::range(&mut self.rng, self.page_size);
            check::range(&mut self.rng, &held.snapshot, name, space, &range);
        }
    }

    fn drop_snapshot(&mut self) {
        let Some(at) = self.any_snapshot() else {
            return;
        };
        self.say(|| format!("drop the snapshot at {}", self.snapshots[at].index));
        self.snapshots.swap_remove(at);
    }

    fn any_snapshot(&mut self) -> Option<usize> {
        let count = self.snapshots.len();
        (count > 0).then(|| self.rng.below(count))
    }

    /// Opens a cursor and lets go of its snapshot.
    fn hold_cursor(&mut self) {
        if self.cursors.len() >= 3 {
            self.cursors.remove(0);
        }
        let snapshot = self.db().snapshot().unwrap();
        let range = match self.rng.chance(50) {
            true => KeyRange::all(),
            false => generate::range(&mut self.rng, self.page_size),
        };
        self.say(|| format!("cursor over {range:?} at {}", self.last_index));
        let cursor = snapshot.keyspace(MAIN).unwrap().cursor(&range);
        let rest = expected(&self.state.0[MAIN], &range);
        let mut held = HeldCursor { cursor, rest };
        // Some have begun to walk before anything changes, some have not.
        if self.rng.chance(50) {
            held.step(self.rng.chance(30), false);
        }
        self.cursors.push(held);
    }

    fn move_cursor(&mut self) {
        if self.cursors.is_empty() {
            return self.hold_cursor();
        }
        let at = self.rng.below(self.cursors.len());
        let backwards = *self.rng.pick(&[0, 0, 50, 100]);
        for _ in 0..self.rng.between(1, 40) {
            let (back, key_only) = (self.rng.chance(backwards), self.rng.chance(20));
            if !self.cursors[at].step(back, key_only) {
                self.cursors.remove(at);
                return;
            }
        }
    }

    fn checkpoint(&mut self) {
        self.say(|| "checkpoint".into());
        let db = self.db();
        let report = db
            .checkpoint(&CheckpointOptions::default(), &NoProgress)
            .unwrap();
        self.say(|| format!("  {report:?}"));
        let info = db.info().unwrap();
        assert_eq!(info.checkpoint_index, self.last_index, "{report:?}");
        let entries: usize = self.state.0.values().map(Space::len).sum();
        assert_eq!(info.entry_count, entries as u64, "entries of all keyspaces");
        check::handle(&db, &self.state, self.last_index, "after a checkpoint");
    }

    fn compact(&mut self) {
        self.say(|| "compact".into());
        let db = self.db();
        let report = db.compact(&CompactOptions::default(), &NoProgress).unwrap();
        self.say(|| format!("  {report:?}"));
        assert_eq!(
            report.content_sum_before, report.content_sum_after,
            "{report:?}"
        );
        self.check_all("after compact");
        check::file(&self.path, "the file after compact");
    }

    /// A bulk load in any order, with keys that come twice.
    fn bulk(&mut self) {
        let name = generate::space_name(&mut self.rng);
        let mut entries = Vec::new();
        for _ in 0..self.rng.between(1, 80) {
            let key = generate::key(&mut self.rng, self.page_size);
            let value = generate::value(&mut self.rng, self.page_size, key.len());
            entries.push((key, value));
        }
        self.say(|| format!("bulk load {} entries into {name}", entries.len()));
        let db = self.db();
        let space: &mut Space = self.state.0.entry(name.clone()).or_default();
        let before = space.clone();
        space.extend(entries.iter().cloned());
        let added = space.len() as i64 - before.len() as i64;
        let changed = *space != before;
        let memory = *self.rng.pick(&[4 << 10, 1 << 20]);
        let count = entries.len() as u64;
        let entries = entries.into_iter().map(Ok);
        let report = db
            .bulk_load_unsorted(&name, entries, memory, &NoProgress)
            .unwrap();
        self.last_index += u64::from(changed);
        assert_eq!(
            report.token.index, self.last_index,
            "index of the bulk load"
        );
        assert_eq!((report.added(), report.changed), (added, changed));
        assert_eq!(report.given, count);
        let puts = report.inserted + report.replaced + report.unchanged;
        assert_eq!(puts, report.distinct, "{report:?}");
        self.check_all("after a bulk load");
    }

    /// What a command does: open for one thing, do it, go.
    fn one_shot(&mut self) {
        let key = generate::known_key(&mut self.rng, &self.state, MAIN, self.page_size);
        let interest = match self.rng.chance(50) {
            true => Interest::Keys(vec![key.clone()]),
            false => Interest::None,
        };
        let options = OpenOptions::new()
            .background_checkpoint(false)
            .interest(interest.clone());
        let db = options.open(&self.path).unwrap();
        self.say(|| format!("one shot: {interest:?}"));
        if self.rng.chance(70) {
            let value = generate::value(&mut self.rng, self.page_size, key.len());
            let plan = match self.rng.below(3) {
                0 => Plan::one(MAIN, Item::Put(key.clone(), value)),
                1 => Plan::one(MAIN, Item::Delete(key.clone())),
                _ => generate::plan(&mut self.rng, &self.state, self.page_size),
            };
            self.commit(&db, &plan);
        }
        let wanted = self
            .state
            .space(MAIN)
            .and_then(|s| s.get(&key))
            .map(|v| v.to_vec());
        assert!(
            db.get(&key).unwrap() == wanted,
            "one-shot get {}",
            check::short(&key)
        );
        if self.rng.chance(30) {
            check::handle(
                &db,
                &self.state,
                self.last_index,
                "one shot reads everything",
            );
        }
    }

    /// Closes a handle and opens another, or has two for a while.
    fn reopen(&mut self) {
        if self.handles.len() < 2 && self.rng.chance(40) {
            return self.open_another();
        }
        let at = self.rng.below(self.handles.len());
        self.say(|| format!("close handle {at}"));
        let closed = self.handles.swap_remove(at);
        if self.rng.chance(70) {
            closed.close().unwrap();
        } // else: dropped, while snapshots and a background checkpoint may keep it alive
        if self.handles.is_empty() || self.rng.chance(50) {
            let options = open_options(&mut self.rng);
            self.say(|| format!("open {options:?}"));
            self.handles.push(options.open(&self.path).unwrap());
        }
        self.check_all("after opening again");
    }
}
