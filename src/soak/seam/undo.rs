//! What a power cut takes back: every write that was not synced, by the bytes that were there before.

use std::io;
use std::sync::Arc;

use crate::soak::random::Draw;
use crate::sys::File;

/// What persists or not as a whole.
const SECTOR: usize = 512;

/// Writes since the last sync.
#[derive(Debug, Default)]
pub(super) struct Undo {
    writes: Vec<Before>,
}

/// The bytes that a write has replaced. Behind the end of the file they are zeros.
#[derive(Debug)]
struct Before {
    file: Arc<dyn File>,
    offset: u64,
    bytes: Vec<u8>,
}

impl Undo {
    /// Notes what a write is about to replace.
    pub fn note(&mut self, file: &Arc<dyn File>, offset: u64, len: usize) -> io::Result<()> {
        let mut bytes = vec![0; len];
        let _ = file.read_at(&mut bytes, offset)?;
        self.writes.push(Before {
            file: Arc::clone(file),
            offset,
            bytes,
        });
        Ok(())
    }

    /// These bytes are durable: nothing takes them back.
    pub fn keep(&mut self, offset: u64, durable: &[u8]) {
        for before in &mut self.writes {
            let start = before.offset.max(offset);
            let ends = (
                before.offset + before.bytes.len() as u64,
                offset + durable.len() as u64,
            );
            let end = ends.0.min(ends.1);
            if start >= end {
                continue;
            }
            let at = |base: u64| (start - base) as usize..(end - base) as usize;
            let source = durable.get(at(offset));
            let target = before.bytes.get_mut(at(before.offset));
            if let (Some(target), Some(source)) = (target, source) {
                target.copy_from_slice(source);
            }
        }
    }

    /// All is durable.
    pub fn clear(&mut self) {
        self.writes.clear();
    }

    /// The power fails: each sector of each write is there or not.
    pub fn strike(&mut self, draw: &mut Draw) -> io::Result<()> {
        // All, most, half, few or none persist, by turns.
        let persist = [0, 1, 5, 9, 10]
            .get(draw.below(5) as usize)
            .copied()
            .unwrap_or(5);
        for before in self.writes.drain(..).rev() {
            let mut at = 0;
            while at < before.bytes.len() {
                let offset = before.offset + at as u64;
                let rest = SECTOR - (offset % SECTOR as u64) as usize;
                let end = (at + rest).min(before.bytes.len());
                if !draw.chance(persist, 10) {
                    let bytes = before.bytes.get(at..end).unwrap_or(&[]);
                    before.file.write_at(bytes, offset)?;
                }
                at = end;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;
    use crate::soak::random::Purpose;
    use crate::sys::{Access, OsVfs, Vfs};

    #[test]
    fn a_cut_leaves_old_or_new_sectors_and_no_others() {
        let dir = tempfile::tempdir().unwrap();
        let mut mixed = 0;
        for seed in 0..40 {
            let path = dir.path().join(seed.to_string());
            let file = OsVfs.open(&path, Access::CreateNew).unwrap();
            file.write_at(&[1; 4096], 0).unwrap();
            let mut undo = Undo::default();
            undo.note(&file, 100, 3000).unwrap();
            file.write_at(&[2; 3000], 100).unwrap();
            // The fourth sector is synced by itself.
            file.write_at(&[3; 512], 1536).unwrap();
            undo.keep(1536, &[3; 512]);
            undo.strike(&mut Draw::at(seed, Purpose::Fault, 0)).unwrap();
            let mut bytes = [0; 4096];
            assert_eq!(file.read_at(&mut bytes, 0).unwrap(), 4096);
            assert_eq!(bytes[1536..2048], [3; 512]);
            let mut kinds = Vec::new();
            for sector in [0, 1, 2, 4, 5] {
                let from = (sector * 512).max(100);
                let sector = &bytes[from..((sector + 1) * 512).min(3100)];
                assert!(
                    sector.iter().all(|b| b == &sector[0]),
                    "torn inside a sector"
                );
                kinds.push(sector[0]);
            }
            assert!(kinds.iter().all(|k| [1, 2].contains(k)));
            mixed += u32::from(kinds.contains(&1) && kinds.contains(&2));
            assert!(bytes[..100].iter().chain(&bytes[3100..]).all(|b| *b == 1));
        }
        assert!(mixed > 5, "{mixed}");
    }
}
