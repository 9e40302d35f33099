//! Sizes, durations, counts and percentages: one grammar for every command.
//!
//! Powers of ten are `kB MB GB TB`, powers of two `KiB MiB GiB TiB`. A bare number is bytes,
//! seconds or a count.

use std::time::Duration;

/// Splits `"12.5MiB"` into its number and its unit.
fn split(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, unit.trim())
}

/// `number * scale`, exactly; a fraction is allowed when the result is whole.
fn scaled(number: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || fraction.len() > 9 || (number.contains('.') && fraction.is_empty()) {
        return None;
    }
    let base = whole.parse::<u64>().ok()?.checked_mul(scale)?;
    if fraction.is_empty() {
        return Some(base);
    }
    let ten = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let part = fraction
        .parse::<u128>()
        .ok()?
        .checked_mul(u128::from(scale))?
        / ten;
    base.checked_add(u64::try_from(part).ok()?)
}

/// A number of bytes: `4096`, `4KiB`, `1GB`, `1.5MiB`.
pub fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text.trim());
    let scale = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => {
            return Err(format!(
                "{unit:?} is not a unit of size, for example 4KiB or 1GB"
            ));
        }
    };
    scaled(number, scale).ok_or_else(|| "not a size, for example 4096, 4KiB or 1GB".into())
}

/// Bytes in a second: `50MB/s`, `1GiB`.
pub fn rate(text: &str) -> Result<u64, String> {
    let number = text.trim();
    let number = number.strip_suffix("/s").unwrap_or(number);
    match size(number) {
        Ok(0) | Err(_) => Err("not a rate, for example 50MB/s".into()),
        Ok(bytes) => Ok(bytes),
    }
}

/// A length of time: `250ms`, `5s`, `1h30m`, `2d`; a bare number is seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    const EXAMPLE: &str = "not a duration, for example 250ms, 5s or 1h30m";
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(EXAMPLE.into());
    }
    let mut total = Duration::ZERO;
    let mut first = true;
    while !rest.is_empty() {
        let (number, tail) = split(rest);
        let end = tail
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(tail.len());
        let (unit, next) = tail.split_at(end);
        let nanos = match unit {
            "ns" => 1,
            "us" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "" if first => 1_000_000_000,
            "m" | "min" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "d" => 86_400_000_000_000,
            _ => return Err(EXAMPLE.into()),
        };
        let part = scaled(number, nanos).ok_or(EXAMPLE)?;
        total = total
            .checked_add(Duration::from_nanos(part))
            .ok_or(EXAMPLE)?;
        rest = next;
        first = false;
    }
    Ok(total)
}

/// A number of things: `100`, `10k`, `2M`.
pub fn count(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text.trim());
    let scale = match unit {
        "" => 1,
        "k" | "K" => 1_000,
        "m" | "M" => 1_000_000,
        "g" | "G" => 1_000_000_000,
        _ => return Err("not a count, for example 100, 10k or 2M".into()),
    };
    scaled(number, scale).ok_or_else(|| "not a count, for example 100, 10k or 2M".into())
}

/// A count of one or more: none would be taken for all, or for a mistake.
pub fn some_count(text: &str) -> Result<u64, String> {
    some(count(text)?, 0)
}

/// A size of one byte or more.
pub fn some_size(text: &str) -> Result<u64, String> {
    some(size(text)?, 0)
}

/// A time that is not over at once.
pub fn some_duration(text: &str) -> Result<Duration, String> {
    some(duration(text)?, Duration::ZERO)
}

fn some<T: PartialEq>(value: T, none: T) -> Result<T, String> {
    match value == none {
        true => Err("it has to be more than 0".into()),
        false => Ok(value),
    }
}

/// A count within bounds, which are part of the refusal.
pub fn between(text: &str, least: u32, most: u32) -> Result<u32, String> {
    let value = count(text)?;
    let value = u32::try_from(value).ok();
    value
        .filter(|value| (least..=most).contains(value))
        .ok_or_else(|| format!("it has to be {least} to {most}"))
}

