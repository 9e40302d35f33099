//! The headers of a file, and storage that loses new ones although it has confirmed them.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::format::{SLOT_OFFSETS, SLOT_SIZE};

/// Both slots as they are.
pub fn headers_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut headers = Vec::new();
    let end = SLOT_OFFSETS.iter().max().copied().unwrap_or(0) + SLOT_SIZE as u64;
    File::open(path)?.take(end).read_to_end(&mut headers)?;
    Ok(headers)
}

/// What was written into the slots since then is lost: a defect.
pub fn put_back_headers(path: &Path, headers: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    for offset in SLOT_OFFSETS {
        let slot = headers.get(offset as usize..offset as usize + SLOT_SIZE);
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(slot.unwrap_or(&[]))?;
    }
    Ok(())
}
