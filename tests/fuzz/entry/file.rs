//! A whole file, changed here and there with checksums that may be made to fit, and what is then
//! done with it.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use creel::format::checksum::{crc, crc_append};
use creel::format::page::{PageKind, seal};
use creel::format::{SLOT_OFFSETS, SLOT_SIZE};
use creel::salvage::{Salvage, SalvageOptions};
use creel::sys::{Access, Vfs};
use creel::{
    BackupOptions, Batch, CheckpointOptions, CompactOptions, CreateOptions, Db, Depth, KeyRange,
    NoProgress, OpenOptions, VerifyOptions,
};

use super::support::sim::SimDisk;

const PATH: &str = "db";
const PAGE: usize = 4096;

/// Where the first log region begins, and how long each is.
const LOG: usize = 4 * PAGE;
const REGION: usize = 64 << 10;

/// A file of about 200 KiB with pages and entries of all kinds.
fn base() -> &'static [u8] {
    static BASE: OnceLock<Vec<u8>> = OnceLock::new();
    BASE.get_or_init(|| make().expect("a database is made"))
}

fn make() -> creel::Result<Vec<u8>> {
    let disk = SimDisk::new(1);
    let create = CreateOptions {
        wal_size: REGION as u64,
        ..CreateOptions::default()
    };
    let db = options(&disk).create(PATH, &create)?;
    let mut batch = Batch::new();
    for i in 0..90u32 {
        batch.put(format!("key {i:04}").as_bytes(), &[i as u8; 90]);
    }
    batch.put(b"large", &[7; 6_000]);
    db.write(batch)?;
    for i in 0..4u32 {
        db.checkpoint(&CheckpointOptions::default(), &NoProgress)?;
        db.put(format!("key {:04}", i * 20).as_bytes(), b"changed")?;
    }
    let mut batch = Batch::new();
    batch.keyspace("other").put(b"a", b"1");
    batch.import_position(b"in.jsonl", Some(b"line 9"));
    batch.keyspace("main");
    batch.delete_range(&KeyRange::from_to(b"key 0010", b"key 0015"));
    db.write(batch)?;
    drop(db);
    Ok(disk.contents(Path::new(PATH)).unwrap_or_default())
}

fn options(disk: &Arc<SimDisk>) -> OpenOptions {
    let options = OpenOptions::new().vfs(Arc::clone(disk) as _).mmap(false);
    options.background_checkpoint(false).checkpoint_at(None)
}

/// Changes bytes as the data says; gives what is left of it.
fn patch<'d>(bytes: &mut [u8], range: std::ops::Range<usize>, data: &'d [u8]) -> &'d [u8] {
    let Some((&count, mut rest)) = data.split_first() else {
        return data;
    };
    for _ in 0..count % 16 {
        let Some((&[a, b, c, value, how], after)) = rest.split_first_chunk::<5>() else {
            return &[];
        };
        rest = after;
        let at = range.start + u32::from_le_bytes([a, b, c, 0]) as usize % range.len();
        let width = [1, 2, 4, 8][usize::from(how >> 6)].min(bytes.len() - at);
        bytes[at..at + width].fill(value);
        if how & 1 != 0 && at >= LOG + 2 * REGION {
            let page = at / PAGE * PAGE;
            reseal_page(&mut bytes[page..page + PAGE]);
        }
        if how & 2 != 0 {
            for slot in SLOT_OFFSETS {
                let slot = &mut bytes[slot as usize..slot as usize + SLOT_SIZE];
                let sum = crc(&slot[..SLOT_SIZE - 4]);
                slot[SLOT_SIZE - 4..].copy_from_slice(&sum.to_le_bytes());
            }
        }
        if how & 4 != 0 {
            reseal_log(&mut bytes[LOG..LOG + REGION]);
            reseal_log(&mut bytes[LOG + REGION..LOG + 2 * REGION]);
        }
    }
    rest
}

fn reseal_page(page: &mut [u8]) {
    let kind = match page[16] {
        1 => PageKind::Leaf,
        2 => PageKind::Branch,
        3 => PageKind::Overflow,
        _ => PageKind::FreeList,
    };
    seal(page, kind);
}

