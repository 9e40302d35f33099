//! `creel get`: read values.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use creel::{Db, Error, Interest, Keyspace, Receipt};
use serde::Serialize;

use self::keys::KeyLines;
use super::{Run, published};
use crate::cli::args::{DbArg, KeyEncArgs, KeyspaceArg, OutArgs, OutFileArgs, ReadArgs, Seen};
use crate::cli::context::interest_in;
use crate::cli::text::{self, Enc, OutEnc};
use crate::cli::{Context, Exit, Failure, Outcome, escape, input, outfile, units};

mod keys;

/// How long a commit is waited for.
const WAIT: Duration = Duration::from_secs(5);

/// Arguments of `creel get`.
#[derive(Debug, Args)]
pub struct GetArgs {
    #[command(flatten)]
    db: DbArg,
    /// The key whose value is printed; with several, one JSON line for each
    #[arg(value_name = "KEY")]
    keys: Vec<OsString>,
    #[command(flatten)]
    keyspace: KeyspaceArg,
    #[command(flatten)]
    read: ReadArgs,
    #[command(flatten)]
    enc: KeyEncArgs,
    /// Read the key from a file; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["keys", "keys_from"])]
    key_file: Option<PathBuf>,
    /// Read many keys, one a line and escaped as `list` prints them; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "keys")]
    keys_from: Option<PathBuf>,
    /// Wait until the database has the commit that put --token printed, perhaps elsewhere
    #[arg(long, value_name = "TOKEN")]
    wait_for: Option<Receipt>,
    /// How long to wait for it [default: 5s]
    #[arg(long, value_name = "DUR", value_parser = units::duration, requires = "wait_for")]
    timeout: Option<Duration>,
    /// Print this where the key is absent, and exit 0
    #[arg(long, value_name = "VALUE")]
    default: Option<OsString>,
    /// Skip this many bytes of the value
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    offset: Option<u64>,
    /// Print at most this many bytes of the value
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    length: Option<u64>,
    #[command(flatten)]
    out: OutArgs,
    /// Add a line end to the value
    #[arg(long)]
    newline: bool,
    #[command(flatten)]
    file: OutFileArgs,
}

#[derive(Serialize)]
struct Record {
    schema: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_b64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_redacted: Option<String>,
    found: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_b64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_redacted: Option<String>,
    value_bytes: Option<u64>,
}

impl Run for GetArgs {
    const NAME: &'static str = "get";
    const ABOUT: &'static str = "Print the value of a key";
    const EXAMPLES: &'static str = "\
Examples:
  creel get my.db greeting
  creel get my.db photo:1 -o photo.jpg
  creel get my.db limit --default 100
  creel list my.db --keys-only --prefix user: | creel get my.db --keys-from -
  creel get my.db greeting --read published
  creel get replica.db greeting --wait-for 1:812:9f31c0aa --timeout 2s

--read published shows what the store has that the commits are published to: no fail-over can lose it.
To a pipe the bytes are exact, with nothing added. On a terminal they are escaped.

Exit status: 0 found, 1 absent (nothing is printed), 5 no such file, 12 the commit did not come in
time, 16 a fail-over dropped it; others: creel explain CODE";

    fn run(mut self, ctx: &mut Context) -> Outcome {
        self.file.o = self.file.o.take().filter(|out| out.as_os_str() != "-");
        if let Some(out) = &self.file.o {
            outfile::refuse_same("-o", out, &ctx.path(&self.db)?, "the database")?;
        }
        let mut lines = match &self.keys_from {
            Some(path) => {
                let enc = self.enc.key_enc.or(self.enc.enc).unwrap_or(Enc::Escape);
                Some(KeyLines::open(ctx, path, enc)?)
            }
            None => None,
        };
        let keys = match &mut lines {
            Some(lines) => lines.chunk()?,
            None => self.all_keys(ctx)?,
        };
        let more = lines.filter(|lines| !lines.ended());
        let interest = match &more {
            Some(_) => Interest::All,
            None => interest_in(&keys),
        };
        let db = match &self.wait_for {
            None => published::open(ctx, &self.db, interest, &self.read)?,
            Some(_) if self.read.read == Seen::Published => {
                return Err(
                    Failure::usage("--wait-for and --read published are two questions")
                        .hint("wait for the commit first, then read what is published"),
                );
            }
            Some(receipt) => self.open_at(ctx, receipt, &interest)?,
        };
        let snapshot = match &more {
            Some(_) => db.snapshot()?,
            None => db.snapshot_for(&keys)?,
        };
        let keyspace = match snapshot.keyspace(&self.keyspace.keyspace) {
            // A keyspace comes with the first put into it: until then its keys are absent.
            Err(Error::NoKeyspace { .. }) if self.default.is_some() => None,
            other => Some(other?),
        };
        let keyspace = keyspace.as_ref();
        let single = keys.len() == 1 && self.keys_from.is_none();
        let json = ctx.globals.json || self.out.out == Some(OutEnc::Json);
        match keys.first() {
            Some(key) if single && !json => self.print_value(ctx, keyspace, key),
            _ if self.file.o.is_some() => Err(Failure::usage("-o takes the value of one key")),
            _ => self.print_all(ctx, keyspace, keys, more),
        }
    }
}

