//! `creel doctor`: tries what creel needs of a machine and a directory.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;
use creel::sys::{Access, OsVfs, Vfs};
use serde::Serialize;

use self::check::{Check, Status};
use self::scratch::Scratch;
use super::Run;
use crate::cli::args::DbArg;
use crate::cli::{Context, Exit, Failure, Outcome, codes, report, signals};

mod check;
mod file;
mod machine;
mod place;
mod scratch;

/// Arguments of `creel doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// A database, or the directory where one is to be; @ stands for $CREEL_DB
    #[arg(value_name = "PATH", default_value = ".", value_hint = clap::ValueHint::AnyPath)]
    path: OsString,
    /// Try one lock and say how it went: what another process is asked to do
    #[arg(long, value_name = "BYTE", hide = true)]
    lock_byte: Option<u64>,
}

#[derive(Serialize)]
struct DoctorReport<'a> {
    schema: &'static str,
    path: String,
    directory: String,
    ok: bool,
    checks: &'a [Check],
}

impl Run for DoctorArgs {
    const NAME: &'static str = "doctor";
    const ABOUT: &'static str = "Try what creel needs of this machine and a directory";
    const EXAMPLES: &'static str = "\
Examples:
  creel doctor
  creel doctor /var/lib/app/my.db
  creel doctor /mnt/new-disk --json

Each line is ok, warn (it works, with a drawback) or fail (creel needs it), what was found, what
that means and what to do. Things are tried on temporary files in the directory, which are removed
again; one that is killed may leave them, .creel-doctor-*.tmp. A database is only looked at.

Exit status: 0 nothing failed, 1 something that creel needs failed, 5 no such directory, 8 no file
can be made there; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        let path = ctx.path(&DbArg {
            db: self.path.clone(),
        })?;
        if let Some(byte) = self.lock_byte {
            ctx.out.line(file::answer(&path, byte)?)?;
            return Ok(Exit::Ok);
        }
        ctx.long();
        let directory = directory_of(&path)?;
        let checks = all(&path, &directory)?;
        let ok = checks.iter().all(|c| c.status != Status::Fail);
        if ctx.globals.json {
            ctx.out.json(&DoctorReport {
                schema: "creel.doctor/1",
                path: path.to_string_lossy().into_owned(),
                directory: directory.to_string_lossy().into_owned(),
                ok,
                checks: &checks,
            })?;
        } else if ctx.globals.quiet == 0 {
            let terminal = ctx.out.is_terminal();
            for check in &checks {
                ctx.out
                    .line(&if terminal { shown(check) } else { row(check) })?;
            }
        }
        Ok(super::answer(ok))
    }
}

/// The directory to be tried: the path itself, or the one that holds it.
fn directory_of(path: &Path) -> Result<PathBuf, Failure> {
    if path.is_dir() {
        return Ok(path.to_owned());
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if parent.is_dir() {
        return Ok(parent.to_owned());
    }
    let what = format!("no such directory: {}", parent.display());
    Err(Failure::new(&codes::NOT_FOUND, what)
        .at(parent)
        .hint("name a directory, or a database in one"))
}

/// All checks, in the order of the report.
fn all(path: &Path, directory: &Path) -> Result<Vec<Check>, Failure> {
    let size = path
        .metadata()
        .map_or(0, |m| if m.is_file() { m.len() } else { 0 });
    let scratch = Scratch::new(directory)?;
    let (file_system, kind) = place::file_system(directory);
    let volatile = matches!(kind.as_deref(), Some("tmpfs" | "ramfs"));
    let mut checks = vec![
        machine::kernel(),
        machine::memory_page(),
        machine::clock(),
        machine::file_size_limit(),
        file_system,
        place::room(directory, size),
    ];
    let tried: [&dyn Fn() -> Result<Check, Failure>; 8] = [
        &|| place::quota(directory),
        &|| place::names(directory),
        &|| place::large_files(directory, kind.as_deref()),
        &|| Ok(file::locks(&scratch)),
        &|| Ok(file::holder(&scratch)),
        &|| Ok(file::sync(&scratch, volatile)),
        &|| Ok(file::map(&scratch)),
        &|| file::reflink(&scratch, directory),
    ];
    for check in tried {
        // The temporary files go with their owners, also on the way out from here.
        if signals::stopped() {
            return Err(creel::Error::Interrupted.into());
        }
        checks.push(check()?);
    }
    if path.is_file() {
        checks.push(database(path));
    }
    Ok(checks)
}

/// The file itself: what it is, and whether it can be written. Nothing is written.
fn database(path: &Path) -> Check {
    const NAME: &str = "database";
    let info = match creel::info(path) {
        Ok(info) => info,
        Err(e) => {
            return Check::fail(
                NAME,
                e.to_string(),
                "this file cannot be opened",
                "creel verify PATH says what is wrong with it",
            );
        }
    };
    let found = format!("format {}.{}", info.format.0, info.format.1);
    let links = OsVfs.identity(path).map_or(1, |identity| identity.links);
    if links > 1 {
        return Check::warn(
            NAME,
            format!("{found}, {links} hard links"),
            "a copy of one name may make two databases out of one, so writes are refused",
            "remove the other names, or write with --allow-hard-links",
        );
    }
    match OsVfs.open(path, Access::Write) {
        Ok(_) => Check::ok(NAME, found, "can be read and written by this user"),
        Err(e) => Check::warn(
            NAME,
            format!("{found}, not to be written: {e}"),
            "this user can only read it",
            "change its owner or permissions if that is not meant",
        ),
    }
}

/// For people: the finding, and what it means below it.
fn shown(check: &Check) -> String {
    let found = report::printable(&check.found);
    let mut text = format!(
        "{:<4}  {:<15}  {found}\n      {}",
        check.status.name(),
        check.name.replace('_', " "),
        check.meaning
    );
    if let Some(advice) = check.advice {
        text.push_str(&format!("\n      to do: {advice}"));
    }
    text
}

/// For programs: one line, five fields.
fn row(check: &Check) -> String {
    let found = report::printable(&check.found).replace(['\n', '\t'], " ");
    [
        check.status.name(),
        check.name,
        &found,
        check.meaning,
        check.advice.unwrap_or_default(),
    ]
    .join("\t")
}
