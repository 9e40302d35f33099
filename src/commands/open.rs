//! `creel open`: make a database, or open one and say what recovery did.

use std::path::Path;

use clap::{Args, ValueEnum};
use creel::{CreateOptions, Db, Interest};
use serde::Serialize;

use super::Run;
use super::info::{hex_id, role_name};
use crate::cli::args::DbArg;
use crate::cli::table::{self, Value};
use crate::cli::{Context, Exit, Failure, Outcome, units};

/// Roles that a file can be made with.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum NewRole {
    /// A database on its own
    Standalone,
    /// One that replicas may follow
    Primary,
}

/// Arguments of `creel open`.
#[derive(Debug, Args)]
pub struct OpenArgs {
    #[command(flatten)]
    db: DbArg,
    /// Make the file; fails where it exists
    #[arg(long)]
    create: bool,
    /// With --create: an existing database is fine
    #[arg(long, requires = "create")]
    if_not_exists: bool,
    /// Size of a page, 4KiB to 64KiB; larger pages allow longer keys [default: 4KiB]
    #[arg(long, value_name = "SIZE", value_parser = units::size, requires = "create")]
    page_size: Option<u64>,
    /// Size of each of the two log regions at the start [default: 512KiB]
    #[arg(long, value_name = "SIZE", value_parser = units::size, requires = "create")]
    wal_size: Option<u64>,
    /// The role of the file [default: standalone]
    #[arg(long, value_name = "ROLE", requires = "create")]
    role: Option<NewRole>,
}

#[derive(Serialize)]
struct OpenReport {
    schema: &'static str,
    path: String,
    created: bool,
    format: String,
    db_id: String,
    page_size: u32,
    generation: u64,
    role: &'static str,
    epoch: u32,
    recovery: RecoveryReport,
}

#[derive(Serialize)]
struct RecoveryReport {
    clean: bool,
    replayed_frames: u64,
    replayed_bytes: u64,
    last_index: u64,
    torn_bytes: u64,
    torn_at: Option<u64>,
    bulk_dropped: bool,
    header_fallback: bool,
}

impl Run for OpenArgs {
    const NAME: &'static str = "open";
    const ABOUT: &'static str = "Make a database, or open one and say what recovery did";
    const EXAMPLES: &'static str = "\
Examples:
  creel open my.db --create
  creel open my.db --create --if-not-exists
  creel open my.db

Only --create (here and of import) makes a file: a mistyped path never becomes an empty database.
Exit status: 0 done, 4 damaged, 5 no such file, 8 it exists already; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        let path = ctx.path(&self.db)?;
        let (db, created) = if self.create {
            ctx.refuse_read_only()?;
            self.make(ctx, &path)?
        } else if ctx.globals.read_only {
            (ctx.open_read(&self.db, Interest::All)?, false)
        } else {
            (ctx.open_write(&self.db, Interest::All, true)?, false)
        };
        report(ctx, &db, created)?;
        db.close()?;
        Ok(Exit::Ok)
    }
}

impl OpenArgs {
    fn make(&self, ctx: &mut Context, path: &Path) -> Result<(Db, bool), Failure> {
        let mut options = CreateOptions::default();
        if let Some(size) = self.page_size {
            options.page_size = u32::try_from(size)
                .ok()
                .filter(|s| s.is_power_of_two() && (4096..=65536).contains(s))
                .ok_or_else(|| {
                    Failure::usage(format!("{size} is no page size"))
                        .hint("a power of two from 4KiB to 64KiB")
                })?;
        }
        if let Some(size) = self.wal_size {
            options.wal_size = size;
        }
        if let Some(NewRole::Primary) = self.role {
            options.role = creel::Role::Primary;
        }
        match ctx.options().create(path, &options) {
            Ok(db) => Ok((db, true)),
            Err(creel::Error::Exists { .. }) if self.if_not_exists => {
                Ok((ctx.open_write(&self.db, Interest::All, false)?, false))
            }
            Err(creel::Error::Exists { path }) => Err(Failure::from(creel::Error::Exists { path })
                .hint("to use it as it is: creel open DB --create --if-not-exists")),
            Err(error) => Err(error.into()),
        }
    }
}

fn report(ctx: &mut Context, db: &Db, created: bool) -> Result<(), Failure> {
    let info = db.info()?;
    let recovery = db.recovery();
    let format = format!("{}.{}", info.format.0, info.format.1);
    if ctx.globals.json {
        return ctx.out.json(&OpenReport {
            schema: "creel.open/1",
            path: info.path.to_string_lossy().into_owned(),
            created,
            format,
            db_id: hex_id(&info.lineage_id),
            page_size: info.page_size,
            generation: info.generation,
            role: role_name(info.role),
            epoch: info.epoch,
            recovery: RecoveryReport {
                clean: recovery.is_clean(),
                replayed_frames: recovery.replayed_frames,
                replayed_bytes: recovery.replayed_bytes,
                last_index: recovery.last_index,
                torn_bytes: recovery.torn_bytes,
                torn_at: recovery.torn_at,
                bulk_dropped: recovery.bulk_dropped,
                header_fallback: recovery.header_fallback,
            },
        });
    }
    if ctx.globals.quiet > 0 {
        return Ok(());
    }
    let state = match (created, recovery.is_clean()) {
        (true, _) => "created",
        (false, true) => "clean",
        (false, false) => "recovered",
    };
    let mut facts: Vec<(&str, Value)> = vec![
        ("state", state.into()),
        ("path", info.path.to_string_lossy().into_owned().into()),
        ("format", format.into()),
        ("db_id", hex_id(&info.lineage_id).into()),
        ("page_size", Value::Bytes(u64::from(info.page_size))),
        ("generation", info.generation.into()),
        ("role", role_name(info.role).into()),
        ("last_index", recovery.last_index.into()),
        ("frames_replayed", recovery.replayed_frames.into()),
        ("torn_bytes_dropped", Value::Bytes(recovery.torn_bytes)),
    ];
    if recovery.bulk_dropped {
        facts.push(("bulk_load", "one that never finished was dropped".into()));
    }
    if recovery.header_fallback {
        facts.push((
            "header",
            "one copy is damaged or lost; the other one and the log served".into(),
        ));
    }
    table::facts(&mut ctx.out, &facts)
}
