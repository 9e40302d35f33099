//! The files that are to be imported.

use std::path::{Path, PathBuf};

use crate::cli::outfile;
use crate::cli::{Context, Failure, codes};

/// One of them.
#[derive(Debug, Clone)]
pub struct InputFile {
    /// Where it is; `None` is standard input.
    pub path: Option<PathBuf>,
    /// Its name in messages.
    pub name: String,
    /// Its length, where it has one.
    pub size: Option<u64>,
}

/// Looks at all of them before anything is done.
pub fn look(ctx: &mut Context, paths: &[PathBuf]) -> Result<Vec<InputFile>, Failure> {
    paths.iter().map(|path| one(ctx, path)).collect()
}

/// Bad lines take the place neither of the database nor of the input that they are from.
pub fn refuse_same(rejects: &Path, db: &Path, files: &[InputFile]) -> Result<(), Failure> {
    outfile::refuse_same("--rejects", rejects, db, "the database")?;
    let inputs = files.iter().filter_map(|file| file.path.as_deref());
    for input in inputs {
        outfile::refuse_same("--rejects", rejects, input, "the input")?;
    }
    Ok(())
}

fn one(ctx: &mut Context, path: &Path) -> Result<InputFile, Failure> {
    if path.as_os_str() == "-" {
        ctx.take_stdin("records")?;
        return Ok(InputFile {
            path: None,
            name: "standard input".into(),
            size: None,
        });
    }
    // Not opened yet: that would take the first reader away from a named pipe.
    let found = std::fs::metadata(path);
    let found = found.map_err(|e| Failure::file("read", path, &e).state("nothing was changed"))?;
    if found.is_dir() {
        let what = format!("{} is a directory", path.display());
        let failure = Failure::new(&codes::IO, what).at(path);
        return Err(failure.state("nothing was changed"));
    }
    Ok(InputFile {
        path: Some(path.to_owned()),
        name: path.display().to_string(),
        size: found.is_file().then_some(found.len()),
    })
}
