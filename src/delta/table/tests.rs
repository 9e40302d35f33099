//! Many operations at once.

use super::*;

#[test]
fn many_at_once_are_the_same_as_one_after_the_other() {
    let mut word = 7u64;
    let mut next = |limit: u64| {
        word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (word >> 33) % limit
    };
    for round in 0..50 {
        let keys: Vec<[u8; 1]> = (0..200).map(|_| [next(20) as u8]).collect();
        let values: Vec<[u8; 1]> = (0..200).map(|_| [next(250) as u8]).collect();
        let ranges = round % 2 == 1;
        let mut ops = Vec::new();
        for (at, (key, value)) in keys.iter().zip(&values).enumerate() {
            let (keyspace, key, value) = (next(2) as u32 + 1, &key[..], &value[..]);
            let op = match next(5) {
                0 => Op::Delete { keyspace, key },
                1 if ranges => Op::DeleteRange {
                    keyspace,
                    from: key,
                    to: b"",
                },
                _ => Op::Put {
                    keyspace,
                    key,
                    value,
                },
            };
            // Several operations of one entry now and then.
            ops.push((at as u64 / 3 + 1, op));
        }
        let newest_snapshot = next(60);
        let (single, many) = (Delta::new(), Delta::new());
        for (index, op) in &ops {
            single.writer().apply(*index, op, newest_snapshot);
        }
        many.writer().apply_all(ops, newest_snapshot);
        for index in [newest_snapshot, u64::MAX] {
            for (keyspace, key) in (1..=2).flat_map(|k| (0..20u8).map(move |b| (k, [b]))) {
                let key = full(keyspace, &key);
                let [a, b] = [&single, &many].map(|d| d.get(&key, index, <[u8]>::to_vec));
                assert_eq!(a, b, "round {round}, key {key:?} at {index}");
            }
        }
        assert_eq!(single.range_deletes(), many.range_deletes());
    }
}
