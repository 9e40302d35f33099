//! `creel log show`: the saved commits, one after the other.

use std::path::PathBuf;

use clap::Args;
use creel::format::frame::EntryKind;
use creel::format::op::{Op, Ops};
use creel::replica::tail;
use serde::Serialize;

use super::super::Run;
use crate::cli::{Context, Exit, Outcome, escape, text};

/// Arguments of `creel log show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Files that creel replicate rejoin saved
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

#[derive(Serialize)]
struct EntryLine {
    schema: &'static str,
    epoch: u32,
    index: u64,
    time_ms: u64,
    kind: &'static str,
    operations: Vec<Operation>,
}

#[derive(Serialize)]
struct Operation {
    op: &'static str,
    keyspace_id: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_b64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl Run for ShowArgs {
    const NAME: &'static str = "show";
    const ABOUT: &'static str = "Print saved commits";
    const EXAMPLES: &'static str = "\
Examples:
  creel log show old.db.diverged/2-813-820-9f31c0aa.seg
  creel log show old.db.diverged/*.seg --json

A line is index, time, kind and operations; values are given by their length.
Exit status: 0 printed, 4 the file is damaged, 5 no such file; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        for path in &self.files {
            let segment = super::read(path)?;
            for entry in tail::entries(&segment) {
                let header = &entry.header;
                let mut line = EntryLine {
                    schema: "creel.tail/1",
                    epoch: header.epoch,
                    index: header.index,
                    time_ms: header.time_us / 1000,
                    kind: kind_name(header.kind),
                    operations: Vec::new(),
                };
                let mut words = Vec::new();
                if header.kind.has_operations() {
                    let mut ops = Ops::new(entry.payload(), header.op_count);
                    while let Ok(Some(op)) = ops.next_op() {
                        words.push(in_words(&op));
                        line.operations.push(operation(&op));
                    }
                }
                if ctx.globals.json {
                    ctx.out.json(&line)?;
                } else {
                    let (index, kind) = (line.index, line.kind);
                    let time = line.time_ms;
                    ctx.out.line(&format!(
                        "{}:{index}\t{time}\t{kind}\t{}",
                        line.epoch,
                        words.join(", ")
                    ))?;
                }
            }
        }
        Ok(Exit::Ok)
    }
}

fn kind_name(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Commit => "commit",
        EntryKind::Fence => "epoch",
        EntryKind::Attest => "attest",
        EntryKind::Bulk => "bulk",
        EntryKind::Note => "note",
    }
}

fn in_words(op: &Op<'_>) -> String {
    let shown = |key: &[u8]| escape::to_string(key, escape::Plain::Ascii);
    match op {
        Op::Put { key, value, .. } => format!("put {} ({} bytes)", shown(key), value.len()),
        Op::Delete { key, .. } => format!("delete {}", shown(key)),
        Op::DeleteRange { from, to, .. } => format!("delete {} to {}", shown(from), shown(to)),
        Op::CreateKeyspace { name, .. } => format!("create keyspace {}", shown(name)),
        Op::DropKeyspace { name, .. } => format!("drop keyspace {}", shown(name)),
    }
}

fn operation(op: &Op<'_>) -> Operation {
    let blank = |op, keyspace_id| Operation {
        op,
        keyspace_id,
        key_b64: None,
        value_bytes: None,
        name: None,
    };
    let name = |name: &[u8]| Some(String::from_utf8_lossy(name).into_owned());
    match op {
        Op::Put {
            keyspace,
            key,
            value,
        } => Operation {
            key_b64: Some(text::base64(key)),
            value_bytes: Some(value.len()),
            ..blank("put", *keyspace)
        },
        Op::Delete { keyspace, key } => Operation {
            key_b64: Some(text::base64(key)),
            ..blank("delete", *keyspace)
        },
        Op::DeleteRange { keyspace, from, .. } => Operation {
            key_b64: Some(text::base64(from)),
            ..blank("delete_range", *keyspace)
        },
        Op::CreateKeyspace { id, name: text } => Operation {
            name: name(text),
            ..blank("create_keyspace", *id)
        },
        Op::DropKeyspace { id, name: text } => Operation {
            name: name(text),
            ..blank("drop_keyspace", *id)
        },
    }
}
