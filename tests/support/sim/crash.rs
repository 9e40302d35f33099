//! Which pending operations a crash leaves on the medium.

use super::mix;

/// A subset of the pending operations, by their position in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CrashChoice {
    /// Nothing that was pending.
    None,
    /// Everything that was pending.
    All,
    /// This one alone.
    Only(usize),
    /// All but this one.
    Missing(usize),
    /// The first `n`.
    Prefix(usize),
    /// The last `n`.
    Suffix(usize),
    /// By chance; seeds differ in the share that survives as well.
    Random(u64),
    /// Bit `i` for operation `i`; nothing from 64 on.
    Mask(u64),
}

impl CrashChoice {
    /// True when operation `i` of `total` survives.
    pub fn keeps(&self, i: usize, total: usize) -> bool {
        match *self {
            CrashChoice::None => false,
            CrashChoice::All => true,
            CrashChoice::Only(only) => i == only,
            CrashChoice::Missing(missing) => i != missing,
            CrashChoice::Prefix(n) => i < n,
            CrashChoice::Suffix(n) => i + n >= total,
            CrashChoice::Random(seed) => {
                let of_eight = [4, 1, 7][(seed % 3) as usize];
                mix(mix(seed) ^ i as u64) % 8 < of_eight
            }
            CrashChoice::Mask(bits) => i < 64 && bits >> i & 1 == 1,
        }
    }
}

/// Which crashes to try at one point.
pub struct CrashPlan;

impl CrashPlan {
    /// At most `budget` choices: all subsets of up to 12 pending operations; of more, none, all,
    /// each alone, each missing, every prefix, every suffix, and random ones for the rest. Where
    /// even that is too much, a random sample of these kinds.
    pub fn choices(
        pending: usize,
        seed: u64,
        budget: usize,
    ) -> impl Iterator<Item = CrashChoice> + use<> {
        Self::list(pending, seed, budget).into_iter()
    }

    fn list(n: usize, seed: u64, budget: usize) -> Vec<CrashChoice> {
        const EXHAUSTIVE: usize = 12;
        if n <= EXHAUSTIVE && 1 << n <= budget {
            return (0..1 << n).map(CrashChoice::Mask).collect();
        }
        let mut list = vec![CrashChoice::None, CrashChoice::All];
        // Prefixes and suffixes of one are there already as "only", those of all but one as
        // "missing".
        let regular = 2 * n + 2 * n.saturating_sub(3);
        if list.len() + regular <= budget {
            list.extend((0..n).map(CrashChoice::Only));
            list.extend((0..n).map(CrashChoice::Missing));
            list.extend((2..n.saturating_sub(1)).map(CrashChoice::Prefix));
            list.extend((2..n.saturating_sub(1)).map(CrashChoice::Suffix));
            let more = (list.len()..budget).map(|i| CrashChoice::Random(mix(seed ^ i as u64)));
            list.extend(more);
        } else {
            list.extend((2..budget).map(|i| {
                let word = mix(seed ^ i as u64);
                let at = (word >> 8) as usize % n;
                match word % 5 {
                    0 => CrashChoice::Only(at),
                    1 => CrashChoice::Missing(at),
                    2 => CrashChoice::Prefix(at),
                    3 => CrashChoice::Suffix(at),
                    _ => CrashChoice::Random(word),
                }
            }));
        }
        list.truncate(budget);
        list
    }
}
