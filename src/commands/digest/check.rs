//! `creel digest --check`: as `sha256sum -c`, except that what could not be compared is never
//! mistaken for a difference.

use std::ffi::OsString;
use std::io::Read;
use std::path::Path;

use creel::digest::Digest;
use serde::Serialize;

use super::ranges::{self, Listed, Ranges};
use super::side::{Side, Which};
use super::visit::Whole;
use crate::cli::{Context, Exit, Failure, Outcome, codes, escape, input};

/// The most that is read of a list.
const MAX_LIST: u64 = 16 << 20;

#[derive(Serialize)]
struct Line<'a> {
    schema: &'static str,
    record: &'static str,
    path: &'a str,
    expected: String,
    found: String,
    same: bool,
}

/// What a list says of one database or export.
struct Expected {
    ranges: Vec<Listed>,
    digest: Digest,
    path: OsString,
}

/// Compares every line of the list with what is there now, or its only one with what stands at
/// another path.
pub fn run(ctx: &mut Context, list: &Path, paths: &[OsString], which: &Which) -> Outcome {
    let mut text = Vec::new();
    let from = input::open(ctx, "list of digests", list)?;
    from.take(MAX_LIST + 1)
        .read_to_end(&mut text)
        .map_err(|e| Failure::file("read", list, &e))?;
    if text.len() as u64 > MAX_LIST {
        return Err(bad_list(list, 1, "it is larger than 16 MiB"));
    }
    let mut all = parse(&text, list)?;
    match (paths, all.as_mut_slice()) {
        ([], _) => {}
        ([path], [only]) => only.path.clone_from(path),
        _ => {
            return Err(Failure::usage("another path needs a list of one digest")
                .hint("creel digest DB --ranges 16 > FILE; creel digest COPY --check FILE"));
        }
    }
    let (mut differ, lines) = (0, all.len());
    for expected in all {
        differ += u64::from(!one(ctx, expected, which)?);
    }
    if differ == 0 {
        return Ok(Exit::Ok);
    }
    ctx.notice(&format!("{differ} of {lines} differ"));
    Ok(Exit::No)
}

fn one(ctx: &mut Context, expected: Expected, which: &Which) -> Result<bool, Failure> {
    let Expected {
        ranges,
        digest: expected,
        path,
    } = expected;
    let path = &path;
    let mut whole = Whole::default();
    let mut side = Side::open(ctx, path, which)?;
    let meter = side.meter(ctx);
    let mut differ = 0;
    if ranges.is_empty() {
        side.walk(&meter, &mut whole)?;
        drop(meter);
    } else {
        let mut cut = Ranges::new(&mut whole, ranges);
        side.walk(&meter, &mut cut)?;
        drop(meter);
        let closer;
        (differ, closer) = cut.finish(ctx)?;
        if let Some(closer) = closer {
            ctx.notice(&format!("look closer on both sides: {closer}"));
        }
    }
    let found = whole.finish();
    // A list that lost a line still has the digest of the whole.
    let same = found == expected && differ == 0;
    let name = path.to_string_lossy();
    if ctx.globals.json {
        ctx.out.json(&Line {
            schema: "creel.digest/1",
            record: "check",
            path: &name,
            expected: expected.to_string(),
            found: found.to_string(),
            same,
        })?;
    } else if !same || ctx.globals.quiet == 0 {
        ctx.out.bytes(path.as_encoded_bytes())?;
        ctx.out.line(if same { ": OK" } else { ": FAILED" })?;
    }
    Ok(same)
}

/// `HEX  PATH` on each line; before it ranges of the same.
fn parse(text: &[u8], list: &Path) -> Result<Vec<Expected>, Failure> {
    let mut lines = Vec::new();
    let mut ranges = Vec::new();
    for (number, line) in text.split(|b| *b == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        if line.get(64) == Some(&b'\t') {
            let range = ranges::parse(line);
            let bad = || bad_list(list, number + 1, "not a range as --ranges prints it");
            ranges.push(range.ok_or_else(bad)?);
            continue;
        }
        let (escaped, line) = match line.strip_prefix(b"\\") {
            Some(line) => (true, line),
            None => (false, line),
        };
        let parsed = line.split_at_checked(64).and_then(|(digest, rest)| {
            let digest = std::str::from_utf8(digest).ok()?.parse().ok()?;
            let path = rest.strip_prefix(b"  ").filter(|p| !p.is_empty())?;
            let path = if escaped {
                escape::decode(path).ok()?
            } else {
                path.to_vec()
            };
            Some(Expected {
                ranges: std::mem::take(&mut ranges),
                digest,
                path: os_string(path)?,
            })
        });
        lines
            .push(parsed.ok_or_else(|| {
                bad_list(list, number + 1, "not a digest, two spaces and a path")
            })?);
    }
    if !ranges.is_empty() {
        let line = text.split(|b| *b == b'\n').count();
        let why = "the digest behind the ranges is missing: the list is cut short";
        return Err(bad_list(list, line, why));
    }
    if lines.is_empty() {
        return Err(bad_list(list, 1, "it has no line"));
    }
    Ok(lines)
}

#[cfg(unix)]
fn os_string(bytes: Vec<u8>) -> Option<OsString> {
    use std::os::unix::ffi::OsStringExt;
    Some(OsString::from_vec(bytes))
}

#[cfg(not(unix))]
fn os_string(bytes: Vec<u8>) -> Option<OsString> {
    String::from_utf8(bytes).ok().map(OsString::from)
}

fn bad_list(list: &Path, line: usize, why: &str) -> Failure {
    let what = format!("{}, line {line}: {why}", list.display());
    Failure::new(&codes::BAD_INPUT, what)
        .at(list)
        .state("nothing was compared")
        .hint("creel digest PATH > FILE writes such a list")
}
