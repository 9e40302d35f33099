//! Dumps of the log: region headers and frames.

use super::super::bytes::{align8, split_varint};
use super::super::checksum::{crc, crc_append};
use super::super::frame::MAX_PAYLOAD;
use super::super::frame::{ENTRY_HEADER_SIZE, ENVELOPE_SIZE, FRAME_HEADER_SIZE, FrameHeader};
use super::super::op::{Op, Ops};
use super::super::region::{REGION_HEADER_SIZE, RegionHeader};
use super::{Dump, quoted};

/// Annotates the header of a log region that stands at `file_offset`.
pub fn region(bytes: &[u8], file_offset: u64) -> String {
    let bytes = bytes.get(..REGION_HEADER_SIZE).unwrap_or(bytes);
    let mut d = Dump::new(bytes, file_offset);
    let magic = d.range(0, 8);
    let remark = if magic == b"CRELWAL1" {
        ""
    } else {
        "malformed: CRELWAL1 expected"
    };
    d.field(0, 8, "magic", quoted(magic), remark);
    d.word(8, 8, "salt", "");
    let number = format!("region {}", d.int(16, 8) & 1);
    d.number(16, 8, "region_seq", &number);
    d.number(24, 8, "first_index", "");
    d.id(32, 16, "history");
    d.number(48, 4, "epoch", "");
    let end = format!("byte {} of the other region", d.int(52, 4) * 8);
    d.number(52, 4, "prev_end_units", &end);
    d.word(56, 4, "prev_crc", "");
    d.number(60, 4, "durable_gen", "");
    d.word(64, 4, "file_id_low", "");
    d.zero(68, 56);
    d.checksum(124, "crc", crc(d.range(0, REGION_HEADER_SIZE - 4)));
    match RegionHeader::decode(bytes) {
        Some(_) => d.verdict(None),
        None => d.verdict(Some(&"malformed: not a whole region header")),
    }
    d.out
}

/// Annotates the frame that starts at the front of `bytes`. Without the region's salt the header
/// checksum cannot be judged.
pub fn frame(bytes: &[u8], salt: Option<u64>, file_offset: u64) -> String {
    let mut d = Dump::new(bytes, file_offset);
    envelope(&mut d, salt);
    let payload_len = entry_header(&mut d);
    if payload_len <= MAX_PAYLOAD as usize {
        payload(&mut d, payload_len);
    }
    let decoded = FrameHeader::decode(bytes, salt.unwrap_or(0));
    match (salt, decoded) {
        (None, _) => d.verdict(Some(&"header checksum not judged, the salt is not known")),
        (_, None) => d.verdict(Some(&"malformed: not a frame of this region")),
        (_, Some(header)) if header.check_body(bytes).is_none() => {
            d.verdict(Some(&"malformed: the body does not match its checksum"));
        }
        _ => d.verdict(None),
    }
    d.out
}

fn envelope(d: &mut Dump<'_>, salt: Option<u64>) {
    let sync = match salt {
        None => "salt not known",
        Some(salt) if d.int(0, 4) == salt & 0xffff_ffff => "matches the salt",
        Some(_) => "malformed: not the low half of the salt",
    };
    d.word(0, 4, "sync", sync);
    let units = |d: &Dump<'_>, at| format!("byte {} of the region", d.int(at, 4) * 8);
    let own = units(d, 4);
    d.number(4, 4, "own_offset_units", &own);
    let synced = units(d, 8);
    d.number(8, 4, "synced_units", &synced);
    d.number(12, 4, "durable_gen", "");
    d.word(16, 4, "prev_crc", "");
    d.zero(20, 8);
    match salt {
        None => {
            d.word(28, 4, "header_crc", "salt not known");
        }
        Some(salt) => {
            let sum = crc_append(crc(&salt.to_le_bytes()), d.range(0, 28));
            let sum = crc_append(sum, d.range(ENVELOPE_SIZE, ENTRY_HEADER_SIZE));
            d.checksum(28, "header_crc", sum);
        }
    }
}

