//! Bytes for people.

/// Printable, whatever the bytes are; a long text is cut.
pub fn shown(bytes: &[u8]) -> String {
    const MOST: usize = 64;
    let mut text = String::from("\"");
    for byte in bytes.iter().take(MOST) {
        match byte {
            b'"' | b'\\' => text.push_str(&format!("\\{}", char::from(*byte))),
            0x20..=0x7e => text.push(char::from(*byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text.push('"');
    if bytes.len() > MOST {
        text.push_str(&format!(" ({} bytes)", bytes.len()));
    }
    text
}

/// An error with its causes in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// The name that serde gives to a variant without fields.
pub fn name<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}
