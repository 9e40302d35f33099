//! Foreign objects: any field as key, the whole object or a field as value.

use super::super::block::{Block, Op};
use super::super::fault::{FaultCode, Flaw};
use super::super::options::FieldMap;
use super::fields::{not_twice, wrong_type};
use super::scan::{Scan, Text, Value, unescape};

/// Decodes a line by the map.
pub(super) fn decode(
    map: &FieldMap,
    line: &[u8],
    keyspace: u16,
    block: &mut Block,
) -> Result<(), Flaw> {
    let mut scan = Scan::object(line)?;
    let (mut key, mut payload) = (None, None);
    while let Some((name, value)) = scan.field()? {
        if is(name, &map.key) {
            not_twice(key.replace((name, value)).is_some(), "key", name)?;
        }
        if map
            .payload
            .as_deref()
            .is_some_and(|wanted| is(name, wanted))
        {
            not_twice(payload.replace(value).is_some(), "payload", name)?;
        }
    }
    let Some((name, key)) = key else {
        return Err(Flaw::new(FaultCode::MissingKey, 0).detail(map.key.as_str()));
    };
    if !matches!(key, Value::Text(_) | Value::Number(_)) {
        return Err(wrong_type("key", name, "a text or a number"));
    }
    let at = block.used();
    let key_len = put(key, at, block)?;
    let value_len = match (&map.payload, payload) {
        (None, _) => block.copy(at + key_len, scan.whole()) - at - key_len,
        (Some(_), Some(value)) => put(value, at + key_len, block)?,
        (Some(wanted), None) => {
            return Err(Flaw::new(FaultCode::MissingValue, 0).detail(wanted.as_str()));
        }
    };
    block.check(key_len, value_len)?;
    block.push(Op::Put, keyspace, key_len, value_len);
    Ok(())
}

/// A text as the bytes that it means, anything else as it stands.
fn put(value: Value<'_>, at: usize, block: &mut Block) -> Result<usize, Flaw> {
    match value {
        Value::Text(text) if text.escaped => {
            let mut end = at;
            unescape(text, |bytes| end = block.copy(end, bytes))
        }
        other => Ok(block.copy(at, other.raw()) - at),
    }
}

fn is(name: Text<'_>, wanted: &str) -> bool {
    if !name.escaped {
        return name.inner == wanted.as_bytes();
    }
    let mut plain = Vec::new();
    unescape(name, |bytes| plain.extend_from_slice(bytes)).is_ok() && plain == wanted.as_bytes()
}
