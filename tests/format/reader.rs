//! `reader.py`, written from `docs/format.md` alone, reads a file that the encoders made.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use creel::format::branch::{BranchBuilder, ChildRef, separator};
use creel::format::checksum::History;
use creel::format::frame::{EntryHeader, EntryKind, Envelope, push_frame};
use creel::format::header::Header;
use creel::format::key::FullKey;
use creel::format::leaf::{LeafBuilder, StoredValue};
use creel::format::op::Op;
use creel::format::region::RegionHeader;
use creel::{Batch, CheckpointOptions, CreateOptions, KeyRange, NoProgress, OpenOptions, SyncMode};

use crate::rng::Rng;
use crate::samples;

const PAGE: usize = 4096;

/// A file with a tree of two levels, a large value, and a log in both regions.
struct Sample {
    bytes: Vec<u8>,
    expected: BTreeMap<Vec<u8>, Vec<u8>>,
    header: Header,
    /// Where each frame starts, in log order.
    frames: Vec<usize>,
    root: usize,
    large: usize,
}

impl Sample {
    fn put_page(&mut self, id: u32, page: &[u8]) {
        let at = id as usize * PAGE;
        self.bytes[at..at + page.len()].copy_from_slice(page);
    }

    fn write_header(&mut self) {
        let at = self.header.slot_offset() as usize;
        self.bytes[at..at + 512].copy_from_slice(&self.header.encode());
    }

    fn tree(&mut self, rng: &mut Rng) {
        let large = rng.bytes(10_000);
        let (extent, reference) = samples::overflow(PAGE, 600, &large);
        self.put_page(600, &extent);
        self.large = 600 * PAGE + 5000;
        let mut branch = BranchBuilder::new(PAGE);
        let mut page = Vec::new();
        let mut last = Vec::new();
        let mut next = 610;
        let mut builder = LeafBuilder::new(PAGE);
        let mut entries: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        for n in 0..200 {
            let len = rng.below(100);
            entries.insert(format!("key{n:05}").into_bytes(), rng.bytes(len));
        }
        entries.insert(b"key00050".to_vec(), large);
        let mut all: Vec<_> = entries
            .iter()
            .map(|(k, v)| (FullKey::new(1, k).to_vec(), v))
            .collect();
        let (id, other) = (300u32.to_le_bytes().to_vec(), b"elsewhere".to_vec());
        all.insert(0, (creel::format::key::catalogue_key(b"fruit"), &id));
        all.push((FullKey::new(300, b"key00001").to_vec(), &other));
        let mut first = Vec::new();
        let mut finish = |this: &mut Self, b: &mut LeafBuilder, first: &[u8], last: &[u8]| {
            let crc = b.write(&mut page, next, 2);
            this.put_page(next, &page);
            let child = ChildRef {
                page: next,
                crc,
                entries: b.count() as u64,
            };
            assert!(branch.push(
                if last.is_empty() {
                    b""
                } else {
                    separator(last, first)
                },
                child
            ));
            next += 1;
            b.clear();
        };
        let mut before_first = Vec::new();
        for (key, value) in &all {
            let stored = if value.len() > 1000 {
                StoredValue::Overflow(reference)
            } else {
                StoredValue::Inline(value)
            };
            if !builder.push(key, &stored) {
                finish(self, &mut builder, &first, &before_first);
                before_first = last.clone();
                first.clear();
                assert!(builder.push(key, &stored));
            }
            if first.is_empty() {
                first = key.clone();
            }
            last = key.clone();
        }
        finish(self, &mut builder, &first, &before_first);
        let crc = branch.write(&mut page, 609, 2, 1);
        self.put_page(609, &page);
        (
            self.header.root_page,
            self.header.root_crc,
            self.header.root_height,
        ) = (609, crc, 2);
        self.header.entry_count = all.len() as u64 - 1;
        self.root = 609 * PAGE;
        self.expected = entries;
    }

