//! The thread that reads and decodes, and the blocks that it hands over.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

use creel::exchange::Format;
use creel::exchange::read::{Block, Identity, Mark, ReadOptions, Reader, Stop, TrailerState};

use super::files::InputFile;
use super::lineage::Source;
use crate::cli::{Failure, codes, input, signals};

/// Blocks that may wait; enough to bridge a write, small beside everything else.
const AHEAD: usize = 4;
/// How long a signal may wait while the input keeps silent.
const PATIENCE: Duration = Duration::from_millis(50);

/// What the reading thread has to say.
pub enum Message {
    /// Which input this is; it waits for an answer.
    Ready(Box<Identity>),
    /// What the first block has shown.
    Begun(Begun),
    /// Records.
    Block(Block),
    /// The end of the input, which is as it should be.
    End(End),
    /// The end of the input, which is not.
    Stop(Stop),
}

/// What is known after the first block.
#[derive(Debug, Clone, Copy)]
pub struct Begun {
    /// Keys have to rise.
    pub promises_order: bool,
    /// What the input turned out to be.
    pub format: Format,
    /// What its header says about where it comes from.
    pub source: Option<Source>,
}

/// What is known at the end.
#[derive(Debug, Clone, Copy)]
pub struct End {
    /// What became of the trailer.
    pub trailer: TrailerState,
    /// How long the input is.
    pub mark: Mark,
}

/// An input that is being read.
pub struct Feed {
    messages: Receiver<Message>,
    back: Sender<Block>,
    answer: SyncSender<Option<Mark>>,
}

impl Feed {
    /// Opens a file and begins to read it. `read` counts the bytes as they lie in the file.
    pub fn start(
        file: &InputFile,
        options: ReadOptions,
        read: &Arc<AtomicU64>,
    ) -> Result<Feed, Failure> {
        let source: Box<dyn Read + Send> = match &file.path {
            None => Box::new(io::stdin()),
            Some(path) => Box::new(input::open_file(path)?),
        };
        let counted = Counted {
            source,
            read: Arc::clone(read),
        };
        let (out, messages) = sync_channel(AHEAD);
        let (back, free) = channel();
        let (answer, answers) = sync_channel(1);
        let work = move || {
            let end = match run(counted, options, &out, &free, &answers) {
                Ok(Some(end)) => Message::End(end),
                Ok(None) => return,
                Err(stop) => Message::Stop(stop),
            };
            let _ = out.send(end); // nobody waits for it when the import has failed
        };
        // Not joined: it may wait for a pipe for ever, and has nothing to clean up.
        std::thread::Builder::new()
            .name("read".into())
            .spawn(work)
            .map_err(|e| Failure::new(&codes::IO, "cannot start a thread").cause(e.to_string()))?;
        Ok(Feed {
            messages,
            back,
            answer,
        })
    }

    /// Lets the reading go on, with a check of what comes before this place.
    pub fn go_on(&self, known: Option<Mark>) {
        let _ = self.answer.send(known); // an ended thread has left its message
    }

    /// Waits for the next message. `waiting` is called now and then.
    pub fn next(&self, mut waiting: impl FnMut()) -> Result<Message, Failure> {
        loop {
            if signals::stopped() {
                return Err(creel::Error::Interrupted.into());
            }
            match self.messages.recv_timeout(PATIENCE) {
                Ok(message) => return Ok(message),
                Err(RecvTimeoutError::Timeout) => waiting(),
                Err(RecvTimeoutError::Disconnected) => {
                    let what = "the reading thread ended without a word";
                    return Err(Failure::new(&codes::INTERNAL, what));
                }
            }
        }
    }

    /// Gives a block back, to be filled again.
    pub fn give_back(&self, block: Block) {
        let _ = self.back.send(block);
    }
}

/// Reads to the end; `None` where nobody wants the rest.
fn run(
    source: Counted,
    options: ReadOptions,
    out: &SyncSender<Message>,
    free: &Receiver<Block>,
    answers: &Receiver<Option<Mark>>,
) -> Result<Option<End>, Stop> {
    let mut reader = Reader::open(source, options)?;
    let identity = reader.identify()?;
    if out.send(Message::Ready(Box::new(identity))).is_err() {
        return Ok(None);
    }
    match answers.recv() {
        Ok(Some(known)) => reader.expect(known),
        Ok(None) => {}
        Err(_) => return Ok(None),
    }
    let mut begun = false;
    loop {
        let mut block = free.try_recv().unwrap_or_default();
        let more = reader.fill(&mut block)?;
        if !begun {
            begun = true;
            let shown = Begun {
                promises_order: reader.promises_order(),
                format: reader.format(),
                source: reader.header().map(Source::of),
            };
            if out.send(Message::Begun(shown)).is_err() {
                return Ok(None);
            }
        }
        if out.send(Message::Block(block)).is_err() {
            return Ok(None);
        }
        if !more {
            return Ok(Some(End {
                trailer: reader.trailer(),
                mark: reader.mark(),
            }));
        }
    }
}

/// Counts what is read.
struct Counted {
    source: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let got = self.source.read(buf)?;
        self.read.fetch_add(got as u64, Ordering::Relaxed);
        Ok(got)
    }
}
