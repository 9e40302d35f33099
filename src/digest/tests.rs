//! The vectors were computed by a program that shares no code with this one (Python's `blake3`
//! over the description in `docs/exchange.md`).

use super::*;

fn of(fill: impl FnOnce(&mut ContentDigest)) -> String {
    let mut digest = ContentDigest::new();
    fill(&mut digest);
    digest.finish().to_string()
}

#[test]
fn fixed_vectors() {
    assert_eq!(
        of(|_| ()),
        "7efe82fb37b014510765184caf3165ac8d29be14fd9c86f6816ad7d334fe23dd"
    );
    assert_eq!(
        of(|d| d.entry(b"apple", b"red")),
        "537c2e2f39a1f51ca9a1c9aaee7f1e1d4041ec4c705b64346931e94b8b45fd7b"
    );
    let all: Vec<u8> = (0..=255).collect();
    let two = of(|d| {
        d.keyspace("fruit");
        d.entry(b"a", b"");
        d.entry(b"b", &all);
        d.keyspace("main");
        d.entry(b"apple", b"red");
    });
    assert_eq!(
        two,
        "ab53351daefad901aa9c9a0eddc589f6a7df756b942773b8ced055bdd91df076"
    );
}

#[test]
fn fixed_vector_of_changes() {
    let delta = of(|d| {
        d.delete_range(b"", None);
        d.delete_range(b"a", Some(b"b"));
        d.delete(b"k");
        d.entry(b"x", b"y");
        assert_eq!(d.entries(), 4);
    });
    assert_eq!(
        delta,
        "92b0c49298b7d87e7e16819b37f9206ff565d4ae0b668e56250a45ac7e554f31"
    );
}

#[test]
fn fixed_vector_over_many_blocks() {
    let big = of(|d| {
        for i in 0..2000_usize {
            d.entry(
                format!("key{i:06}").as_bytes(),
                &vec![(i % 251) as u8; i * 37 % 3000],
            );
        }
        d.entry(b"z", &[7; 1_000_000]);
    });
    assert_eq!(
        big,
        "48efe6aadf0d21bebc4a6c3b4802e7c9e600d95310eaa5ccb65d6e978c816f0b"
    );
}

#[test]
fn keyspaces_without_entries_count_for_nothing() {
    let plain = of(|d| d.entry(b"k", b"v"));
    let visits = of(|d| {
        d.keyspace("empty");
        d.keyspace("main");
        d.entry(b"k", b"v");
        d.keyspace("main");
        d.keyspace("zero");
    });
    assert_eq!(plain, visits);
}

#[test]
fn where_bytes_stand_matters() {
    let forms: Vec<String> = vec![
        of(|d| d.entry(b"ab", b"c")),
        of(|d| d.entry(b"a", b"bc")),
        of(|d| d.entry(b"abc", b"")),
        of(|d| d.delete(b"abc")),
        of(|d| d.delete_range(b"abc", None)),
        of(|d| d.delete_range(b"abc", Some(b""))),
        of(|d| {
            d.keyspace("x");
            d.entry(b"ab", b"c");
        }),
    ];
    let mut distinct = forms.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), forms.len());
}

#[test]
fn every_split_around_the_block_gives_the_same() {
    // One entry that ends before, at and after the end of a block, pushed in pieces of any size.
    for length in (65_400..65_600).chain(131_000..131_150) {
        let value = vec![3; length];
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&4_u32.to_le_bytes());
        bytes.extend_from_slice(b"main");
        bytes.extend_from_slice(&1_u32.to_le_bytes());
        bytes.extend_from_slice(&(length as u32).to_le_bytes());
        bytes.push(b'k');
        bytes.extend_from_slice(&value);
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&1_u64.to_le_bytes());
        let whole = Digest(blake3::derive_key("creel content digest 1", &bytes));
        assert_eq!(of(|d| d.entry(b"k", &value)), whole.to_string(), "{length}");
    }
}

#[test]
fn one_digest_has_one_form() {
    let digest = ContentDigest::new().finish();
    let text = digest.to_string();
    assert_eq!(text.parse(), Ok(digest));
    assert_eq!(text.to_uppercase().parse::<Digest>(), Err(NotADigest));
    assert_eq!(text[1..].parse::<Digest>(), Err(NotADigest));
    assert_eq!(format!("{text}0").parse::<Digest>(), Err(NotADigest));
    assert_eq!(text.replace('7', "g").parse::<Digest>(), Err(NotADigest));
}

fn ranges(keyspaces: &[(&str, Vec<usize>)], bits: u32) -> Vec<Range> {
    let mut digests = RangeDigests::new(bits);
    let mut found = Vec::new();
    for (name, keys) in keyspaces {
        found.extend(digests.keyspace(name));
        for i in keys {
            let value = [*i as u8; 10];
            found.extend(digests.entry(format!("key{i:06}").as_bytes(), &value));
        }
    }
    found.extend(digests.finish());
    found
}

#[test]
fn borders_are_where_the_specification_puts_them() {
    let number = |r: &Range| {
        let from = r.from.as_deref().unwrap_or(b"key000000");
        String::from_utf8_lossy(&from[3..])
            .parse::<usize>()
            .unwrap()
    };
    let found = ranges(
        &[("fruit", (0..200).collect()), ("main", (0..200).collect())],
        5,
    );
    let (fruit, main): (Vec<&Range>, Vec<&Range>) =
        found.iter().partition(|r| r.keyspace == "fruit");
    let starts = |ranges: Vec<&Range>| ranges.into_iter().map(number).collect::<Vec<_>>();
    assert_eq!(starts(fruit), [0, 33, 165, 167]);
    assert_eq!(starts(main), [0, 65, 83, 99, 101, 108, 127, 191]);
    for pair in found.windows(2) {
        assert!(pair[0].keyspace != pair[1].keyspace || pair[0].to == pair[1].from);
    }
    assert_eq!(found.iter().map(|r| r.entries).sum::<u64>(), 400);
    assert_eq!(found.iter().map(|r| r.bytes).sum::<u64>(), 400 * 19);
}

#[test]
fn a_range_has_the_digest_of_its_selection() {
    for range in ranges(&[("x", (0..500).collect())], 6) {
        let inside = |key: &String| {
            range
                .from
                .as_deref()
                .is_none_or(|from| key.as_bytes() >= from)
                && range.to.as_deref().is_none_or(|to| key.as_bytes() < to)
        };
        let whole = of(|d| {
            d.keyspace("x");
            for i in 0..500_usize {
                let key = format!("key{i:06}");
                if inside(&key) {
                    d.entry(key.as_bytes(), &[i as u8; 10]);
                }
            }
        });
        assert_eq!(range.digest.to_string(), whole);
    }
}

#[test]
fn a_small_difference_changes_few_ranges() {
    let left = ranges(&[("main", (0..10_000).collect())], 7);
    let without: Vec<usize> = (0..10_000).filter(|i| *i != 5000).collect();
    let right = ranges(&[("main", without)], 7);
    let differing = left.iter().filter(|r| !right.contains(r)).count();
    assert!(left.len() > 50 && differing <= 2, "{differing}");
}

#[test]
fn bits_give_about_the_number_asked_for() {
    assert_eq!(bits_for(0, 10), 0);
    assert_eq!(bits_for(10, 0), 3);
    assert_eq!(bits_for(1_000_000, 16), 15);
    assert_eq!(bits_for(u64::MAX, 1), 32);
    for n in [1, 10, 100] {
        let count = ranges(&[("main", (0..20_000).collect())], bits_for(20_000, n)).len() as u64;
        assert!((n..=n * 3).contains(&count), "{n}: {count}");
    }
}
