//! Lines of a rejects file: the line that was refused stands inside.

use super::super::base64;
use super::super::fault::{FaultCode, Flaw};
use super::super::options::CellEnc;
use super::fields::{not_twice, text_of, wrong_type};
use super::scan::{Scan, Text, Value, unescape};
use crate::exchange::Format;

/// How the line that was refused is to be read.
#[derive(Debug, Default)]
pub(super) struct Inside<'a> {
    pub format: Format,
    pub enc: Option<CellEnc>,
    /// The keyspace of records that name none.
    pub ks: Option<Text<'a>>,
}

/// Puts the line that was refused into `raw`.
pub(super) fn unwrap<'a>(object: &'a [u8], raw: &mut Vec<u8>) -> Result<Inside<'a>, Flaw> {
    let mut scan = Scan::object(object)?;
    let mut inside = Inside::default();
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
            b"format" => {
                let text = text_of("format", name, value)?;
                inside.format = named(text, Format::from_name)?;
            }
            b"enc" => inside.enc = Some(named(text_of("enc", name, value)?, CellEnc::from_name)?),
            b"ks" => inside.ks = Some(text_of("ks", name, value)?),
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
    Ok(inside)
}

fn named<T>(text: Text<'_>, find: impl FnOnce(&str) -> Option<T>) -> Result<T, Flaw> {
    let name = std::str::from_utf8(text.inner).ok();
    let wrong = Flaw::new(FaultCode::WrongType, text.at).detail("an unknown name");
    name.and_then(find).ok_or(wrong)
}
