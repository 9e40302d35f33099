//! `--self-test`: does the check notice what it says it would? Bits of a copy are flipped one at a
//! time, and each time the copy is checked.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;

use creel::{BackupOptions, Depth, Interest, VerifyOptions};

use crate::cli::log::Level;
use crate::cli::{Context, Failure, signals};
use crate::commands::scratch::Scratch;

/// Places of flips that went unnoticed, as many as a report names.
const NAMED: usize = 20;

/// What became of the flips.
#[derive(Debug, Default)]
pub(super) struct Tested {
    /// Flips, all in bytes that checksums cover.
    pub flips: u64,
    /// Noticed.
    pub caught: u64,
    /// Not noticed.
    pub missed: u64,
    /// Bytes that checksums cover.
    pub covered_bytes: u64,
    /// Bytes that nobody will ever read, where nothing is flipped: free pages, unused log.
    pub slack_bytes: u64,
    pub seed: u64,
    /// Byte and bit of flips that were missed.
    pub places: Vec<(u64, u8)>,
}

/// Flips `flips` bits of a copy.
pub(super) fn run(
    ctx: &Context,
    path: &Path,
    flips: u64,
    seed: u64,
    level: Depth,
) -> Result<Tested, Failure> {
    let scratch = Scratch::new(None)?;
    let copy = scratch.file("copy.db");
    let meter = ctx.meter("copy").of_bytes();
    let reading = ctx.options().read_only(true).interest(Interest::None);
    let db = ctx.open(path, reading, "opened for reading")?;
    let backup = BackupOptions {
        verify: Some(level),
        ..BackupOptions::default()
    };
    db.backup(&copy, &backup, &meter)?;
    db.close()?;
    drop(meter);
    let options = VerifyOptions {
        level,
        max_findings: 1,
        ..VerifyOptions::default()
    };
    let slack = creel::check::slack(&copy, &options)?;
    let failed = |e: io::Error| Failure::file("change", &copy, &e);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&copy)
        .map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let slack_bytes = slack.iter().map(|range| range.end - range.start).sum();
    let mut tested = Tested {
        flips,
        seed,
        slack_bytes,
        covered_bytes: size.saturating_sub(slack_bytes),
        ..Tested::default()
    };
    let mut random = seed;
    let meter = ctx.meter("self-test");
    for done in 0..flips {
        if signals::stopped() {
            return Err(creel::Error::Interrupted.into());
        }
        let (nth, bit) = place(&mut random, tested.covered_bytes);
        let at = outside(&slack, nth);
        flip(&mut file, at, bit).map_err(failed)?;
        let noticed = notices(&copy, &options)?;
        flip(&mut file, at, bit).map_err(failed)?;
        let fields = [
            ("byte", at.into()),
            ("bit", bit.into()),
            ("noticed", noticed.into()),
        ];
        ctx.log.event(Level::Debug, "verify", "flipped", &fields);
        if noticed {
            tested.caught += 1;
        } else {
            tested.missed += 1;
            if tested.places.len() < NAMED {
                tested.places.push((at, bit));
            }
        }
        creel::Progress::report(&meter, done + 1, Some(flips));
    }
    Ok(tested)
}

/// The next byte and bit: splitmix64.
fn place(state: &mut u64, size: u64) -> (u64, u8) {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut x = *state;
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^= x >> 31;
    let at = (u128::from(x >> 3) * u128::from(size)) >> 61;
    (at as u64, (x & 7) as u8)
}

/// Where the `nth` byte stands when those in `slack` are not counted.
fn outside(slack: &[Range<u64>], nth: u64) -> u64 {
    let mut at = nth;
    for range in slack {
        if at < range.start {
            break;
        }
        at += range.end - range.start;
    }
    at
}

fn flip(file: &mut File, at: u64, bit: u8) -> io::Result<()> {
    let mut byte = [0; 1];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut byte)?;
    let [value] = byte;
    file.seek(SeekFrom::Start(at))?;
    file.write_all(&[value ^ (1 << bit)])
}

/// Whether the check has anything to say. Refusing the file is saying something.
fn notices(path: &Path, options: &VerifyOptions) -> Result<bool, Failure> {
    #[cfg(debug_assertions)]
    if std::env::var_os("CREEL_TEST_BLIND").is_some() {
        return Ok(false);
    }
    match creel::verify(path, options, &creel::NoProgress) {
        Ok(report) => Ok(!report.findings.is_empty()),
        Err(creel::Error::NotADatabase { .. } | creel::Error::Corrupt(_)) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_flip_falls_into_slack() {
        let slack = [2..4, 4..5, 9..12];
        let places: Vec<u64> = (0..7).map(|nth| outside(&slack, nth)).collect();
        assert_eq!(places, [0, 1, 5, 6, 7, 8, 12]);
    }

    #[test]
    fn places_are_spread_over_the_whole_file() {
        let mut state = 1;
        let mut seen = [0; 10];
        for _ in 0..1000 {
            let (at, bit) = place(&mut state, 10);
            assert!(bit < 8);
            seen[at as usize] += 1;
        }
        assert!(seen.iter().all(|n| (50..150).contains(n)), "{seen:?}");
    }
}
