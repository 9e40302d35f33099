//! A file that keeps note of what was done to it.

use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex};

use crate::sys::{File, FileOver};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    Write(u64, Vec<u8>),
    Durable(u64, Vec<u8>),
    Sync,
    Drop(u64, u64),
}

#[derive(Debug)]
pub struct Recorded {
    pub file: Arc<dyn File>,
    pub calls: Mutex<Vec<Call>>,
    /// Where the file ends once its cache is dropped.
    pub ends_at: Option<u64>,
}

impl Recorded {
    pub fn new(file: &Arc<dyn File>) -> Recorded {
        Recorded {
            file: Arc::clone(file),
            calls: Mutex::new(Vec::new()),
            ends_at: None,
        }
    }

    /// What was done since it was last asked.
    pub fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    fn note(&self, call: Call) {
        self.calls.lock().unwrap().push(call);
    }
}

impl FileOver for Recorded {
    fn under(&self) -> &dyn File {
        self.file.as_ref()
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.note(Call::Write(offset, buf.to_vec()));
        self.file.write_at(buf, offset)
    }

    fn write_durable_at(&self, bufs: &[IoSlice<'_>], offset: u64) -> io::Result<()> {
        let all = bufs.iter().flat_map(|buf| buf.iter().copied()).collect();
        self.note(Call::Durable(offset, all));
        self.file.write_durable_at(bufs, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.note(Call::Sync);
        self.file.sync()
    }

    fn drop_cache(&self, offset: u64, len: u64) {
        self.note(Call::Drop(offset, len));
        if let Some(end) = self.ends_at {
            self.file.set_size(end).unwrap();
        }
    }
}
