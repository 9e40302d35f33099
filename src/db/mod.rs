//! Scaffold: the signatures of the engine, replaced by the real one at merge.
#![allow(missing_docs, clippy::missing_errors_doc)]

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use crate::format::{Depth, Invariant};
use crate::{Error, Result};

fn absent<T>() -> Result<T> {
    Err(Error::Invalid {
        reason: "the engine is not built in".into(),
    })
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SyncMode {
    #[default]
    Full,
    Normal,
    Off,
}

/// Position in the log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Token {
    pub epoch: u32,
    pub index: u64,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.index)
    }
}

impl FromStr for Token {
    type Err = Error;
    fn from_str(_: &str) -> Result<Self> {
        absent()
    }
}

#[derive(Clone, Debug, Default)]
pub struct OpenOptions;

impl OpenOptions {
    pub fn new() -> Self {
        OpenOptions
    }
    pub fn read_only(self, _: bool) -> Self {
        self
    }
    pub fn sync(self, _: SyncMode) -> Self {
        self
    }
    pub fn lock_timeout(self, _: Duration) -> Self {
        self
    }
    pub fn interest(self, _: Interest) -> Self {
        self
    }
    pub fn hold_lock(self, _: bool) -> Self {
        self
    }
    pub fn background_checkpoint(self, _: bool) -> Self {
        self
    }
    pub fn checkpoint_at(self, _: Option<u64>) -> Self {
        self
    }
    pub fn wal_max(self, _: u64) -> Self {
        self
    }
    pub fn allow_network(self, _: bool) -> Self {
        self
    }
    pub fn allow_hard_links(self, _: bool) -> Self {
        self
    }
    pub fn mmap(self, _: bool) -> Self {
        self
    }
    pub fn open(self, _: impl AsRef<Path>) -> Result<Db> {
        absent()
    }
    pub fn create(self, _: impl AsRef<Path>, _: &CreateOptions) -> Result<Db> {
        absent()
    }
}

#[derive(Clone, Debug)]
pub enum Interest {
    All,
    None,
    Keys(Vec<(String, Vec<u8>)>),
}

#[derive(Clone, Debug)]
pub struct CreateOptions {
    pub page_size: u32,
    pub wal_size: u64,
    pub role: Role,
}

