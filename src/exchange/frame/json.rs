//! Bytes in the JSON of header and trailer. Each value has one form only, so that no byte of it
//! can change without being noticed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// 32 lower-case hexadecimal digits.
pub fn unhex16(text: &str) -> Option<[u8; 16]> {
    let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if text.len() != 32 || !text.bytes().all(lower) {
        return None;
    }
    u128::from_str_radix(text, 16).ok().map(|n| {
        let mut bytes = n.to_le_bytes();
        bytes.reverse();
        bytes
    })
}

/// 16 bytes as hexadecimal digits.
pub mod hex16 {
    use super::*;

    pub fn serialize<S: Serializer>(bytes: &[u8; 16], to: S) -> Result<S::Ok, S::Error> {
        hex(bytes).serialize(to)
    }

    pub fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<[u8; 16], D::Error> {
        let text = String::deserialize(from)?;
        unhex16(&text).ok_or_else(|| D::Error::custom("32 lower-case hex digits are needed"))
    }
}

/// 16 bytes or nothing.
pub mod hex16_option {
    use super::*;

    pub fn serialize<S: Serializer>(bytes: &Option<[u8; 16]>, to: S) -> Result<S::Ok, S::Error> {
        bytes.as_ref().map(|b| hex(b)).serialize(to)
    }

    pub fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Option<[u8; 16]>, D::Error> {
        hex16::deserialize(from).map(Some)
    }
}

/// A checksum as 8 hexadecimal digits.
pub mod crc {
    use super::*;

    pub fn serialize<S: Serializer>(crc: &u32, to: S) -> Result<S::Ok, S::Error> {
        format!("{crc:08x}").serialize(to)
    }

    pub fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<u32, D::Error> {
        let text = String::deserialize(from)?;
        let crc = u32::from_str_radix(&text, 16).unwrap_or_default();
        if format!("{crc:08x}") == text {
            Ok(crc)
        } else {
            Err(D::Error::custom("8 lower-case hex digits are needed"))
        }
    }
}

/// A digest.
pub mod digest {
    use super::*;
    use crate::digest::Digest;

    pub fn serialize<S: Serializer>(digest: &Digest, to: S) -> Result<S::Ok, S::Error> {
        digest.to_string().serialize(to)
    }

    pub fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Digest, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// Bytes as base64, or `null`.
pub mod base64_option {
    use super::*;

    pub fn serialize<S: Serializer>(bytes: &Option<Vec<u8>>, to: S) -> Result<S::Ok, S::Error> {
        bytes.as_ref().map(|b| STANDARD.encode(b)).serialize(to)
    }

    pub fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Option<Vec<u8>>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        let bytes = text.map(|text| STANDARD.decode(text)).transpose();
        bytes.map_err(|e| D::Error::custom(format!("not base64: {e}")))
    }
}