    /// Entries 4 and 5 are at the end of region 1, 6 to 8 in region 0; the checkpoint is 4.
    fn log(&mut self, last: EntryKind) {
        let put = |key, value| Op::Put {
            keyspace: 1,
            key,
            value,
        };
        let groups: [&[Op<'_>]; 5] = [
            &[put(b"key00001", b"in the tree already")],
            &[put(b"new", b"1"), put(b"key00002", b"")],
            &[
                Op::Delete {
                    keyspace: 1,
                    key: b"new",
                },
                Op::Delete {
                    keyspace: 1,
                    key: b"none",
                },
            ],
            &[
                Op::DeleteRange {
                    keyspace: 1,
                    from: b"key00100",
                    to: b"key00150",
                },
                put(b"z", b"\0"),
            ],
            &[
                Op::DeleteRange {
                    keyspace: 1,
                    from: b"key00190",
                    to: b"key00191",
                },
                Op::DropKeyspace {
                    id: 300,
                    name: b"fruit",
                },
            ],
        ];
        let mut history: History = *b"history 16 bytes";
        let (mut prev_crc, mut at) = (77, 128);
        let mut base = self.header.regions[1].start_page as usize * PAGE;
        let mut salt = samples::SALT ^ 1;
        self.begin_region(base, salt, 11, 4, history, 0, prev_crc);
        for (n, ops) in groups.iter().enumerate() {
            let index = 4 + n as u64;
            if index == 6 {
                base = self.header.regions[0].start_page as usize * PAGE;
                salt = samples::SALT;
                self.begin_region(base, salt, 12, 6, history, at, prev_crc);
                at = 128;
            }
            if index == 5 {
                self.header.history = history;
            }
            let mut payload = Vec::new();
            ops.iter().for_each(|op| op.encode(&mut payload));
            let entry = EntryHeader {
                payload_len: payload.len() as u32,
                kind: if index == 8 { last } else { EntryKind::Commit },
                index,
                epoch: 1,
                op_count: ops.len() as u32,
                time_us: index,
                history_before: history,
            };
            let units = (at / 8) as u32;
            let envelope = Envelope {
                own_units: units,
                synced_units: units,
                durable_gen: 2,
                prev_crc,
            };
            let mut frame = Vec::new();
            prev_crc = push_frame(&mut frame, salt, &envelope, &entry, &payload);
            self.bytes[base + at..base + at + frame.len()].copy_from_slice(&frame);
            self.frames.push(base + at);
            at += frame.len();
            history = entry.history_after(&payload);
        }
        self.header.checkpoint_index = 4;
        let e = &mut self.expected;
        e.insert(b"key00002".to_vec(), Vec::new());
        e.insert(b"z".to_vec(), vec![0]);
        e.retain(|k, _| !(b"key00100"[..] <= k[..] && k[..] < b"key00150"[..]) && k != b"key00190");
    }

    #[allow(clippy::too_many_arguments)]
    fn begin_region(
        &mut self,
        base: usize,
        salt: u64,
        region_seq: u64,
        first_index: u64,
        history: History,
        end: usize,
        prev_crc: u32,
    ) {
        let region = RegionHeader {
            salt,
            region_seq,
            first_index,
            history,
            prev_end_units: (end / 8) as u32,
            prev_crc,
            epoch: 1,
            durable_gen: 2,
            file_id_low: u32::from_le_bytes(*b"file"),
        };
        self.bytes[base..base + 128].copy_from_slice(&region.encode());
    }
}

fn sample() -> Sample {
    sample_ending_with(EntryKind::Commit)
}

fn sample_ending_with(last: EntryKind) -> Sample {
    let mut header = samples::new_header(12);
    header.page_count += 200;
    let mut sample = Sample {
        bytes: vec![0; header.page_count as usize * PAGE],
        expected: BTreeMap::new(),
        header,
        frames: Vec::new(),
        root: 0,
        large: 0,
    };
    sample.write_header();
    let first_crc = sample.header.crc();
    sample.tree(&mut Rng::new(1));
    sample.log(last);
    sample.header.regions[1].region_seq = 11;
    sample.header.regions[1].first_index = 4;
    sample.header.generation = 2;
    sample.header.prev_header_crc = first_crc;
    sample.write_header();
    sample
}

/// Runs the reader; `None` where there is no Python.
fn read(bytes: &[u8]) -> Option<Output> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sample.creel");
    std::fs::write(&file, bytes).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/format/reader.py");
    match Command::new("python3")
        .arg("-B")
        .arg(script)
        .arg(&file)
        .output()
    {
        Ok(output) => Some(output),
        Err(e) => {
            crate::skip::skipped("python3", &format!("the reader made from format.md: {e}"));
            None
        }
    }
}

fn listing(entries: &BTreeMap<Vec<u8>, Vec<u8>>) -> String {
    let hex = |b: &[u8]| b.iter().map(|b| format!("{b:02x}")).collect::<String>();
    entries
        .iter()
        .map(|(k, v)| format!("{}\t{}\n", hex(k), hex(v)))
        .collect()
}

fn assert_status(bytes: &[u8], status: i32, says: &str) {
    let Some(output) = read(bytes) else { return };
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(status), "{message}");
    assert!(message.contains(says), "{says} expected: {message}");
}

