//! One way to drive each store, as its own documents recommend for the task.

use std::hint::black_box;
use std::ops::Bound;
use std::path::Path;
use std::time::{Duration, Instant};

use heed::types::Bytes;
use rusqlite::params;

use crate::{Entry, key, value};

pub trait Store {
    const NAME: &'static str;
    fn open(dir: &Path) -> Self;
    /// Loads everything, durable when it returns.
    fn load(&self, entries: &[Entry], sorted: bool);
    fn put_durable(&self, key: &[u8], value: &[u8]);
    fn batch_durable(&self, entries: &[Entry]);
    /// Commits each entry by itself without a sync; false where the store has no such mode that
    /// can be chosen for an open database.
    fn put_unsynced(&self, _: &[Entry]) -> bool {
        false
    }
    /// 200 durable puts by each of 4 threads; false where one handle is for one thread.
    fn put_threads(&self, _: u64) -> bool {
        false
    }
    /// Gets with one snapshot.
    fn get_many(&self, keys: &[[u8; 24]]) -> Duration;
    /// A get that sees the newest commit; gives the value's length.
    fn get_fresh(&self, key: &[u8]) -> usize;
    /// Ranges of 10 entries from each key, with one snapshot.
    fn range_many(&self, keys: &[[u8; 24]]) -> Duration;
    /// Bytes of all keys and values.
    fn scan(&self) -> u64;
}

pub fn four_threads<S: Store + Sync>(store: &S, first: u64) -> bool {
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let at = first + thread * 1000;
            scope.spawn(move || {
                for i in at..at + 200 {
                    store.put_durable(&key(i), &value(i));
                }
            });
        }
    });
    true
}

pub struct Creel(creel::Db);

impl Store for Creel {
    const NAME: &'static str = "creel";
    fn open(dir: &Path) -> Self {
        let path = dir.join("db");
        Creel(
            if path.exists() {
                creel::Db::open(path)
            } else {
                creel::Db::create(path)
            }
            .unwrap(),
        )
    }
    fn load(&self, entries: &[Entry], sorted: bool) {
        let rows = entries.iter().map(|(k, v)| Ok((&k[..], &v[..])));
        if sorted {
            self.0.bulk_load("main", rows, &creel::NoProgress).unwrap();
        } else {
            self.0
                .bulk_load_unsorted("main", rows, 1 << 30, &creel::NoProgress)
                .unwrap();
        }
    }
    fn put_durable(&self, key: &[u8], value: &[u8]) {
        self.0.put(key, value).unwrap();
    }
    fn batch_durable(&self, entries: &[Entry]) {
        let mut batch = creel::Batch::new();
        for (key, value) in entries {
            batch.put(key, value);
        }
        self.0.write(batch).unwrap();
    }
    fn put_unsynced(&self, entries: &[Entry]) -> bool {
        let options = creel::OpenOptions::new()
            .sync(creel::SyncMode::Off)
            .hold_lock(true);
        let db = options.open(self.0.path()).unwrap();
        for (key, value) in entries {
            db.put(key, value).unwrap();
        }
        true
    }
    fn put_threads(&self, first: u64) -> bool {
        four_threads(self, first)
    }
    fn get_many(&self, keys: &[[u8; 24]]) -> Duration {
        let main = self.0.snapshot().unwrap().keyspace("main").unwrap();
        let start = Instant::now();
        for key in keys {
            assert_eq!(
                main.get_with(key, |v| black_box(v).len()).unwrap(),
                Some(150)
            );
        }
        start.elapsed()
    }
    fn get_fresh(&self, key: &[u8]) -> usize {
        let main = self.0.snapshot().unwrap().keyspace("main").unwrap();
        main.get_with(key, <[u8]>::len).unwrap().unwrap()
    }
    fn range_many(&self, keys: &[[u8; 24]]) -> Duration {
        let main = self.0.snapshot().unwrap().keyspace("main").unwrap();
        let start = Instant::now();
        for key in keys {
            let from = creel::KeyBound::Included(key.to_vec());
            let mut cursor = main.cursor(&creel::KeyRange {
                from,
                to: creel::KeyBound::Unbounded,
            });
            for _ in 0..10 {
                black_box(cursor.next_entry().unwrap());
            }
        }
        start.elapsed()
    }
    fn scan(&self) -> u64 {
        let main = self.0.snapshot().unwrap().keyspace("main").unwrap();
        let mut cursor = main.cursor(&creel::KeyRange::all());
        let mut bytes = 0;
        while let Some((key, value)) = cursor.next_entry().unwrap() {
            bytes += (key.len() + black_box(value).len()) as u64;
        }
        bytes
    }
}

