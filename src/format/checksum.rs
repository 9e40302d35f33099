//! Checksums: crc32c for bytes, a mixed 64-bit sum for content, BLAKE3 for the log's history.

/// crc32c of one buffer.
#[inline]
pub fn crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
}

/// Continues a crc32c.
#[inline]
pub fn crc_append(crc: u32, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc, bytes)
}

/// The splitmix64 finaliser: spreads every input bit over the output.
#[inline]
pub fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Hash of one entry. The content sum of a database is the wrapping sum of these. It finds
/// accidents, not attackers.
#[inline]
pub fn entry_hash(full_key: &[u8], value_crc: u32, value_len: u64) -> u64 {
    let key = mix(u64::from(crc(full_key)) | (full_key.len() as u64) << 32);
    let value = mix(u64::from(value_crc) | value_len << 32);
    mix(key.wrapping_add(value.wrapping_mul(3)))
}

/// Hash of all history up to and including one log entry.
pub type History = [u8; 16];

/// History before the first entry of a lineage.
pub fn history_start(lineage_id: &[u8; 16]) -> History {
    truncate(&blake3::hash(lineage_id))
}

/// History after an entry: `before`, the entry's header without its own copy of `before`
/// (its first 32 bytes), and the payload.
pub fn history_next(before: &History, header: &[u8; 32], payload: &[u8]) -> History {
    // Most entries are short. Put together first: one call over whole blocks takes less time.
    let mut together = [0u8; 512];
    let all = together.split_at_mut_checked(48 + payload.len());
    if let Some((all, _)) = all {
        let (first, rest) = all.split_at_mut(48);
        let (a, b) = first.split_at_mut(16);
        a.copy_from_slice(before);
        b.copy_from_slice(header);
        rest.copy_from_slice(payload);
        return truncate(&blake3::hash(all));
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(before);
    hasher.update(header);
    hasher.update(payload);
    truncate(&hasher.finalize())
}

fn truncate(hash: &blake3::Hash) -> History {
    let (head, _) = hash
        .as_bytes()
        .split_first_chunk::<16>()
        .unwrap_or((&[0; 16], &[]));
    *head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_of_short_and_long_entries_is_the_hash_of_all_their_bytes() {
        for len in [0, 1, 15, 16, 463, 464, 465, 1000, 5000] {
            let (before, header) = ([1; 16], [2; 32]);
            let payload: Vec<u8> = (0..len).map(|i: usize| i as u8).collect();
            let all = [&before[..], &header, &payload].concat();
            let expected = truncate(&blake3::hash(&all));
            assert_eq!(history_next(&before, &header, &payload), expected, "{len}");
        }
    }

    #[test]
    fn crc_is_castagnoli() {
        assert_eq!(crc(b"123456789"), 0xe306_9283);
        assert_eq!(crc_append(crc(b"1234"), b"56789"), 0xe306_9283);
    }

    /// The first numbers of splitmix64 from 0, as its authors publish them.
    #[test]
    fn mix_is_the_finaliser_of_splitmix64() {
        let step = 0x9e37_79b9_7f4a_7c15_u64;
        assert_eq!(mix(step), 0xe220_a839_7b1d_cdaf);
        assert_eq!(mix(step.wrapping_mul(2)), 0x6e78_9e6a_a1b9_65f4);
        assert_eq!(mix(step.wrapping_mul(3)), 0x06c4_5d18_8009_454f);
    }

    #[test]
    fn entry_hash_depends_on_key_value_and_lengths() {
        let base = entry_hash(b"key", crc(b"value"), 5);
        assert_ne!(base, entry_hash(b"kez", crc(b"value"), 5));
        assert_ne!(base, entry_hash(b"key", crc(b"valuf"), 5));
        assert_ne!(base, entry_hash(b"key", crc(b"value"), 6));
    }
}
