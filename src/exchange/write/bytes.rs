//! Bytes as text. Every codec can be applied to a long value piece by piece.

use base64_simd::STANDARD;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends bytes as text.
pub type Codec = fn(&[u8], &mut Vec<u8>);

/// Standard base64; of the pieces of a value all but the last are multiples of 3 long.
#[inline]
pub fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    STANDARD.encode_append(bytes, out);
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len() * 2);
    out.extend(bytes.iter().flat_map(|b| digits(*b)));
}

#[inline]
fn digits(byte: u8) -> [u8; 2] {
    let digit = |n: u8| HEX.get(usize::from(n)).copied().unwrap_or(b'0');
    [digit(byte >> 4), digit(byte & 15)]
}

/// The inside of a JSON string. The bytes are UTF-8.
pub fn json(bytes: &[u8], out: &mut Vec<u8>) {
    runs(
        bytes,
        out,
        |b| b < b' ' || b == b'"' || b == b'\\',
        |b, out| {
            let short = match b {
                b'"' | b'\\' => b,
                b'\n' => b'n',
                b'\r' => b'r',
                b'\t' => b't',
                _ => {
                    out.extend_from_slice(b"\\u00");
                    out.extend_from_slice(&digits(b));
                    return;
                }
            };
            out.extend_from_slice(&[b'\\', short]);
        },
    );
}

/// The escapes of `creel list`, ASCII only.
pub fn escape(bytes: &[u8], out: &mut Vec<u8>) {
    let special = |b: u8| !(b' '..=b'~').contains(&b) || b == b'\\';
    runs(bytes, out, special, |b, out| {
        let short = match b {
            b'\\' => b'\\',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            _ => {
                let [high, low] = digits(b);
                out.extend_from_slice(&[b'\\', b'x', high, low]);
                return;
            }
        };
        out.extend_from_slice(&[b'\\', short]);
    });
}

/// LMDB's print form. The backslash is escaped as a number: tools disagree about `\\`.
pub fn print(bytes: &[u8], out: &mut Vec<u8>) {
    let special = |b: u8| !(b' '..=b'~').contains(&b) || b == b'\\';
    runs(bytes, out, special, |b, out| {
        let [high, low] = digits(b);
        out.extend_from_slice(&[b'\\', high, low]);
    });
}

/// The inside of a quoted field of CSV.
pub fn quoted(bytes: &[u8], out: &mut Vec<u8>) {
    runs(
        bytes,
        out,
        |b| b == b'"',
        |_, out| {
            out.extend_from_slice(b"\"\"");
        },
    );
}

/// Copies runs of plain bytes, and hands over the special ones.
#[inline]
fn runs(
    mut bytes: &[u8],
    out: &mut Vec<u8>,
    special: impl Fn(u8) -> bool,
    write: impl Fn(u8, &mut Vec<u8>),
) {
    while let Some(at) = find(bytes, &special) {
        let (plain, rest) = bytes.split_at(at);
        out.extend_from_slice(plain);
        if let Some((byte, rest)) = rest.split_first() {
            write(*byte, out);
            bytes = rest;
        }
    }
    out.extend_from_slice(bytes);
}

/// Where the first special byte stands. Without a way out of the inner loop the compiler looks at
/// many bytes at once.
#[inline]
fn find(bytes: &[u8], special: impl Fn(u8) -> bool) -> Option<usize> {
    let (blocks, rest) = bytes.as_chunks::<32>();
    let mut at = 0;
    for block in blocks {
        if block.iter().fold(false, |any, b| any | special(*b)) {
            return block.iter().position(|b| special(*b)).map(|i| at + i);
        }
        at += block.len();
    }
    rest.iter().position(|b| special(*b)).map(|i| at + i)
}

/// Whether bytes are UTF-8 without control characters.
pub fn is_plain_text(bytes: &[u8]) -> bool {
    if bytes.is_ascii() {
        // Without a way out of the loop the compiler looks at many bytes at once.
        let controls = bytes.iter().filter(|b| **b < b' ' || **b == 0x7f).count();
        return controls == 0;
    }
    std::str::from_utf8(bytes).is_ok_and(|text| !text.contains(char::is_control))
}
