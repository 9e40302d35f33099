//! `creel list`: entries in key order.

use std::ffi::OsString;

use clap::Args;
use creel::{Cursor, Interest, KeyRange, Keyspace, Token};
use serde::Serialize;

use super::{Position, Run, published};
use crate::cli::args::{DbArg, KeyEncArgs, KeyspaceArg, OutArgs, RangeArgs, ReadArgs};
use crate::cli::escape::Plain;
use crate::cli::glob::Glob;
use crate::cli::text::{self, OutEnc};
use crate::cli::{Context, Exit, Failure, Outcome, codes, input, range, signals, units};

/// Arguments of `creel list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    db: DbArg,
    #[command(flatten)]
    range: RangeArgs,
    /// Only keys after this one, for paging
    #[arg(long, value_name = "KEY")]
    after: Option<OsString>,
    /// Only keys that match a pattern: * any bytes, ? one byte, [a-z] a class
    #[arg(long, value_name = "PATTERN")]
    glob: Option<OsString>,
    /// Go from the last key to the first
    #[arg(long)]
    reverse: bool,
    /// Stop after this many entries
    #[arg(long, value_name = "N", value_parser = units::count)]
    limit: Option<u64>,
    /// Print values only
    #[arg(long, group = "what")]
    values: bool,
    /// Print keys only
    #[arg(long, group = "what")]
    keys_only: bool,
    /// Print keys and the sizes of their values
    #[arg(long, group = "what")]
    sizes: bool,
    /// Print only how many there are
    #[arg(long, group = "what")]
    count: bool,
    /// Print raw bytes, each field ended by a zero byte
    #[arg(short = '0', long, conflicts_with = "out")]
    null: bool,
    #[command(flatten)]
    keyspace: KeyspaceArg,
    #[command(flatten)]
    read: ReadArgs,
    #[command(flatten)]
    enc: KeyEncArgs,
    #[command(flatten)]
    out: OutArgs,
}

#[derive(Serialize)]
struct Record<'a> {
    schema: &'static str,
    record: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_b64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_redacted: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_b64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_redacted: Option<&'a str>,
    value_bytes: u64,
}

#[derive(Serialize)]
struct End {
    schema: &'static str,
    record: &'static str,
    entries: u64,
    more: bool,
    next_after_b64: Option<String>,
    position: Position,
}

/// What is printed of each entry.
#[derive(Clone, Copy)]
struct Shape {
    key: bool,
    value: bool,
    size: bool,
    json: bool,
    enc: OutEnc,
    plain: Plain,
}

impl Run for ListArgs {
    const NAME: &'static str = "list";
    const ALIASES: &'static [&'static str] = &["scan", "keys"];
    const ABOUT: &'static str = "Print entries in key order";
    const EXAMPLES: &'static str = "\
Examples:
  creel list my.db
  creel list my.db --prefix user: --keys-only
  creel list my.db --read published
  creel list my.db --glob 'log:2025-*' --sizes --limit 20
  creel list my.db --json --limit 1000 --after \"$last\"

One line is one entry: key, tab, value, with control bytes escaped as \\n \\t \\xNN.
All lines come from one snapshot.

Exit status: 0 done, even where nothing matches or the reader of a pipe left; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        ctx.long();
        if self.null && ctx.globals.json {
            return Err(Failure::usage("-0 and --json are two forms of output"));
        }
        let glob = match &self.glob {
            Some(pattern) => Some(
                Glob::new(pattern.as_encoded_bytes())
                    .map_err(|e| Failure::usage("the pattern is not complete").cause(e))?,
            ),
            None => None,
        };
        let range = self.whole_range(glob.as_ref())?;
        let db = published::open(ctx, &self.db, Interest::All, &self.read)?;
        let snapshot = db.snapshot()?;
        let keyspace = snapshot.keyspace(&self.keyspace.keyspace)?;
        if range::is_empty(&range) {
            return self.end(ctx, snapshot.token(), 0, None);
        }
        if self.count {
            let entries = self.count(&keyspace, range, glob.as_ref())?;
            return self.end(ctx, snapshot.token(), entries, None);
        }
        let (entries, more) = self.print(ctx, keyspace.cursor(&range), glob.as_ref())?;
        self.end(ctx, snapshot.token(), entries, more)
    }
}

impl ListArgs {
    fn whole_range(&self, glob: Option<&Glob>) -> Result<KeyRange, Failure> {
        let mut whole = input::range(&self.range, &self.enc)?.unwrap_or(range::all());
        if let Some(after) = &self.after {
            let key = input::key(after, &self.enc)?;
            // Paging backwards goes on before the last key seen.
            let part = if self.reverse {
                range::to(key)
            } else {
                range::after(key)
            };
            whole = range::meet(whole, part);
        }
        if let Some(glob) = glob {
            whole = range::meet(whole, range::prefix(&glob.prefix()));
        }
        Ok(whole)
    }

