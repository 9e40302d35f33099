//! Sorting entries of any order in bounded memory: runs on a scratch file, merged while reading.
//! Equal keys: the one that came last wins.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::bytes::{push_varint, split_bytes, split_varint};
use crate::sys::{File, Vfs};

/// Bytes of a run read at a time while merging.
const READ: usize = 256 << 10;

/// Key, number of the run (the newest first), and value.
type Head = Reverse<(Vec<u8>, Reverse<usize>, Vec<u8>)>;

/// Entries in key order.
#[derive(Debug)]
pub(crate) struct Sorted {
    runs: Vec<Run>,
    /// The first entry of each run, smallest key first; of equal keys the newest run first.
    heap: BinaryHeap<Head>,
}

/// One sorted run: in memory, or on the scratch file.
#[derive(Debug)]
enum Run {
    Memory {
        bytes: Vec<u8>,
        order: std::vec::IntoIter<Place>,
    },
    File {
        file: Arc<dyn File>,
        at: u64,
        end: u64,
        buf: Vec<u8>,
        pos: usize,
    },
}

/// Where an entry lies in the buffer.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// First bytes of the key, so that most comparisons touch nothing else.
    head: u64,
    at: usize,
    key: u32,
    value: u32,
}

impl Sorted {
    /// Reads everything.
    pub fn read<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        entries: impl Iterator<Item = Result<(K, V)>>,
        memory: usize,
        vfs: &dyn Vfs,
        near: &Path,
    ) -> Result<Sorted> {
        let mut runs = Vec::new();
        let mut scratch: Option<(Arc<dyn File>, u64)> = None;
        let (mut bytes, mut order) = (Vec::new(), Vec::new());
        for entry in entries {
            let (key, value) = entry?;
            let (key, value) = (key.as_ref(), value.as_ref());
            let used = bytes.len() + order.len() * size_of::<Place>();
            if used + key.len() + value.len() > memory && !order.is_empty() {
                sort(&bytes, &mut order);
                runs.push(spill(&bytes, &order, &mut scratch, vfs, near)?);
                bytes.clear();
                order.clear();
            }
            order.push(Place {
                head: head_of(key),
                at: bytes.len(),
                key: key.len() as u32,
                value: value.len() as u32,
            });
            bytes.extend_from_slice(key);
            bytes.extend_from_slice(value);
        }
        sort(&bytes, &mut order);
        runs.push(Run::Memory {
            bytes,
            order: order.into_iter(),
        });
        let mut sorted = Sorted {
            runs,
            heap: BinaryHeap::new(),
        };
        for i in 0..sorted.runs.len() {
            sorted.refill(i)?;
        }
        Ok(sorted)
    }

    fn refill(&mut self, i: usize) -> Result<()> {
        if let Some((key, value)) = self.runs.get_mut(i).map(Run::next).transpose()?.flatten() {
            self.heap.push(Reverse((key, Reverse(i), value)));
        }
        Ok(())
    }

    fn step(&mut self) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
        let Some(Reverse((key, Reverse(i), value))) = self.heap.pop() else {
            return Ok(None);
        };
        self.refill(i)?;
        // Older runs with the same key lose.
        while self.heap.peek().is_some_and(|Reverse((k, _, _))| *k == key) {
            if let Some(Reverse((_, Reverse(older), _))) = self.heap.pop() {
                self.refill(older)?;
            }
        }
        Ok(Some((key, value)))
    }
}

impl Iterator for Sorted {
    type Item = Result<(Vec<u8>, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        // A single run in memory needs no heap.
        self.step().transpose()
    }
}

fn head_of(key: &[u8]) -> u64 {
    let mut head = [0u8; 8];
    for (to, from) in head.iter_mut().zip(key) {
        *to = *from;
    }
    u64::from_be_bytes(head)
}

fn key_at(bytes: &[u8], place: Place) -> &[u8] {
    bytes
        .get(place.at..place.at + place.key as usize)
        .unwrap_or(&[])
}

