//! `creel replicate hold` and `forget`: what the store must keep, and for whom no longer.

use std::time::Duration;

use clap::Args;
use creel::chain::name::{HoldName, Name, unhex};
use creel::chain::object::HoldDoc;
use serde::Serialize;

use super::super::Run;
use super::store::{StoreArg, chain_failure, now_us};
use crate::cli::{Context, Exit, Failure, Outcome, codes, units};

/// Arguments of `creel replicate hold`.
#[derive(Debug, Args)]
pub struct HoldArgs {
    #[command(flatten)]
    store: StoreArg,
    /// Name of the hold: small letters, digits and dashes
    #[arg(value_name = "NAME")]
    name: String,
    /// Keep the entries behind this index [default: the end of the chain]
    #[arg(long, value_name = "INDEX", value_parser = units::count)]
    at: Option<u64>,
    /// But no more log than this
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = units::some_size)]
    max_bytes: u64,
    /// And no longer than this
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = units::some_duration)]
    expires: Duration,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

/// Arguments of `creel replicate forget`.
#[derive(Debug, Args)]
pub struct ForgetArgs {
    #[command(flatten)]
    store: StoreArg,
    /// Name of a hold, or the id of a copy (32 hexadecimal digits)
    #[arg(value_name = "NAME")]
    name: String,
}

#[derive(Serialize)]
struct HoldLine {
    schema: &'static str,
    store: String,
    name: String,
    held: bool,
    index: Option<u64>,
    max_bytes: Option<u64>,
    expires_us: Option<u64>,
}

impl Run for HoldArgs {
    const NAME: &'static str = "hold";
    const ABOUT: &'static str = "Keep the log in a store from being removed";
    const EXAMPLES: &'static str = "\
Examples:
  creel replicate hold dir:/srv/chain nightly
  creel replicate hold s3://my-bucket/db1 audit --at 81200 --max-bytes 20GiB --expires 30d --reason 'case 7'
  creel replicate forget dir:/srv/chain nightly

Every hold has a limit in bytes and in time, so one that is forgotten fills no bucket. The same name again
replaces it. Copies that pull hold what they need by themselves.
Exit status: 0 held, 2 no proper name or an entry that is not there, 12 the store cannot be reached; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        let name = HoldName::new(&self.name).ok_or_else(|| {
            Failure::usage(format!("{:?} is no name of a hold", self.name))
                .hint("1 to 64 small letters, digits and dashes")
        })?;
        let chain = self.store.chain()?;
        let mut pace = self.store.patience.start();
        let tail = chain.tail(0, &mut pace).map_err(chain_failure)?;
        let newest = tail.map_or(chain.start().index, |segment| segment.facts.after.index);
        let index = self.at.unwrap_or(newest);
        if index > newest {
            let text = format!(
                "entry {index} is not in {}: the newest is {newest}",
                self.store.store
            );
            return Err(Failure::usage(text).hint(format!("--at {newest}")));
        }
        let now_us = now_us();
        let mut hold = HoldDoc::new(&name, chain.lineage(), index);
        hold.max_bytes = self.max_bytes;
        hold.expires_us =
            now_us.saturating_add(u64::try_from(self.expires.as_micros()).unwrap_or(u64::MAX));
        hold.created_us = now_us;
        hold.reason = self.reason;
        chain.set_hold(&hold, &mut pace).map_err(chain_failure)?;
        let line = HoldLine {
            schema: "creel.hold/1",
            store: self.store.store,
            name: self.name,
            held: true,
            index: Some(index),
            max_bytes: Some(hold.max_bytes),
            expires_us: Some(hold.expires_us),
        };
        if ctx.globals.json {
            ctx.out.json(&line)?;
        } else if ctx.globals.quiet == 0 {
            ctx.out.line(&format!(
                "{} holds what comes behind entry {index}",
                line.name
            ))?;
        }
        Ok(Exit::Ok)
    }
}

impl Run for ForgetArgs {
    const NAME: &'static str = "forget";
    const ABOUT: &'static str = "Take a hold or a copy that is gone out of a store";
    const EXAMPLES: &'static str = "\
Examples:
  creel replicate forget dir:/srv/chain nightly
  creel replicate forget s3://my-bucket/db1 8f14e45fceea167a5a36dedd4bea2543

What was kept for it alone goes with the next gc. A copy that is still there says so again when it pulls.
Exit status: 0 forgotten, 1 there was none, 12 the store cannot be reached; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        let name = match (unhex(&self.name), HoldName::new(&self.name)) {
            (Some(node), _) => Name::Progress(node),
            (None, Some(hold)) => Name::Hold(hold),
            (None, None) => {
                let text = format!("{:?} is neither a hold nor a copy", self.name);
                return Err(Failure::usage(text).hint(listed(&self.store.store)));
            }
        };
        let chain = self.store.chain()?;
        let mut pace = self.store.patience.start();
        if !chain.forget(&name, &mut pace).map_err(chain_failure)? {
            let text = format!("{name} is not in {}", self.store.store);
            return Err(Failure::new(&codes::ABSENT, text).hint(listed(&self.store.store)));
        }
        let line = HoldLine {
            schema: "creel.hold/1",
            store: self.store.store,
            name: self.name,
            held: false,
            index: None,
            max_bytes: None,
            expires_us: None,
        };
        if ctx.globals.json {
            ctx.out.json(&line)?;
        }
        Ok(Exit::Ok)
    }
}

fn listed(store: &str) -> String {
    format!("creel replicate status {store} lists them")
}