    fn count(
        &self,
        keyspace: &Keyspace,
        range: KeyRange,
        glob: Option<&Glob>,
    ) -> Result<u64, Failure> {
        let limit = self.limit.unwrap_or(u64::MAX);
        let Some(glob) = glob else {
            return Ok(keyspace.count(&range)?.min(limit));
        };
        let mut cursor = keyspace.cursor(&range);
        let mut entries = 0;
        while entries < limit {
            let Some((key, _)) = cursor.next_key()? else {
                break;
            };
            entries += u64::from(glob.matches(key));
            stop_if_asked()?;
        }
        Ok(entries)
    }

    fn shape(&self, ctx: &mut Context) -> Shape {
        let json = ctx.globals.json || self.out.out == Some(OutEnc::Json);
        let enc = if self.null {
            OutEnc::Raw
        } else {
            OutEnc::Escape
        };
        Shape {
            key: !self.values || json,
            value: !self.keys_only && !self.sizes,
            size: self.sizes,
            json,
            enc: self.out.out.unwrap_or(enc),
            plain: ctx.out.plain(),
        }
    }

    /// Prints the entries; returns how many, and the last key where the limit left some over.
    fn print(
        &self,
        ctx: &mut Context,
        mut cursor: Cursor,
        glob: Option<&Glob>,
    ) -> Result<(u64, Option<Vec<u8>>), Failure> {
        let shape = self.shape(ctx);
        let limit = self.limit.unwrap_or(u64::MAX);
        let mut last = Vec::new();
        let mut entries = 0;
        loop {
            let found = match (shape.value, self.reverse) {
                (true, false) => cursor.next_entry()?.map(|(k, v)| (k, v, v.len() as u64)),
                (true, true) => cursor.prev_entry()?.map(|(k, v)| (k, v, v.len() as u64)),
                (false, false) => cursor.next_key()?.map(|(k, n)| (k, &[] as &[u8], n)),
                (false, true) => cursor.prev_key()?.map(|(k, n)| (k, &[] as &[u8], n)),
            };
            let Some((key, value, size)) = found else {
                return Ok((entries, None));
            };
            stop_if_asked()?;
            if glob.is_some_and(|g| !g.matches(key)) {
                continue;
            }
            if entries == limit {
                return Ok((entries, Some(last)));
            }
            entries += 1;
            last.clear();
            last.extend_from_slice(key);
            self.entry(ctx, shape, key, value, size)?;
            if ctx.out.is_closed() {
                return Ok((entries, None));
            }
        }
    }

    fn entry(
        &self,
        ctx: &mut Context,
        shape: Shape,
        key: &[u8],
        value: &[u8],
        size: u64,
    ) -> Result<(), Failure> {
        let redact = self.out.redact;
        if shape.json {
            let redacted = (redact && shape.value).then(|| text::redacted(value));
            return ctx.out.json(&Record {
                schema: "creel.list/1",
                record: "entry",
                key_b64: (!redact).then(|| text::base64(key)),
                key_redacted: redact.then(|| text::redacted(key)),
                value_b64: (shape.value && !redact).then(|| text::base64(value)),
                value_redacted: redacted.as_deref(),
                value_bytes: size,
            });
        }
        let mut line = Vec::new();
        let separator = if self.null { 0 } else { b'\t' };
        let mut field = |bytes: &[u8]| {
            if redact {
                line.extend_from_slice(text::redacted(bytes).as_bytes());
            } else {
                text::encode(bytes, shape.enc, shape.plain, &mut line);
            }
            line.push(separator);
        };
        if self.null && [key, value].iter().any(|b| memchr::memchr(0, b).is_some()) && !redact {
            return Err(
                Failure::new(&codes::BAD_INPUT, "an entry contains a zero byte")
                    .state("the entries before it were printed")
                    .hint("leave out -0: escaped lines hold any bytes"),
            );
        }
        if shape.key {
            field(key);
        }
        if shape.value {
            field(value);
        }
        if shape.size {
            line.extend_from_slice(size.to_string().as_bytes());
            line.push(separator);
        }
        if !self.null {
            line.pop();
            line.push(b'\n');
        }
        ctx.out.bytes(&line)
    }

    fn end(&self, ctx: &mut Context, token: Token, entries: u64, more: Option<Vec<u8>>) -> Outcome {
        if ctx.globals.json || self.out.out == Some(OutEnc::Json) {
            ctx.out.json(&End {
                schema: "creel.list/1",
                record: "end",
                entries,
                more: more.is_some(),
                next_after_b64: more
                    .as_deref()
                    // With --limit 0 there is no last one.
                    .filter(|last| !self.out.redact && !last.is_empty())
                    .map(text::base64),
                position: token.into(),
            })?;
        } else if self.count {
            ctx.out.line(&entries.to_string())?;
        }
        Ok(Exit::Ok)
    }
}

fn stop_if_asked() -> Result<(), Failure> {
    if signals::stopped() {
        Err(creel::Error::Interrupted.into())
    } else {
        Ok(())
    }
}
