//! Checked little-endian reads, appends and varints. Nothing here can index out of bounds.

/// Reads a `u16` at `at`.
#[inline]
pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Reads a `u32` at `at`.
#[inline]
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Reads a `u64` at `at`.
#[inline]
pub fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Reads 16 raw bytes at `at`.
#[inline]
pub fn id_at(bytes: &[u8], at: usize) -> Option<[u8; 16]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// The first eight bytes as a number, zeros behind the end. Where two such numbers differ, they
/// compare as the bytes do.
#[inline(always)]
pub fn head8(bytes: &[u8]) -> u64 {
    match bytes.first_chunk::<8>() {
        Some(first) => u64::from_be_bytes(*first),
        None => short_head(bytes),
    }
}

fn short_head(bytes: &[u8]) -> u64 {
    let mut padded = [0u8; 8];
    for (to, from) in padded.iter_mut().zip(bytes) {
        *to = *from;
    }
    u64::from_be_bytes(padded)
}

/// [`head8`] of the first `len` bytes, for bytes that go on behind them.
#[inline(always)]
pub fn head8_of(bytes: &[u8], len: usize) -> u64 {
    match bytes.first_chunk::<8>() {
        Some(first) if len < 8 => u64::from_be_bytes(*first) & !(u64::MAX >> (8 * len)),
        Some(first) => u64::from_be_bytes(*first),
        None => short_head(bytes.get(..len).unwrap_or(bytes)),
    }
}

/// Overwrites bytes at `at`; the caller guarantees room (checked in debug builds).
#[inline]
pub fn patch(bytes: &mut [u8], at: usize, with: &[u8]) {
    let room = bytes.get_mut(at..at + with.len());
    debug_assert!(room.is_some(), "patch outside the buffer");
    if let Some(room) = room {
        room.copy_from_slice(with);
    }
}

/// Bytes that a varint takes.
#[inline]
pub fn varint_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// Appends a LEB128 varint in its shortest form.
#[inline]
pub fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads a shortest-form varint from the front; gives the value and the rest.
#[inline]
pub fn split_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    match bytes {
        [first @ 0..0x80, rest @ ..] => Some((u64::from(*first), rest)),
        [first, second @ 1..0x80, rest @ ..] => {
            Some((u64::from(first & 0x7f) | u64::from(*second) << 7, rest))
        }
        _ => split_long_varint(bytes),
    }
}

/// What follows a varint, which is not decoded.
#[inline(always)]
pub fn skip_varint(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        [0..0x80, rest @ ..] | [_, 0..0x80, rest @ ..] | [_, _, 0..0x80, rest @ ..] => Some(rest),
        _ => Some(split_long_varint(bytes)?.1),
    }
}

fn split_long_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    for (i, &byte) in bytes.iter().enumerate().take(10) {
        let bits = u64::from(byte & 0x7f);
        if i == 9 && byte > 1 {
            return None; // more than 64 bits
        }
        value |= bits << (7 * i);
        if byte < 0x80 {
            // A last byte of zero would have a shorter form.
            return if byte == 0 {
                None
            } else {
                Some((value, bytes.get(i + 1..)?))
            };
        }
    }
    None
}

/// Splits off the first `len` bytes.
#[inline]
pub fn split_bytes(bytes: &[u8], len: u64) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(usize::try_from(len).ok()?)
}

/// Length of the common prefix.
#[inline]
pub fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(x, y)| x == y).count()
}

/// True when every byte is zero.
pub fn all_zero(bytes: &[u8]) -> bool {
    let (words, tail) = bytes.as_chunks::<8>();
    words.iter().all(|w| *w == [0; 8]) && tail.iter().all(|&b| b == 0)
}

/// Rounds up to a multiple of eight.
#[inline]
pub fn align8(len: u64) -> u64 {
    (len + 7) & !7
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_round_trip_at_every_length() {
        for bits in 0..64 {
            for value in [1u64 << bits, (1u64 << bits) - 1, u64::MAX >> (63 - bits)] {
                let mut out = Vec::new();
                push_varint(&mut out, value);
                assert_eq!(out.len(), varint_len(value), "{value}");
                assert_eq!(split_varint(&out), Some((value, &[][..])));
            }
        }
    }

    #[test]
    fn varints_in_a_longer_form_or_too_long_are_refused() {
        for bad in [
            &[0x80, 0x00][..],
            &[0xff, 0x80, 0x00],
            &[0x80],
            &[],
            &[0xff; 11],
        ] {
            assert_eq!(split_varint(bad), None, "{bad:?}");
        }
        let over = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
        assert_eq!(split_varint(&over), None);
    }
}
