//! Standard output with checked errors. A closed pipe is no error: the writer just stops
//! writing, and `is_closed` tells streams to end early.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use super::codes;
use super::escape::Plain;
use super::failure::Failure;
use super::signals;

/// Bytes kept back before they are written; nothing is allocated before the first write.
const BUFFER: usize = 32 * 1024;

/// Standard output.
pub struct Out {
    buffer: Vec<u8>,
    terminal: Option<bool>,
    closed: bool,
}

impl Out {
    /// Standard output, untouched so far.
    pub const fn new() -> Self {
        Out {
            buffer: Vec::new(),
            terminal: None,
            closed: false,
        }
    }

    /// Whether a person looks at it.
    pub fn is_terminal(&mut self) -> bool {
        *self
            .terminal
            .get_or_insert_with(|| io::stdout().is_terminal())
    }

    /// Whether the reader of a pipe has gone.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// What may be shown unescaped: the same bytes for every pipe, readable text on a terminal
    /// that shows UTF-8.
    pub fn plain(&mut self) -> Plain {
        if self.is_terminal() && utf8_locale() {
            Plain::Utf8
        } else {
            Plain::Ascii
        }
    }

    /// Writes bytes.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if self.buffer.len() + bytes.len() > BUFFER {
            self.push_out()?;
            if bytes.len() > BUFFER / 2 {
                return self.write_through(bytes);
            }
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Writes a text and a line end.
    pub fn line(&mut self, text: &str) -> Result<(), Failure> {
        self.bytes(text.as_bytes())?;
        self.bytes(b"\n")
    }

    /// Writes one JSON object and a line end.
    pub fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        serde_json::to_writer(&mut self.buffer, value)
            .map_err(|e| Failure::new(&codes::INTERNAL, format!("cannot write JSON: {e}")))?;
        self.bytes(b"\n")?;
        if self.buffer.len() > BUFFER {
            self.push_out()
        } else {
            Ok(())
        }
    }

    /// Writes all that was kept back; every command ends with this.
    pub fn flush(&mut self) -> Result<(), Failure> {
        self.push_out()?;
        self.checked(|stdout| stdout.flush())
    }

    fn push_out(&mut self) -> Result<(), Failure> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let buffer = std::mem::take(&mut self.buffer);
        let result = self.write_through(&buffer);
        self.buffer = buffer;
        self.buffer.clear();
        result
    }

    fn write_through(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if let Some(why) = creel::sys::entry::stdout_fault() {
            return Err(no_stdout(why));
        }
        self.checked(|stdout| stdout.write_all(bytes))
    }

    fn checked(
        &mut self,
        call: impl FnOnce(&mut io::StdoutLock<'static>) -> io::Result<()>,
    ) -> Result<(), Failure> {
        if self.closed {
            return Ok(());
        }
        // A reader that never reads must not keep a signal from ending the command.
        let Some(written) = signals::while_waiting(|| call(&mut io::stdout().lock())) else {
            return Err(creel::Error::Interrupted.into());
        };
        match written {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            Err(e) => Err(no_stdout(e.to_string())),
        }
    }
}

/// Something that was to be told, and could not be.
pub fn no_stdout(why: impl Into<String>) -> Failure {
    Failure::new(&codes::STDOUT, "cannot write to standard output").cause(why)
}

fn utf8_locale() -> bool {
    let set = |name| std::env::var(name).ok().filter(|v: &String| !v.is_empty());
    let locale = set("LC_ALL")
        .or_else(|| set("LC_CTYPE"))
        .or_else(|| set("LANG"));
    locale.is_some_and(|l| {
        let l = l.to_ascii_lowercase();
        l.contains("utf-8") || l.contains("utf8")
    })
}
