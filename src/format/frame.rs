//! Log frames: a local envelope of 32 bytes around a portable entry.

use super::bytes::{align8, all_zero, id_at, patch, u16_at, u32_at, u64_at};
use super::checksum::{History, crc, history_next};
use super::entry::Entry;

/// Bytes of the envelope.
pub const ENVELOPE_SIZE: usize = 32;
/// Bytes of the entry header.
pub const ENTRY_HEADER_SIZE: usize = 48;
/// Envelope and entry header together.
pub const FRAME_HEADER_SIZE: usize = ENVELOPE_SIZE + ENTRY_HEADER_SIZE;
/// Largest payload of one entry.
pub const MAX_PAYLOAD: u32 = 64 << 20;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A committed batch.
    Commit,
    /// The start of an epoch.
    Fence,
    /// A content sum at this index.
    Attest,
    /// A bulk load that is in the tree, not in the log.
    Bulk,
    /// A remark without effect on data.
    Note,
}

impl EntryKind {
    fn from_byte(byte: u8) -> Option<EntryKind> {
        use EntryKind::*;
        [Commit, Fence, Attest, Bulk, Note]
            .get(usize::from(byte).checked_sub(1)?)
            .copied()
    }

    fn to_byte(self) -> u8 {
        self as u8 + 1
    }

    /// True where the payload is operations: a fence is one on the epoch table.
    #[inline]
    pub fn has_operations(self) -> bool {
        matches!(self, EntryKind::Commit | EntryKind::Fence)
    }
}

/// The header of a portable entry: the same bytes in the log, in a segment and on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryHeader {
    /// Bytes of the payload.
    pub payload_len: u32,
    /// What the entry is.
    pub kind: EntryKind,
    /// Position in the log, contiguous from 1.
    pub index: u64,
    /// Replication term.
    pub epoch: u32,
    /// Operations in the payload.
    pub op_count: u32,
    /// Microseconds since 1970, rising.
    pub time_us: u64,
    /// History before this entry.
    pub history_before: History,
}

impl EntryHeader {
    /// Encodes the header.
    pub fn encode(&self) -> [u8; ENTRY_HEADER_SIZE] {
        let mut b = [0u8; ENTRY_HEADER_SIZE];
        patch(&mut b, 0, &self.payload_len.to_le_bytes());
        patch(&mut b, 4, &[self.kind.to_byte()]);
        patch(&mut b, 8, &self.index.to_le_bytes());
        patch(&mut b, 16, &self.epoch.to_le_bytes());
        patch(&mut b, 20, &self.op_count.to_le_bytes());
        patch(&mut b, 24, &self.time_us.to_le_bytes());
        patch(&mut b, 32, &self.history_before);
        b
    }

    /// Decodes the header; flags and key ids of later versions are refused.
    pub fn decode(b: &[u8]) -> Option<EntryHeader> {
        let payload_len = u32_at(b, 0)?;
        if payload_len > MAX_PAYLOAD || *b.get(5)? != 0 || u16_at(b, 6)? != 0 {
            return None;
        }
        Some(EntryHeader {
            payload_len,
            kind: EntryKind::from_byte(*b.get(4)?)?,
            index: u64_at(b, 8)?,
            epoch: u32_at(b, 16)?,
            op_count: u32_at(b, 20)?,
            time_us: u64_at(b, 24)?,
            history_before: id_at(b, 32)?,
        })
    }

    /// History after this entry.
    pub fn history_after(&self, payload: &[u8]) -> History {
        let encoded = self.encode();
        let (head, _) = encoded.split_first_chunk::<32>().unwrap_or((&[0; 32], &[]));
        history_next(&self.history_before, head, payload)
    }
}

/// The facts of one file around an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope {
    /// Where the frame stands in its region, in 8-byte units.
    pub own_units: u32,
    /// Everything below this offset (8-byte units) was durable before this frame was written.
    pub synced_units: u32,
    /// Low half of the newest generation known durable.
    pub durable_gen: u32,
    /// `header_crc` of the frame before, across regions.
    pub prev_crc: u32,
}

/// Header of a frame as read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// Local facts.
    pub envelope: Envelope,
    /// Portable header.
    pub entry: EntryHeader,
    /// Checksum over both, seeded by the region's salt.
    pub header_crc: u32,
}

impl FrameHeader {
    /// Bytes of the whole frame, padding included.
    pub fn frame_len(&self) -> u64 {
        frame_len(self.entry.payload_len)
    }

