//! The records of the inputs, one after the other, with everything about them that is not yet
//! about the database: bad lines, counts, progress, what an earlier run has done.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use creel::exchange::Format;
use creel::exchange::read::{Block, Fault, FaultCode, Op, Record, Stop, TrailerState};
use creel::{Progress, Snapshot};

use super::args::ImportArgs;
use super::feed::{Begun, End, Feed, Message};
use super::files::InputFile;
use super::lineage::{self, Source};
use super::policy::{Bad, Policy, told};
use super::position::{self, Done};
use super::spaces::Spaces;
use super::tally::Tally;
use crate::cli::progress::Meter;
use crate::cli::text::base64;
use crate::cli::{Failure, codes};

/// So many bytes of a pipe show whether it is slow,
const LOOK: u64 = 4 << 20;
/// and it is where they take longer than this.
const PATIENCE: Duration = Duration::from_millis(250);

/// A record and where it came from.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    pub op: Op,
    /// Number of its keyspace.
    pub space: u32,
    pub key: &'a [u8],
    pub value: &'a [u8],
    pub from: Origin,
}

/// Where a record came from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Origin {
    /// Number of the file.
    pub file: u32,
    pub line: u64,
    pub byte: u64,
}

/// The inputs of one step.
pub struct Intake<'a> {
    args: &'a ImportArgs,
    files: &'a [InputFile],
    /// Number of the first of them among all files of the command.
    max_key: usize,
    /// The file that is read; those before it have been.
    file: usize,
    feed: Option<Feed>,
    format: Format,
    identity: [u8; 16],
    way: [u8; 8],
    /// Ids of positions that have to go.
    pub outdated: Vec<Vec<u8>>,
    begun: Option<Begun>,
    block: Block,
    /// Number of the record that comes next in the block, and of the reject.
    next: usize,
    next_reject: usize,
    /// Messages of the feed that were waited for ahead of time.
    ahead: VecDeque<Message>,
    /// The present record was looked at ahead of time.
    peeked: bool,
    /// Numbers of the block's keyspaces.
    block_spaces: Vec<u32>,
    /// What an earlier run has done of the present file.
    known: Option<Done>,
    /// Records of the present file up to here, bad ones not counted.
    file_records: u64,
    /// Files of which an earlier run had come to the end.
    finished: usize,
    /// Inputs that have ended.
    ended: Vec<([u8; 16], Done)>,
    /// Exports that have begun, by file.
    sources: Vec<(String, Source)>,
    /// Those that have ended, and their records.
    taken: Vec<(Source, u64)>,
    /// Records that were left out before these files.
    left_out: u64,
    pub spaces: Spaces,
    pub policy: &'a mut Policy,
    pub tally: &'a mut Tally,
    pub meter: Arc<Meter>,
    /// Bytes read so far, as they lie in the files, and how many there are.
    read: Arc<AtomicU64>,
    total: Option<u64>,
    /// Why a source had to end early.
    pub failure: Option<Failure>,
    /// Positions are looked up there.
    snapshot: Option<Snapshot>,
}

