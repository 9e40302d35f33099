//! Snapshots that are held while everything goes on: one in this process, one in another.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::place::Helper;
use super::run::{Run, engine};
use crate::db::{KeyRange, OpenOptions, Snapshot};
use crate::digest::{ContentDigest, Digest};
use crate::error::{Error, Result};
use crate::soak::check::{Check, Halt, Step};
use crate::soak::oracle::{Answer, Bytes, Compared, Oracle};
use crate::sys::own_group;

/// To a reader and back.
const PIPES: u64 = 2;

/// What is held. Everything is looked at while the run goes on: what a thread or the other process
/// has found is heard the next time.
#[derive(Default)]
pub(super) struct Holds {
    own: Option<Arc<Held>>,
    looking: Option<JoinHandle<Answer<Compared>>>,
    reader: Option<Reader>,
    /// What the reader has to find, if it holds anything.
    expected: Option<Expected>,
    /// It was asked, and its answer has not been read yet.
    asked: bool,
}

/// A snapshot, and what it should hold.
struct Held {
    snapshot: Snapshot,
    oracle: Oracle,
}

enum Expected {
    /// A thread computes it.
    Coming(JoinHandle<Digest>),
    Known(Digest),
}

/// A process that reads.
struct Reader {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Holds {
    /// Descriptors of this process that lead to the reader.
    pub fn descriptors(&self) -> u64 {
        match self.reader {
            Some(_) => PIPES,
            None => 0,
        }
    }
}

impl Run<'_> {
    /// Lets go of what was held, after a last look, and holds the present state.
    pub(super) fn hold(&mut self) -> Step {
        self.look_at_own()?;
        self.hear_reader()?;
        let held = Arc::new(Held {
            snapshot: self.snapshot()?,
            oracle: self.oracle.clone(),
        });
        self.holds.own = Some(Arc::clone(&held));
        self.counts.snapshots += 1;
        let Some(helper) = self.place.reader.clone() else {
            return Ok(());
        };
        if !matches!(self.oracle, Oracle::Model(_)) {
            return Ok(());
        }
        if self.holds.reader.is_none() {
            let started = Reader::start(&helper).map_err(|e| setup("start a reader", e))?;
            self.holds.reader = Some(started);
        }
        let path = self.place.path.clone();
        if let Some(reader) = &mut self.holds.reader {
            let answer = reader.ask(&format!("hold {}", path.display()));
            let answer = answer.map_err(|e| setup("ask the reader", e))?;
            if answer != "held" {
                return Err(self.broken(Check::Readers, format!("a reader: {answer}")));
            }
        }
        let (keys, values) = (self.keys.clone(), self.values.clone());
        let digest = move || match &held.oracle {
            Oracle::Model(model) => model.digest(&keys, &values),
            Oracle::Sums(_) => ContentDigest::new().finish(),
        };
        self.holds.expected = Some(Expected::Coming(thread::spawn(digest)));
        self.counts.reader_snapshots += 1;
        Ok(())
    }

    /// What is held has not changed.
    pub(super) fn check_holds(&mut self) -> Step {
        self.look_at_own()?;
        self.hear_reader()?;
        let holds = &mut self.holds;
        if let (Some(reader), Some(_)) = (&mut holds.reader, &holds.expected) {
            let said = reader.say("digest");
            said.map_err(|e| setup("ask the reader", e))?;
            holds.asked = true;
        }
        Ok(())
    }

    /// What the reader has found, where it was asked.
    pub(super) fn hear_reader(&mut self) -> Step {
        if !std::mem::take(&mut self.holds.asked) {
            return Ok(());
        }
        let expected = match self.holds.expected.take() {
            None => return Ok(()),
            Some(Expected::Known(digest)) => digest,
            Some(Expected::Coming(thread)) => thread
                .join()
                .map_err(|_| self.broken(Check::Readers, "computing a digest panicked"))?,
        };
        self.holds.expected = Some(Expected::Known(expected));
        let Some(reader) = &mut self.holds.reader else {
            return Ok(());
        };
        let answer = reader.hear().map_err(|e| setup("ask the reader", e))?;
        if answer != format!("digest {expected}") {
            let detail =
                format!("the snapshot of a reader process changed: {answer}, not {expected}");
            return Err(self.broken(Check::Readers, detail));
        }
        self.ledger.pass(Check::Readers);
        Ok(())
    }

    /// A thread begins to look at what this process holds.
    fn look_at_own(&mut self) -> Step {
        self.hear_look()?;
        let Some(held) = self.holds.own.clone() else {
            return Ok(());
        };
        let (keys, values) = (self.keys.clone(), self.values.clone());
        let look = move || {
            let (keys, values) = (&keys, &values);
            held.oracle.compare(&held.snapshot, Bytes { keys, values })
        };
        self.holds.looking = Some(thread::spawn(look));
        Ok(())
    }

