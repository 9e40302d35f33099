//! `creel backup`: a physical copy of a live database.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, ValueEnum};
use creel::{BackupOptions, BackupReport, Db, Depth, Interest, Reflink};
use serde::Serialize;

use super::{Position, Run, info::hex_id};
use crate::cli::args::{DbArg, OutFileArgs};
use crate::cli::log::Level;
use crate::cli::stream::Stream;
use crate::cli::table::{self, Value};
use crate::cli::{Context, Exit, Failure, Outcome, report, text, units};

/// Whether the copy may share storage with the database.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Share {
    /// Share where the file system can
    Auto,
    /// Share or fail
    Always,
    /// Copy all bytes
    Never,
}

/// Arguments of `creel backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    #[command(flatten)]
    db: DbArg,
    /// The new file; - is standard output
    #[arg(short, value_name = "FILE")]
    o: PathBuf,
    /// Replace an existing file
    #[arg(long)]
    force: bool,
    /// Do not check the new file
    #[arg(long)]
    no_verify: bool,
    /// When to share storage with the database: auto, always or never
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true
    )]
    reflink: Share,
    /// Copy no faster than this, for example 50MB/s
    #[arg(long, value_name = "SIZE/s", value_parser = units::rate)]
    rate: Option<u64>,
}

#[derive(Serialize)]
struct BackupLine {
    schema: &'static str,
    path: String,
    output: String,
    db_id: String,
    file_id: String,
    position: Position,
    history: String,
    generation: u64,
    bytes: u64,
    bytes_copied: u64,
    bytes_shared: u64,
    log_bytes: u64,
    verified: Option<&'static str>,
    elapsed_ms: u64,
}

impl Run for BackupArgs {
    const NAME: &'static str = "backup";
    const ABOUT: &'static str = "Copy a database that is in use to a new file";
    const EXAMPLES: &'static str = "\
Examples:
  creel backup my.db -o my-2026-11-20.db
  creel backup my.db -o /mnt/slow/my.db --rate 20MB/s
  creel backup my.db -o - | zstd > my.db.zst

The copy is one moment of the database, whatever is written meanwhile, and waits for nobody. It
opens like any other database file. It gets its name when it is on the medium and has passed
creel verify; a file that is there already stays unless --force is given. Standard output cannot be
read back: check the file that the pipe makes.
Exit status: 0 done, 4 the database or the copy is damaged, 8 no space or file exists, 141 the pipe
was closed; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        ctx.long();
        let started = Instant::now();
        let streams = is_stdout(&self.o) || is_device(&self.o);
        if streams && matches!(self.reflink, Share::Always) {
            return Err(Failure::usage("a pipe shares no storage with a file")
                .hint("leave out --reflink always"));
        }
        if is_stdout(&self.o) && ctx.out.is_terminal() {
            return Err(Failure::usage("a terminal is no place for a backup")
                .hint("creel backup DB -o FILE, or a pipe"));
        }
        let db = ctx.open_read(&self.db, Interest::None)?;
        let meter = ctx.meter("backup").of_bytes();
        let options = self.options();
        let report = if streams {
            stream(&self.o, &db, &options, &meter)?
        } else {
            db.backup(&self.o, &options, &meter)
                .map_err(|e| self.explain(e))?
        };
        drop(meter);
        let fields = [
            ("position", report.token.to_string().into()),
            ("bytes_copied", report.copied.into()),
            ("bytes_shared", report.shared.into()),
            ("log_bytes", report.log_bytes.into()),
            ("verified", report.verified.is_some().into()),
        ];
        ctx.log.event(Level::Info, "backup", "written", &fields);
        let line = self.line(&db, &report, started)?;
        self.print(ctx, &line)?;
        db.close()?;
        Ok(Exit::Ok)
    }
}

fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

/// A pipe or device is written to, never replaced.
fn is_device(path: &Path) -> bool {
    path.metadata().is_ok_and(|m| !m.is_file() && !m.is_dir())
}

