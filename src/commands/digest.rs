//! `creel digest`: a hash of what a database or an export holds.

mod check;
mod ranges;
mod side;
mod visit;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use creel::digest::{Range, bits_for};
use creel::exchange::Format;
use creel::exchange::frame::Position;
use serde::Serialize;

use self::side::{Side, Which};
use self::visit::{Count, Cut};
use super::Run;
use super::content::Selection;
use super::export::OutputFormat;
use crate::cli::args::{KeyEncArgs, RangeArgs};
use crate::cli::escape::{self, Plain};
use crate::cli::{Context, Exit, Failure, Outcome, text, units};

pub(crate) use self::visit::Whole;

mod between;

pub(crate) use self::between::first_difference;

/// Arguments of `creel digest`.
#[derive(Debug, Args)]
pub struct DigestArgs {
    /// Databases and exports; - is an export on standard input
    #[arg(value_name = "DB|EXPORT", required_unless_present = "check")]
    paths: Vec<OsString>,
    #[command(flatten)]
    range: RangeArgs,
    #[command(flatten)]
    enc: KeyEncArgs,
    /// Only this keyspace [default: all]; for csv, tsv and raw the one that their entries are of
    #[arg(long, value_name = "NAME")]
    keyspace: Option<String>,
    /// Format of an export: jsonl, mdb, csv, tsv or raw [default: by its beginning or its name]
    #[arg(long, value_name = "FORMAT", hide_possible_values = true)]
    format: Option<OutputFormat>,
    /// Print about so many digests of ranges too
    #[arg(long, value_name = "N", value_parser = units::count)]
    ranges: Option<u64>,
    /// Cut ranges as another run did that printed this number
    #[arg(long, value_name = "B", value_parser = clap::value_parser!(u32).range(0..=32))]
    bits: Option<u32>,
    /// Compare with the digests in a file that this command wrote, with those of ranges too
    #[arg(long, value_name = "FILE", conflicts_with_all = ["ranges", "bits"])]
    check: Option<PathBuf>,
}

#[derive(Serialize)]
struct Line<'a> {
    schema: &'static str,
    record: &'static str,
    path: &'a str,
    kind: &'static str,
    digest: String,
    entries: u64,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<Position>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bits: Option<u32>,
    elapsed_ms: u64,
}

#[derive(Serialize)]
struct RangeLine<'a> {
    schema: &'static str,
    record: &'static str,
    keyspace: &'a str,
    from_b64: Option<String>,
    to_b64: Option<String>,
    entries: u64,
    bytes: u64,
    digest: String,
}

impl Run for DigestArgs {
    const NAME: &'static str = "digest";
    const ABOUT: &'static str =
        "Print a hash of the entries, the same for a database and its exports";
    const EXAMPLES: &'static str = "\
Examples:
  creel digest my.db
  creel digest my.db my.jsonl.zst copy.db
  creel digest my.db > my.digest; creel digest --check my.digest
  creel digest my.db --ranges 16 > my.ranges; scp my.ranges host:; ssh host creel digest copy.db --check my.ranges

The line is digest, two spaces, path. It depends on keyspaces, keys and values only: equal lines,
equal contents. --ranges and --check find out where two databases differ, and say how to look closer at
a range that does. A framed export is checked while it is read, others are sorted first.

Exit status: 0 done, 1 --check found a difference, 9 an export is cut, changed or malformed;
others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        ctx.long();
        let which = Which {
            selection: Selection::of(&self.range, &self.enc, self.keyspace.as_deref())?,
            format: self.format.map(Format::from),
        };
        if let Some(list) = &self.check {
            return check::run(ctx, list, &self.paths, &which);
        }
        for path in &self.paths {
            self.one(ctx, path, &which)?;
        }
        Ok(Exit::Ok)
    }
}

impl DigestArgs {
    fn one(&self, ctx: &mut Context, path: &OsStr, which: &Which) -> Result<(), Failure> {
        let started = Instant::now();
        let mut side = Side::open(ctx, path, which)?;
        let bits = self.bits(ctx, path, which, &side)?;
        let meter = side.meter(ctx);
        let mut whole = Whole::default();
        match bits {
            None => side.walk(&meter, &mut whole)?,
            Some(bits) => {
                let mut cut = Cut::new(&mut whole, bits, |range| print_range(ctx, &range));
                side.walk(&meter, &mut cut)?;
                cut.finish()?;
            }
        }
        drop(meter);
        let entries = whole.entries();
        let bytes = whole.bytes;
        let digest = whole.finish().to_string();
        if !ctx.globals.json {
            if let Some(bits) = bits.filter(|_| self.bits.is_none()) {
                ctx.notice(&format!("cut with --bits {bits}"));
            }
            return print_line(ctx, &digest, path);
        }
        ctx.out.json(&Line {
            schema: "creel.digest/1",
            record: "digest",
            path: &path.to_string_lossy(),
            kind: side.kind(),
            digest,
            entries,
            bytes,
            position: side.position()?,
            bits,
            elapsed_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }

    /// How ranges are cut: as asked for, or so that about so many come out.
    fn bits(
        &self,
        ctx: &mut Context,
        path: &OsStr,
        which: &Which,
        side: &Side,
    ) -> Result<Option<u32>, Failure> {
        let Some(ranges) = self.ranges.filter(|_| self.bits.is_none()) else {
            return Ok(self.bits);
        };
        let entries = match side {
            Side::Database(selection) => selection.entries(),
            Side::Export(..) if path == "-" => {
                return Err(Failure::usage(
                    "how many entries standard input has is not known before its end",
                )
                .hint("say how to cut it: --bits B, which creel digest DB --ranges N prints"));
            }
            Side::Export(..) => {
                // What the trailer says counts only after all was read.
                let mut count = Count::default();
                let meter = ctx.meter("count");
                Side::open(ctx, path, which)?.walk(&meter, &mut count)?;
                count.0
            }
        };
        Ok(Some(bits_for(entries, ranges)))
    }
}

/// As `sha256sum` prints it: a name that could be taken for something else is escaped, which a
/// backslash before the digest says.
fn print_line(ctx: &mut Context, digest: &str, path: &OsStr) -> Result<(), Failure> {
    let mut line = Vec::new();
    let name = path.as_encoded_bytes();
    let escaped = name.iter().any(|b| b"\n\r\\".contains(b));
    if escaped {
        line.push(b'\\');
    }
    line.extend_from_slice(digest.as_bytes());
    line.extend_from_slice(b"  ");
    for byte in name {
        match byte {
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            b'\\' => line.extend_from_slice(b"\\\\"),
            _ => line.push(*byte),
        }
    }
    line.push(b'\n');
    ctx.out.bytes(&line)
}

/// Digest, entries, keyspace and first key, by tabs; no key at the start of a keyspace.
fn print_range(ctx: &mut Context, range: &Range) -> Result<(), Failure> {
    let digest = range.digest.to_string();
    if ctx.globals.json {
        return ctx.out.json(&RangeLine {
            schema: "creel.digest/1",
            record: "range",
            keyspace: &range.keyspace,
            from_b64: range.from.as_deref().map(text::base64),
            to_b64: range.to.as_deref().map(text::base64),
            entries: range.entries,
            bytes: range.bytes,
            digest,
        });
    }
    let plain = Plain::Ascii;
    let keyspace = escape::to_string(range.keyspace.as_bytes(), plain);
    let from = escape::to_string(range.from.as_deref().unwrap_or(&[]), plain);
    ctx.out
        .line(&format!("{digest}\t{}\t{keyspace}\t{from}", range.entries))
}