/// Gives the payload's length.
fn entry_header(d: &mut Dump<'_>) -> usize {
    let len = d.int(32, 4);
    let limit = if len > u64::from(MAX_PAYLOAD) {
        "malformed: over the limit"
    } else {
        ""
    };
    d.number(32, 4, "payload_len", limit);
    let kind = match d.int(36, 1) {
        1 => "commit",
        2 => "fence",
        3 => "attest",
        4 => "bulk",
        5 => "note",
        _ => "malformed: 1 to 5",
    };
    d.number(36, 1, "kind", kind);
    let zero = |value| {
        if value == 0 {
            ""
        } else {
            "malformed: 0 in version 1"
        }
    };
    let flags = d.int(37, 1);
    d.number(37, 1, "flags", zero(flags));
    let key_id = d.int(38, 2);
    d.number(38, 2, "key_id", zero(key_id));
    d.number(40, 8, "index", "");
    d.number(48, 4, "epoch", "");
    d.number(52, 4, "op_count", "");
    d.number(56, 8, "time_us", "");
    d.id(64, 16, "history_before");
    usize::try_from(len).unwrap_or(usize::MAX)
}

fn payload(d: &mut Dump<'_>, len: usize) {
    let payload = d.range(FRAME_HEADER_SIZE, len);
    if payload.len() < len {
        let what = format!("payload: {len} bytes expected, {} here", payload.len());
        d.malformed(FRAME_HEADER_SIZE, payload.len(), what);
    }
    if matches!(d.int(36, 1), 1 | 2) {
        operations(d, payload);
    } else if !payload.is_empty() {
        d.field(
            FRAME_HEADER_SIZE,
            payload.len(),
            "payload",
            quoted(payload),
            "",
        );
    }
    let end = FRAME_HEADER_SIZE + len;
    d.checksum(
        end,
        "entry_crc",
        crc(d.range(ENVELOPE_SIZE, end - ENVELOPE_SIZE)),
    );
    let padded = align8(end as u64 + 4) as usize;
    d.zero(end + 4, padded - end - 4);
}

fn operations(d: &mut Dump<'_>, payload: &[u8]) {
    let count = d.int(52, 4) as u32;
    let mut ops = Ops::new(payload, count);
    for n in 0..=count {
        let rest = ops.rest();
        let at = FRAME_HEADER_SIZE + payload.len() - rest.len();
        match ops.next_op() {
            Ok(Some(op)) => {
                let len = rest.len() - ops.rest().len();
                d.line(at, len, format_args!("op {n} = {}", operation(&op)));
            }
            Ok(None) => return,
            Err(()) if n == count => {
                let what = format!("{} bytes after the last operation", rest.len());
                return d.malformed(at, rest.len(), what);
            }
            Err(()) => {
                let what = format!("operation {n} of {count}{}", unknown_tag(rest));
                return d.malformed(at, rest.len(), what);
            }
        }
    }
}

fn unknown_tag(rest: &[u8]) -> String {
    match split_varint(rest) {
        Some((tag, _)) if tag == 0 || tag > 5 => format!(": unknown tag {tag}"),
        _ => String::new(),
    }
}

fn operation(op: &Op<'_>) -> String {
    match *op {
        Op::Put {
            keyspace,
            key,
            value,
        } => format!("put {keyspace} {} {}", quoted(key), quoted(value)),
        Op::Delete { keyspace, key } => format!("delete {keyspace} {}", quoted(key)),
        Op::DeleteRange { keyspace, from, to } => {
            format!("delete range {keyspace} {} to {}", quoted(from), quoted(to))
        }
        Op::CreateKeyspace { id, name } => format!("create keyspace {id} {}", quoted(name)),
        Op::DropKeyspace { id, name } => format!("drop keyspace {id} {}", quoted(name)),
    }
}