    /// What it has found.
    fn hear_look(&mut self) -> Step {
        let Some(looking) = self.holds.looking.take() else {
            return Ok(());
        };
        match looking.join() {
            Ok(found) => self.judge_comparison(found, Check::Snapshots, "holding a snapshot"),
            Err(_) => Err(self.broken(Check::Snapshots, "looking at a snapshot panicked")),
        }
    }

    /// A snapshot of this process belongs to a handle, which is about to be closed.
    pub(super) fn drop_own_hold(&mut self) -> Step {
        self.look_at_own()?;
        self.hear_look()?;
        self.holds.own = None;
        Ok(())
    }

    /// The same without a look at it: the handle has failed.
    pub(super) fn forget_own_hold(&mut self) {
        self.holds.own = None;
        self.holds.end_look();
    }

    /// Lets go of everything.
    pub(super) fn end_holds(&mut self) -> Step {
        self.check_holds()?;
        self.hear_reader()?;
        self.hear_look()?;
        self.holds = Holds::default();
        Ok(())
    }
}

impl Holds {
    /// Nobody wants to know any more what a look finds.
    fn end_look(&mut self) {
        if let Some(looking) = self.looking.take() {
            let _ = looking.join();
        }
    }
}

impl Drop for Holds {
    fn drop(&mut self) {
        self.end_look();
    }
}

fn setup(doing: &'static str, error: std::io::Error) -> Halt {
    Halt::Setup(Error::io(doing, error))
}

impl Reader {
    fn start(helper: &Helper) -> std::io::Result<Reader> {
        let mut child = own_group(&helper.program)
            .args(&helper.args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let missing = || std::io::Error::other("no pipe to the reader");
        let input = child.stdin.take().ok_or_else(missing)?;
        let output = BufReader::new(child.stdout.take().ok_or_else(missing)?);
        Ok(Reader {
            child,
            input,
            output,
        })
    }

    fn ask(&mut self, question: &str) -> std::io::Result<String> {
        self.say(question)?;
        self.hear()
    }

    fn say(&mut self, question: &str) -> std::io::Result<()> {
        writeln!(self.input, "{question}")?;
        self.input.flush()
    }

    fn hear(&mut self) -> std::io::Result<String> {
        let mut answer = String::new();
        self.output.read_line(&mut answer)?;
        if !answer.ends_with('\n') {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(answer.trim_end().to_owned())
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The other side: holds a snapshot and tells its digest, until its input ends.
pub fn serve_reader(input: impl BufRead, mut output: impl Write) -> std::io::Result<()> {
    let mut held: Option<Snapshot> = None;
    for line in input.lines() {
        let line = line?;
        let answer = match line.split_once(' ') {
            Some(("hold", path)) => {
                // Gone before the next one is taken: a reader pins one moment, not two.
                held = None;
                match take(Path::new(path)) {
                    Ok(snapshot) => {
                        held = Some(snapshot);
                        "held".to_owned()
                    }
                    Err(error) => crate::soak::text::chain(&error),
                }
            }
            _ => match held.as_ref().map(digest_of) {
                Some(Ok(digest)) => format!("digest {digest}"),
                Some(Err(error)) => crate::soak::text::chain(&error),
                None => "nothing is held".to_owned(),
            },
        };
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}

fn take(path: &Path) -> Result<Snapshot> {
    OpenOptions::new().read_only(true).open(path)?.snapshot()
}

/// The digest of everything that a snapshot holds.
pub(crate) fn digest_of(snapshot: &Snapshot) -> Result<Digest> {
    let mut digest = ContentDigest::new();
    for name in snapshot.keyspaces()? {
        digest.keyspace(&name);
        let mut cursor = snapshot.keyspace(&name)?.cursor(&KeyRange::all());
        while let Some((key, value)) = cursor.next_entry()? {
            digest.entry(key, value);
        }
    }
    Ok(digest.finish())
}

impl Run<'_> {
    /// The digest of what the database holds now, which the oracle must agree with.
    pub(super) fn final_digest(&mut self) -> Step<Digest> {
        let snapshot = self.snapshot()?;
        let found = digest_of(&snapshot).map_err(engine("read everything"))?;
        if let Oracle::Model(model) = &self.oracle {
            let expected = model.digest(&self.keys, &self.values);
            if found != expected {
                let detail = format!("the digest is {found}, not {expected}");
                return Err(self.broken(Check::Digest, detail));
            }
            self.ledger.pass(Check::Digest);
        }
        Ok(found)
    }
}
