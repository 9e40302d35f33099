//! The bytes of a file, shared between states block by block.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::{PAGE, mix};

/// Part of a file, and a hash of it once somebody has asked (0 before).
struct Block {
    bytes: [u8; PAGE as usize],
    sum: AtomicU64,
}

impl Clone for Block {
    fn clone(&self) -> Block {
        Block {
            bytes: self.bytes,
            sum: AtomicU64::new(0),
        }
    }
}

impl Block {
    /// Its bytes, to be changed.
    fn of(block: &mut Arc<Block>) -> &mut [u8; PAGE as usize] {
        let block = Arc::make_mut(block);
        *block.sum.get_mut() = 0;
        &mut block.bytes
    }

    fn sum(&self) -> u64 {
        let known = self.sum.load(Ordering::Relaxed);
        if known != 0 {
            return known;
        }
        let words = self.bytes.as_chunks::<8>().0.iter();
        let sum = words.fold(1u64, |sum, word| {
            (sum.rotate_left(23) ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        });
        let sum = mix(sum).max(1);
        self.sum.store(sum, Ordering::Relaxed);
        sum
    }
}

/// A file's bytes. A clone costs one pointer per 4 KiB; a change copies the blocks it touches.
#[derive(Clone, Default)]
pub struct Content {
    /// Bytes past `len` in the last block are zero.
    blocks: Vec<Arc<Block>>,
    len: u64,
}

impl Content {
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Reads what lies before the end and returns how much that was.
    pub fn read(&self, buf: &mut [u8], offset: u64) -> usize {
        let end = self.len.min(offset.saturating_add(buf.len() as u64));
        let mut at = offset;
        while at < end {
            let (block, from) = ((at / PAGE) as usize, (at % PAGE) as usize);
            let step = (PAGE as usize - from).min((end - at) as usize);
            let to = (at - offset) as usize;
            buf[to..to + step].copy_from_slice(&self.blocks[block].bytes[from..from + step]);
            at += step as u64;
        }
        (at - offset) as usize
    }

    /// Writes; what lies past the end is not stored (the size is changed on its own).
    pub fn write(&mut self, bytes: &[u8], offset: u64) {
        let end = self.len.min(offset + bytes.len() as u64);
        let mut at = offset;
        while at < end {
            let (block, to) = ((at / PAGE) as usize, (at % PAGE) as usize);
            let step = (PAGE as usize - to).min((end - at) as usize);
            let from = (at - offset) as usize;
            Block::of(&mut self.blocks[block])[to..to + step]
                .copy_from_slice(&bytes[from..from + step]);
            at += step as u64;
        }
    }

    /// Cuts, or extends with zeros.
    pub fn set_len(&mut self, len: u64) {
        self.blocks.resize_with(len.div_ceil(PAGE) as usize, zeros);
        let tail = (len % PAGE) as usize;
        if len < self.len && tail != 0 {
            let last = self.blocks.last_mut().unwrap();
            Block::of(last)[tail..].fill(0);
        }
        self.len = len;
    }

    /// Copies a range from `other`, as far as it lies before the end here; missing bytes are zero.
    pub fn copy_from(&mut self, other: &Content, offset: u64, len: u64) {
        let mut bytes = vec![0; len as usize];
        other.read(&mut bytes, offset);
        self.write(&bytes, offset);
    }

    /// The same for the same bytes.
    pub fn fingerprint(&self) -> u64 {
        let sums = self.blocks.iter().map(|block| block.sum());
        sums.fold(mix(self.len), |all, sum| mix(all ^ sum))
    }

    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.len as usize];
        self.read(&mut bytes, 0);
        bytes
    }
}

/// One block of zeros for all files.
fn zeros() -> Arc<Block> {
    static ZEROS: OnceLock<Arc<Block>> = OnceLock::new();
    Arc::clone(ZEROS.get_or_init(|| {
        Arc::new(Block {
            bytes: [0; PAGE as usize],
            sum: AtomicU64::new(0),
        })
    }))
}
