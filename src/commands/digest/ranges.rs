//! The ranges that another host has printed, held against what is here: the borders are those of
//! the list, so nothing has to be agreed upon before.

use creel::digest::{ContentDigest, Digest, Range};
use serde::Serialize;

use super::between::Difference;
use super::visit::{Whole, no_ranges};
use crate::cli::escape::{self, Plain};
use crate::cli::{Context, Failure, text};
use crate::commands::export::Visit;

/// A range of a list. It ends where the next one of its keyspace begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    keyspace: String,
    /// Its first key; empty at the start of the keyspace.
    from: Vec<u8>,
    entries: u64,
    /// `None` for what the list does not have.
    digest: Option<Digest>,
}

impl Listed {
    /// A range as it was cut.
    pub fn of(range: Range) -> Listed {
        Listed {
            keyspace: range.keyspace,
            from: range.from.unwrap_or_default(),
            entries: range.entries,
            digest: Some(range.digest),
        }
    }
}

/// Digest, entries, keyspace and first key, by tabs.
pub fn parse(line: &[u8]) -> Option<Listed> {
    let mut fields = line.split(|b| *b == b'\t');
    let mut next = || fields.next();
    let digest = std::str::from_utf8(next()?).ok()?.parse().ok()?;
    let entries = std::str::from_utf8(next()?).ok()?.parse().ok()?;
    let keyspace = String::from_utf8(escape::decode(next()?).ok()?).ok()?;
    let from = escape::decode(next()?).ok()?;
    next().is_none().then_some(Listed {
        keyspace,
        from,
        entries,
        digest: Some(digest),
    })
}

#[derive(Debug, Clone, Copy, Default)]
struct Found {
    entries: u64,
    digest: Option<Digest>,
}

/// Adds up what is here within the ranges of a list.
pub struct Ranges<'a> {
    whole: &'a mut Whole,
    listed: Vec<Listed>,
    found: Vec<Found>,
    /// The range that entries are added to.
    at: Option<usize>,
    present: ContentDigest,
}

#[derive(Serialize)]
struct Line<'a> {
    schema: &'static str,
    record: &'static str,
    keyspace: &'a str,
    from_b64: Option<String>,
    to_b64: Option<String>,
    expected_entries: u64,
    found_entries: u64,
    same: bool,
}

impl<'a> Ranges<'a> {
    /// Of the ranges of one list, in its order.
    pub fn new(whole: &'a mut Whole, list: Vec<Listed>) -> Ranges<'a> {
        let mut listed: Vec<Listed> = Vec::with_capacity(list.len());
        for range in list {
            let begins = listed.last().is_none_or(|l| l.keyspace != range.keyspace);
            if begins && !range.from.is_empty() {
                listed.push(nothing(&range.keyspace)); // in front of the first key of the list
            }
            listed.push(range);
        }
        Ranges {
            whole,
            found: vec![Found::default(); listed.len()],
            listed,
            at: None,
            present: ContentDigest::new(),
        }
    }

    fn end(&mut self) {
        let ended = std::mem::replace(&mut self.present, ContentDigest::new());
        if let Some(found) = self.at.and_then(|at| self.found.get_mut(at)) {
            found.entries = ended.entries();
            found.digest = (found.entries > 0).then(|| ended.finish());
        }
    }

    /// The first range that differs, and how many do.
    pub fn first_difference(mut self) -> Option<Difference> {
        self.end();
        let mut first: Option<Difference> = None;
        for (i, (range, found)) in self.listed.iter().zip(&self.found).enumerate() {
            if range.entries == found.entries && range.digest == found.digest {
                continue;
            }
            if let Some(first) = &mut first {
                first.ranges += 1;
                continue;
            }
            let next = self.listed.get(i + 1);
            let next = next.filter(|next| next.keyspace == range.keyspace);
            first = Some(Difference {
                keyspace: range.keyspace.clone(),
                from: range.from.clone(),
                to: next.map(|next| next.from.clone()).unwrap_or_default(),
                entries: (range.entries, found.entries),
                ranges: 1,
            });
        }
        first
    }

    /// Prints the ranges that differ, in JSON all of them. Gives how many, and how to look closer
    /// at the first of them.
    pub fn finish(mut self, ctx: &mut Context) -> Result<(u64, Option<String>), Failure> {
        self.end();
        let (mut differ, mut closer) = (0, None);
        for (i, (range, found)) in self.listed.iter().zip(&self.found).enumerate() {
            let next = self.listed.get(i + 1);
            let next = next.filter(|next| next.keyspace == range.keyspace);
            let to = next.map_or(&[][..], |next| &next.from);
            let same = range.entries == found.entries && range.digest == found.digest;
            differ += u64::from(!same);
            if ctx.globals.json {
                let key = |key: &[u8]| (!key.is_empty()).then(|| text::base64(key));
                ctx.out.json(&Line {
                    schema: "creel.digest/1",
                    record: "range_check",
                    keyspace: &range.keyspace,
                    from_b64: key(&range.from),
                    to_b64: key(to),
                    expected_entries: range.entries,
                    found_entries: found.entries,
                    same,
                })?;
                continue;
            }
            if same {
                continue;
            }
            let shown = |bytes: &[u8]| escape::to_string(bytes, Plain::Ascii);
            let (from, to) = (shown(&range.from), shown(to));
            let keyspace = shown(range.keyspace.as_bytes());
            let (there, here) = (range.entries, found.entries);
            ctx.out.line(&format!(
                "differs\t{keyspace}\t{from}\t{to}\t{there}\t{here}"
            ))?;
            let flag = |name: &str, key: &str| match key.replace('\'', "\\x27").as_str() {
                "" => String::new(),
                key => format!(" {name} '{key}'"),
            };
            closer.get_or_insert_with(|| {
                format!(
                    "creel digest DB --ranges 16 --keyspace '{keyspace}' --key-enc escape{}{}",
                    flag("--from", &from),
                    flag("--to", &to)
                )
            });
        }
        Ok((differ, closer))
    }
}

fn nothing(keyspace: &str) -> Listed {
    Listed {
        keyspace: keyspace.to_owned(),
        from: Vec::new(),
        entries: 0,
        digest: None,
    }
}

impl Visit for Ranges<'_> {
    fn keyspace(&mut self, name: &str) -> Result<(), Failure> {
        self.whole.keyspace(name)?;
        let present = self.at.and_then(|at| self.listed.get(at));
        if present.is_some_and(|range| range.keyspace == name) {
            return Ok(());
        }
        self.end();
        let first = self.listed.iter().position(|range| range.keyspace == name);
        self.at = first.or_else(|| {
            self.listed.push(nothing(name));
            self.found.push(Found::default());
            self.listed.len().checked_sub(1)
        });
        Ok(())
    }

    fn entry(&mut self, key: &[u8], value: &[u8]) -> Result<(), Failure> {
        self.whole.entry(key, value)?;
        while let Some(at) = self.at
            && let (Some(present), Some(next)) = (self.listed.get(at), self.listed.get(at + 1))
            && next.keyspace == present.keyspace
            && next.from.as_slice() <= key
        {
            self.end();
            self.at = Some(at + 1);
        }
        if self.present.entries() == 0
            && let Some(present) = self.at.and_then(|at| self.listed.get(at))
        {
            self.present.keyspace(&present.keyspace);
        }
        self.present.entry(key, value);
        Ok(())
    }

    fn delete(&mut self, _key: &[u8]) -> Result<(), Failure> {
        Err(no_ranges())
    }

    fn delete_range(&mut self, _from: &[u8], _to: Option<&[u8]>) -> Result<(), Failure> {
        Err(no_ranges())
    }
}
