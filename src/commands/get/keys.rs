//! Keys from a file or pipe, one a line, so many at a time.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::cli::text::{self, Enc};
use crate::cli::{Context, Failure, codes, input};

/// The longest line; a key is at most a quarter of a 64 KiB page.
const MAX_LINE: u64 = 1 << 20;
/// What is read before the first answer, and kept in memory at most.
const CHUNK: usize = 8 << 20;
/// What a key needs beside its bytes.
const EACH: usize = 32;

/// The lines that are left.
pub struct KeyLines {
    source: BufReader<Box<dyn Read>>,
    path: PathBuf,
    enc: Enc,
    number: u64,
    answered: u64,
    ended: bool,
}

impl KeyLines {
    /// Begins to read.
    pub fn open(ctx: &mut Context, path: &Path, enc: Enc) -> Result<KeyLines, Failure> {
        Ok(KeyLines {
            source: BufReader::new(input::open(ctx, "keys", path)?),
            path: path.to_owned(),
            enc,
            number: 0,
            answered: 0,
            ended: false,
        })
    }

    /// Whether all were given out.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// The next keys; none at the end.
    pub fn chunk(&mut self) -> Result<Vec<Vec<u8>>, Failure> {
        self.answered = self.number;
        let mut keys = Vec::new();
        let mut size = 0;
        let mut line = Vec::new();
        while size < CHUNK {
            line.clear();
            let read = (&mut self.source)
                .take(MAX_LINE + 1)
                .read_until(b'\n', &mut line)
                .map_err(|e| Failure::file("read", &self.path, &e))?;
            if read == 0 {
                self.ended = true;
                break;
            }
            self.number += 1;
            if read as u64 > MAX_LINE {
                return Err(self.bad("the line is longer than 1 MiB".into()));
            }
            let text = line.strip_suffix(b"\n").unwrap_or(&line);
            let key = text::decode(text, self.enc).map_err(|cause| self.bad(cause))?;
            if key.is_empty() {
                return Err(self.bad("the key is empty".into()));
            }
            size += key.len() + EACH;
            keys.push(key);
        }
        Ok(keys)
    }

    fn bad(&self, cause: String) -> Failure {
        let what = format!("{}:{}: bad key", self.path.display(), self.number);
        let state = match self.answered {
            0 => "nothing was printed".to_owned(),
            last => format!("the keys of lines 1 to {last} are answered"),
        };
        Failure::new(&codes::BAD_INPUT, what)
            .cause(cause)
            .state(state)
            .detail("line", self.number)
    }
}