pub struct Lmdb(heed::Env, heed::Database<Bytes, Bytes>);

impl Store for Lmdb {
    const NAME: &'static str = "lmdb";
    fn open(dir: &Path) -> Self {
        let mut options = heed::EnvOpenOptions::new();
        // SAFETY: nobody else touches this directory.
        let env = unsafe { options.map_size(32 << 30).open(dir) }.unwrap();
        let mut tx = env.write_txn().unwrap();
        let db = env.create_database(&mut tx, None).unwrap();
        tx.commit().unwrap();
        Lmdb(env, db)
    }
    fn load(&self, entries: &[Entry], sorted: bool) {
        let mut tx = self.0.write_txn().unwrap();
        let flags = if sorted {
            heed::PutFlags::APPEND
        } else {
            heed::PutFlags::empty()
        };
        for (key, value) in entries {
            self.1.put_with_flags(&mut tx, flags, key, value).unwrap();
        }
        tx.commit().unwrap();
    }
    fn put_durable(&self, key: &[u8], value: &[u8]) {
        let mut tx = self.0.write_txn().unwrap();
        self.1.put(&mut tx, key, value).unwrap();
        tx.commit().unwrap();
    }
    fn batch_durable(&self, entries: &[Entry]) {
        self.load(entries, false);
    }
    fn put_threads(&self, first: u64) -> bool {
        four_threads(self, first)
    }
    fn get_many(&self, keys: &[[u8; 24]]) -> Duration {
        let tx = self.0.read_txn().unwrap();
        let start = Instant::now();
        for key in keys {
            assert_eq!(
                black_box(self.1.get(&tx, key).unwrap()).map(<[u8]>::len),
                Some(150)
            );
        }
        start.elapsed()
    }
    fn get_fresh(&self, key: &[u8]) -> usize {
        let tx = self.0.read_txn().unwrap();
        self.1.get(&tx, key).unwrap().unwrap().len()
    }
    fn range_many(&self, keys: &[[u8; 24]]) -> Duration {
        let tx = self.0.read_txn().unwrap();
        let start = Instant::now();
        for key in keys {
            let from = (Bound::Included(&key[..]), Bound::Unbounded);
            for entry in self.1.range(&tx, &from).unwrap().take(10) {
                black_box(entry.unwrap());
            }
        }
        start.elapsed()
    }
    fn scan(&self) -> u64 {
        let tx = self.0.read_txn().unwrap();
        let entries = self.1.iter(&tx).unwrap();
        entries
            .map(|e| {
                e.map(|(k, v)| (k.len() + black_box(v).len()) as u64)
                    .unwrap()
            })
            .sum()
    }
}

const TABLE: redb::TableDefinition<'_, &[u8], &[u8]> = redb::TableDefinition::new("main");

pub struct Redb(redb::Database);

