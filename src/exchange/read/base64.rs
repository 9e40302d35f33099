//! Standard base64 into a buffer, as fast as the processor's vector unit decodes it.

use base64_simd::{AsOut, STANDARD};

use super::fault::{FaultCode, Flaw};

/// Decodes `text` into the beginning of `room`, which has at least three bytes for each four of
/// `text`. Returns the decoded length, or `None` where it is not base64.
#[inline]
pub(super) fn decode(text: &[u8], room: &mut [u8]) -> Option<usize> {
    if text.is_empty() {
        return Some(0);
    }
    // A length that is no multiple of four is refused before the last two bytes are looked at.
    if !text.len().is_multiple_of(4) {
        return None;
    }
    STANDARD.decode(text, room.as_out()).ok().map(|b| b.len())
}

/// Bytes of room that decoding takes.
pub(super) const fn room_for(text: usize) -> usize {
    text / 4 * 3 + 3
}

/// Says what is wrong with a text that `decode` refuses.
#[cold]
pub(super) fn flaw(text: &[u8]) -> Flaw {
    let pad = text
        .iter()
        .rev()
        .take(2)
        .take_while(|b| **b == b'=')
        .count();
    let body = text.len() - pad;
    for (at, byte) in text.iter().enumerate().take(body) {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => {}
            b'-' | b'_' => return Flaw::new(FaultCode::UrlBase64, at),
            b'=' => {
                let flaw = Flaw::new(FaultCode::BadBase64, at);
                return flaw.detail("an equals sign may stand only at the end");
            }
            b' ' | b'\n' | b'\r' | b'\t' => {
                return Flaw::new(FaultCode::BadBase64, at).detail("white space");
            }
            _ => return Flaw::new(FaultCode::BadBase64, at),
        }
    }
    if !text.len().is_multiple_of(4) {
        let detail = format!("{} characters, a multiple of 4 is needed", text.len());
        return Flaw::new(FaultCode::BadBase64, text.len()).detail(detail);
    }
    Flaw::new(FaultCode::BadBase64, body.saturating_sub(1))
        .detail("the last character has bits that stand for nothing")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &[u8]) -> Option<Vec<u8>> {
        let mut room = vec![0; room_for(text.len())];
        let len = decode(text, &mut room)?;
        room.truncate(len);
        Some(room)
    }

    #[test]
    fn it_is_strict() {
        assert_eq!(decoded(b"").unwrap(), b"");
        assert_eq!(decoded(b"YQ==").unwrap(), b"a");
        assert_eq!(decoded(b"YWI=").unwrap(), b"ab");
        assert_eq!(decoded(b"YWJj").unwrap(), b"abc");
        for (bad, code, at) in [
            (&b"YQ"[..], FaultCode::BadBase64, 2),
            (b"Y", FaultCode::BadBase64, 1),
            (b"=", FaultCode::BadBase64, 1),
            (b"YQ=", FaultCode::BadBase64, 3),
            (b"YR==", FaultCode::BadBase64, 1),
            (b"YWJ=", FaultCode::BadBase64, 2),
            (b"Y===", FaultCode::BadBase64, 1),
            (b"====", FaultCode::BadBase64, 0),
            (b"YQ==YQ==", FaultCode::BadBase64, 2),
            (b"YQ =", FaultCode::BadBase64, 2),
            (b"YWJj\n", FaultCode::BadBase64, 4),
            (b"YW\0j", FaultCode::BadBase64, 2),
            (b"YW-j", FaultCode::UrlBase64, 2),
            (
                b"YWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJj_AAA",
                FaultCode::UrlBase64,
                36,
            ),
        ] {
            assert_eq!(decoded(bad), None, "{bad:?}");
            let flaw = flaw(bad);
            assert_eq!((flaw.code, flaw.at), (code, at), "{bad:?}");
        }
    }

    #[test]
    fn it_agrees_with_another_decoder() {
        use base64::Engine as _;
        let engine = base64::engine::general_purpose::STANDARD;
        for len in 0..200_usize {
            let bytes: Vec<u8> = (0..len).map(|i| (i * 37 + len) as u8).collect();
            let text = engine.encode(&bytes);
            assert_eq!(decoded(text.as_bytes()).unwrap(), bytes);
            for at in 0..text.len() {
                let mut other = text.clone().into_bytes();
                other[at] = b"=*-_ \x80A"[(at + len) % 7];
                assert_eq!(decoded(&other), engine.decode(&other).ok());
            }
        }
    }
}
