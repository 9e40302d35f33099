//! The small documents: what the store is, what a node says, what is held.

use serde::{Deserialize, Serialize};

use super::Damage;
use super::sealed::{self, PointRow, check_counter, hex};
use crate::chain::name::HoldName;

/// Bytes of a small document.
pub const MAX_SMALL: u64 = 64 << 10;
/// Longest text that somebody typed.
const MAX_TEXT: usize = 200;

/// `creel.json`: what the store is. Written once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Creel {
    creel: String,
    version: u32,
    /// Lineage of the database.
    #[serde(with = "hex")]
    pub lineage: [u8; 16],
    /// The log before the first entry of segment 1.
    pub start: PointRow,
    /// Microseconds since 1970.
    pub created_us: u64,
    /// A copy of another store: never the place where fencing is decided.
    pub mirror_of: Option<String>,
    /// What the probe found before the store was first used.
    pub probe: Option<ProbeResult>,
}

/// What a probe found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeResult {
    /// Whether it can be trusted to fence.
    pub verdict: Verdict,
    /// Microseconds since 1970.
    pub time_us: u64,
    /// Rounds raced.
    pub rounds: u32,
    /// Racers in each.
    pub racers: u32,
    /// Typical time of a create, in microseconds.
    pub create_p50_us: u64,
    /// What did not hold.
    pub faults: Vec<String>,
}

/// Whether a store is fit for a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything held.
    Fit,
    /// Something did not.
    Unfit,
}

impl Creel {
    /// A new store.
    pub fn new(lineage: [u8; 16], start: PointRow, created_us: u64) -> Creel {
        Creel {
            creel: "store".to_owned(),
            version: sealed::VERSION,
            lineage,
            start,
            created_us,
            mirror_of: None,
            probe: None,
        }
    }

    /// Encodes it.
    pub fn encode(&self) -> Vec<u8> {
        sealed::encode(self)
    }

    /// Whether this store decides who is primary, in a word: `fit`, `none`, or `unknown` where nobody has
    /// probed it.
    pub fn fencing(&self) -> &'static str {
        match self.probe.as_ref().map(|probe| probe.verdict) {
            _ if self.mirror_of.is_some() => "none",
            Some(Verdict::Fit) => "fit",
            Some(Verdict::Unfit) => "none",
            None => "unknown",
        }
    }

    /// Decodes it.
    pub fn decode(bytes: &[u8]) -> Result<Creel, Damage> {
        let creel: Creel = sealed::decode(bytes, "store")?;
        creel.start.check()?;
        Ok(creel)
    }
}

/// `floor/<n>.json`: segments below a number may be gone, except fences. The n-th of these; they are
/// created once, one after the other, and stay for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FloorDoc {
    creel: String,
    version: u32,
    /// Its number, from 1.
    pub n: u64,
    /// Lineage of the database.
    #[serde(with = "hex")]
    pub lineage: [u8; 16],
    /// The first segment that is kept.
    pub number: u64,
}

impl FloorDoc {
    /// The n-th floor.
    pub fn new(lineage: [u8; 16], n: u64, number: u64) -> FloorDoc {
        FloorDoc {
            creel: "floor".to_owned(),
            version: sealed::VERSION,
            n,
            lineage,
            number,
        }
    }

    /// Encodes it.
    pub fn encode(&self) -> Vec<u8> {
        sealed::encode(self)
    }

    /// Decodes it.
    pub fn decode(bytes: &[u8]) -> Result<FloorDoc, Damage> {
        let floor: FloorDoc = sealed::decode(bytes, "floor")?;
        check_counter(floor.n)?;
        check_counter(floor.number)?;
        Ok(floor)
    }
}

/// What a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeRole {
    /// Neither.
    Standalone,
    /// It writes the log.
    Primary,
    /// It follows the log.
    Replica,
}

/// `progress/<node>.json`: what a node says about itself, over and over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgressDoc {
    creel: String,
    version: u32,
    /// Its file id.
    #[serde(with = "hex")]
    pub node: [u8; 16],
    /// Lineage of its database.
    #[serde(with = "hex")]
    pub lineage: [u8; 16],
    /// What it is.
    pub role: NodeRole,
    /// Host name, or what the operator called it.
    pub name: String,
    /// What it has made durable.
    pub durable: PointRow,
    /// Up to which segment it has read or written.
    pub number: u64,
    /// When it said so.
    pub time_us: u64,
    /// When `durable` last moved.
    pub moved_us: u64,
    /// The log must not be removed behind `durable`, within the caps.
    pub holds: bool,
    /// Why it cannot go on, where it cannot.
    pub trouble: Option<String>,
    /// What it had some time before, for who wants to know how fast it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Before>,
    /// Version of the program.
    pub program: String,
}

