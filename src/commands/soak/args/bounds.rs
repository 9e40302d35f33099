//! `--bounds`.

use creel::soak::bounds::{Bounds, Judge};

use crate::cli::units;

/// What the flag changes.
#[derive(Debug, Clone, Default)]
pub(in crate::commands::soak) struct Changes(Vec<Change>);

#[derive(Debug, Clone, Copy)]
enum Change {
    MemoryGrowth(u64),
    Descriptors(u64),
    FileFactor(f64),
    FileExtra(u64),
    Log(u64),
    Recovery(u64),
    Lag(u64),
    Trend(Judge),
}

/// `memory-growth=1MiB,log=64MiB`
pub(super) fn parse(text: &str) -> Result<Changes, String> {
    let one = |part: &str| {
        let (name, value) = part
            .split_once('=')
            .ok_or("not a list of bounds, for example memory-growth=1MiB,descriptors=16")?;
        Ok(match name {
            "memory-growth" => Change::MemoryGrowth(units::size(value)?),
            "descriptors" => Change::Descriptors(units::count(value)?),
            "file-factor" => {
                let factor = value.parse::<f64>().ok();
                let factor = factor.filter(|f| f.is_finite() && *f >= 1.0);
                Change::FileFactor(factor.ok_or("the factor is a number from 1 on")?)
            }
            "file-extra" => Change::FileExtra(units::size(value)?),
            "log" => match units::size(value)? {
                bytes if bytes < 1 << 20 => return Err("the log needs at least 1MiB".into()),
                bytes => Change::Log(bytes),
            },
            "recovery" => {
                let time = units::duration(value)?;
                Change::Recovery(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
            }
            "lag" => match units::count(value)? {
                0 => {
                    return Err("a lag of 0 is no bound: it has to be possible to be behind".into());
                }
                entries => Change::Lag(entries),
            },
            "trend" => Change::Trend(match value {
                "auto" => Judge::Auto,
                "required" => Judge::Required,
                "off" => Judge::Off,
                _ => return Err("trend is auto, required or off".into()),
            }),
            _ => return Err(format!("there is no bound {name:?}")),
        })
    };
    let changes: Result<Vec<Change>, String> = text.split(',').map(one).collect();
    changes.map(Changes)
}

impl Changes {
    /// Makes them.
    pub fn apply(&self, bounds: &mut Bounds) {
        for change in &self.0 {
            match *change {
                Change::MemoryGrowth(bytes) => bounds.memory_growth = bytes,
                Change::Descriptors(count) => bounds.descriptors = count,
                Change::FileFactor(factor) => bounds.file_factor = factor,
                Change::FileExtra(bytes) => bounds.file_extra = bytes,
                Change::Log(bytes) => bounds.log = bytes,
                Change::Recovery(ms) => bounds.recovery_ms = ms,
                Change::Lag(entries) => bounds.lag = entries,
                Change::Trend(judge) => bounds.trend = judge,
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn bounds_are_changed_by_name() {
        let mut bounds = Bounds::default();
        parse("memory-growth=2MiB,trend=off,file-factor=2.5,recovery=1.5s,lag=1k")
            .unwrap()
            .apply(&mut bounds);
        assert_eq!(bounds.memory_growth, 2 << 20);
        assert_eq!(bounds.trend, Judge::Off);
        assert_eq!((bounds.recovery_ms, bounds.lag), (1500, 1000));
        assert!(bounds.file_factor > 2.4 && bounds.file_factor < 2.6);
        for bad in [
            "",
            "log",
            "log=x",
            "log=1",
            "rss=1",
            "file-factor=nan",
            "trend=on",
            "recovery=fast",
            "lag=0",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
