//! Seeded changes of bytes, as fuzzers make them.

#[path = "../support/rng.rs"]
mod generator;

pub use generator::Rng;

const WORDS: &[&[u8]] = &[
    &[0, 0, 0, 0],
    &[0xff, 0xff, 0xff, 0xff],
    &[0xff, 0xff, 0xff, 0x7f],
    &[0, 0, 0, 0x80],
    b"\n",
    b"\"",
    b"\\u0000",
    b"{\"creel_end\":{",
    b"1e999",
    b"\xf0\x9f",
    b"DATA=END\n",
    b"\0",
];

/// An input with some changes, or a cross of two.
pub fn mutated(corpus: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = corpus[rng.below(corpus.len())].clone();
    for _ in 0..1 + rng.below(6) {
        let at = rng.below(bytes.len() + 1);
        match rng.below(9) {
            0 if at < bytes.len() => bytes[at] ^= 1 << rng.below(8),
            1 if at < bytes.len() => bytes[at] = rng.next() as u8,
            2 => bytes.insert(at, rng.next() as u8),
            3 if at < bytes.len() => drop(bytes.remove(at)),
            4 => bytes.truncate(at),
            5 => {
                let word = WORDS[rng.below(WORDS.len())];
                bytes.splice(at..at, word.iter().copied());
            }
            6 => {
                let word = WORDS[rng.below(WORDS.len())];
                for (to, from) in bytes[at..].iter_mut().zip(word) {
                    *to = *from;
                }
            }
            7 => {
                // A piece of it once more.
                let len = rng.below(64).min(bytes.len() - at);
                let piece = bytes[at..at + len].to_vec();
                let to = rng.below(bytes.len() + 1);
                bytes.splice(to..to, piece);
            }
            8 => {
                let other = &corpus[rng.below(corpus.len())];
                let from = rng.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            _ => bytes.extend((0..rng.below(9)).map(|_| rng.next() as u8)),
        }
    }
    bytes.truncate(1 << 16);
    bytes
}