/// Sorts by key; of equal keys only the last one stays.
fn sort(bytes: &[u8], order: &mut Vec<Place>) {
    order.sort_unstable_by(|a, b| {
        let keys = || key_at(bytes, *a).cmp(key_at(bytes, *b));
        a.head.cmp(&b.head).then_with(keys).then(a.at.cmp(&b.at))
    });
    let mut kept = 0;
    for i in 0..order.len() {
        let Some(&present) = order.get(i) else { break };
        let same = order.get(i + 1).is_some_and(|next| {
            next.head == present.head && key_at(bytes, *next) == key_at(bytes, present)
        });
        if !same {
            if let Some(slot) = order.get_mut(kept) {
                *slot = present;
            }
            kept += 1;
        }
    }
    order.truncate(kept);
}

fn spill(
    bytes: &[u8],
    order: &[Place],
    scratch: &mut Option<(Arc<dyn File>, u64)>,
    vfs: &dyn Vfs,
    near: &Path,
) -> Result<Run> {
    let failed = |e| Error::io_at("write a scratch file beside", near, e);
    if scratch.is_none() {
        *scratch = Some((vfs.open_scratch(near).map_err(failed)?, 0));
    }
    let Some((file, end)) = scratch else {
        return Err(Error::Poisoned);
    };
    let start = *end;
    let mut buf = Vec::with_capacity(1 << 20);
    for place in order {
        push_varint(&mut buf, u64::from(place.key));
        push_varint(&mut buf, u64::from(place.value));
        let len = place.key as usize + place.value as usize;
        buf.extend_from_slice(bytes.get(place.at..place.at + len).unwrap_or(&[]));
        if buf.len() >= 1 << 20 {
            file.write_at(&buf, *end).map_err(failed)?;
            *end += buf.len() as u64;
            buf.clear();
        }
    }
    file.write_at(&buf, *end).map_err(failed)?;
    *end += buf.len() as u64;
    Ok(Run::File {
        file: Arc::clone(file),
        at: start,
        end: *end,
        buf: Vec::new(),
        pos: 0,
    })
}

impl Run {
    fn next(&mut self) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
        match self {
            Run::Memory { bytes, order } => Ok(order.next().map(|place| {
                let value = place.at + place.key as usize;
                let value = bytes
                    .get(value..value + place.value as usize)
                    .unwrap_or(&[]);
                (key_at(bytes, place).to_vec(), value.to_vec())
            })),
            Run::File {
                file,
                at,
                end,
                buf,
                pos,
            } => {
                if let Some(entry) = split_entry(buf, pos) {
                    return Ok(Some(entry));
                }
                let mut want = READ;
                while *pos < buf.len() || *at < *end {
                    read_more(file.as_ref(), at, *end, buf, pos, want)?;
                    if let Some(entry) = split_entry(buf, pos) {
                        return Ok(Some(entry));
                    }
                    if *at >= *end {
                        let kind = std::io::ErrorKind::UnexpectedEof;
                        return Err(Error::io("read the scratch file", kind.into()));
                    }
                    want *= 2; // an entry larger than the buffer
                }
                Ok(None)
            }
        }
    }
}

fn read_more(
    file: &dyn File,
    at: &mut u64,
    end: u64,
    buf: &mut Vec<u8>,
    pos: &mut usize,
    want: usize,
) -> Result<()> {
    buf.drain(..*pos);
    *pos = 0;
    let have = buf.len();
    let more = (end - *at).min(want as u64) as usize;
    buf.resize(have + more, 0);
    let room = buf.get_mut(have..).unwrap_or(&mut []);
    let got = file
        .read_at(room, *at)
        .map_err(|e| Error::io("read the scratch file", e))?;
    buf.truncate(have + got);
    *at += got as u64;
    if got < more {
        let kind = std::io::ErrorKind::UnexpectedEof;
        return Err(Error::io("read the scratch file", kind.into()));
    }
    Ok(())
}

fn split_entry(buf: &[u8], pos: &mut usize) -> Option<(Vec<u8>, Vec<u8>)> {
    let rest = buf.get(*pos..)?;
    let (key_len, rest) = split_varint(rest)?;
    let (value_len, rest) = split_varint(rest)?;
    let (key, rest) = split_bytes(rest, key_len)?;
    let (value, rest) = split_bytes(rest, value_len)?;
    *pos = buf.len() - rest.len();
    Some((key.to_vec(), value.to_vec()))
}
