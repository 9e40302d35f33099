//! The fields of a record, by name, each at most once.

use super::super::base64;
use super::super::block::Block;
use super::super::escape;
use super::super::fault::{FaultCode, Flaw};
use super::scan::{Scan, Text, Value, unescape};

type Result<T> = std::result::Result<T, Flaw>;

/// How the text of a field stands for bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Enc {
    Base64,
    Utf8,
    Hex,
}

/// Bytes as they are given in a line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given<'a> {
    pub text: Text<'a>,
    pub enc: Enc,
    pub field: &'static str,
}

impl Given<'_> {
    /// Decodes into the block's room at `at`; returns the length.
    pub fn put(&self, block: &mut Block, at: usize) -> Result<usize> {
        let name = self.field;
        let inner = self.text.inner;
        if self.text.escaped && self.enc != Enc::Utf8 {
            // An escape may stand for any character, but nobody writes base64 like that.
            let mut plain = Vec::new();
            unescape(self.text, |bytes| plain.extend_from_slice(bytes))?;
            return decode(self.enc, &plain, block, at).map_err(|f| f.field(name));
        }
        match self.enc {
            Enc::Utf8 if self.text.escaped => {
                let mut end = at;
                unescape(self.text, |bytes| end = block.copy(end, bytes))
            }
            enc => decode(enc, inner, block, at).map_err(|mut flaw| {
                flaw.at += self.text.at;
                flaw.field(name)
            }),
        }
    }
}

fn decode(enc: Enc, text: &[u8], block: &mut Block, at: usize) -> Result<usize> {
    match enc {
        Enc::Utf8 => Ok(block.copy(at, text) - at),
        Enc::Hex => escape::hex(text, block.room(at, text.len() / 2)),
        Enc::Base64 => {
            let room = block.room(at, base64::room_for(text.len()));
            base64::decode(text, room).ok_or_else(|| base64::flaw(text))
        }
    }
}

/// What a line may say.
#[derive(Debug, Default)]
pub(super) struct Fields<'a> {
    pub key: Option<Given<'a>>,
    pub payload: Option<Given<'a>>,
    pub from: Option<Given<'a>>,
    pub to: Option<Given<'a>>,
    pub op: Option<Text<'a>>,
    pub ks: Option<Text<'a>>,
    pub schema: Option<Text<'a>>,
    pub record: Option<Text<'a>>,
    pub value_bytes: Option<&'a [u8]>,
    /// The object inside, and where it begins.
    pub reject: Option<&'a [u8]>,
    /// The first field that no record has, and where its name stands.
    unknown: Option<(Text<'a>, Flaw)>,
}

impl<'a> Fields<'a> {
    /// Reads the object of a line.
    pub fn read(line: &'a [u8]) -> Result<Fields<'a>> {
        let mut scan = Scan::object(line)?;
        let mut fields = Fields::default();
        while let Some((name, value)) = scan.field()? {
            if name.escaped {
                let mut plain = Vec::new();
                unescape(name, |bytes| plain.extend_from_slice(bytes))?;
                fields.set(&plain, name, value)?;
            } else {
                fields.set(name.inner, name, value)?;
            }
        }
        Ok(fields)
    }

    fn set(&mut self, name: &[u8], place: Text<'a>, value: Value<'a>) -> Result<()> {
        let (slot, field, enc) = match name {
            b"key" | b"key_base64" | b"key_b64" => (&mut self.key, "key", Enc::Base64),
            b"key_utf8" => (&mut self.key, "key", Enc::Utf8),
            b"key_hex" => (&mut self.key, "key", Enc::Hex),
            b"payload" | b"payload_base64" | b"payload_b64" | b"value" | b"value_base64"
            | b"value_b64" => (&mut self.payload, "payload", Enc::Base64),
            b"payload_utf8" | b"value_utf8" => (&mut self.payload, "payload", Enc::Utf8),
            b"payload_hex" | b"value_hex" => (&mut self.payload, "payload", Enc::Hex),
            b"from" | b"from_base64" | b"from_b64" => (&mut self.from, "from", Enc::Base64),
            b"from_utf8" => (&mut self.from, "from", Enc::Utf8),
            b"from_hex" => (&mut self.from, "from", Enc::Hex),
            b"to" | b"to_base64" | b"to_b64" => (&mut self.to, "to", Enc::Base64),
            b"to_utf8" => (&mut self.to, "to", Enc::Utf8),
            b"to_hex" => (&mut self.to, "to", Enc::Hex),
            _ => return self.set_other(name, place, value),
        };
        let text = text_of(field, place, value)?;
        match slot.replace(Given { text, enc, field }) {
            None => Ok(()),
            Some(before) => Err(twice(before.enc == enc, field, place)),
        }
    }

    fn set_other(&mut self, name: &[u8], place: Text<'a>, value: Value<'a>) -> Result<()> {
        let (slot, field) = match name {
            b"op" => (&mut self.op, "op"),
            b"ks" => (&mut self.ks, "ks"),
            b"schema" => (&mut self.schema, "schema"),
            b"record" => (&mut self.record, "record"),
            b"value_bytes" => {
                let Value::Number(digits) = value else {
                    return Err(wrong_type("value_bytes", place, "a number"));
                };
                let again = self.value_bytes.replace(digits).is_some();
                return not_twice(again, "value_bytes", place);
            }
            b"creel_reject" => {
                let Value::Object(raw) = value else {
                    return Err(wrong_type("creel_reject", place, "an object"));
                };
                return not_twice(self.reject.replace(raw).is_some(), "creel_reject", place);
            }
            _ => {
                if self.unknown.is_none() {
                    let shown = printable(name);
                    let flaw = Flaw::new(FaultCode::UnknownField, place.at).detail(shown);
                    self.unknown = Some((place, flaw));
                }
                return Ok(());
            }
        };
        let again = slot.replace(text_of(field, place, value)?).is_some();
        not_twice(again, field, place)
    }

    /// Refuses a line with a field that no record has.
    pub fn all_known(&mut self) -> Result<()> {
        match self.unknown.take() {
            Some((_, flaw)) => Err(flaw),
            None => Ok(()),
        }
    }
}

/// The text that a field has to be.
pub(super) fn text_of<'a>(
    field: &'static str,
    place: Text<'_>,
    value: Value<'a>,
) -> Result<Text<'a>> {
    match value {
        Value::Text(text) => Ok(text),
        _ => Err(wrong_type(field, place, "a text")),
    }
}

pub(super) fn wrong_type(field: &'static str, place: Text<'_>, wanted: &str) -> Flaw {
    Flaw::new(FaultCode::WrongType, place.at)
        .field(field)
        .detail(format!("{wanted} is needed"))
}

pub(super) fn not_twice(again: bool, field: &'static str, place: Text<'_>) -> Result<()> {
    if again {
        Err(twice(true, field, place))
    } else {
        Ok(())
    }
}

fn twice(same: bool, field: &'static str, place: Text<'_>) -> Flaw {
    let code = if same {
        FaultCode::DuplicateField
    } else {
        FaultCode::TwoEncodings
    };
    Flaw::new(code, place.at).field(field)
}

/// A name for a message: short, and without anything that a terminal would act on.
fn printable(name: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(name)
        .chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .take(40)
        .collect();
    text
}