#[test]
fn lists_tree_and_log() {
    let sample = sample();
    let Some(output) = read(&sample.bytes) else {
        return;
    };
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        listing(&sample.expected)
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn an_empty_database_has_no_entries() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.creel");
    let options = CreateOptions {
        page_size: 65536,
        ..CreateOptions::default()
    };
    OpenOptions::new().create(&path, &options).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    assert_status(&bytes, 0, "");
    bytes[8192] = 0;
    assert_status(&bytes, 5, "no creel header");
}

/// A file of the engine, at many moments: after commits, checkpoints and switches of regions.
#[test]
fn files_of_the_engine_read_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("real.creel");
    let create = CreateOptions {
        wal_size: 64 << 10,
        ..CreateOptions::default()
    };
    let options = OpenOptions::new()
        .background_checkpoint(false)
        .sync(SyncMode::Off);
    let db = options.create(&path, &create).unwrap();
    let mut rng = Rng::new(7);
    let mut expected = BTreeMap::new();
    for round in 0..12 {
        let mut batch = Batch::new();
        for _ in 0..40 {
            let key = format!("key{:04}", rng.below(300)).into_bytes();
            let len = if rng.below(20) == 0 {
                5000
            } else {
                rng.below(200)
            };
            let value = rng.bytes(len);
            batch.put(&key, &value);
            expected.insert(key, value);
        }
        batch.keyspace("other").put(b"n", &[round]);
        db.write(batch).unwrap();
        if round % 4 == 3 {
            db.delete_range(&KeyRange::prefix(b"key00")).unwrap();
            expected.retain(|k, _| !k.starts_with(b"key00"));
            db.checkpoint(&CheckpointOptions::default(), &NoProgress)
                .unwrap();
        }
        let Some(output) = read(&std::fs::read(&path).unwrap()) else {
            return;
        };
        assert_eq!(
            String::from_utf8(output.stderr).unwrap(),
            "",
            "round {round}"
        );
        let lines = String::from_utf8(output.stdout).unwrap();
        assert!(lines == listing(&expected), "round {round}");
    }
}

#[test]
fn a_region_header_torn_with_its_first_frame_is_no_damage() {
    let mut sample = sample();
    let region = sample.header.regions[0].start_page as usize * PAGE;
    sample.bytes[region + 20] ^= 1;
    // Entries 7 and 8 prove that the header had been durable.
    assert_status(&sample.bytes, 4, "W2");
    let end = region + sample.header.regions[0].pages as usize * PAGE;
    sample.bytes[sample.frames[3]..end].fill(0);
    assert_status(&sample.bytes, 0, "");
}

#[test]
fn a_torn_last_frame_is_left_out() {
    let mut sample = sample();
    sample.bytes[sample.frames[4] + 81] ^= 1;
    let Some(output) = read(&sample.bytes) else {
        return;
    };
    assert_eq!(output.status.code(), Some(0));
    // Without entry 8 the one key that it deletes is still there.
    let lines = String::from_utf8(output.stdout).unwrap();
    assert_eq!(lines.lines().count(), sample.expected.len() + 1);
}

#[test]
fn a_bulk_load_at_the_end_is_dropped_unless_its_header_may_be_lost() {
    let mut sample = sample_ending_with(EntryKind::Bulk);
    let Some(output) = read(&sample.bytes) else {
        return;
    };
    assert_eq!(output.status.code(), Some(0));
    let lines = String::from_utf8(output.stdout).unwrap();
    assert_eq!(lines.lines().count(), sample.expected.len() + 1);
    sample.bytes[8192 + 100] ^= 1;
    assert_status(&sample.bytes, 4, "W5");
}

#[test]
fn damage_is_told() {
    let whole = sample();
    let changed = |at: usize| {
        let mut bytes = whole.bytes.clone();
        bytes[at] ^= 0x20;
        bytes
    };
    assert_status(&changed(whole.root + 100), 4, "P1");
    assert_status(&changed(whole.large), 4, "T10");
    assert_status(&changed(whole.frames[2] + 30), 4, "W6");
    assert_status(&changed(whole.frames[3] + 81), 4, "W6");
    // The last frame of the older region: nothing in the region follows, but the newer one knows.
    assert_status(&changed(whole.frames[1] + 81), 4, "W5");
    // The older region is needed: entry 5 is there only.
    let region = whole.header.regions[1].start_page as usize * PAGE;
    assert_status(&changed(region + 20), 4, "W5");
    assert_status(&whole.bytes[..whole.bytes.len() - 1], 4, "H7");
}
