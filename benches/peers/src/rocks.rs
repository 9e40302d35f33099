//! RocksDB through its C interface and the system's library (Debian: librocksdb-dev). Feature
//! `rocksdb`: building it from source takes longer than everything else here together.

use std::ffi::{CString, c_char, c_int, c_uchar};
use std::hint::black_box;
use std::path::Path;
use std::ptr::null_mut;
use std::time::{Duration, Instant};

use crate::Entry;
use crate::stores::{Store, four_threads};

macro_rules! opaque {
    ($($name:ident)*) => { $(#[repr(C)] pub struct $name { _private: [u8; 0] })* };
}

opaque!(Db Options ReadOptions WriteOptions FlushOptions Batch Iter Pinned EnvOptions SstWriter Ingest);

type Len = usize;
type Error = *mut *mut c_char;

#[link(name = "rocksdb")]
unsafe extern "C" {
    fn rocksdb_options_create() -> *mut Options;
    fn rocksdb_options_destroy(o: *mut Options);
    fn rocksdb_options_set_create_if_missing(o: *mut Options, v: c_uchar);
    fn rocksdb_options_increase_parallelism(o: *mut Options, threads: c_int);
    fn rocksdb_options_set_write_buffer_size(o: *mut Options, bytes: Len);
    fn rocksdb_open(o: *const Options, path: *const c_char, e: Error) -> *mut Db;
    fn rocksdb_close(db: *mut Db);
    fn rocksdb_readoptions_create() -> *mut ReadOptions;
    fn rocksdb_readoptions_destroy(o: *mut ReadOptions);
    fn rocksdb_writeoptions_create() -> *mut WriteOptions;
    fn rocksdb_writeoptions_destroy(o: *mut WriteOptions);
    fn rocksdb_writeoptions_set_sync(o: *mut WriteOptions, v: c_uchar);
    fn rocksdb_writeoptions_disable_WAL(o: *mut WriteOptions, v: c_int);
    fn rocksdb_flushoptions_create() -> *mut FlushOptions;
    fn rocksdb_flushoptions_destroy(o: *mut FlushOptions);
    fn rocksdb_flush(db: *mut Db, o: *const FlushOptions, e: Error);
    fn rocksdb_writebatch_create() -> *mut Batch;
    fn rocksdb_writebatch_destroy(b: *mut Batch);
    fn rocksdb_writebatch_put(b: *mut Batch, k: *const u8, kl: Len, v: *const u8, vl: Len);
    fn rocksdb_write(db: *mut Db, o: *const WriteOptions, b: *mut Batch, e: Error);
    fn rocksdb_get_pinned(
        db: *mut Db,
        o: *const ReadOptions,
        k: *const u8,
        kl: Len,
        e: Error,
    ) -> *mut Pinned;
    fn rocksdb_pinnableslice_value(p: *const Pinned, len: *mut Len) -> *const u8;
    fn rocksdb_pinnableslice_destroy(p: *mut Pinned);
    fn rocksdb_create_iterator(db: *mut Db, o: *const ReadOptions) -> *mut Iter;
    fn rocksdb_iter_destroy(i: *mut Iter);
    fn rocksdb_iter_seek_to_first(i: *mut Iter);
    fn rocksdb_iter_seek(i: *mut Iter, k: *const u8, kl: Len);
    fn rocksdb_iter_valid(i: *const Iter) -> c_uchar;
    fn rocksdb_iter_next(i: *mut Iter);
    fn rocksdb_iter_key(i: *const Iter, len: *mut Len) -> *const u8;
    fn rocksdb_iter_value(i: *const Iter, len: *mut Len) -> *const u8;
    fn rocksdb_envoptions_create() -> *mut EnvOptions;
    fn rocksdb_envoptions_destroy(o: *mut EnvOptions);
    fn rocksdb_sstfilewriter_create(e: *const EnvOptions, o: *const Options) -> *mut SstWriter;
    fn rocksdb_sstfilewriter_destroy(w: *mut SstWriter);
    fn rocksdb_sstfilewriter_open(w: *mut SstWriter, path: *const c_char, e: Error);
    fn rocksdb_sstfilewriter_put(
        w: *mut SstWriter,
        k: *const u8,
        kl: Len,
        v: *const u8,
        vl: Len,
        e: Error,
    );
    fn rocksdb_sstfilewriter_finish(w: *mut SstWriter, e: Error);
    fn rocksdb_ingestexternalfileoptions_create() -> *mut Ingest;
    fn rocksdb_ingestexternalfileoptions_destroy(o: *mut Ingest);
    fn rocksdb_ingestexternalfileoptions_set_move_files(o: *mut Ingest, v: c_uchar);
    fn rocksdb_ingest_external_file(
        db: *mut Db,
        files: *const *const c_char,
        n: Len,
        o: *const Ingest,
        e: Error,
    );
}

/// Runs a call that reports errors through a pointer.
fn checked<T>(call: impl FnOnce(Error) -> T) -> T {
    let mut error: *mut c_char = null_mut();
    let result = call(&mut error);
    assert!(error.is_null(), "RocksDB reported an error");
    result
}

fn c_path(path: &Path) -> CString {
    CString::new(path.as_os_str().as_encoded_bytes()).unwrap()
}

// SAFETY: RocksDB's handles may be used by several threads at once.
unsafe impl Sync for Rocks {}

pub struct Rocks {
    db: *mut Db,
    options: *mut Options,
    read: *mut ReadOptions,
    dir: std::path::PathBuf,
}

impl Rocks {
    /// Many entries through the memory table, without its log; a flush makes them durable.
    fn write(&self, entries: &[Entry], log: bool) {
        self.write_in(entries, log, log);
    }

    fn write_in(&self, entries: &[Entry], log: bool, sync: bool) {
        // SAFETY: all handles are live, all slices outlive the calls, which copy them.
        unsafe {
            let options = rocksdb_writeoptions_create();
            rocksdb_writeoptions_set_sync(options, u8::from(sync));
            rocksdb_writeoptions_disable_WAL(options, c_int::from(!log));
            for part in entries.chunks(1000) {
                let batch = rocksdb_writebatch_create();
                for (k, v) in part {
                    rocksdb_writebatch_put(batch, k.as_ptr(), k.len(), v.as_ptr(), v.len());
                }
                checked(|e| rocksdb_write(self.db, options, batch, e));
                rocksdb_writebatch_destroy(batch);
            }
            rocksdb_writeoptions_destroy(options);
            if !log {
                let flush = rocksdb_flushoptions_create();
                checked(|e| rocksdb_flush(self.db, flush, e));
                rocksdb_flushoptions_destroy(flush);
            }
        }
    }

    /// One sorted table file, moved into the database.
    fn ingest(&self, entries: &[Entry]) {
        let file = c_path(&self.dir.join("sorted.sst"));
        // SAFETY: as above; the file name outlives the calls.
        unsafe {
            let env = rocksdb_envoptions_create();
            let writer = rocksdb_sstfilewriter_create(env, self.options);
            checked(|e| rocksdb_sstfilewriter_open(writer, file.as_ptr(), e));
            for (k, v) in entries {
                checked(|e| {
                    rocksdb_sstfilewriter_put(writer, k.as_ptr(), k.len(), v.as_ptr(), v.len(), e)
                });
            }
            checked(|e| rocksdb_sstfilewriter_finish(writer, e));
            let how = rocksdb_ingestexternalfileoptions_create();
            rocksdb_ingestexternalfileoptions_set_move_files(how, 1);
            checked(|e| rocksdb_ingest_external_file(self.db, &file.as_ptr(), 1, how, e));
            rocksdb_ingestexternalfileoptions_destroy(how);
            rocksdb_sstfilewriter_destroy(writer);
            rocksdb_envoptions_destroy(env);
        }
    }

    fn len_of(&self, key: &[u8]) -> usize {
        // SAFETY: the pinned value is looked at before it is given back.
        unsafe {
            let found =
                checked(|e| rocksdb_get_pinned(self.db, self.read, key.as_ptr(), key.len(), e));
            assert!(!found.is_null());
            let mut len = 0;
            black_box(rocksdb_pinnableslice_value(found, &mut len));
            rocksdb_pinnableslice_destroy(found);
            len
        }
    }
}

impl Store for Rocks {
    const NAME: &'static str = "RocksDB";
    fn open(dir: &Path) -> Self {
        // SAFETY: the options outlive the database; the path outlives the call.
        unsafe {
            let options = rocksdb_options_create();
            rocksdb_options_set_create_if_missing(options, 1);
            rocksdb_options_increase_parallelism(options, 2);
            rocksdb_options_set_write_buffer_size(options, 256 << 20);
            let path = c_path(dir);
            let db = checked(|e| rocksdb_open(options, path.as_ptr(), e));
            Rocks {
                db,
                options,
                read: rocksdb_readoptions_create(),
                dir: dir.to_owned(),
            }
        }
    }
    fn load(&self, entries: &[Entry], sorted: bool) {
        if sorted {
            self.ingest(entries);
        } else {
            self.write(entries, false);
        }
    }
    fn put_durable(&self, key: &[u8], value: &[u8]) {
        let entry = (key.try_into().unwrap(), value.try_into().unwrap());
        self.write(&[entry], true);
    }
    fn batch_durable(&self, entries: &[Entry]) {
        self.write(entries, true);
    }
    fn put_unsynced(&self, entries: &[Entry]) -> bool {
        for entry in entries.chunks(1) {
            self.write_in(entry, true, false);
        }
        true
    }
    fn put_threads(&self, first: u64) -> bool {
        four_threads(self, first)
    }
    fn get_many(&self, keys: &[[u8; 24]]) -> Duration {
        let start = Instant::now();
        for key in keys {
            assert_eq!(self.len_of(key), 150);
        }
        start.elapsed()
    }
    fn get_fresh(&self, key: &[u8]) -> usize {
        self.len_of(key)
    }
    fn range_many(&self, keys: &[[u8; 24]]) -> Duration {
        // SAFETY: key and value are looked at before the iterator moves on.
        unsafe {
            let iter = rocksdb_create_iterator(self.db, self.read);
            let start = Instant::now();
            for key in keys {
                rocksdb_iter_seek(iter, key.as_ptr(), key.len());
                for _ in 0..10 {
                    if rocksdb_iter_valid(iter) == 0 {
                        break;
                    }
                    let (mut k, mut v) = (0, 0);
                    black_box(rocksdb_iter_key(iter, &mut k));
                    black_box(rocksdb_iter_value(iter, &mut v));
                    rocksdb_iter_next(iter);
                }
            }
            let took = start.elapsed();
            rocksdb_iter_destroy(iter);
            took
        }
    }
    fn scan(&self) -> u64 {
        // SAFETY: as above.
        unsafe {
            let iter = rocksdb_create_iterator(self.db, self.read);
            rocksdb_iter_seek_to_first(iter);
            let mut sum = 0;
            while rocksdb_iter_valid(iter) != 0 {
                let (mut k, mut v) = (0, 0);
                black_box(rocksdb_iter_key(iter, &mut k));
                black_box(rocksdb_iter_value(iter, &mut v));
                sum += (k + v) as u64;
                rocksdb_iter_next(iter);
            }
            rocksdb_iter_destroy(iter);
            sum
        }
    }
}

impl Drop for Rocks {
    fn drop(&mut self) {
        // SAFETY: nothing uses the handles afterwards.
        unsafe {
            rocksdb_readoptions_destroy(self.read);
            rocksdb_close(self.db);
            rocksdb_options_destroy(self.options);
        }
    }
}
