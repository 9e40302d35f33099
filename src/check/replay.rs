//! Applies the log to what the tree says of keyspaces (W4, T7), and at level deep to a table as
//! the next open would (W10).

use super::catalogue::{Catalogue, check_limits, follow};
use super::findings::{Findings, finding};
use crate::delta::Delta;
use crate::format::fence::FenceRecord;
use crate::format::frame::{EntryHeader, EntryKind};
use crate::format::header::Header;
use crate::format::op::Ops;
use crate::format::{Depth, Invariant, max_key_len};

/// What the tree says of keyspaces.
#[derive(Debug)]
pub(super) enum Known {
    /// It was not asked.
    Unasked,
    All(Catalogue),
    /// Who walks the tree finds the damage.
    Damaged,
    /// It may be read the next time, so nobody else may see it: this was the reason.
    Refused(String),
}

/// What the entries of the log do, one after the other.
#[derive(Debug)]
pub(super) struct Replay {
    catalogue: Option<Catalogue>,
    refused: Option<String>,
    table: Option<Delta>,
    longest_key: usize,
}

impl Replay {
    /// `catalogue`: as of the checkpoint. `deep`: build the table too.
    pub fn new(header: &Header, catalogue: Known, deep: bool) -> Self {
        let (catalogue, refused) = match catalogue {
            Known::All(catalogue) => (Some(catalogue), None),
            Known::Refused(why) => (None, Some(why)),
            Known::Unasked | Known::Damaged => (None, None),
        };
        Replay {
            table: (deep && catalogue.is_some()).then(Delta::new),
            catalogue,
            refused,
            longest_key: max_key_len(header.page_size()),
        }
    }

    /// Takes in the operations of one entry.
    pub fn entry(
        &mut self,
        header: &EntryHeader,
        payload: &[u8],
        after_checkpoint: bool,
    ) -> Result<(), (Invariant, String)> {
        let index = header.index;
        let is_fence = header.kind == EntryKind::Fence;
        if is_fence && FenceRecord::of_entry(header, payload).is_none() {
            let text = format!("log entry {index} begins an epoch, but not as it should");
            return Err((Invariant::W4, text));
        }
        let mut ops = Ops::new(payload, header.op_count);
        let mut writer = self.table.as_ref().map(Delta::writer);
        let mut problem = Ok(());
        loop {
            match ops.next_op() {
                Ok(None) => return problem,
                Err(()) => {
                    let text = format!("log entry {index} does not decode");
                    return Err((Invariant::W4, text));
                }
                Ok(Some(op)) => {
                    let found = check_limits(&op, self.longest_key).and_then(|()| {
                        let known = self.catalogue.as_mut();
                        let known = known.filter(|_| after_checkpoint && !is_fence);
                        known.map_or(Ok(()), |known| follow(known, &op))
                    });
                    if let (Ok(()), Err((id, text))) = (&problem, found) {
                        problem = Err((id, format!("log entry {index} {text}")));
                    }
                    if let Some(writer) = writer.as_mut().filter(|_| after_checkpoint) {
                        writer.apply(index, &op, 0);
                    }
                }
            }
        }
    }

    /// W10: the table that the replay made is one that can be read.
    pub fn finish(self, findings: &mut Findings, level: Depth) {
        if let Some(why) = self.refused {
            // What the log does to keyspaces is W4's, the rest is W10's.
            let id = if level == Depth::Deep {
                Invariant::W10
            } else {
                Invariant::W4
            };
            let text = format!("the log was not replayed, for keyspaces cannot be read: {why}");
            findings.count(id, 1);
            findings.damage(finding(id, text));
            return;
        }
        if level != Depth::Deep {
            return;
        }
        let Some(table) = self.table else {
            findings.remark("W10: the catalogue cannot be read, so the log was not replayed");
            return;
        };
        let longest = self.longest_key + 4;
        let (mut checked, mut wrong) = (0, 0);
        table.with_newest(|entries| {
            let mut before: Option<&[u8]> = None;
            for (key, _) in entries {
                checked += 1;
                let rises = before.is_none_or(|b| b < key);
                wrong += u64::from(!rises || key.len() <= 4 || (key.len() > longest));
                before = Some(key);
            }
        });
        findings.count(Invariant::W10, checked + 1);
        if wrong > 0 {
            let text = format!("replaying the log gives {wrong} keys that cannot be");
            findings.damage(finding(Invariant::W10, text));
        }
    }
}
