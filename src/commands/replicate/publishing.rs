//! How a server publishes: options of `serve --publish`.

use std::path::Path;
use std::time::Duration;

use clap::Args;
use creel::replica::store::{Guard, ServiceOptions};

use super::stream::node_name;
use crate::cli::{Failure, units};

/// Largest and smallest segment that may be asked for.
const SEGMENT: std::ops::RangeInclusive<u64> = 4 << 10..=64 << 20;

/// How to publish.
#[derive(Debug, Clone, Args)]
pub struct PublishArgs {
    /// With --publish: write a snapshot after so many bytes of log
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = units::size, requires = "publish")]
    snapshot_every: u64,
    /// With --publish: bytes of log in a segment, up to 64 MiB
    #[arg(long, value_name = "SIZE", default_value = "8MiB", value_parser = units::size, requires = "publish")]
    segment_max_bytes: u64,
    /// With --publish: gather commits for so long before a segment is written
    #[arg(long, value_name = "TIME", default_value = "200ms", value_parser = units::duration, requires = "publish")]
    linger: Duration,
    /// With --publish: how often to remove what nobody needs, as replicate gc does; 0s never
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = units::duration, requires = "publish")]
    gc_every: Duration,
    /// With --publish: refuse writes while more bytes, or older commits, than this are not in the
    /// store, for example 64MiB,60s
    #[arg(long, value_name = "SIZE,TIME", value_parser = guard, requires = "publish")]
    max_unpublished: Option<Guard>,
}

fn guard(text: &str) -> Result<Guard, String> {
    let (bytes, time) = text
        .split_once(',')
        .ok_or("a size and a time, for example 64MiB,60s")?;
    Ok(Guard {
        bytes: units::size(bytes)?,
        time: units::duration(time)?,
    })
}

impl PublishArgs {
    /// As the publisher takes it.
    pub fn options(&self, path: &Path) -> Result<ServiceOptions, Failure> {
        if !SEGMENT.contains(&self.segment_max_bytes) {
            return Err(Failure::usage("a segment has 4 KiB to 64 MiB"));
        }
        Ok(ServiceOptions {
            snapshot_bytes: self.snapshot_every,
            segment_bytes: self.segment_max_bytes,
            linger: self.linger,
            gc_every: (!self.gc_every.is_zero()).then_some(self.gc_every),
            guard: self.max_unpublished,
            name: node_name(path),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_is_a_size_and_a_time() {
        let found = guard("64MiB,60s").unwrap();
        assert_eq!((found.bytes, found.time.as_secs()), (64 << 20, 60));
        for bad in ["64MiB", "60s", "64MiB,", ",60s", "60s,64MiB", ""] {
            assert!(guard(bad).is_err(), "{bad}");
        }
    }
}
