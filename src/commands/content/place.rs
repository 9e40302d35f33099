//! Keyspace and key as one key that sorts as both do: the name with its zero bytes doubled by 255,
//! two zero bytes, the key.

/// Writes both into `out`.
pub(super) fn join(keyspace: &str, key: &[u8], out: &mut Vec<u8>) {
    out.clear();
    for byte in keyspace.bytes() {
        out.push(byte);
        if byte == 0 {
            out.push(255);
        }
    }
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(key);
}

/// Takes them apart; the name goes into `keyspace`.
pub(super) fn split<'a>(both: &'a [u8], keyspace: &mut String) -> &'a [u8] {
    let mut at = 0;
    let end = loop {
        match both.get(at..) {
            Some([0, 255, ..]) => at += 2,
            Some([0, ..] | []) | None => break at,
            Some(_) => at += 1,
        }
    };
    let (name, rest) = both.split_at_checked(end).unwrap_or((both, &[]));
    if name != keyspace.as_bytes() {
        // A text has no byte 255 of its own.
        let name: Vec<u8> = name.iter().copied().filter(|b| *b != 255).collect();
        *keyspace = String::from_utf8_lossy(&name).into_owned();
    }
    rest.get(2..).unwrap_or(&[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_places_sort_as_their_parts() {
        let names = ["", "\0", "\0\0", "\0a", "a", "a\0", "a\0b", "ab", "b\u{e9}"];
        let keys: [&[u8]; 6] = [b"\0", b"\0\xff", b"a", b"a\0", b"\xff", b"\xff\xff"];
        let mut before: Option<Vec<u8>> = None;
        let (mut both, mut name) = (Vec::new(), String::new());
        for keyspace in names {
            for key in keys {
                join(keyspace, key, &mut both);
                assert_eq!(split(&both, &mut name), key);
                assert_eq!(name, keyspace);
                assert!(before.is_none_or(|b| b < both), "{keyspace:?} {key:?}");
                before = Some(both.clone());
            }
        }
    }
}