impl ProgressDoc {
    /// What a node says now.
    pub fn new(
        node: [u8; 16],
        lineage: [u8; 16],
        role: NodeRole,
        durable: PointRow,
    ) -> ProgressDoc {
        ProgressDoc {
            creel: "progress".to_owned(),
            version: sealed::VERSION,
            node,
            lineage,
            role,
            name: String::new(),
            durable,
            number: 0,
            time_us: 0,
            moved_us: 0,
            holds: true,
            trouble: None,
            before: None,
            program: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// Encodes it.
    pub fn encode(&self) -> Vec<u8> {
        let mut document = self.clone();
        cut(&mut document.name);
        document.trouble.iter_mut().for_each(cut);
        sealed::encode(&document)
    }

    /// Decodes it.
    pub fn decode(bytes: &[u8]) -> Result<ProgressDoc, Damage> {
        let document: ProgressDoc = sealed::decode(bytes, "progress")?;
        document.durable.check()?;
        check_counter(document.number)?;
        Ok(document)
    }
}

/// What a node had at an earlier word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// Newest entry.
    pub index: u64,
    /// When it said so.
    pub time_us: u64,
}

/// Between two words that are compared.
const APART_US: u64 = 5_000_000;
/// What was said longer ago tells nothing of now.
const STALE_US: u64 = 60_000_000;

impl ProgressDoc {
    /// The same node's last word goes along, or the one before that where the last was just now.
    pub fn follow(&mut self, last: &ProgressDoc) {
        if (last.node, last.lineage) != (self.node, self.lineage) {
            return;
        }
        if last.durable == self.durable && last.moved_us > 0 {
            self.moved_us = last.moved_us;
        }
        let own = Before {
            index: last.durable.index,
            time_us: last.time_us,
        };
        let near = |before: &Before| last.time_us.saturating_sub(before.time_us) < APART_US;
        self.before = Some(last.before.filter(near).unwrap_or(own));
    }

    /// Entries a second between the two; [`None`] where that is too long ago to tell of now, or too
    /// short a time.
    pub fn per_second(&self, now_us: u64) -> Option<f64> {
        const SECOND_US: u64 = 1_000_000;
        let before = self.before?;
        let apart = self.time_us.checked_sub(before.time_us)?;
        let quiet = now_us.saturating_sub(self.time_us);
        let entries = self.durable.index.checked_sub(before.index)?;
        let tells = (SECOND_US..=STALE_US).contains(&apart) && quiet <= STALE_US;
        tells.then(|| entries as f64 * SECOND_US as f64 / apart as f64)
    }
}

/// `hold/<name>.json`: the log behind a point is to stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldDoc {
    creel: String,
    version: u32,
    /// Its name.
    pub name: String,
    /// Lineage of the database.
    #[serde(with = "hex")]
    pub lineage: [u8; 16],
    /// Entries behind this index stay.
    pub index: u64,
    /// As long as they are not more than this.
    pub max_bytes: u64,
    /// And not after this moment.
    pub expires_us: u64,
    /// Why.
    pub reason: String,
    /// When it was made.
    pub created_us: u64,
}

impl HoldDoc {
    /// A hold.
    pub fn new(name: &HoldName, lineage: [u8; 16], index: u64) -> HoldDoc {
        HoldDoc {
            creel: "hold".to_owned(),
            version: sealed::VERSION,
            name: name.as_str().to_owned(),
            lineage,
            index,
            max_bytes: u64::MAX,
            expires_us: u64::MAX,
            reason: String::new(),
            created_us: 0,
        }
    }

    /// Encodes it.
    pub fn encode(&self) -> Vec<u8> {
        let mut document = self.clone();
        cut(&mut document.reason);
        sealed::encode(&document)
    }

    /// Decodes it.
    pub fn decode(bytes: &[u8]) -> Result<HoldDoc, Damage> {
        let document: HoldDoc = sealed::decode(bytes, "hold")?;
        check_counter(document.index)?;
        match HoldName::new(&document.name) {
            Some(_) => Ok(document),
            None => Err(Damage::new("a hold without a proper name")),
        }
    }
}

/// Cuts a text to its limit, between characters.
fn cut(text: &mut String) {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(index: u64, time_us: u64) -> ProgressDoc {
        let at = PointRow {
            index,
            epoch: 1,
            history: [7; 16],
        };
        let mut said = ProgressDoc::new([1; 16], [2; 16], NodeRole::Replica, at);
        said.time_us = time_us;
        said.moved_us = time_us;
        said
    }

    #[test]
    fn a_node_is_as_fast_as_its_words_are_apart() {
        const S: u64 = 1_000_000;
        let first = said(100, 10 * S);
        assert_eq!(first.per_second(10 * S), None);
        let mut second = said(150, 12 * S);
        second.follow(&first);
        assert_eq!(second.per_second(12 * S), Some(25.0));
        let mut third = said(300, 14 * S);
        third.follow(&second);
        assert_eq!(third.per_second(14 * S), Some(50.0), "from the first on");
        assert_eq!(ProgressDoc::decode(&third.encode()).unwrap(), third);
        // An hour ago is not now.
        assert_eq!(third.per_second(14 * S + STALE_US), Some(50.0));
        assert_eq!(third.per_second(14 * S + STALE_US + 1), None);
        let mut late = said(300, 5000 * S);
        late.follow(&third);
        assert_eq!(late.per_second(5000 * S), None);
        assert_eq!(late.moved_us, 14 * S, "it has not moved");
        // Less than before, or another node's word.
        let mut back = said(200, 16 * S);
        back.follow(&said(300, 14 * S));
        assert_eq!(back.per_second(16 * S), None);
        let mut other = said(400, 16 * S);
        other.node = [3; 16];
        other.follow(&third);
        assert_eq!(other.before, None);
    }
}