fn no_backup(error: creel::Error) -> Failure {
    let damaged = matches!(error, creel::Error::Corrupt(_));
    let failure = Failure::from(error).state("no backup was made");
    if damaged {
        return failure.hint("creel verify DB tells whether the database itself is damaged");
    }
    failure
}

/// Keeps a failed write, to tell it from errors of the database.
struct Noting<'a> {
    stream: &'a Stream,
    error: Option<io::Error>,
}

impl Write for Noting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut stream = self.stream;
        stream.write(bytes).map_err(|e| {
            let kind = e.kind();
            self.error = Some(e);
            kind.into()
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes to standard output or a device, which gets all of it or is of no use.
fn stream(
    path: &Path,
    db: &Db,
    options: &BackupOptions,
    meter: &dyn creel::Progress,
) -> Result<BackupReport, Failure> {
    let stream = Stream::open(&OutFileArgs {
        o: Some(path.to_owned()),
        force: false,
    })?;
    let mut to = Noting {
        stream: &stream,
        error: None,
    };
    let written = db.backup_to(&mut to, options, meter);
    match to.error.filter(|_| written.is_err()) {
        Some(error) => Err(stream.failure(&error)),
        None => written.map_err(no_backup),
    }
}

impl BackupArgs {
    fn explain(&self, error: creel::Error) -> Failure {
        let cannot_share = matches!(self.reflink, Share::Always)
            && matches!(&error, creel::Error::Io { source, .. } if source.kind() == io::ErrorKind::Unsupported);
        let failure = no_backup(error);
        match cannot_share {
            true => failure.hint("leave out --reflink always: this file system copies"),
            false => failure,
        }
    }

    fn options(&self) -> BackupOptions {
        BackupOptions {
            reflink: match self.reflink {
                Share::Auto => Reflink::Auto,
                Share::Always => Reflink::Always,
                Share::Never => Reflink::Never,
            },
            rate: self.rate,
            verify: (!self.no_verify).then_some(Depth::Full),
            replace: self.force,
        }
    }

    fn line(
        &self,
        db: &Db,
        report: &BackupReport,
        started: Instant,
    ) -> Result<BackupLine, Failure> {
        Ok(BackupLine {
            schema: "creel.backup/1",
            path: db.path().to_string_lossy().into_owned(),
            output: self.o.to_string_lossy().into_owned(),
            db_id: hex_id(&db.info()?.lineage_id),
            file_id: hex_id(&report.file_id),
            position: report.token.into(),
            history: text::hex(&report.history),
            generation: report.generation,
            bytes: report.bytes,
            bytes_copied: report.copied,
            bytes_shared: report.shared,
            log_bytes: report.log_bytes,
            verified: report.verified.map(|_| "full"),
            elapsed_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }

    /// The report goes where the backup does not.
    fn print(&self, ctx: &mut Context, line: &BackupLine) -> Result<(), Failure> {
        if ctx.globals.json && is_stdout(&self.o) {
            if let Ok(text) = serde_json::to_string(line) {
                report::stderr(&format!("{text}\n"));
            }
            return Ok(());
        }
        if ctx.globals.json {
            return ctx.out.json(line);
        }
        let position = format!("{}:{}", line.position.epoch, line.position.index);
        if is_stdout(&self.o) {
            ctx.notice(&format!(
                "backup of {} at position {position}: {} bytes, not verified",
                line.path, line.bytes
            ));
            return Ok(());
        }
        if ctx.globals.quiet > 0 {
            return Ok(());
        }
        table::facts(
            &mut ctx.out,
            &[
                ("output", line.output.clone().into()),
                ("position", position.into()),
                ("bytes", Value::Bytes(line.bytes)),
                ("bytes_copied", Value::Bytes(line.bytes_copied)),
                ("bytes_shared", Value::Bytes(line.bytes_shared)),
                ("verified", line.verified.unwrap_or("no").into()),
            ],
        )
    }
}