impl GetArgs {
    /// Opens, and waits for a commit. A replica may be made anew meanwhile.
    fn open_at(
        &self,
        ctx: &mut Context,
        receipt: &Receipt,
        interest: &Interest,
    ) -> Result<Db, Failure> {
        let timeout = self.timeout.unwrap_or(WAIT);
        let started = Instant::now();
        loop {
            let db = ctx.open_read(&self.db, interest.clone())?;
            match db.wait_for(receipt, timeout.saturating_sub(started.elapsed())) {
                Ok(()) => return Ok(db),
                Err(Error::Replaced { .. }) if started.elapsed() < timeout => {}
                Err(e) => return Err(e.into()),
            }
        }
    }

    fn all_keys(&self, ctx: &mut Context) -> Result<Vec<Vec<u8>>, Failure> {
        if let Some(path) = &self.key_file {
            return Ok(vec![input::key_file(ctx, path, &self.enc)?]);
        }
        if self.keys.is_empty() {
            return Err(Failure::usage("the key is missing")
                .hint("give KEY, --key-file FILE or --keys-from FILE"));
        }
        self.keys
            .iter()
            .map(|key| input::key(key, &self.enc))
            .collect()
    }

    fn part<'a>(&self, value: &'a [u8]) -> &'a [u8] {
        let at = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).min(value.len());
        let from = at(self.offset.unwrap_or(0));
        let to = at((from as u64).saturating_add(self.length.unwrap_or(u64::MAX)));
        value.get(from..to).unwrap_or_default()
    }

    fn print_value(&self, ctx: &mut Context, keyspace: Option<&Keyspace>, key: &[u8]) -> Outcome {
        let terminal = self.file.o.is_none() && ctx.out.is_terminal();
        let enc = self.out.out.unwrap_or(if terminal {
            OutEnc::Escape
        } else {
            OutEnc::Raw
        });
        let plain = if terminal {
            ctx.out.plain()
        } else {
            escape::Plain::Ascii
        };
        let mut text = Vec::new();
        let show = |value: &[u8]| {
            let part = self.part(value);
            if self.out.redact {
                text.extend_from_slice(text::redacted(part).as_bytes());
            } else {
                text::encode(part, enc, plain, &mut text);
            }
        };
        let found = match keyspace {
            Some(keyspace) => keyspace.get_with(key, show)?,
            None => None,
        };
        if found.is_none() {
            match &self.default {
                Some(default) => text.extend_from_slice(default.as_encoded_bytes()),
                None => {
                    if ctx.out.is_terminal() || ctx.globals.verbose > 0 {
                        ctx.notice(&format!("no: {} is absent", self.shown(key)));
                    }
                    return Ok(Exit::No);
                }
            }
        }
        let raw_asked = self.out.out == Some(OutEnc::Raw);
        if self.newline || (terminal && !raw_asked) {
            text.push(b'\n');
        }
        match &self.file.o {
            Some(path) => outfile::write(path, self.file.force, &text)?,
            None => ctx.out.bytes(&text)?,
        }
        Ok(Exit::Ok)
    }

    fn shown(&self, key: &[u8]) -> String {
        if self.out.redact {
            text::redacted(key)
        } else {
            escape::to_string(key, escape::Plain::Ascii)
        }
    }

    fn print_all(
        &self,
        ctx: &mut Context,
        keyspace: Option<&Keyspace>,
        mut keys: Vec<Vec<u8>>,
        mut more: Option<KeyLines>,
    ) -> Outcome {
        let mut all = true;
        while !keys.is_empty() {
            all &= self.print_records(ctx, keyspace, &keys)?;
            keys = match &mut more {
                Some(lines) if !ctx.out.is_closed() => lines.chunk()?,
                _ => Vec::new(),
            };
        }
        Ok(super::answer(all))
    }

    /// Whether all of them are there.
    fn print_records(
        &self,
        ctx: &mut Context,
        keyspace: Option<&Keyspace>,
        keys: &[Vec<u8>],
    ) -> Result<bool, Failure> {
        let mut all = true;
        for key in keys {
            let value = match keyspace {
                Some(keyspace) => keyspace.get(key)?,
                None => None,
            };
            all &= value.is_some() || self.default.is_some();
            let found = value.is_some();
            let value =
                value.or_else(|| self.default.as_ref().map(|d| d.as_encoded_bytes().to_vec()));
            let part = value.as_deref().map(|v| self.part(v));
            let redact = self.out.redact;
            ctx.out.json(&Record {
                schema: "creel.get/1",
                key_b64: (!redact).then(|| text::base64(key)),
                key_redacted: redact.then(|| text::redacted(key)),
                found,
                value_b64: part.filter(|_| !redact).map(text::base64),
                value_redacted: part.filter(|_| redact).map(text::redacted),
                value_bytes: value.as_ref().map(|v| v.len() as u64),
            })?;
            if ctx.out.is_closed() {
                break;
            }
        }
        Ok(all)
    }
}
