//! Hexadecimal and escaped text into a buffer; `docs/cli.md` says what the escapes are.

use super::fault::{FaultCode, Flaw};

#[inline]
fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Two digits as a byte.
#[inline]
pub(super) fn pair(high: u8, low: u8) -> Option<u8> {
    Some(digit(high)? << 4 | digit(low)?)
}

/// Decodes pairs of digits into the beginning of `room`.
pub(super) fn hex(text: &[u8], room: &mut [u8]) -> Result<usize, Flaw> {
    let mut pairs = text.chunks_exact(2);
    for ((i, two), to) in pairs.by_ref().enumerate().zip(room.iter_mut()) {
        let [high, low] = two else { continue };
        match pair(*high, *low) {
            Some(byte) => *to = byte,
            None => {
                let second = usize::from(digit(*high).is_some());
                return Err(Flaw::new(FaultCode::BadHex, 2 * i + second));
            }
        }
    }
    if !pairs.remainder().is_empty() {
        let detail = format!("{} digits, an even number is needed", text.len());
        return Err(Flaw::new(FaultCode::BadHex, text.len() - 1).detail(detail));
    }
    Ok(text.len() / 2)
}

/// Decodes escaped text, as `creel list` prints it, into the beginning of `room`, which is as
/// long as the text.
pub(super) fn escaped(text: &[u8], room: &mut [u8]) -> Result<usize, Flaw> {
    let mut used = 0;
    let mut put = |bytes: &[u8]| {
        if let Some(to) = room.get_mut(used..used + bytes.len()) {
            to.copy_from_slice(bytes);
        }
        used += bytes.len();
    };
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|r| !r.is_empty()) {
        let plain = memchr::memchr(b'\\', rest).unwrap_or(rest.len());
        let (before, after) = rest.split_at(plain);
        put(before);
        at += plain;
        let (byte, taken) = match after {
            [] => break,
            [_, b'\\', ..] => (b'\\', 2),
            [_, b'n', ..] => (b'\n', 2),
            [_, b't', ..] => (b'\t', 2),
            [_, b'r', ..] => (b'\r', 2),
            [_, b'x', high, low, ..] => match pair(*high, *low) {
                Some(byte) => (byte, 4),
                None => return Err(Flaw::new(FaultCode::BadEscape, at)),
            },
            _ => return Err(Flaw::new(FaultCode::BadEscape, at)),
        };
        put(&[byte]);
        at += taken;
    }
    Ok(used)
}

/// Decodes text with `\\` and `\hh` into the beginning of `room`, which is as long as the text.
/// Who writes a backslash as it is would be misread. An escape of what is printable gives him away:
/// nobody who escapes backslashes writes one, but for that of the backslash.
pub(super) fn printed(text: &[u8], room: &mut [u8]) -> Result<usize, Flaw> {
    let (mut used, mut at) = (0, 0);
    let mut room = room.iter_mut();
    while let Some(rest) = text.get(at..).filter(|r| !r.is_empty()) {
        let (byte, taken) = match rest {
            [b'\\', b'\\', ..] => (b'\\', 2),
            [b'\\', high, low, ..] => match pair(*high, *low) {
                Some(byte) if byte == b'\\' || !(b' '..=b'~').contains(&byte) => (byte, 3),
                _ => return Err(Flaw::new(FaultCode::BadEscape, at)),
            },
            [b'\\', ..] => return Err(Flaw::new(FaultCode::BadEscape, at)),
            [byte, ..] => (*byte, 1),
            [] => break,
        };
        if let Some(to) = room.next() {
            *to = byte;
        }
        used += 1;
        at += taken;
    }
    Ok(used)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(
        decode: fn(&[u8], &mut [u8]) -> Result<usize, Flaw>,
        text: &[u8],
    ) -> Result<Vec<u8>, (FaultCode, usize)> {
        let mut room = vec![0; text.len()];
        let len = decode(text, &mut room).map_err(|f| (f.code, f.at))?;
        room.truncate(len);
        Ok(room)
    }

    #[test]
    fn hexadecimal() {
        assert_eq!(run(hex, b"00fFA0").unwrap(), [0, 255, 160]);
        assert_eq!(run(hex, b"").unwrap(), b"");
        assert_eq!(run(hex, b"00g0"), Err((FaultCode::BadHex, 2)));
        assert_eq!(run(hex, b"000g"), Err((FaultCode::BadHex, 3)));
        assert_eq!(run(hex, b"000"), Err((FaultCode::BadHex, 2)));
    }

    #[test]
    fn escapes() {
        let text = br"a\\b\n\t\r\x00\xfF z";
        assert_eq!(run(escaped, text).unwrap(), b"a\\b\n\t\r\x00\xff z");
        assert_eq!(
            run(printed, br"a\\b\5c\00\ff z").unwrap(),
            b"a\\b\\\0\xff z"
        );
        // What mdb_dump -p 0.9.24 makes of a\b and of \41.
        for (bad, at) in [(&br"a\b"[..], 1), (br"\41", 0), (br"a\", 1), (br"\7e", 0)] {
            assert_eq!(run(printed, bad), Err((FaultCode::BadEscape, at)));
        }
        for (bad, at) in [(&br"a\"[..], 1), (br"\q", 0), (br"ab\x0", 2), (br"\xg0", 0)] {
            assert_eq!(run(escaped, bad), Err((FaultCode::BadEscape, at)));
        }
    }
}
