//! The user's own records.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use creel::exchange::read::Stop;
use creel::soak::config::{Class, Config};
use creel::soak::workload::{Pool, PoolError};

use super::args::Inputs;
use crate::cli::{Failure, codes};

/// Most bytes that all records may take.
const ROOM: u64 = 2 << 30;

/// Reads all files, and fits the run to what is there.
pub(super) fn read(inputs: &Inputs, config: &mut Config) -> Result<Arc<Pool>, Failure> {
    let mut pool = Pool::default();
    for (class, path) in inputs {
        let file = File::open(path).map_err(|e| Failure::file("read", path, &e))?;
        pool.add(*class, file, ROOM).map_err(|e| refused(path, e))?;
    }
    let pool = pool.finish();
    config.keys = pool.keys();
    for (class, part) in Class::ALL.into_iter().zip(&mut config.mix) {
        if !pool.has(class) {
            *part = 0;
        }
    }
    config.check().map_err(|e| {
        Failure::from(e).hint("the mix has no part of the classes that --input names, or its keys are too many for --oracle-memory")
    })?;
    Ok(pool)
}

fn refused(path: &Path, error: PoolError) -> Failure {
    let name = path.display();
    let bad = |what: String| Failure::new(&codes::BAD_INPUT, what).at(path);
    match error {
        PoolError::Read(Stop::Io(e)) => Failure::file("read", path, &e),
        PoolError::Read(Stop::Fault(fault)) => bad(format!("{name}:{}: {fault}", fault.line)),
        PoolError::Line(line, why) => bad(format!("{name}:{line}: {why}")),
        PoolError::Empty => bad(format!("{name} holds no records")),
        PoolError::TooLarge(room) => {
            let room = crate::cli::units::human_size(room);
            bad(format!("the inputs take more than {room} of memory"))
                .hint("use a part of them: they are drawn from at random anyway")
        }
    }
    .state("nothing was changed")
}
