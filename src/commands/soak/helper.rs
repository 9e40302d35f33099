//! Processes that a run starts: they are this program, with a hidden flag.

use std::io::{self, Read};
use std::path::Path;

use clap::ValueEnum;
use creel::soak::store::{self, Job, Material, serve_reader, serve_worker};

use super::args::Inputs;
use super::input;
use crate::cli::{Context, Exit, Failure, Outcome};

/// What a process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Helper {
    /// Holds a snapshot.
    Reader,
    /// Does the work, and is killed.
    Worker,
}

/// How to start one.
pub(super) fn start(kind: Helper) -> Result<store::Helper, Failure> {
    let program = std::env::current_exe()
        .map_err(|e| Failure::file("find", Path::new("this program"), &e))?;
    let name = match kind {
        Helper::Reader => "reader",
        Helper::Worker => "worker",
    };
    Ok(store::Helper {
        program,
        args: ["soak", "--helper", name].map(Into::into).to_vec(),
    })
}

/// Does its work until its input ends.
pub(super) fn serve(kind: Helper, _: &mut Context) -> Outcome {
    let done = match kind {
        Helper::Reader => serve_reader(io::stdin().lock(), io::stdout().lock()),
        Helper::Worker => work()?,
    };
    // A run that is gone needs no answer any more.
    match done {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::file("serve", Path::new("the run"), &e))
        }
        _ => Ok(Exit::Ok),
    }
}

fn work() -> Result<io::Result<()>, Failure> {
    let failed = |e: io::Error| Failure::file("read", Path::new("the job"), &e);
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).map_err(failed)?;
    let job: Job = serde_json::from_str(&text).map_err(|e| failed(e.into()))?;
    let inputs: Inputs =
        serde_json::from_value(job.inputs.clone()).map_err(|e| failed(e.into()))?;
    let pool = match inputs.is_empty() {
        true => None,
        false => Some(input::read(&inputs, &mut job.config.clone())?),
    };
    let material = Material::new(&job.config, pool);
    let reader = Some(start(Helper::Reader)?);
    Ok(serve_worker(&job, &material, reader, io::stdout()))
}
