//! Processes that a run starts: they are this program, with a hidden flag.

use std::io;

use clap::ValueEnum;
use creel::soak::store::{self, serve_reader};

use crate::cli::{Context, Exit, Failure, Outcome};

/// What a process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Helper {
    /// Holds a snapshot.
    Reader,
}

/// How to start one.
pub(super) fn start(kind: Helper) -> Result<store::Helper, Failure> {
    let program = std::env::current_exe()
        .map_err(|e| Failure::file("find", std::path::Path::new("this program"), &e))?;
    let name = match kind {
        Helper::Reader => "reader",
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
    };
    // A run that is gone needs no answer any more.
    match done {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::file("answer", std::path::Path::new("the run"), &e))
        }
        _ => Ok(Exit::Ok),
    }
}
