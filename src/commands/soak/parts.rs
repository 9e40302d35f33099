//! The parts of a run, one after the other.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use creel::soak::config::Config;
use creel::soak::outcome::{Outcome as Found, Verdict};
use creel::soak::store::{self, Material, Place};
use creel::soak::workload::Pool;

use super::args::SoakArgs;
use super::artefacts::Artefacts;
use super::helper::{self, Helper};
use super::live::Live;
use super::result::{Done, Report};
use super::{input, show};
use crate::cli::args::DbArg;
use crate::cli::{Context, Exit, Failure, Outcome, codes, signals};
use crate::commands::scratch::Scratch;

/// One part of a run.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// Its name in the report.
    pub name: &'static str,
    /// What is done.
    pub config: Config,
}

/// Where databases lie.
enum Folder {
    /// Gone at the end, unless something is wrong.
    Temporary(Scratch),
    /// The user's file.
    Named(PathBuf),
}

impl Folder {
    fn path(&self, name: &str) -> PathBuf {
        match self {
            Folder::Temporary(scratch) => scratch.file(&format!("{name}.creel")),
            Folder::Named(path) => path.clone(),
        }
    }
}

pub(super) fn run(args: &SoakArgs, ctx: &mut Context) -> Outcome {
    ctx.refuse_read_only()?;
    let seed = args.seed.map_or_else(random_seed, Ok)?;
    let mut config = args.config(seed, args.sync(ctx.globals.sync)?)?;
    config.plant = args.trouble.plant;
    let pool = match &args.work.input {
        Some(inputs) => Some(input::read(inputs, &mut config)?),
        None => None,
    };
    let folder = folder(args, ctx)?;
    let mut artefacts = Artefacts::new(&args.report)?;
    let parts = parts_of(config);
    let configs: Vec<_> = parts.iter().map(|p| (p.name, &p.config)).collect();
    let text = serde_json::to_string_pretty(&serde_json::json!({
        "parts": configs.iter().map(|(name, config)| {
            serde_json::json!({ "name": name, "config": config })
        }).collect::<Vec<_>>(),
    }));
    artefacts.file("config.json", &text.unwrap_or_default())?;
    show::plan(ctx, &parts)?;
    let begun = Instant::now();
    let mut done = Vec::new();
    for part in parts {
        let found = run_part(ctx, &part, pool.clone(), &folder, &mut artefacts)?;
        let goes_on = matches!(found.verdict(), Verdict::Passed | Verdict::Inconclusive);
        done.push(Done { part, found });
        if !goes_on {
            break;
        }
    }
    let mut report = Report::new(done, begun.elapsed(), args);
    report.keep(folder, &artefacts);
    report.write(&artefacts)?;
    report.print(ctx)?;
    artefacts.finish()?;
    Ok(exit(report.verdict()))
}

impl Folder {
    /// What went wrong may be looked at: the files stay.
    pub fn keep(self) -> PathBuf {
        match self {
            Folder::Temporary(scratch) => scratch.keep(),
            Folder::Named(path) => path,
        }
    }
}

impl Report<'_> {
    fn keep(&mut self, folder: Folder, _: &Artefacts) {
        let named = matches!(folder, Folder::Named(_));
        if named || matches!(self.verdict(), Verdict::Invariant) {
            self.database = Some(folder.keep());
        }
    }
}

fn parts_of(config: Config) -> Vec<Part> {
    let name = match config.faults.is_empty() {
        true => "store",
        false => "store-faults",
    };
    vec![Part { name, config }]
}

fn run_part(
    ctx: &mut Context,
    part: &Part,
    pool: Option<Arc<Pool>>,
    folder: &Folder,
    artefacts: &mut Artefacts,
) -> Result<Found, Failure> {
    let material = Material::new(&part.config, pool);
    let place = Place::new(folder.path(part.name), Some(helper::start(Helper::Reader)?));
    let mut live = Live::new(&ctx.globals, part.name, part.config.limit, artefacts);
    Ok(store::run(&part.config, &material, place, &mut live)?)
}

fn folder(args: &SoakArgs, ctx: &mut Context) -> Result<Folder, Failure> {
    let Some(db) = &args.db else {
        return Ok(Folder::Temporary(Scratch::new(None)?));
    };
    let path = ctx.path(&DbArg { db: db.clone() })?;
    if path.symlink_metadata().is_ok() {
        let what = format!("{} exists already", path.display());
        return Err(Failure::new(&codes::EXISTS, what)
            .at(&path)
            .state("nothing was changed: a soak never writes to a database that it has not made")
            .hint("name a file that does not exist, or none"));
    }
    Ok(Folder::Named(path))
}

/// A seed that is short enough to be typed.
fn random_seed() -> Result<u64, Failure> {
    use creel::sys::Vfs;
    let mut bytes = [0; 4];
    creel::sys::OsVfs
        .random(&mut bytes)
        .map_err(|e| Failure::new(&codes::IO, "cannot draw a seed").cause(e.to_string()))?;
    Ok(u64::from(u32::from_le_bytes(bytes)))
}

/// The status that goes with a verdict.
pub(super) fn exit(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Passed => Exit::Ok,
        Verdict::Invariant => Exit::SoakInvariant,
        Verdict::Resource => Exit::SoakResource,
        Verdict::Performance => Exit::SoakPerformance,
        Verdict::Inconclusive => Exit::Inconclusive,
        Verdict::Interrupted => match signals::received() {
            Some(signal_hook::consts::SIGTERM) => Exit::Terminated,
            _ => Exit::Interrupted,
        },
    }
}
