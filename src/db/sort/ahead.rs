//! The last merge in a thread of its own, so that whoever takes the records can work meanwhile.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use super::merge::Merge;
use super::record::{self, Record};
use crate::error::{Error, Result};
use crate::format::key::split_key;

/// Bytes of records that are handed over at a time.
const PACK: usize = 256 << 10;

/// What the thread sends: records, and at the end how many it left out.
enum Sent {
    Records(Vec<u8>),
    End(u64),
}

/// Records that are merged ahead of their use.
#[derive(Debug)]
pub(super) struct Ahead {
    packs: Receiver<Result<Sent>>,
    free: Sender<Vec<u8>>,
    thread: Option<JoinHandle<()>>,
    pack: Vec<u8>,
    present: Record,
    dropped: u64,
    ended: bool,
}

impl Ahead {
    pub fn start(merge: Merge) -> Result<Ahead> {
        // Three packs are under way at most: one filled, one waiting, one being used.
        let (to, packs) = sync_channel(1);
        let (free, returned) = channel();
        let run = move || {
            if let Err(e) = fill(merge, &to, &returned) {
                let _ = to.send(Err(e)); // nobody may be left to hear it
            }
        };
        let thread = std::thread::Builder::new().name("merge".into()).spawn(run);
        Ok(Ahead {
            packs,
            free,
            thread: Some(thread.map_err(|e| Error::io("start a thread", e))?),
            pack: Vec::new(),
            present: Record::default(),
            dropped: 0,
            ended: false,
        })
    }

    /// Goes on to the next record; false at the end.
    #[inline]
    pub fn next(&mut self) -> Result<bool> {
        loop {
            if let Some(found) = record::at(&self.pack, self.present.value.end, false) {
                self.present = found;
                return Ok(true);
            }
            if !self.next_pack()? {
                return Ok(false);
            }
        }
    }

    fn next_pack(&mut self) -> Result<bool> {
        let _ = self.free.send(std::mem::take(&mut self.pack));
        self.present = Record::default();
        if self.ended {
            return Ok(false);
        }
        match self.packs.recv() {
            Ok(Ok(Sent::Records(pack))) => {
                self.pack = pack;
                Ok(true)
            }
            Ok(Ok(Sent::End(dropped))) => {
                self.dropped = dropped;
                self.ended = true;
                Ok(false)
            }
            Ok(Err(e)) => {
                self.ended = true;
                Err(e)
            }
            Err(_) => {
                self.ended = true;
                if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
                    std::panic::resume_unwind(panic);
                }
                Err(Error::Poisoned)
            }
        }
    }

    #[inline]
    pub fn key(&self) -> &[u8] {
        self.pack.get(self.present.key.clone()).unwrap_or(&[])
    }

    #[inline]
    pub fn value(&self) -> Option<&[u8]> {
        let present = Some(&self.present).filter(|r| !r.is_delete)?;
        self.pack.get(present.value.clone())
    }

    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

fn fill(mut merge: Merge, to: &SyncSender<Result<Sent>>, free: &Receiver<Vec<u8>>) -> Result<()> {
    let mut pack = Vec::with_capacity(PACK);
    loop {
        let more = merge.next()?;
        if more && let Some((keyspace, key)) = split_key(merge.key()) {
            record::push(&mut pack, None, keyspace, key, merge.value());
        }
        if pack.len() >= PACK || (!more && !pack.is_empty()) {
            let mut next = free.try_recv().unwrap_or_default();
            next.clear();
            let full = std::mem::replace(&mut pack, next);
            if to.send(Ok(Sent::Records(full))).is_err() {
                return Ok(()); // nobody wants the rest
            }
        }
        if !more {
            let _ = to.send(Ok(Sent::End(merge.dropped())));
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Duplicates;
    use super::super::run::{Place, Run};
    use super::*;

    /// Sizes of the packs that so many records of 1 KiB are handed over in.
    fn packs(count: u32) -> Vec<usize> {
        let key = |i: u32| [1u32.to_be_bytes(), i.to_be_bytes()].concat();
        let mut bytes = Vec::new();
        for i in 0..count {
            record::push(&mut bytes, None, 1, &i.to_be_bytes(), Some(&[7; 1013]));
        }
        assert_eq!(bytes.len(), 1024 * count as usize);
        let run = Run {
            first: key(0),
            last: key(count.saturating_sub(1)),
            place: Place::Memory(vec![bytes]),
        };
        let merge = Merge::new(vec![run], 4096, Duplicates::Last).unwrap();
        let ((to, sent), (_back, free)) = (sync_channel(1000), channel());
        fill(merge, &to, &free).unwrap();
        drop(to);
        let sent: Vec<Sent> = sent.iter().map(Result::unwrap).collect();
        let (end, packs) = sent.split_last().unwrap();
        assert!(matches!(end, Sent::End(0)));
        let size = |sent: &Sent| match sent {
            Sent::Records(pack) => pack.len(),
            Sent::End(_) => panic!("two ends"),
        };
        packs.iter().map(size).collect()
    }

    #[test]
    fn records_are_handed_over_in_packs_that_are_full_and_no_fuller() {
        assert!(packs(0).is_empty());
        assert_eq!(packs(1), [1024]);
        assert_eq!(packs(255), [PACK - 1024]);
        assert_eq!(packs(256), [PACK]);
        assert_eq!(packs(257), [PACK, 1024]);
        assert_eq!(packs(600), [PACK, PACK, 88 * 1024]);
    }
}