/// A percentage: `5%`, `12.5%`; from 0 to 100.
pub fn percent(text: &str) -> Result<f64, String> {
    text.trim()
        .strip_suffix('%')
        .and_then(|number| number.parse::<f64>().ok())
        .filter(|p| (0.0..=100.0).contains(p))
        .ok_or_else(|| "not a percentage, for example 10%".into())
}

/// A share of something or an absolute size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Threshold {
    /// A percentage.
    Percent(f64),
    /// A number of bytes.
    Bytes(u64),
}

/// `70%` or `4MiB`.
pub fn threshold(text: &str) -> Result<Threshold, String> {
    if text.trim().ends_with('%') {
        return percent(text).map(Threshold::Percent);
    }
    size(text)
        .map(Threshold::Bytes)
        .map_err(|_| "not a percentage or size, for example 70% or 4MiB".into())
}

/// Milliseconds for people: two units at most, as `units::duration` reads them.
pub fn human_duration(ms: u64) -> String {
    const UNITS: [(u64, &str); 4] = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1000, "s"),
    ];
    if ms < 60_000 {
        return format!("{}.{:03} s", ms / 1000, ms % 1000);
    }
    let first = UNITS.iter().position(|(unit, _)| ms >= *unit).unwrap_or(3);
    let mut left = ms;
    let mut text = String::new();
    for (unit, name) in UNITS.iter().skip(first).take(2) {
        if left / unit > 0 {
            text.push_str(&format!(
                "{}{}{name}",
                if text.is_empty() { "" } else { " " },
                left / unit
            ));
        }
        left %= unit;
    }
    text
}

/// A size for people: `1.5 MiB`.
pub fn human_size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = "KiB";
    for next in UNITS.iter().skip(1) {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_for_people_have_two_units() {
        for (ms, text) in [
            (0, "0.000 s"),
            (231_865, "3m 51s"),
            (59_999, "59.999 s"),
            (60_000, "1m"),
            (604_800_000, "7d"),
            (90_061_000, "1d 1h"),
            (86_460_000, "1d"),
        ] {
            assert_eq!(human_duration(ms), text);
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(size("0"), Ok(0));
        assert_eq!(size("4096"), Ok(4096));
        assert_eq!(size("4KiB"), Ok(4096));
        assert_eq!(size("1GB"), Ok(1_000_000_000));
        assert_eq!(size("1.5 MiB"), Ok(3 << 19));
        assert_eq!(size("2m"), Ok(2_000_000));
        for bad in [
            "",
            "x",
            "4XB",
            "-1",
            "1e3",
            "1.",
            ".5",
            "99999999TiB",
            "4 KiB x",
            "1..2",
        ] {
            assert!(size(bad).is_err(), "{bad}");
        }
        assert!(size("4 parsecs").unwrap_err().contains("for example"));
        assert_eq!(rate("50MB/s"), Ok(50_000_000));
        assert_eq!(rate("1KiB"), Ok(1024));
        assert!(rate("0").is_err() && rate("fast/s").is_err() && rate("1MB/h").is_err());
    }

    #[test]
    fn durations() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("5"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        for bad in [
            "",
            "s",
            "5x",
            "1h30",
            "-1s",
            "99999999999999d",
            "1 fortnight",
        ] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn counts_percentages_thresholds() {
        assert_eq!(count("10k"), Ok(10_000));
        assert!(count("10KiB").is_err());
        assert_eq!(percent("12.5%"), Ok(12.5));
        assert!(percent("5").is_err() && percent("101%").is_err() && percent("NaN%").is_err());
        assert_eq!(threshold("70%"), Ok(Threshold::Percent(70.0)));
        assert_eq!(threshold("4KiB"), Ok(Threshold::Bytes(4096)));
        assert!(threshold("lots").is_err());
    }

    #[test]
    fn sizes_for_people() {
        assert_eq!(human_size(1023), "1023 B");
        assert_eq!(human_size(1536), "1.5 KiB");
        assert_eq!(human_size(3 << 30), "3.0 GiB");
    }
}
