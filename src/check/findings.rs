//! Collects findings and counts checks.

use super::report::{Finding, Severity, Verdict};
use crate::error::Corruption;
use crate::format::Invariant;
use crate::format::key::split_key;

/// What a finding means for the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// For information.
    Note,
    /// The next open puts it right.
    Recoverable,
    /// An invariant does not hold.
    Damage,
}

/// Findings so far.
#[derive(Debug, Clone)]
pub(super) struct Findings {
    max: usize,
    damage: Vec<Finding>,
    notes: Vec<Finding>,
    left_out: u64,
    verdict: Verdict,
    checked: Vec<u64>,
    /// What could not be checked.
    pub remarks: Vec<String>,
}

impl Findings {
    pub fn new(max: usize) -> Self {
        Findings {
            max,
            damage: Vec::new(),
            notes: Vec::new(),
            left_out: 0,
            verdict: Verdict::Clean,
            checked: vec![0; Invariant::ALL.len()],
            remarks: Vec::new(),
        }
    }

    /// Counts `times` checks of an invariant.
    #[inline]
    pub fn count(&mut self, id: Invariant, times: u64) {
        if let Some(n) = self.checked.get_mut(id as usize) {
            *n += times;
        }
    }

    pub fn checked(&self, id: Invariant) -> u64 {
        self.checked.get(id as usize).copied().unwrap_or(0)
    }

    pub fn remark(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.remarks.contains(&text) {
            self.remarks.push(text);
        }
    }

    pub fn add(&mut self, weight: Weight, mut finding: Finding) {
        let (list, severity, verdict) = match weight {
            Weight::Note => (&mut self.notes, Severity::Note, Verdict::Clean),
            Weight::Recoverable => (&mut self.notes, Severity::Note, Verdict::Recoverable),
            Weight::Damage => (&mut self.damage, Severity::Damage, Verdict::Damaged),
        };
        self.verdict = self.verdict.max(verdict);
        finding.severity = severity;
        if finding.advice.is_empty() {
            finding.advice = advice(finding.id, weight).into();
        }
        if list.len() < self.max {
            list.push(finding);
        } else {
            self.left_out += 1;
        }
    }

    pub fn damage(&mut self, finding: Finding) {
        self.add(Weight::Damage, finding);
    }

    pub fn set_unreadable(&mut self) {
        self.verdict = Verdict::Unreadable;
    }

    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    pub fn has_damage(&self, id: Invariant) -> bool {
        self.damage.iter().any(|f| f.id == id)
    }

    pub fn is_empty(&self) -> bool {
        self.damage.is_empty() && self.notes.is_empty()
    }

    /// True where both found the same things.
    pub fn same_as(&self, other: &Findings) -> bool {
        self.damage == other.damage && self.notes == other.notes
    }

    /// Takes in what another collection has.
    pub fn absorb(&mut self, other: Findings) {
        for (n, more) in self.checked.iter_mut().zip(&other.checked) {
            *n += more;
        }
        self.verdict = self.verdict.max(other.verdict);
        self.left_out += other.left_out;
        for remark in other.remarks {
            self.remark(remark);
        }
        self.damage.extend(other.damage);
        self.notes.extend(other.notes);
    }

    /// Turns every finding into a note that does not count, and says why.
    pub fn discredit(&mut self, why: &str) {
        self.remark(why);
        self.verdict = Verdict::Clean;
        for mut finding in self.damage.drain(..) {
            finding.severity = Severity::Note;
            finding.detail = format!("{} ({why})", finding.detail);
            self.notes.push(finding);
        }
    }

    /// The findings, damage first, and how many more there were.
    pub fn finish(mut self) -> (Vec<Finding>, u64) {
        self.damage.append(&mut self.notes);
        let extra = self.damage.len().saturating_sub(self.max);
        self.damage.truncate(self.max);
        (self.damage, self.left_out + extra as u64)
    }
}

/// A finding about nothing in particular yet.
pub(super) fn finding(id: Invariant, detail: impl Into<String>) -> Finding {
    Finding {
        id,
        severity: Severity::Damage,
        page: None,
        offset: None,
        bytes: None,
        detail: detail.into(),
        key_from: None,
        key_to: None,
        records_unreachable: None,
        advice: String::new(),
    }
}

impl Finding {
    pub(super) fn at(mut self, offset: u64, bytes: u64) -> Self {
        (self.offset, self.bytes) = (Some(offset), Some(bytes));
        self
    }

    pub(super) fn in_pages(mut self, page: u32, pages: u32, page_size: usize) -> Self {
        self.page = Some(page);
        self.offset = Some(u64::from(page) * page_size as u64);
        self.bytes = Some(u64::from(pages) * page_size as u64);
        self
    }

    /// Adds the page to a finding that knows only the offset in it, if that.
    pub(super) fn inside(self, page: u32, page_size: usize) -> Self {
        if self.page.is_some() {
            return self;
        }
        let offset = self.offset.unwrap_or(0);
        let mut made = self.in_pages(page, 1, page_size);
        made.offset = made.offset.map(|start| start + offset);
        made.bytes = made.bytes.map(|all| all.saturating_sub(offset));
        made
    }

    /// Adds the keys from `low` on and below `high` (full keys), and how many entries they are.
    pub(super) fn keys(mut self, low: &[u8], high: Option<&[u8]>, entries: Option<u64>) -> Self {
        let user = |full: &[u8]| split_key(full).map(|(_, key)| key.to_vec());
        self.key_from = user(low).filter(|k| !k.is_empty());
        self.key_to = high.and_then(user).filter(|k| !k.is_empty());
        self.records_unreachable = entries;
        self
    }
}

impl From<Corruption> for Finding {
    fn from(c: Corruption) -> Self {
        let mut made = finding(c.id, c.detail);
        (made.page, made.offset) = (c.page, c.offset);
        made
    }
}

fn advice(id: Invariant, weight: Weight) -> &'static str {
    use Invariant::*;
    match (weight, id) {
        (Weight::Note, _) => "",
        (Weight::Recoverable, H1 | H2 | H4) => {
            "creel checkpoint DB writes the damaged header slot anew"
        }
        (Weight::Recoverable, _) => "nothing confirmed is lost; the next write tidies up",
        (_, H7) => "the file was cut short: restore a backup, or creel salvage DB -o NEW",
        (_, S1 | S2 | S3 | S4) => {
            "no entry is lost, but do not write to this file: creel compact DB -o NEW makes a sound copy"
        }
        (_, H1) => "restore a backup, or creel salvage DB -o NEW",
        _ => "creel salvage DB -o NEW saves what can be read; the damaged file stays as it is",
    }
}
