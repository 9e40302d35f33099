//! `creel stats`: where the space goes.

use std::time::Duration;

use clap::Args;
use creel::{Db, Interest, Stats, StatsOptions};

use super::Run;
use crate::cli::args::{DbArg, KeyspaceArg};
use crate::cli::{Context, Exit, Failure, Outcome, range, signals, units};

mod histogram;
mod show;

use histogram::Histogram;

/// Pages looked at where `--exact` is not given.
const SAMPLE: u64 = 1000;

/// Arguments of `creel stats`.
#[derive(Debug, Args)]
pub struct StatsArgs {
    #[command(flatten)]
    db: DbArg,
    /// Show space by key prefix, cut at this byte, for example ':'
    #[arg(long, value_name = "DELIM", value_parser = delimiter)]
    prefixes: Option<u8>,
    /// How many delimiters deep the prefixes go
    #[arg(long, value_name = "N", default_value_t = 1, requires = "prefixes")]
    depth: usize,
    /// Show the largest records, 10 where no number is given
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "10")]
    biggest: Option<usize>,
    /// Show lengths of keys and values by powers of two; reads every leaf
    #[arg(long)]
    histogram: bool,
    /// Show pages by kind
    #[arg(long)]
    pages: bool,
    /// Read everything instead of a sample
    #[arg(long)]
    exact: bool,
    /// Print again after this long, until interrupted
    #[arg(long, value_name = "DUR", value_parser = units::duration)]
    watch: Option<Duration>,
    /// Print OpenMetrics text
    #[arg(long, conflicts_with = "watch")]
    openmetrics: bool,
    /// Print length and digest in place of keys
    #[arg(long)]
    redact: bool,
    #[command(flatten)]
    keyspace: KeyspaceArg,
}

impl Run for StatsArgs {
    const NAME: &'static str = "stats";
    const ABOUT: &'static str = "Show where the space goes";
    const EXAMPLES: &'static str = "\
Examples:
  creel stats my.db
  creel stats my.db --prefixes : --depth 2 --exact
  creel stats my.db --biggest 10
  creel stats my.db --openmetrics > /var/lib/node_exporter/my.prom

Without --exact a sample of pages is read and the possible error is printed. The figures are those of the
last checkpoint; log_commits counts what came since, and creel checkpoint DB takes it in.
Exit status: 0 done, 4 damaged, 130 interrupted; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        ctx.long();
        let db = ctx.open_read(&self.db, Interest::All)?;
        loop {
            self.once(ctx, &db)?;
            let Some(pause) = self.watch else {
                return Ok(Exit::Ok);
            };
            ctx.out.flush()?;
            if ctx.out.is_closed() {
                return Ok(Exit::Ok);
            }
            if signals::while_waiting(|| std::thread::sleep(pause)).is_none() {
                return Err(creel::Error::Interrupted.into());
            }
        }
    }
}

impl StatsArgs {
    fn once(&self, ctx: &mut Context, db: &Db) -> Result<(), Failure> {
        let options = StatsOptions {
            exact: self.exact,
            sample_pages: SAMPLE,
            delimiter: self.prefixes,
            depth: self.depth,
            biggest: self.biggest.unwrap_or(0),
            ..StatsOptions::default()
        };
        let meter = ctx.meter("stats");
        let stats: Stats = db.stats(&options, &meter)?;
        drop(meter);
        let histogram = if self.histogram {
            Some(self.lengths(db)?)
        } else {
            None
        };
        let view = show::View {
            stats: &stats,
            histogram: histogram.as_ref(),
            pages: self.pages,
            redact: self.redact,
            path: db.path(),
            log: log(db)?,
        };
        match (self.openmetrics, ctx.globals.json) {
            (true, _) => view.openmetrics(&mut ctx.out),
            (_, true) => view.json(&mut ctx.out),
            _ => {
                view.text(&mut ctx.out)?;
                view.remark().map_or(Ok(()), |remark| {
                    ctx.out.flush()?;
                    ctx.notice(&remark);
                    Ok(())
                })
            }
        }
    }

    fn lengths(&self, db: &Db) -> Result<Histogram, Failure> {
        let keyspace = db.snapshot()?.keyspace(&self.keyspace.keyspace)?;
        let mut cursor = keyspace.cursor(&range::all());
        let mut histogram = Histogram::default();
        while let Some((key, value_length)) = cursor.next_key()? {
            histogram.add(key.len() as u64, value_length);
            if signals::stopped() {
                return Err(creel::Error::Interrupted.into());
            }
        }
        Ok(histogram)
    }
}

/// Entries and bytes of the log that are not in the tree yet, and so not in the figures.
fn log(db: &Db) -> Result<(u64, u64), Failure> {
    let log = db.log_info()?;
    Ok((log.entries, log.bytes))
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        [byte] => Ok(*byte),
        b"\\t" => Ok(b'\t'),
        b"\\x00" | b"\\0" => Ok(0),
        _ => Err("one byte is needed, for example ':' or '/'".into()),
    }
}
