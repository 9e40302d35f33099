//! The parts of a run, one after the other.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use creel::soak::config::{Config, Limit};
use creel::soak::fleet::{Fleet, run_fleet};
use creel::soak::outcome::{Outcome as Found, Verdict};
use creel::soak::store::{self, Material, Place, Workers, run_with_kills};
use creel::soak::workload::Pool;

use super::args::{Inputs, SoakArgs};
use super::artefacts::Artefacts;
use super::baseline::Baseline;
use super::helper::{self, Helper};
use super::live::Live;
use super::repro::Repro;
use super::result::{Done, Report};
use super::{input, self_test, show};
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
    /// With replicas.
    pub fleet: Option<Fleet>,
}

/// Where databases lie.
enum Folder {
    /// Gone at the end, unless something is wrong.
    Temporary(Scratch),
    /// The user's file.
    Named(PathBuf),
}

impl Folder {
    /// A directory for the copies of a run with replicas.
    fn copies(&self, part: &str) -> Result<PathBuf, Failure> {
        let dir = match self {
            Folder::Temporary(scratch) => scratch.file(part),
            Folder::Named(path) => {
                let mut name = path.file_name().unwrap_or_default().to_owned();
                name.push(format!(".{part}"));
                path.with_file_name(name)
            }
        };
        std::fs::create_dir(&dir).map_err(|e| Failure::file("create", &dir, &e))?;
        Ok(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        match self {
            Folder::Temporary(scratch) => scratch.file(&format!("{name}.creel")),
            Folder::Named(path) => path.clone(),
        }
    }
}

pub(super) fn run(args: &SoakArgs, ctx: &mut Context) -> Outcome {
    ctx.refuse_read_only()?;
    if args.self_test {
        return self_test::run(ctx, args.seed.map_or_else(random_seed, Ok)?);
    }
    let baseline = args.report.baseline.as_deref().map(Baseline::read);
    let baseline = baseline.transpose()?;
    let replayed = args.replay.as_deref().map(Repro::read).transpose()?;
    if let (true, Some(repro), Some(path)) = (args.minimize, &replayed, &args.replay) {
        return repro.minimize(ctx, path);
    }
    let (mut config, inputs) = match &replayed {
        Some(repro) => (repro.config.clone(), repro.inputs.clone()),
        None => {
            let seed = args.seed.map_or_else(random_seed, Ok)?;
            let mut config = args.config(seed, args.sync(ctx.globals.sync)?)?;
            config.plant = args.trouble.plant;
            (config, args.work.input.clone().unwrap_or_default())
        }
    };
    let pool = match inputs.is_empty() {
        true => None,
        false => Some(input::read(&inputs, &mut config)?),
    };
    let folder = folder(args, ctx)?;
    let total_ms = match config.limit {
        Limit::DurationMs(ms) => ms,
        _ => 0,
    };
    let parts = match &replayed {
        Some(repro) if repro.fleet.is_some() => {
            parts_of(None, repro.fleet.clone().into_iter().collect(), &config)
        }
        Some(_) => parts_of(Some(&config), Vec::new(), &config),
        None => {
            let fleets = args.fleets(&config)?;
            parts_of(args.mode.has_store().then_some(&config), fleets, &config)
        }
    };
    let mut artefacts = Artefacts::new(&args.report, &configs(&parts))?;
    show::plan(ctx, &parts)?;
    let begun = Instant::now();
    let mut done = Vec::new();
    for part in parts {
        let found = run_part(ctx, &part, pool.clone(), &inputs, &folder, &mut artefacts)?;
        let mut one = Done { part, found };
        if let Some(baseline) = &baseline {
            baseline.judge(&mut one);
        }
        let goes_on = matches!(one.found.verdict(), Verdict::Passed | Verdict::Inconclusive);
        done.push(one);
        if !goes_on {
            break;
        }
    }
    let mut report = Report::new(done, begun.elapsed(), args);
    report.total_ms = total_ms;
    report.keep(folder, &artefacts)?;
    report.write(&artefacts)?;
    if report.verdict() == Verdict::Interrupted {
        signals::allow_last_words();
    }
    report.print(ctx)?;
    report.tell_github()?;
    artefacts.finish()?;
    Ok(exit(report.verdict()))
}

fn configs(parts: &[Part]) -> String {
    let one = |part: &Part| match &part.fleet {
        Some(fleet) => serde_json::json!({ "name": part.name, "config": fleet }),
        None => serde_json::json!({ "name": part.name, "config": part.config }),
    };
    let object = serde_json::json!({ "parts": parts.iter().map(one).collect::<Vec<_>>() });
    serde_json::to_string_pretty(&object).unwrap_or_default()
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
    /// After a failure the database stays, with what is needed to repeat it.
    fn keep(&mut self, folder: Folder, artefacts: &Artefacts) -> Result<(), Failure> {
        let named = matches!(folder, Folder::Named(_));
        let broken = matches!(self.verdict(), Verdict::Invariant);
        if !named && !broken {
            return Ok(());
        }
        let place = match named {
            true => folder.keep(),
            false => artefacts.take_in(folder.keep())?,
        };
        if broken {
            let repro = self.done.iter().find_map(|done| Repro::of(done, self.args));
            let dir = match (artefacts.dir(), named) {
                (Some(dir), _) => Some(dir.to_owned()),
                (None, false) => Some(place.clone()),
                (None, true) => None,
            };
            if let (Some(repro), Some(dir)) = (repro, dir) {
                let path = dir.join("repro.json");
                crate::cli::outfile::write(&path, true, repro.text().as_bytes())?;
                self.repro = Some(path);
            }
        }
        self.database = Some(place);
        Ok(())
    }
}

/// Of the time for both, replication gets one part in so many.
const REPLICATION_SHARE: u64 = 4;

fn parts_of(store: Option<&Config>, fleets: Vec<Fleet>, config: &Config) -> Vec<Part> {
    let mut parts = Vec::new();
    if let Some(config) = store {
        let mut config = config.clone();
        config.faults.retain(|kind| !kind.is_transport());
        if let (Limit::DurationMs(ms), false) = (config.limit, fleets.is_empty()) {
            config.limit = Limit::DurationMs(ms - ms / REPLICATION_SHARE);
        }
        let name = match (config.faults.is_empty(), config.kill_every) {
            (false, _) => "store-faults",
            (true, 0) => "store",
            (true, _) => "store-kills",
        };
        parts.push(Part {
            name,
            config,
            fleet: None,
        });
    }
    let several = fleets.len() as u64;
    for mut fleet in fleets {
        fleet.faults.retain(|kind| kind.is_transport());
        if store.is_some() {
            fleet.duration_ms /= REPLICATION_SHARE;
        }
        fleet.duration_ms /= several;
        // As many samples as the trends need.
        if fleet.duration_ms > 0 {
            fleet.sample_every_ms = fleet.sample_every_ms.min(fleet.duration_ms / 60).max(1);
        }
        parts.push(Part {
            name: fleet.transport.part(),
            config: config.clone(),
            fleet: Some(fleet),
        });
    }
    parts
}

fn run_part(
    ctx: &mut Context,
    part: &Part,
    pool: Option<Arc<Pool>>,
    inputs: &Inputs,
    folder: &Folder,
    artefacts: &mut Artefacts,
) -> Result<Found, Failure> {
    if let Some(fleet) = &part.fleet {
        let dir = folder.copies(part.name)?;
        let program = helper::start(Helper::Reader)?.program;
        let mut live = Live::new(&ctx.globals, part.name, fleet.limit(), artefacts);
        let found = run_fleet(fleet, &dir, Some(&program), &mut live)?;
        if found.broken().is_empty() {
            let _ = std::fs::remove_dir_all(&dir);
        }
        return Ok(found);
    }
    let material = Material::new(&part.config, pool);
    let inputs = serde_json::to_value(inputs);
    let place = Place::new(folder.path(part.name), Some(helper::start(Helper::Reader)?));
    let mut live = Live::new(&ctx.globals, part.name, part.config.limit, artefacts);
    if part.config.kill_every == 0 {
        return Ok(store::run(&part.config, &material, place, &mut live)?);
    }
    let workers = Workers {
        helper: helper::start(Helper::Worker)?,
        inputs: inputs.unwrap_or_default(),
    };
    Ok(run_with_kills(
        &part.config,
        &material,
        place,
        &workers,
        &mut live,
    )?)
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
