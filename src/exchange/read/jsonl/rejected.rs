//! Lines of a rejects file: the line that was refused stands inside.

use super::super::base64;
use super::super::fault::{FaultCode, Flaw};
use super::fields::{not_twice, text_of, wrong_type};
use super::scan::{Scan, Text, Value, unescape};

/// Puts the line that was refused into `raw`.
pub(super) fn unwrap(object: &[u8], raw: &mut Vec<u8>) -> Result<(), Flaw> {
    let mut scan = Scan::object(object)?;
    let (mut text, mut encoded): (Option<Text<'_>>, Option<Text<'_>>) = (None, None);
    let mut cut = false;
    while let Some((name, value)) = scan.field()? {
        match name.inner {
            b"raw" => {
                let again = text.replace(text_of("raw", name, value)?).is_some();
                not_twice(again, "raw", name)?;
            }
            b"raw_b64" => {
                let again = encoded.replace(text_of("raw_b64", name, value)?).is_some();
                not_twice(again, "raw_b64", name)?;
            }
            b"cut" => match value {
                Value::Word(word @ (b"true" | b"false")) => cut = word == b"true",
                _ => return Err(wrong_type("cut", name, "true or false")),
            },
            b"file" | b"line" | b"byte" | b"at" | b"code" | b"message" => {}
            _ => return Err(Flaw::new(FaultCode::UnknownField, name.at)),
        }
    }
    if cut {
        return Err(Flaw::new(FaultCode::CutReject, 0));
    }
    raw.clear();
    match (text, encoded) {
        (Some(text), None) => {
            unescape(text, |bytes| raw.extend_from_slice(bytes))?;
        }
        (None, Some(text)) => {
            raw.resize(base64::room_for(text.inner.len()), 0);
            let len = base64::decode(text.inner, raw);
            let len = len.ok_or_else(|| base64::flaw(text.inner).field("raw_b64"))?;
            raw.truncate(len);
        }
        (Some(_), Some(_)) => return Err(Flaw::new(FaultCode::TwoEncodings, 0).field("raw")),
        (None, None) => return Err(Flaw::new(FaultCode::MissingValue, 0).field("raw")),
    }
    Ok(())
}
