//! Names of objects: generated here, and matched strictly when they come from a listing.

use std::fmt;
use std::str::FromStr;

use crate::format::checksum::History;

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// What the store is.
    Creel,
    /// A segment of the log.
    Segment(u64),
    /// A catalogue.
    Catalogue(u64),
    /// A floor that was announced.
    Floor(u64),
    /// The first object of a snapshot: it is being written.
    SnapshotBegin(SnapshotId),
    /// The last object of a snapshot: it is whole.
    Snapshot(SnapshotId),
    /// A part of a snapshot.
    Part(SnapshotId, PartId),
    /// What a node says about itself.
    Progress([u8; 16]),
    /// A hold.
    Hold(HoldName),
    /// Scratch objects of the probe.
    Probe(u64, u32),
}

/// Which snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotId {
    /// The last entry that is in it.
    pub index: u64,
    /// Epoch of that entry.
    pub epoch: u32,
    /// The first bytes of the history there.
    pub history: [u8; 4],
}

impl SnapshotId {
    /// The snapshot of a point.
    pub fn of(index: u64, epoch: u32, history: &History) -> SnapshotId {
        let (head, _) = history.split_first_chunk().unwrap_or((&[0; 4], &[]));
        SnapshotId {
            index,
            epoch,
            history: *head,
        }
    }
}

/// Which part: its place, and the first half of the hash of its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartId {
    /// From 0.
    pub number: u32,
    /// First 16 bytes of the BLAKE3 hash of the part as stored.
    pub hash: [u8; 16],
}

/// Name of a hold: 1 to 64 small letters, digits and dashes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HoldName(String);

impl HoldName {
    /// Checks a name.
    pub fn new(text: &str) -> Option<HoldName> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let good = (1..=64).contains(&text.len()) && text.bytes().all(plain);
        (good && !text.starts_with('-')).then(|| HoldName(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where the objects of a kind stand.
pub mod prefix {
    /// Segments.
    pub const LOG: &str = "log/";
    /// Catalogues.
    pub const CATALOGUE: &str = "cat/";
    /// Floors.
    pub const FLOOR: &str = "floor/";
    /// Snapshots.
    pub const SNAPSHOT: &str = "snap/";
    /// What nodes say.
    pub const PROGRESS: &str = "progress/";
    /// Holds.
    pub const HOLD: &str = "hold/";
    /// Scratch objects.
    pub const PROBE: &str = "probe/";
    /// All of them.
    pub const ALL: [&str; 7] = [LOG, CATALOGUE, FLOOR, SNAPSHOT, PROGRESS, HOLD, PROBE];
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let history = Hex(&self.history);
        write!(f, "{:020}-{:010}-{history}", self.index, self.epoch)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Creel => f.write_str("creel.json"),
            Name::Segment(number) => write!(f, "log/{number:020}.seg"),
            Name::Catalogue(number) => write!(f, "cat/{number:020}.json"),
            Name::Floor(number) => write!(f, "floor/{number:020}.json"),
            Name::SnapshotBegin(id) => write!(f, "snap/{id}/begin.json"),
            Name::Snapshot(id) => write!(f, "snap/{id}/snapshot.json"),
            Name::Part(id, part) => {
                write!(f, "snap/{id}/p{:06}-{}", part.number, Hex(&part.hash))
            }
            Name::Progress(node) => write!(f, "progress/{}.json", Hex(node)),
            Name::Hold(name) => write!(f, "hold/{}.json", name.0),
            Name::Probe(run, number) => write!(f, "probe/{run:016x}-{number:08}"),
        }
    }
}

/// A name that is not one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoName;

impl FromStr for Name {
    type Err = NoName;