impl<'a> Intake<'a> {
    /// Of these files. `snapshot`: where positions of earlier runs are looked up.
    pub fn new(
        args: &'a ImportArgs,
        files: &'a [InputFile],
        max_key: usize,
        (policy, tally): (&'a mut Policy, &'a mut Tally),
        meter: Arc<Meter>,
        snapshot: Option<Snapshot>,
    ) -> creel::Result<Intake<'a>> {
        Ok(Intake {
            args,
            files,
            max_key,
            file: 0,
            feed: None,
            format: Format::Jsonl,
            identity: [0; 16],
            way: [0; 8],
            outdated: Vec::new(),
            begun: None,
            block: Block::new(),
            next: 0,
            next_reject: 0,
            ahead: VecDeque::new(),
            peeked: false,
            block_spaces: Vec::new(),
            known: None,
            file_records: 0,
            finished: 0,
            ended: Vec::new(),
            sources: Vec::new(),
            taken: Vec::new(),
            left_out: tally.left_out(),
            spaces: Spaces::of(snapshot.as_ref())?,
            policy,
            tally,
            meter,
            read: Arc::default(),
            total: files.iter().map(|f| f.size).sum(),
            failure: None,
            snapshot,
        })
    }

    /// Goes on to the next record; false at the end of all files. Bad lines on the way are dealt
    /// with.
    #[inline]
    pub fn advance(&mut self) -> Result<bool, Failure> {
        if std::mem::take(&mut self.peeked) {
            return Ok(true);
        }
        loop {
            if self.next_reject < self.block.rejects().len() {
                self.refuse_lines()?;
            }
            if self.next < self.block.len() {
                self.next += 1;
                self.file_records += 1;
                if self.known.is_some() && self.was_done() {
                    self.tally.skipped += 1;
                    continue;
                }
                self.tally.records += 1;
                return Ok(true);
            }
            if !self.load()? {
                return Ok(false);
            }
        }
    }

    /// Looks whether there is another record, without going on to it.
    pub fn peek(&mut self) -> Result<bool, Failure> {
        self.peeked = self.advance()?;
        Ok(self.peeked)
    }

    /// The present record.
    #[inline]
    pub fn item(&self) -> Option<Item<'_>> {
        let record = self.present()?;
        let space = self.block_spaces.get(usize::from(record.keyspace));
        Some(Item {
            op: record.op,
            space: space.copied().unwrap_or(0),
            key: record.key,
            value: record.value,
            from: Origin {
                file: self.file as u32,
                line: record.line,
                byte: record.byte,
            },
        })
    }

    #[inline]
    fn present(&self) -> Option<Record<'_>> {
        self.block.get(self.next.wrapping_sub(1))
    }

    /// True where an earlier run has imported the present record.
    fn was_done(&self) -> bool {
        let upto = self.known.map_or(0, |done| done.mark.byte);
        self.present().is_some_and(|r| r.byte < upto)
    }

    /// True where no record is left in the block: a commit may be made here.
    pub fn at_end_of_block(&self) -> bool {
        self.next == self.block.len() && self.next_reject == self.block.rejects().len()
    }

    /// True at the end of a batch.
    pub fn at_cut(&self) -> bool {
        self.block.is_cut() && self.at_end_of_block()
    }

    /// What has been read up to the end of the block.
    pub fn done(&self) -> ([u8; 16], Done) {
        let done = Done {
            way: self.way,
            mark: self.block.end(),
            records: self.file_records,
            finished: false,
            time: position::now(),
        };
        (self.identity, done)
    }

    /// The inputs that have ended.
    pub fn ended(&self) -> &[([u8; 16], Done)] {
        &self.ended
    }

    /// True where keys promise to rise. Known once there was a look at the first record.
    pub fn promises_order(&self) -> bool {
        self.begun.is_some_and(|b| b.promises_order) && self.files.len() == 1
    }

    /// True where nothing of any file is left to do. Known at the end of all of them.
    pub fn all_finished(&self) -> bool {
        self.finished == self.files.len()
    }

    /// True where an earlier run has come to the end of the present file.
    fn was_finished(&self) -> bool {
        self.known.is_some_and(|done| done.finished)
    }

    fn name(&self) -> &str {
        self.files.get(self.file).map_or("", |f| f.name.as_str())
    }

    /// Deals with the bad lines before the next record.
    #[cold]
    fn refuse_lines(&mut self) -> Result<(), Failure> {
        while let Some(reject) = self.block.rejects().get(self.next_reject) {
            if reject.before > self.next {
                break;
            }
            self.next_reject += 1;
            let bad = Bad {
                file: self.files.get(self.file).map_or("", |f| f.name.as_str()),
                format: self.format,
                fault: &reject.fault,
                raw: self.block.raw(reject),
                reject: Some(reject),
            };
            // An earlier run has dealt with it, and was told to go on.
            let again = self.known.is_some_and(|d| reject.fault.byte < d.mark.byte);
            self.policy.refuse(&bad, self.tally, again)?;
        }
        Ok(())
    }

    /// Refuses a record that could be read, for what the database or the input holds.
    pub fn refuse(
        &mut self,
        code: FaultCode,
        item: (u32, &[u8], Option<&[u8]>),
        from: Origin,
    ) -> Result<(), Failure> {
        let fault = Fault::new(code, from.line, from.byte);
        let (space, key, value) = item;
        let name = self.spaces.name(space);
        let ks = match &*name {
            "main" => String::new(),
            name => format!("\"ks\":{},", serde_json::Value::from(name)),
        };
        let key = base64(key);
        let raw = match value {
            Some(value) => format!(
                "{{{ks}\"key\":\"{key}\",\"payload\":\"{}\"}}",
                base64(value)
            ),
            None => format!("{{\"op\":\"del\",{ks}\"key\":\"{key}\"}}"),
        };
        let file = self.files.get(from.file as usize);
        let bad = Bad {
            file: file.map_or("", |f| f.name.as_str()),
            format: Format::Jsonl,
            fault: &fault,
            raw: raw.as_bytes(),
            reject: None,
        };
        self.tally.records = self.tally.records.saturating_sub(1);
        self.policy.refuse(&bad, self.tally, false)
    }

    /// Gets the next block, of the next file where one has ended; false at the end.
    fn load(&mut self) -> Result<bool, Failure> {
        loop {
            if self.feed.is_none() && !self.open()? {
                return Ok(false);
            }
            match self.message()? {
                Message::Ready(_) => {}
                Message::Begun(begun) => {
                    self.begun = Some(begun);
                    self.format = begun.format;
                    if let Some(source) = begun.source {
                        let name = self.name().to_owned();
                        self.sources.push((name, source));
                        self.check_sources(self.snapshot.as_ref())?;
                    }
                }
                Message::Block(block) => {
                    self.take(block);
                    self.policy.check_share(self.tally, false)?;
                    return Ok(true);
                }
                Message::End(end) => {
                    self.feed = None;
                    self.end(&end);
                    if self.tally.trailer != TrailerState::Missing {
                        self.tally.trailer = end.trailer;
                    }
                    self.file += 1;
                }
                Message::Stop(stop) => return Err(self.stopped(stop)),
            }
        }
    }

    /// Looks whether the rest of a pipe comes slowly: then nobody should wait for it behind a lock.
    /// A pipe that has brought its first part quickly, or all of it, does not.
    pub fn is_slow(&mut self) -> Result<bool, Failure> {
        let file = self.files.get(self.file);
        if self.feed.is_none() || file.is_none_or(|file| file.size.is_some()) {
            return Ok(false);
        }
        let (started, mut bytes) = (Instant::now(), 0);
        while bytes < LOOK {
            let message = self.message_of_feed()?;
            let more = match &message {
                Message::Block(block) => Some(block.end().byte),
                _ => None,
            };
            self.ahead.push_back(message);
            match more {
                None => return Ok(false),
                Some(end) => bytes = end,
            }
            if started.elapsed() > PATIENCE {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn message(&mut self) -> Result<Message, Failure> {
        match self.ahead.pop_front() {
            Some(message) => Ok(message),
            None => self.message_of_feed(),
        }
    }

    fn message_of_feed(&mut self) -> Result<Message, Failure> {
        let Some(feed) = &self.feed else {
            return Err(Failure::new(&codes::INTERNAL, "no input is open"));
        };
        let report = || {
            let read = self.read.load(Ordering::Relaxed);
            self.meter.report(read, self.total);
        };
        let message = feed.next(report)?;
        report();
        Ok(message)
    }

    /// Begins the next file; false where there is none.
    fn open(&mut self) -> Result<bool, Failure> {
        let Some(file) = self.files.get(self.file) else {
            return Ok(false);
        };
        let path = file.path.as_deref().unwrap_or(Path::new("-"));
        let options = self.args.read_options(path, self.max_key);
        self.format = options.format;
        self.feed = Some(Feed::start(file, options, &self.read)?);
        self.known = None;
        self.file_records = 0;
        self.begun = None;
        let identity = match self.message()? {
            Message::Ready(identity) => identity,
            Message::Stop(stop) => return Err(self.stopped(stop)),
            _ => {
                return Err(Failure::new(
                    &codes::INTERNAL,
                    "an input begins with records",
                ));
            }
        };
        if self.args.resume
            && let Some(snapshot) = &self.snapshot
            && let Some((id, done)) = position::find(snapshot, &identity)?
        {
            self.known = Some(done);
            if id != identity.id {
                self.outdated.push(id);
            }
        }
        (self.identity, self.way) = (identity.id, identity.way);
        if let Some(feed) = &self.feed {
            feed.go_on(self.known.map(|done| done.mark));
        }
        Ok(true)
    }

    fn take(&mut self, block: Block) {
        let old = std::mem::replace(&mut self.block, block);
        if let Some(feed) = &self.feed {
            feed.give_back(old);
        }
        (self.next, self.next_reject) = (0, 0);
        self.block_spaces.clear();
        for name in self.block.keyspaces() {
            self.block_spaces.push(self.spaces.number(name));
        }
    }

    fn end(&mut self, end: &End) {
        let mark = end.mark;
        self.tally.lines += mark.line;
        self.tally.bytes += mark.byte;
        let done = Done {
            way: self.way,
            mark,
            records: self.file_records,
            finished: true,
            time: position::now(),
        };
        self.finished += usize::from(self.was_finished());
        self.ended.push((self.identity, done));
        if let Some(source) = self.begun.and_then(|b| b.source) {
            self.taken.push((source, self.file_records));
        }
        if end.trailer == TrailerState::Missing {
            self.left_out = u64::MAX;
        }
    }

    /// Fails where changes do not lead on from what is there.
    pub fn check_sources(&self, snapshot: Option<&Snapshot>) -> Result<(), Failure> {
        if self.args.reading.allow_gap || self.was_finished() {
            return Ok(());
        }
        lineage::check(snapshot, &self.sources)
    }

    /// What the database has to remember about the exports that were taken in.
    pub fn taken(&self) -> impl Iterator<Item = (Vec<u8>, Option<Vec<u8>>)> {
        let whole = self.tally.left_out() == self.left_out;
        let taken = self.taken.iter();
        taken.filter_map(move |(source, records)| source.record(whole, *records))
    }

    fn stopped(&self, stop: Stop) -> Failure {
        match stop {
            Stop::Fault(fault) => told(self.name(), &fault),
            Stop::Io(error) => Failure::file("read", Path::new(self.name()), &error),
        }
    }

    /// Fails where the number of records is not the expected one.
    pub fn check_expected(&self) -> Result<(), Failure> {
        let seen = self.tally.seen();
        match self.args.expect {
            Some(expected) if expected != seen => {
                let what = format!("the input has {seen} records, and --expect says {expected}");
                Err(Failure::new(&codes::BAD_INPUT, what)
                    .hint("the input is cut short, or --expect is wrong")
                    .detail("records", seen)
                    .detail("fault", FaultCode::RecordCount.name()))
            }
            _ => Ok(()),
        }
    }
}
