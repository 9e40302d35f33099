//! Moments of the log as they are typed.

use creel::Receipt;

/// A moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Microseconds since 1970.
    Time(u64),
    /// An entry.
    Index(u64),
    /// An entry of one history.
    Commit(Receipt),
}

/// Reads `2026-11-26T10:00:00Z`, an index, or a token.
pub fn parse(text: &str) -> Result<Moment, String> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        let index = text.parse().map_err(|_| format!("{text} is no index"))?;
        return Ok(Moment::Index(index));
    }
    if text.contains('T') {
        return time(text).map(Moment::Time).ok_or_else(|| {
            format!("{text:?} is no time like 2026-11-26T10:00:00Z (always in UTC)")
        });
    }
    match text.parse() {
        Ok(receipt) => Ok(Moment::Commit(receipt)),
        Err(_) => Err(format!(
            "{text:?} is no time like 2026-11-26T10:00:00Z, no index and no token"
        )),
    }
}

/// Microseconds since 1970 of a time in UTC.
fn time(text: &str) -> Option<u64> {
    let (date, clock) = text.strip_suffix('Z')?.split_once('T')?;
    let mut parts = date.split('-').map(|part| number(part, 4));
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut times = clock.split(':').map(|part| number(part, 2));
    let (hour, minute, second) = (times.next()??, times.next()??, times.next()??);
    let calendar = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !calendar || parts.next().is_some() || times.next().is_some() {
        return None;
    }
    let years = (1970..year)
        .map(|y| if is_leap(y) { 366 } else { 365 })
        .sum::<u64>();
    let months = (1..month).map(|m| days_in(year, m)).sum::<u64>();
    let seconds = ((years + months + day - 1) * 24 + hour) * 3600 + minute * 60 + second;
    let digits = number(fraction, 6)?;
    let scale = 10u64.pow(6u32.checked_sub(u32::try_from(fraction.len()).ok()?)?);
    Some(seconds * 1_000_000 + digits * scale)
}

fn number(text: &str, most: usize) -> Option<u64> {
    let digits = (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_indexes_and_tokens() {
        for (text, us) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:00:00Z", 951_825_600_000_000),
            ("2026-11-26T10:00:00.25Z", 1_795_687_200_250_000),
        ] {
            assert_eq!(parse(text), Ok(Moment::Time(us)), "{text}");
        }
        assert_eq!(parse("812"), Ok(Moment::Index(812)));
        let receipt = "3:812:9f31c0aa".parse().unwrap();
        assert_eq!(parse("3:812:9f31c0aa"), Ok(Moment::Commit(receipt)));
    }

    #[test]
    fn what_is_none_of_them_is_refused() {
        for bad in [
            "",
            "yesterday",
            "2026-11-26",
            "2026-11-26T10:00:00",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "1969-01-01T00:00:00Z",
            "2026-01-01T00:00:00.1234567Z",
            "99999999999999999999999",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