impl Store for Redb {
    const NAME: &'static str = "redb";
    fn open(dir: &Path) -> Self {
        Redb(redb::Database::create(dir.join("db")).unwrap())
    }
    fn load(&self, entries: &[Entry], _: bool) {
        let tx = self.0.begin_write().unwrap();
        {
            let mut table = tx.open_table(TABLE).unwrap();
            for (key, value) in entries {
                table.insert(&key[..], &value[..]).unwrap();
            }
        }
        tx.commit().unwrap();
    }
    fn put_durable(&self, key: &[u8], value: &[u8]) {
        let tx = self.0.begin_write().unwrap();
        tx.open_table(TABLE).unwrap().insert(key, value).unwrap();
        tx.commit().unwrap();
    }
    fn batch_durable(&self, entries: &[Entry]) {
        self.load(entries, false);
    }
    fn put_unsynced(&self, entries: &[Entry]) -> bool {
        for (key, value) in entries {
            let mut tx = self.0.begin_write().unwrap();
            tx.set_durability(redb::Durability::None).unwrap();
            tx.open_table(TABLE)
                .unwrap()
                .insert(&key[..], &value[..])
                .unwrap();
            tx.commit().unwrap();
        }
        true
    }
    fn put_threads(&self, first: u64) -> bool {
        four_threads(self, first)
    }
    fn get_many(&self, keys: &[[u8; 24]]) -> Duration {
        use redb::ReadableDatabase;
        let table = self.0.begin_read().unwrap().open_table(TABLE).unwrap();
        let start = Instant::now();
        for key in keys {
            assert_eq!(table.get(&key[..]).unwrap().unwrap().value().len(), 150);
        }
        start.elapsed()
    }
    fn get_fresh(&self, key: &[u8]) -> usize {
        use redb::ReadableDatabase;
        let table = self.0.begin_read().unwrap().open_table(TABLE).unwrap();
        table.get(key).unwrap().unwrap().value().len()
    }
    fn range_many(&self, keys: &[[u8; 24]]) -> Duration {
        use redb::ReadableDatabase;
        let table = self.0.begin_read().unwrap().open_table(TABLE).unwrap();
        let start = Instant::now();
        for key in keys {
            for entry in table.range(&key[..]..).unwrap().take(10) {
                black_box(entry.unwrap().1.value().len());
            }
        }
        start.elapsed()
    }
    fn scan(&self) -> u64 {
        use redb::{ReadableDatabase, ReadableTable};
        let table = self.0.begin_read().unwrap().open_table(TABLE).unwrap();
        let entries = table.iter().unwrap();
        let len = |(k, v): (redb::AccessGuard<'_, &[u8]>, redb::AccessGuard<'_, &[u8]>)| {
            (k.value().len() + black_box(v.value()).len()) as u64
        };
        entries.map(|e| len(e.unwrap())).sum()
    }
}

pub struct Fjall(fjall::Keyspace, fjall::PartitionHandle);

impl Store for Fjall {
    const NAME: &'static str = "fjall";
    fn open(dir: &Path) -> Self {
        let keyspace = fjall::Config::new(dir).open().unwrap();
        let part = keyspace.open_partition("main", Default::default()).unwrap();
        Fjall(keyspace, part)
    }
    fn load(&self, entries: &[Entry], _: bool) {
        for (key, value) in entries {
            self.1.insert(key, value).unwrap();
        }
        self.0.persist(fjall::PersistMode::SyncData).unwrap();
    }
    fn put_durable(&self, key: &[u8], value: &[u8]) {
        self.1.insert(key, value).unwrap();
        self.0.persist(fjall::PersistMode::SyncData).unwrap();
    }
    fn batch_durable(&self, entries: &[Entry]) {
        let mut batch = self.0.batch();
        for (key, value) in entries {
            batch.insert(&self.1, key, value);
        }
        batch.commit().unwrap();
        self.0.persist(fjall::PersistMode::SyncData).unwrap();
    }
    fn put_unsynced(&self, entries: &[Entry]) -> bool {
        for (key, value) in entries {
            self.1.insert(key, value).unwrap();
        }
        true
    }
    fn put_threads(&self, first: u64) -> bool {
        four_threads(self, first)
    }
    fn get_many(&self, keys: &[[u8; 24]]) -> Duration {
        let snapshot = self.1.snapshot();
        let start = Instant::now();
        for key in keys {
            assert_eq!(snapshot.get(key).unwrap().unwrap().len(), 150);
        }
        start.elapsed()
    }
    fn get_fresh(&self, key: &[u8]) -> usize {
        self.1.get(key).unwrap().unwrap().len()
    }
    fn range_many(&self, keys: &[[u8; 24]]) -> Duration {
        let snapshot = self.1.snapshot();
        let start = Instant::now();
        for key in keys {
            for entry in snapshot.range(&key[..]..).take(10) {
                black_box(entry.unwrap());
            }
        }
        start.elapsed()
    }
    fn scan(&self) -> u64 {
        self.1
            .iter()
            .map(|e| e.map(|(k, v)| (k.len() + v.len()) as u64).unwrap())
            .sum()
    }
}

