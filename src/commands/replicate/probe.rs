//! `creel replicate probe`: can a store decide who is primary?

use clap::Args;
use creel::chain::object::Verdict;
use creel::chain::{ProbeOptions, probe};
use serde::Serialize;

use super::super::Run;
use super::store::{StoreArg, chain_failure, now_us, open_store};
use crate::cli::table::{self, Value};
use crate::cli::{Context, Exit, Outcome, units};

/// Arguments of `creel replicate probe`.
#[derive(Debug, Args)]
pub struct ProbeArgs {
    #[command(flatten)]
    store: StoreArg,
    /// Races, 1 to 10000
    #[arg(long, value_name = "N", default_value = "32", value_parser = rounds)]
    rounds: u32,
    /// Creates at once in each, 2 to 64
    #[arg(long, value_name = "N", default_value = "8", value_parser = racers)]
    racers: u32,
}

#[derive(Serialize)]
struct ProbeLine {
    schema: &'static str,
    store: String,
    fit: bool,
    faults: Vec<String>,
    rounds: u32,
    racers: u32,
    create_p50_us: u64,
    create_max_us: u64,
    get_p50_us: u64,
    list_p50_us: u64,
    repeated: u64,
}

fn rounds(text: &str) -> Result<u32, String> {
    units::between(text, 1, 10_000)
}

/// One alone races with nobody.
fn racers(text: &str) -> Result<u32, String> {
    units::between(text, 2, 64)
}

impl Run for ProbeArgs {
    const NAME: &'static str = "probe";
    const ABOUT: &'static str = "Test whether a store can decide who is primary";
    const EXAMPLES: &'static str = "\
Examples:
  creel replicate probe dir:/srv/chain
  creel replicate probe s3://my-bucket/db1 --json
  creel replicate probe s3://my-bucket/db1 && creel replicate serve my.db --publish s3://my-bucket/db1

Of several creates of one name at once exactly one may succeed, and a listing must show it. There are
servers that answer yes to all, and one that does so only in a race. Publishing probes by itself
before it first uses a store. Life-cycle rules of a bucket, which would remove what is old, are not seen: look
at them by hand (docs/operations.md). A directory that is not there is made; scratch objects are removed.
Exit status: 0 the store is fit, 1 it is not, 12 it cannot be reached; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        ctx.long();
        let store = open_store(&self.store.store, true)?;
        let options = ProbeOptions {
            rounds: self.rounds,
            racers: self.racers,
            time_us: now_us(),
        };
        let meter = ctx.meter("probe");
        let mut pace = self.store.patience.start();
        let report = probe(&*store, &options, &mut pace, &meter).map_err(chain_failure)?;
        drop(meter);
        let micros =
            |time: std::time::Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let line = ProbeLine {
            schema: "creel.probe/1",
            store: self.store.store.clone(),
            fit: report.result.verdict == Verdict::Fit,
            faults: report.result.faults.clone(),
            rounds: report.result.rounds,
            racers: report.result.racers,
            create_p50_us: report.result.create_p50_us,
            create_max_us: micros(report.create_max),
            get_p50_us: micros(report.get_p50),
            list_p50_us: micros(report.list_p50),
            repeated: report.repeated,
        };
        let exit = if line.fit { Exit::Ok } else { Exit::No };
        if ctx.globals.json {
            ctx.out.json(&line)?;
            return Ok(exit);
        }
        if ctx.globals.quiet == 0 {
            let mut facts: Vec<(&str, Value)> = vec![
                ("fit", if line.fit { "yes" } else { "no" }.into()),
                ("rounds", u64::from(line.rounds).into()),
                ("racers", u64::from(line.racers).into()),
                ("create_p50_us", line.create_p50_us.into()),
                ("create_max_us", line.create_max_us.into()),
                ("get_p50_us", line.get_p50_us.into()),
                ("list_p50_us", line.list_p50_us.into()),
                ("repeated", line.repeated.into()),
            ];
            facts.extend(
                line.faults
                    .iter()
                    .map(|fault| ("fault", fault.as_str().into())),
            );
            table::facts(&mut ctx.out, &facts)?;
        }
        Ok(exit)
    }
}
