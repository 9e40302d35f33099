//! Encodings of keys and values on the way in and out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::ValueEnum;

use super::escape::{self, Plain};

/// How bytes given as text are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Enc {
    /// The bytes themselves
    Raw,
    /// Pairs of hexadecimal digits
    Hex,
    /// Standard base64 with padding
    Base64,
    /// Text with \\ \n \t \r \xNN
    Escape,
}

/// How bytes are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutEnc {
    /// The bytes themselves
    Raw,
    /// Pairs of hexadecimal digits
    Hex,
    /// Standard base64 with padding
    Base64,
    /// Text with \\ \n \t \r \xNN
    Escape,
    /// A JSON object, as with --json
    Json,
}

/// The bytes that `text` stands for.
pub fn decode(text: &[u8], enc: Enc) -> Result<Vec<u8>, String> {
    match enc {
        Enc::Raw => Ok(text.to_vec()),
        Enc::Hex => unhex(text),
        Enc::Base64 => STANDARD
            .decode(text)
            .map_err(|e| format!("not base64: {e}")),
        Enc::Escape => escape::decode(text).map_err(|e| e.to_string()),
    }
}

/// Appends `bytes` in the encoding asked for; `Json` stands for base64 here.
pub fn encode(bytes: &[u8], enc: OutEnc, plain: Plain, out: &mut Vec<u8>) {
    match enc {
        OutEnc::Raw => out.extend_from_slice(bytes),
        OutEnc::Hex => out.extend_from_slice(hex(bytes).as_bytes()),
        OutEnc::Base64 | OutEnc::Json => out.extend_from_slice(base64(bytes).as_bytes()),
        OutEnc::Escape => escape::encode(bytes, plain, out),
    }
}

/// Standard base64 with padding.
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            out.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    out
}

fn unhex(text: &[u8]) -> Result<Vec<u8>, String> {
    let digit = |byte: &u8| (*byte as char).to_digit(16);
    if !text.len().is_multiple_of(2) {
        return Err(format!(
            "not hex: {} digits, an even number is needed",
            text.len()
        ));
    }
    let pairs = text.chunks_exact(2).enumerate();
    pairs
        .map(|(i, pair)| match pair {
            [high, low] => match (digit(high), digit(low)) {
                (Some(high), Some(low)) => Ok((high * 16 + low) as u8),
                _ => Err(format!("not hex: byte {}", i * 2)),
            },
            _ => Err("not hex".into()),
        })
        .collect()
}

/// Length and a short digest in place of the bytes, for reports that leave the house.
pub fn redacted(bytes: &[u8]) -> String {
    let digest = blake3::hash(bytes);
    let short = digest
        .as_bytes()
        .first_chunk::<8>()
        .map(|c| hex(c))
        .unwrap_or_default();
    format!("<{} bytes blake3:{short}>", bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUT: [(OutEnc, Enc); 4] = [
        (OutEnc::Raw, Enc::Raw),
        (OutEnc::Hex, Enc::Hex),
        (OutEnc::Base64, Enc::Base64),
        (OutEnc::Escape, Enc::Escape),
    ];

    #[test]
    fn all_bytes_come_back_in_every_encoding() {
        let bytes: Vec<u8> = (0..=255).collect();
        for (to, from) in OUT {
            for length in [0, 1, 2, 3, 255, 256] {
                let mut text = Vec::new();
                encode(&bytes[..length], to, Plain::Ascii, &mut text);
                assert_eq!(decode(&text, from).unwrap(), &bytes[..length], "{to:?}");
            }
        }
    }

    #[test]
    fn bad_text_is_refused_with_its_place() {
        assert!(decode(b"abc", Enc::Hex).unwrap_err().contains("3 digits"));
        assert!(decode(b"abxy", Enc::Hex).unwrap_err().contains("byte 2"));
        assert!(decode(b"YQ", Enc::Base64).is_err());
        assert!(decode(b"Y Q=", Enc::Base64).is_err());
        assert!(decode(b"\\q", Enc::Escape).unwrap_err().contains("byte 0"));
        assert_eq!(decode(b"AbFF", Enc::Hex).unwrap(), [0xab, 0xff]);
    }

    #[test]
    fn redaction_keeps_nothing_but_length_and_digest() {
        let text = redacted(b"secret");
        assert!(
            text.starts_with("<6 bytes blake3:") && !text.contains("secret"),
            "{text}"
        );
        assert_eq!(text, redacted(b"secret"));
        assert_ne!(text, redacted(b"public"));
    }
}
