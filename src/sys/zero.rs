//! Writing zeros, so that later writes change no metadata.

use std::io;

use super::File;

/// Bytes written by one call.
const CHUNK: u64 = 1 << 20;

/// Writes zeros over `len` bytes at `offset`, in pieces of 1 MiB; not synced.
///
/// Written zeros, unlike reserved space, make a later write to the range cost one device write
/// and no journal commit.
pub fn allocate_zeroed(file: &dyn File, offset: u64, len: u64) -> io::Result<()> {
    let end = offset.checked_add(len).ok_or(io::ErrorKind::InvalidInput)?;
    let zeros = vec![0; CHUNK.min(len) as usize];
    let mut at = offset;
    while at < end {
        let step = (end - at).min(CHUNK);
        file.write_at(zeros.get(..step as usize).unwrap_or_default(), at)?;
        at += step;
    }
    Ok(())
}