    /// Decodes and checks the 80 header bytes of a frame of the incarnation `salt`.
    #[inline]
    pub fn decode(b: &[u8], salt: u64) -> Option<FrameHeader> {
        let b = b.get(..FRAME_HEADER_SIZE)?;
        if u32_at(b, 0)? != salt as u32 {
            return None;
        }
        let header_crc = u32_at(b, 28)?;
        if header_crc != header_checksum(salt, b) || u64_at(b, 20)? != 0 {
            return None;
        }
        let envelope = Envelope {
            own_units: u32_at(b, 4)?,
            synced_units: u32_at(b, 8)?,
            durable_gen: u32_at(b, 12)?,
            prev_crc: u32_at(b, 16)?,
        };
        let entry = EntryHeader::decode(b.get(ENVELOPE_SIZE..)?)?;
        Some(FrameHeader {
            envelope,
            entry,
            header_crc,
        })
    }

    /// Checks what follows the header: the entry's checksum and zero padding. `body` is the
    /// whole frame from its first byte. Gives the payload.
    #[inline]
    pub fn check_body<'a>(&self, frame: &'a [u8]) -> Option<&'a [u8]> {
        let end = FRAME_HEADER_SIZE + self.entry.payload_len as usize;
        let frame = frame.get(..usize::try_from(self.frame_len()).ok()?)?;
        let sum = crc(frame.get(ENVELOPE_SIZE..end)?);
        let whole = u32_at(frame, end)? == sum && all_zero(frame.get(end + 4..)?);
        whole.then(|| frame.get(FRAME_HEADER_SIZE..end)).flatten()
    }
}

/// Bytes of a frame with a payload of this length.
pub fn frame_len(payload_len: u32) -> u64 {
    align8((FRAME_HEADER_SIZE + 4) as u64 + u64::from(payload_len))
}

fn header_checksum(salt: u64, b: &[u8]) -> u32 {
    // Put together first: one call over aligned bytes instead of three over short pieces.
    let mut covered = [0u8; 8 + 28 + ENTRY_HEADER_SIZE];
    patch(&mut covered, 0, &salt.to_le_bytes());
    patch(&mut covered, 8, b.get(..28).unwrap_or(&[]));
    patch(
        &mut covered,
        36,
        b.get(ENVELOPE_SIZE..FRAME_HEADER_SIZE).unwrap_or(&[]),
    );
    crc(&covered)
}

/// Appends a whole frame to `out` and gives its `header_crc`.
pub fn push_frame(
    out: &mut Vec<u8>,
    salt: u64,
    envelope: &Envelope,
    entry: &EntryHeader,
    payload: &[u8],
) -> u32 {
    debug_assert_eq!(payload.len(), entry.payload_len as usize);
    let (head, header_crc) = frame_head(salt, envelope, &entry.encode());
    let start = out.len();
    out.extend_from_slice(&head);
    out.extend_from_slice(payload);
    let entry_crc = crc(out.get(start + ENVELOPE_SIZE..).unwrap_or(&[]));
    out.extend_from_slice(&entry_crc.to_le_bytes());
    out.resize(start + frame_len(entry.payload_len) as usize, 0);
    header_crc
}

/// Appends a frame around an entry that was checked before, and gives its `header_crc`.
pub fn push_entry(out: &mut Vec<u8>, salt: u64, envelope: &Envelope, entry: &Entry<'_>) -> u32 {
    let bytes = entry.bytes();
    let fixed = bytes.first_chunk().copied().unwrap_or([0; 48]);
    let (head, header_crc) = frame_head(salt, envelope, &fixed);
    let start = out.len();
    out.extend_from_slice(head.split_at(ENVELOPE_SIZE).0);
    out.extend_from_slice(bytes);
    out.resize(start + frame_len(entry.header.payload_len) as usize, 0);
    header_crc
}

fn frame_head(
    salt: u64,
    envelope: &Envelope,
    entry: &[u8; ENTRY_HEADER_SIZE],
) -> ([u8; FRAME_HEADER_SIZE], u32) {
    let mut head = [0u8; FRAME_HEADER_SIZE];
    patch(&mut head, 0, &(salt as u32).to_le_bytes());
    patch(&mut head, 4, &envelope.own_units.to_le_bytes());
    patch(&mut head, 8, &envelope.synced_units.to_le_bytes());
    patch(&mut head, 12, &envelope.durable_gen.to_le_bytes());
    patch(&mut head, 16, &envelope.prev_crc.to_le_bytes());
    patch(&mut head, ENVELOPE_SIZE, entry);
    let header_crc = header_checksum(salt, &head);
    patch(&mut head, 28, &header_crc.to_le_bytes());
    (head, header_crc)
}