pub struct Sqlite(rusqlite::Connection);

impl Store for Sqlite {
    const NAME: &'static str = "sqlite";
    fn open(dir: &Path) -> Self {
        let db = rusqlite::Connection::open(dir.join("db")).unwrap();
        db.pragma_update(None, "journal_mode", "WAL").unwrap();
        db.pragma_update(None, "synchronous", "FULL").unwrap();
        db.pragma_update(None, "mmap_size", 1i64 << 34).unwrap();
        let create = "CREATE TABLE IF NOT EXISTS kv (k BLOB PRIMARY KEY, v BLOB) WITHOUT ROWID";
        db.execute(create, []).unwrap();
        Sqlite(db)
    }
    fn load(&self, entries: &[Entry], _: bool) {
        self.0.execute_batch("BEGIN").unwrap();
        {
            let mut insert = self
                .0
                .prepare_cached("INSERT OR REPLACE INTO kv VALUES (?, ?)")
                .unwrap();
            for (key, value) in entries {
                insert.execute(params![&key[..], &value[..]]).unwrap();
            }
        }
        self.0.execute_batch("COMMIT").unwrap();
    }
    fn put_durable(&self, key: &[u8], value: &[u8]) {
        let mut insert = self
            .0
            .prepare_cached("INSERT OR REPLACE INTO kv VALUES (?, ?)")
            .unwrap();
        insert.execute(params![key, value]).unwrap();
    }
    fn batch_durable(&self, entries: &[Entry]) {
        self.load(entries, false);
    }
    fn put_unsynced(&self, entries: &[Entry]) -> bool {
        self.0.pragma_update(None, "synchronous", "OFF").unwrap();
        for (key, value) in entries {
            self.put_durable(key, value);
        }
        self.0.pragma_update(None, "synchronous", "FULL").unwrap();
        true
    }
    fn get_many(&self, keys: &[[u8; 24]]) -> Duration {
        self.0.execute_batch("BEGIN").unwrap();
        let start = Instant::now();
        for key in keys {
            assert_eq!(self.get_fresh(key), 150);
        }
        let took = start.elapsed();
        self.0.execute_batch("COMMIT").unwrap();
        took
    }
    fn get_fresh(&self, key: &[u8]) -> usize {
        let mut select = self
            .0
            .prepare_cached("SELECT v FROM kv WHERE k = ?")
            .unwrap();
        select
            .query_row([key], |row| {
                row.get_ref(0).map(|v| v.as_blob().unwrap().len())
            })
            .unwrap()
    }
    fn range_many(&self, keys: &[[u8; 24]]) -> Duration {
        let sql = "SELECT k, v FROM kv WHERE k >= ? ORDER BY k LIMIT 10";
        self.0.execute_batch("BEGIN").unwrap();
        let mut select = self.0.prepare_cached(sql).unwrap();
        let start = Instant::now();
        for key in keys {
            let mut rows = select.query([&key[..]]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                black_box(row.get_ref(1).unwrap().as_blob().unwrap().len());
            }
        }
        let took = start.elapsed();
        drop(select);
        self.0.execute_batch("COMMIT").unwrap();
        took
    }
    fn scan(&self) -> u64 {
        let mut select = self
            .0
            .prepare_cached("SELECT k, v FROM kv ORDER BY k")
            .unwrap();
        let mut rows = select.query([]).unwrap();
        let mut bytes = 0;
        while let Some(row) = rows.next().unwrap() {
            let len = |i| row.get_ref(i).unwrap().as_blob().unwrap().len() as u64;
            bytes += len(0) + len(1);
        }
        bytes
    }
}
