//! Reading what dm-log-writes wrote: every write to a device, in the order in which they ended,
//! with the flushes between them.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

const MAGIC: u64 = 0x006a_7366_7773_6872;
const SECTOR: u64 = 512;

pub const FLUSH: u64 = 1;
pub const FUA: u64 = 2;
pub const DISCARD: u64 = 4;
const MARK: u64 = 8;

/// One entry.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Where it goes on the device, in bytes.
    pub at: u64,
    pub len: u64,
    pub flags: u64,
    /// Where its bytes stand in the log.
    pub data: u64,
    pub mark: Option<String>,
}

fn word(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// All entries of a log.
pub fn read(path: &Path) -> Vec<Entry> {
    let log = File::open(path).unwrap();
    let mut head = [0; SECTOR as usize];
    log.read_exact_at(&mut head, 0).unwrap();
    assert_eq!(word(&head, 0), MAGIC, "a log of dm-log-writes");
    let (count, sector) = (
        word(&head, 16),
        u64::from(head[24]) | u64::from(head[25]) << 8,
    );
    assert_eq!(sector, SECTOR);
    let mut entries = Vec::new();
    let mut at = SECTOR;
    for _ in 0..count {
        log.read_exact_at(&mut head, at).unwrap();
        let (sectors, flags, len) = (word(&head, 8), word(&head, 16), word(&head, 24));
        let mark = flags & MARK != 0;
        let text = &head[32..32 + if mark { len as usize } else { 0 }];
        entries.push(Entry {
            at: word(&head, 0) * SECTOR,
            len: sectors * SECTOR,
            flags,
            data: at + SECTOR,
            mark: mark.then(|| {
                String::from_utf8_lossy(text)
                    .trim_end_matches('\0')
                    .to_owned()
            }),
        });
        at += SECTOR;
        if flags & DISCARD == 0 && !mark {
            at += sectors * SECTOR;
        }
    }
    entries
}

/// Writes an entry to an image.
pub fn apply(entry: &Entry, log: &File, image: &File) {
    apply_sectors(entry, log, image, &|_| true);
}

/// Writes those sectors of an entry whose number in it is wanted.
pub fn apply_sectors(entry: &Entry, log: &File, image: &File, wanted: &dyn Fn(u64) -> bool) {
    if entry.flags & DISCARD != 0 || entry.mark.is_some() || entry.len == 0 {
        return;
    }
    let mut bytes = vec![0; entry.len as usize];
    log.read_exact_at(&mut bytes, entry.data).unwrap();
    for (n, sector) in (0..).zip(bytes.chunks(SECTOR as usize)) {
        if wanted(n) {
            image.write_all_at(sector, entry.at + n * SECTOR).unwrap();
        }
    }
}