/// Makes the checksums of a region's header and of the entries that follow it fit.
fn reseal_log(region: &mut [u8]) {
    let sum = crc(&region[..124]);
    region[124..128].copy_from_slice(&sum.to_le_bytes());
    let salt: [u8; 8] = region[8..16].try_into().unwrap_or_default();
    let mut at = 128;
    while at + 84 < region.len() && region[at..at + 4] == salt[..4] {
        let frame = &mut region[at..];
        let sum = crc_append(crc_append(crc(&salt), &frame[..28]), &frame[32..80]);
        frame[28..32].copy_from_slice(&sum.to_le_bytes());
        let len = u32::from_le_bytes([frame[32], frame[33], frame[34], frame[35]]) as usize;
        let end = 80 + len;
        if end + 4 > frame.len() {
            return;
        }
        let sum = crc(&frame[32..end]);
        frame[end..end + 4].copy_from_slice(&sum.to_le_bytes());
        at += (end + 4).next_multiple_of(8);
    }
}

/// Changes in the log; it is opened and verified.
pub fn log(data: &[u8]) {
    let mut bytes = base().to_vec();
    patch(&mut bytes, LOG..LOG + 2 * REGION, data);
    let disk = SimDisk::new(2);
    disk.install(Path::new(PATH), &bytes);
    verify(&disk, Depth::Deep);
    if let Ok(db) = options(&disk).open(PATH) {
        read_all(&db);
        let _ = db.put(b"after", b"1");
    }
}

/// Changes anywhere, another length, and a script of what is done with the file.
pub fn file(data: &[u8]) {
    let mut bytes = base().to_vec();
    let len = bytes.len();
    let mut script = patch(&mut bytes, 0..len, data);
    if let Some((&[cut, by], after)) = script.split_first_chunk::<2>()
        && cut == 0xff
    {
        bytes.truncate(len - usize::from(by) * 600);
        script = after;
    }
    let disk = SimDisk::new(3);
    disk.install(Path::new(PATH), &bytes);
    let mut db = None;
    for (step, op) in script.iter().take(24).enumerate() {
        if db.is_none() && !matches!(op % 12, 0..=2) {
            db = options(&disk).open(PATH).ok();
        }
        act(&disk, &mut db, *op, step);
    }
}

fn act(disk: &Arc<SimDisk>, open: &mut Option<Db>, op: u8, step: usize) {
    let place = format!("key {:04}", usize::from(op) / 2 + step);
    match op % 12 {
        0 => drop(open.take()),
        1 => verify(disk, [Depth::Quick, Depth::Full, Depth::Deep][step % 3]),
        2 => salvage(disk, step),
        _ => {}
    }
    let Some(db) = open else { return };
    match op % 12 {
        3 => drop(db.get(place.as_bytes())),
        4 => drop(db.put(place.as_bytes(), &vec![op; 20 + step * 300])),
        5 => drop(db.delete(place.as_bytes())),
        6 => read_all(db),
        7 => drop(db.checkpoint(&CheckpointOptions::default(), &NoProgress)),
        8 => drop(db.compact(&CompactOptions::default(), &NoProgress)),
        9 => drop(db.delete_range(&KeyRange::from_to(place.as_bytes(), b"key 0060"))),
        10 => {
            let rows = [(place.clone(), "1"), (place + "x", "2")];
            drop(db.bulk_load("bulk", rows.into_iter().map(Ok), &NoProgress));
        }
        11 => {
            let copy = format!("copy {step}");
            drop(db.backup(copy.as_ref(), &BackupOptions::default(), &NoProgress));
        }
        _ => {}
    }
}

fn read_all(db: &Db) {
    let Ok(snapshot) = db.snapshot() else { return };
    let _ = snapshot.import_positions();
    for name in snapshot.keyspaces().unwrap_or_default() {
        let Ok(keyspace) = snapshot.keyspace(&name) else {
            continue;
        };
        let _ = keyspace.len();
        let mut cursor = keyspace.cursor(&KeyRange::all());
        while let Ok(Some(_)) = cursor.next_entry() {}
    }
}

fn verify(disk: &Arc<SimDisk>, level: Depth) {
    let options = VerifyOptions {
        level,
        vfs: Arc::clone(disk) as _,
        ..VerifyOptions::default()
    };
    let _ = creel::verify(Path::new(PATH), &options, &NoProgress);
}

fn salvage(disk: &Arc<SimDisk>, step: usize) {
    let options = SalvageOptions {
        vfs: Arc::clone(disk) as _,
        sort_memory: 1 << 20,
        ..SalvageOptions::default()
    };
    let new = format!("salvaged {step}");
    let new = Path::new(&new);
    let Ok(survey) = Salvage::survey(Path::new(PATH), new, &options, &NoProgress) else {
        return;
    };
    if !survey.report().is_hopeless() {
        let _ = survey.write(new, false, &NoProgress);
    }
    // What was made is a database, or nothing.
    if disk.open(new, Access::Read).is_ok() {
        let made = self::options(disk).open(new);
        assert!(made.is_ok(), "what was salvaged does not open: {made:?}");
    }
}