    fn from_str(text: &str) -> Result<Name, NoName> {
        let name = read(text).ok_or(NoName)?;
        // One spelling of each name: no sign, no missing zeros, no large letters.
        if name.to_string() == text {
            Ok(name)
        } else {
            Err(NoName)
        }
    }
}

fn read(text: &str) -> Option<Name> {
    if text == "creel.json" {
        return Some(Name::Creel);
    }
    let (folder, rest) = text.split_once('/')?;
    Some(match folder {
        "log" => Name::Segment(rest.strip_suffix(".seg")?.parse().ok()?),
        "cat" => Name::Catalogue(rest.strip_suffix(".json")?.parse().ok()?),
        "floor" => Name::Floor(rest.strip_suffix(".json")?.parse().ok()?),
        "snap" => {
            let (id, object) = rest.split_once('/')?;
            let id = snapshot_id(id)?;
            match object {
                "begin.json" => Name::SnapshotBegin(id),
                "snapshot.json" => Name::Snapshot(id),
                part => {
                    let (number, hash) = part.strip_prefix('p')?.split_once('-')?;
                    let part = PartId {
                        number: number.parse().ok()?,
                        hash: unhex(hash)?,
                    };
                    Name::Part(id, part)
                }
            }
        }
        "progress" => Name::Progress(unhex(rest.strip_suffix(".json")?)?),
        "hold" => Name::Hold(HoldName::new(rest.strip_suffix(".json")?)?),
        "probe" => {
            let (run, number) = rest.split_once('-')?;
            let run = u64::from_be_bytes(unhex(run)?);
            Name::Probe(run, number.parse().ok()?)
        }
        _ => return None,
    })
}

/// Reads what stands between `snap/` and the next slash.
pub fn snapshot_id(text: &str) -> Option<SnapshotId> {
    let mut parts = text.split('-');
    let id = SnapshotId {
        index: parts.next()?.parse().ok()?,
        epoch: parts.next()?.parse().ok()?,
        history: unhex(parts.next()?)?,
    };
    (parts.next().is_none() && id.to_string() == text).then_some(id)
}

/// Bytes as small hexadecimal digits.
#[derive(Debug, Clone, Copy)]
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Reads exactly `N` bytes of small hexadecimal digits.
pub fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |b: u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    };
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (to, pair) in bytes.iter_mut().zip(text.as_bytes().as_chunks::<2>().0) {
        let [high, low] = *pair;
        *to = digit(high)? << 4 | digit(low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<(Name, &'static str)> {
        let id = SnapshotId::of(812, 3, b"\x9f\x31\xc0\xaa............");
        let part = PartId {
            number: 7,
            hash: *b"0123456789abcdef",
        };
        vec![
            (Name::Creel, "creel.json"),
            (Name::Segment(1), "log/00000000000000000001.seg"),
            (Name::Segment(u64::MAX), "log/18446744073709551615.seg"),
            (Name::Catalogue(20), "cat/00000000000000000020.json"),
            (Name::Floor(3), "floor/00000000000000000003.json"),
            (
                Name::SnapshotBegin(id),
                "snap/00000000000000000812-0000000003-9f31c0aa/begin.json",
            ),
            (
                Name::Snapshot(id),
                "snap/00000000000000000812-0000000003-9f31c0aa/snapshot.json",
            ),
            (
                Name::Part(id, part),
                "snap/00000000000000000812-0000000003-9f31c0aa/p000007-30313233343536373839616263646566",
            ),
            (
                Name::Progress(*b"0123456789abcdef"),
                "progress/30313233343536373839616263646566.json",
            ),
            (
                Name::Hold(HoldName::new("nightly-2").unwrap()),
                "hold/nightly-2.json",
            ),
            (Name::Probe(255, 3), "probe/00000000000000ff-00000003"),
        ]
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for (name, text) in all() {
            assert_eq!(name.to_string(), text);
            assert_eq!(text.parse(), Ok(name));
            assert!(text.len() <= crate::chain::store::MAX_NAME);
        }
    }

    #[test]
    fn anything_else_is_ignored() {
        for bad in [
            "",
            "log/1.seg",
            "log/+0000000000000000001.seg",
            "log/00000000000000000001.seg.tmp",
            "log/18446744073709551616.seg",
            "LOG/00000000000000000001.seg",
            "log/../creel.json",
            "cat/00000000000000000001.seg",
            "hold/A.json",
            "hold/-a.json",
            "hold/.json",
            "progress/30313233343536373839616263646566",
            "snap/1-1-00000000/snapshot.json",
            "progress/3031323334353637383961626364656G.json",
            "creel.json/",
            "x",
            "snap/00000000000000000812-0000000003-9F31C0AA/snapshot.json",
            "snap/00000000000000000812-0000000003-9f31c0aa/other.json",
            "snap/00000000000000000812-0000000003-9f31c0aa-1/begin.json",
        ] {
            assert_eq!(bad.parse::<Name>(), Err(NoName), "{bad}");
        }
    }

    #[test]
    fn every_changed_byte_of_a_name_makes_another_name_or_none() {
        for (name, text) in all() {
            for at in 0..text.len() {
                for bit in 0..7 {
                    let mut bytes = text.as_bytes().to_vec();
                    bytes[at] ^= 1 << bit;
                    let changed = String::from_utf8(bytes).unwrap();
                    assert_ne!(changed.parse::<Name>().as_ref(), Ok(&name), "{changed}");
                }
            }
        }
    }
}