impl Default for CreateOptions {
    fn default() -> Self {
        CreateOptions {
            page_size: 4096,
            wal_size: 1 << 20,
            role: Role::Standalone,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    Standalone,
    Primary,
    Replica,
}

#[derive(Clone)]
pub struct Db {
    recovery: Recovery,
}

impl Db {
    pub fn open(_: impl AsRef<Path>) -> Result<Db> {
        absent()
    }
    pub fn create(_: impl AsRef<Path>) -> Result<Db> {
        absent()
    }
    pub fn get(&self, _: &[u8]) -> Result<Option<Vec<u8>>> {
        absent()
    }
    pub fn put(&self, _: &[u8], _: &[u8]) -> Result<Commit> {
        absent()
    }
    pub fn delete(&self, _: &[u8]) -> Result<Commit> {
        absent()
    }
    pub fn delete_range(&self, _: KeyRange) -> Result<Commit> {
        absent()
    }
    pub fn write(&self, _: Batch) -> Result<Commit> {
        absent()
    }
    pub fn snapshot(&self) -> Result<Snapshot> {
        absent()
    }
    pub fn len(&self) -> Result<u64> {
        absent()
    }
    pub fn is_empty(&self) -> Result<bool> {
        absent()
    }
    pub fn checkpoint(&self, _: &CheckpointOptions, _: &dyn Progress) -> Result<CheckpointReport> {
        absent()
    }
    pub fn checkpoint_due(&self) -> bool {
        false
    }
    pub fn compact(&self, _: &CompactOptions, _: &dyn Progress) -> Result<CompactReport> {
        absent()
    }
    pub fn copy_dense(&self, _: &Path, _: &dyn Progress) -> Result<CompactReport> {
        absent()
    }
    pub fn info(&self) -> Info {
        Info::default()
    }
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }
    pub fn stats(&self, _: &StatsOptions, _: &dyn Progress) -> Result<Stats> {
        absent()
    }
    pub fn path(&self) -> &Path {
        Path::new("")
    }
    pub fn close(self) -> Result<()> {
        absent()
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Commit {
    pub token: Token,
    pub deleted: u64,
}

#[derive(Clone, Debug, Default)]
pub struct Batch {
    count: usize,
    bytes: usize,
}

impl Batch {
    pub fn new() -> Self {
        Batch::default()
    }
    pub fn len(&self) -> usize {
        self.count
    }
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
    pub fn byte_len(&self) -> usize {
        self.bytes
    }
    pub fn keyspace(&mut self, _: &str) -> &mut Self {
        self
    }
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> &mut Self {
        self.count += 1;
        self.bytes += key.len() + value.len();
        self
    }
    pub fn delete(&mut self, key: &[u8]) -> &mut Self {
        self.count += 1;
        self.bytes += key.len();
        self
    }
    pub fn delete_range(&mut self, _: KeyRange) -> &mut Self {
        self
    }
    pub fn drop_keyspace(&mut self) -> &mut Self {
        self
    }
    pub fn require_absent(&mut self, _: &[u8]) -> &mut Self {
        self
    }
    pub fn require_present(&mut self, _: &[u8]) -> &mut Self {
        self
    }
    pub fn require_equals(&mut self, _: &[u8], _: &[u8]) -> &mut Self {
        self
    }
    pub fn require_range_count(&mut self, _: KeyRange, _: u64) -> &mut Self {
        self
    }
    pub fn count_deleted(&mut self, _: bool) -> &mut Self {
        self
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyBound {
    Unbounded,
    Included(Vec<u8>),
    Excluded(Vec<u8>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    pub from: KeyBound,
    pub to: KeyBound,
}

#[derive(Clone)]
pub struct Snapshot;

impl Snapshot {
    pub fn token(&self) -> Token {
        Token { epoch: 0, index: 0 }
    }
    pub fn keyspaces(&self) -> Result<Vec<String>> {
        absent()
    }
    pub fn keyspace(&self, _: &str) -> Result<Keyspace> {
        absent()
    }
    pub fn get(&self, _: &[u8]) -> Result<Option<Vec<u8>>> {
        absent()
    }
}

#[derive(Clone)]
pub struct Keyspace;

impl Keyspace {
    pub fn get(&self, _: &[u8]) -> Result<Option<Vec<u8>>> {
        absent()
    }
    pub fn get_with<R>(&self, _: &[u8], _: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        absent()
    }
    pub fn contains(&self, _: &[u8]) -> Result<bool> {
        absent()
    }
    pub fn count(&self, _: &KeyRange) -> Result<u64> {
        absent()
    }
    pub fn cursor(&self, _: KeyRange) -> Cursor {
        Cursor
    }
    pub fn len(&self) -> Result<u64> {
        absent()
    }
    pub fn is_empty(&self) -> Result<bool> {
        absent()
    }
}

pub struct Cursor;

impl Cursor {
    pub fn next_entry(&mut self) -> Result<Option<(&[u8], &[u8])>> {
        absent()
    }
    pub fn prev_entry(&mut self) -> Result<Option<(&[u8], &[u8])>> {
        absent()
    }
    pub fn next_key(&mut self) -> Result<Option<(&[u8], u64)>> {
        absent()
    }
    pub fn prev_key(&mut self) -> Result<Option<(&[u8], u64)>> {
        absent()
    }
}

pub trait Progress: Sync {
    fn report(&self, done: u64, total: Option<u64>);
    fn stopped(&self) -> bool {
        false
    }
}

pub struct NoProgress;

impl Progress for NoProgress {
    fn report(&self, _: u64, _: Option<u64>) {}
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlotState {
    Valid { generation: u64 },
    Blank,
    Damaged { reason: String },
}

#[derive(Clone, Copy, Debug, Default)]
pub struct RegionInfo {
    pub start_page: u32,
    pub bytes: u64,
    pub region_seq: u64,
    pub first_index: u64,
}

#[derive(Clone, Debug)]
pub struct Info {
    pub path: PathBuf,
    pub format: (u16, u16),
    pub lineage_id: [u8; 16],
    pub file_id: [u8; 16],
    pub page_size: u32,
    pub generation: u64,
    pub role: Role,
    pub fenced: bool,
    pub epoch: u32,
    pub checkpoint_index: u64,
    pub checkpoint_time_ms: u64,
    pub created_time_ms: u64,
    pub entry_count: u64,
    pub logical_bytes: u64,
    pub content_sum: u64,
    pub page_count: u64,
    pub file_bytes: u64,
    pub free_available: u64,
    pub free_pending: u64,
    pub tree_height: u8,
    pub slots: [SlotState; 2],
    pub regions: [RegionInfo; 2],
    pub oldest_pin: Option<u64>,
}

impl Default for Info {
    fn default() -> Self {
        Info {
            path: PathBuf::new(),
            format: (1, 0),
            lineage_id: [0; 16],
            file_id: [0; 16],
            page_size: 4096,
            generation: 0,
            role: Role::Standalone,
            fenced: false,
            epoch: 0,
            checkpoint_index: 0,
            checkpoint_time_ms: 0,
            created_time_ms: 0,
            entry_count: 0,
            logical_bytes: 0,
            content_sum: 0,
            page_count: 0,
            file_bytes: 0,
            free_available: 0,
            free_pending: 0,
            tree_height: 0,
            slots: [SlotState::Blank, SlotState::Blank],
            regions: [RegionInfo::default(); 2],
            oldest_pin: None,
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Recovery {
    pub replayed_frames: u64,
    pub replayed_bytes: u64,
    pub last_index: u64,
    pub torn_bytes: u64,
    pub torn_at: Option<u64>,
    pub header_fallback: bool,
    pub clean: bool,
}

pub fn info(_: &Path) -> Result<Info> {
    absent()
}

pub fn verify(_: &Path, _: &VerifyOptions, _: &dyn Progress) -> Result<VerifyReport> {
    absent()
}

#[derive(Clone, Debug)]
pub struct VerifyOptions {
    pub level: Depth,
    pub max_findings: usize,
    pub expect_index: Option<u64>,
    pub mmap: bool,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        VerifyOptions {
            level: Depth::Full,
            max_findings: 100,
            expect_index: None,
            mmap: true,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Clean,
    Recoverable,
    Damaged,
    Unreadable,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    Note,
    Damage,
}

#[derive(Clone, Debug)]
pub struct VerifyReport {
    pub verdict: Verdict,
    pub findings: Vec<Finding>,
    pub checked: Vec<(Invariant, u64)>,
    pub pages: u64,
    pub bytes: u64,
    pub entries: u64,
    pub frames: u64,
    pub generation: u64,
    pub last_index: u64,
    pub lossless_fallback: bool,
}

#[derive(Clone, Debug)]
pub struct Finding {
    pub id: Invariant,
    pub severity: Severity,
    pub page: Option<u32>,
    pub offset: Option<u64>,
    pub bytes: Option<u64>,
    pub detail: String,
    pub key_from: Option<Vec<u8>>,
    pub key_to: Option<Vec<u8>>,
    pub records_unreachable: Option<u64>,
    pub advice: String,
}

#[derive(Clone, Debug, Default)]
pub struct CheckpointOptions {
    pub dry_run: bool,
    pub rate: Option<u64>,
}

#[derive(Clone, Debug)]
pub struct CheckpointReport {
    pub done: bool,
    pub reason: &'static str,
    pub wal_bytes_before: u64,
    pub wal_bytes_after: u64,
    pub generation: u64,
    pub pages_written: u64,
    pub bytes_written: u64,
    pub blocked: Duration,
    pub dense: bool,
}

#[derive(Clone, Debug, Default)]
pub struct CompactOptions {
    pub dry_run: bool,
    pub min_gain_percent: f64,
    pub rate: Option<u64>,
}

#[derive(Clone, Debug)]
pub struct CompactReport {
    pub done: bool,
    pub reason: &'static str,
    pub bytes_before: u64,
    pub bytes_after: u64,
    pub entries: u64,
    pub content_sum_before: u64,
    pub content_sum_after: u64,
    pub rounds: u64,
}

#[derive(Clone, Debug, Default)]
pub struct StatsOptions {
    pub exact: bool,
    pub sample_pages: u64,
    pub delimiter: Option<u8>,
    pub depth: usize,
    pub biggest: usize,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct PageKinds {
    pub leaf: u64,
    pub branch: u64,
    pub overflow: u64,
    pub free_list: u64,
    pub log: u64,
    pub available: u64,
    pub pending: u64,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Quantiles {
    pub min: u64,
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub max: u64,
    pub mean: f64,
}

#[derive(Clone, Debug, Default)]
pub struct Stats {
    pub entries: u64,
    pub logical_bytes: u64,
    pub file_bytes: u64,
    pub pages: PageKinds,
    pub leaf_fill_percent: f64,
    pub live_bytes: u64,
    pub dead_bytes: u64,
    pub expected_compact_bytes: u64,
    pub key_length: Quantiles,
    pub value_length: Quantiles,
    pub biggest: Vec<(Vec<u8>, u64)>,
    pub prefixes: Vec<(Vec<u8>, u64, u64)>,
    pub keyspaces: Vec<(String, u64)>,
    pub exact: bool,
    pub sampled_pages: u64,
}

#[derive(Clone, Copy, Debug)]
pub enum Inspect {
    Header(u8),
    Page(u32),
    Frame(u64),
    Region(u8),
    FreeList,
}

pub fn inspect(_: &Path, _: Inspect) -> Result<String> {
    absent()
}
