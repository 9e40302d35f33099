//! `--sample`: how much to check, and by which seed.

use creel::Sample;
use creel::sys::{OsVfs, Vfs};

use crate::cli::units::{self, Threshold};
use crate::cli::{Failure, codes};

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Wanted {
    /// One part of several.
    Part(u64, u64),
    /// A percentage.
    Percent(f64),
    /// A number of bytes.
    Bytes(u64),
}

/// `5%`, `3/7` or `1GiB`.
pub(super) fn parse(text: &str) -> Result<Wanted, String> {
    if let Some((part, of)) = text.split_once('/') {
        let number = |text: &str| text.parse::<u64>().ok();
        return match (number(part), number(of)) {
            (Some(part), Some(of)) if (1..=of).contains(&part) => Ok(Wanted::Part(part, of)),
            _ => Err("a part is written N/T with N from 1 to T, for example 3/7".into()),
        };
    }
    match units::threshold(text) {
        Ok(Threshold::Percent(percent)) if percent > 0.0 => Ok(Wanted::Percent(percent)),
        Ok(Threshold::Bytes(bytes)) if bytes > 0 => Ok(Wanted::Bytes(bytes)),
        _ => Err("not a sample, for example 5%, 3/7 or 1GiB".into()),
    }
}

impl Wanted {
    /// True where several runs together are to check everything.
    pub fn is_part(self) -> bool {
        matches!(self, Wanted::Part(..))
    }

    /// As it was written.
    pub fn text(self) -> String {
        match self {
            Wanted::Part(part, of) => format!("{part}/{of}"),
            Wanted::Percent(percent) => format!("{percent}%"),
            Wanted::Bytes(bytes) => bytes.to_string(),
        }
    }

    /// For the check.
    pub fn with(self, seed: u64) -> Sample {
        match self {
            Wanted::Part(part, of) => Sample::Part { part, of },
            Wanted::Percent(percent) => Sample::Share { percent, seed },
            Wanted::Bytes(bytes) => Sample::Bytes { bytes, seed },
        }
    }
}

/// A seed that nobody chose. Short enough for every reader of JSON to get it exactly.
pub(super) fn random_seed() -> Result<u64, Failure> {
    let mut bytes = [0; 8];
    OsVfs
        .random(&mut bytes)
        .map_err(|e| Failure::new(&codes::IO, "cannot get random bytes").cause(e.to_string()))?;
    Ok(u64::from_le_bytes(bytes) >> 12)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_parts_percentages_or_sizes() {
        assert_eq!(parse("3/7"), Ok(Wanted::Part(3, 7)));
        assert_eq!(parse("5%"), Ok(Wanted::Percent(5.0)));
        assert_eq!(parse("1MiB"), Ok(Wanted::Bytes(1 << 20)));
        for bad in ["0/7", "8/7", "/7", "1/", "0%", "0", "101%", "some", "-1/3"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
