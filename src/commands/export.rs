//! `creel export`: the entries as text.

mod delta;
mod format;
mod report;
mod selection;
mod target;

use std::ffi::OsString;
use std::time::Instant;

use clap::Args;
use creel::exchange::Format;
use creel::exchange::compress::Compression;
use creel::exchange::frame::{self, Header};
use creel::exchange::write::Options;
use creel::{Info, Interest, Snapshot};

use self::delta::Delta;
use self::format::OutputEnc;
use self::report::Report;
use self::target::{Target, Writer};
use super::Run;
use super::digest::Whole;
use crate::cli::args::{DbArg, KeyEncArgs, OutFileArgs, RangeArgs};
use crate::cli::text::Enc;
use crate::cli::{Context, Exit, Failure, Outcome, input, outfile};

pub(crate) use format::OutputFormat;
pub(crate) use selection::{Selection, Visit};

/// Arguments of `creel export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    db: DbArg,
    #[command(flatten)]
    file: OutFileArgs,
    /// Format to write: jsonl, mdb, csv, tsv or raw
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "jsonl",
        hide_possible_values = true
    )]
    format: OutputFormat,
    #[command(flatten)]
    range: RangeArgs,
    /// Encoding of the keys given here: raw, hex, base64 or escape [default: raw]
    #[arg(long, value_name = "ENC", hide_possible_values = true)]
    key_enc: Option<Enc>,
    /// Only this keyspace [default: all]
    #[arg(long, value_name = "NAME")]
    keyspace: Option<String>,
    /// How bytes are written. jsonl: base64, utf8, hex or auto; csv: utf8, base64 or hex; mdb: hex
    /// or print
    #[arg(long, value_name = "ENC", hide_possible_values = true)]
    enc: Option<OutputEnc>,
    /// Only what changed since this position, which an export or creel digest --json names
    #[arg(long, value_name = "EPOCH:INDEX[:HASH]")]
    since: Option<frame::Position>,
    /// Leave out header and trailer (jsonl) or the heading (csv)
    #[arg(long)]
    bare: bool,
    /// How to pack the file: none, gzip, zstd or zstd:LEVEL [default: by the name after -o, .gz or .zst]
    #[arg(long, value_name = "HOW")]
    compress: Option<Compression>,
}

impl Run for ExportArgs {
    const NAME: &'static str = "export";
    const ALIASES: &'static [&'static str] = &["dump"];
    const ABOUT: &'static str = "Write the entries as text";
    const EXAMPLES: &'static str = "\
Examples:
  creel export my.db -o my.jsonl.zst
  creel export my.db | ssh host creel import copy.db --create -
  creel export my.db --prefix user: --enc auto --bare
  creel export my.db --format csv --keyspace main -o main.csv
  creel export my.db --since 1:812 -o changes.jsonl

All entries come from one snapshot, in key order. The default format begins with a header and ends
with a trailer (count, bytes, checksum, digest): import refuses a file that is cut or changed.
A file appears under its name only when all of it is written. docs/exchange.md has the formats.

Exit status: 0 all of it was written, 8 it could not be, 9 the format cannot hold an entry, 11 the
log does not reach back to --since, 15 --since is a position of another history, 141 the reader of a
pipe left early; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        ctx.long();
        let options = self.options()?;
        let path = ctx.path(&self.db)?;
        if let Some(out) = &self.file.o {
            outfile::refuse_same("-o", out, &path, "the database")?;
        }
        self.refuse_terminal(ctx, &options)?;
        let keys = input::range(&self.range, &self.key_encs())?;
        let db = ctx.open_read(&self.db, Interest::All)?;
        let source = match self.since {
            Some(since) => {
                let delta = Delta::new(&db, since, self.keyspace.as_deref(), keys)?;
                Source::Changes(Box::new(delta))
            }
            None => Source::All(Selection::new(&db, self.keyspace.as_deref(), keys)?),
        };
        let report = self.write(ctx, &db.info()?, source, options)?;
        report.print(ctx)?;
        Ok(Exit::Ok)
    }
}

/// What is exported.
enum Source {
    All(Selection),
    Changes(Box<Delta>),
}

impl Source {
    fn snapshot(&self) -> &Snapshot {
        match self {
            Source::All(selection) => &selection.snapshot,
            Source::Changes(delta) => delta.snapshot(),
        }
    }
}

impl ExportArgs {
    fn write(
        &self,
        ctx: &Context,
        info: &Info,
        mut source: Source,
        mut options: Options,
    ) -> Result<Report, Failure> {
        if let Source::All(selection) = &mut source {
            self.refuse_several(selection)?;
            if options.format == Format::Mdb {
                // mdb_load keeps the name of the section before for one without a name.
                selection.main_first();
            }
            options.mapsize = format::mapsize(info, selection.entries());
        }
        let header = self.header(info, source.snapshot(), &options)?;
        if options.format == Format::Jsonl && !self.bare {
            options.header = Some(header.clone());
        }
        let started = Instant::now();
        let meter = ctx.meter("export");
        let target = Target::open(&self.file, self.compression())?;
        let written = target.write(&options, |export, stream| {
            let mut writer = Writer { export, stream };
            match &mut source {
                Source::All(selection) => selection.walk(&meter, &mut writer),
                Source::Changes(delta) => delta.walk(&meter, &mut writer),
            }
        })?;
        drop(meter);
        let mut report = Report::new(info, &options, &header, &written, started.elapsed());
        if let Source::All(selection) = &mut source
            && ctx.globals.json
            && selection.by_name()
        {
            let mut whole = Whole::default();
            selection.walk(&ctx.meter("digest"), &mut whole)?;
            report.digest(&whole.finish());
        }
        Ok(report)
    }

    fn options(&self) -> Result<Options, Failure> {
        let options = Options {
            format: self.format.into(),
            enc: self.enc.map(Into::into),
            no_heading: self.bare,
            ..Options::default()
        };
        let name = options.format.name();
        if options.stated_enc().is_err() {
            return Err(
                Failure::usage(format!("--format {name} does not have this --enc"))
                    .hint("creel export --help lists the encodings of each format"),
            );
        }
        if self.since.is_some() && options.format != Format::Jsonl {
            return Err(Failure::usage(format!(
                "--format {name} has no records for what was deleted since a position"
            ))
            .hint("leave out --since, or use --format jsonl"));
        }
        if self.bare && !matches!(options.format, Format::Jsonl | Format::Csv) {
            return Err(Failure::usage(format!(
                "--format {name} has nothing that --bare could leave out"
            ))
            .hint("leave out --bare"));
        }
        Ok(options)
    }

    /// Bytes that are no text would only disturb the terminal.
    fn refuse_terminal(&self, ctx: &mut Context, options: &Options) -> Result<(), Failure> {
        let text = options.format != Format::Raw && self.compression() == Compression::None;
        let to_stdout = self.file.o.as_deref().is_none_or(|o| o.as_os_str() == "-");
        if text || !to_stdout || !ctx.out.is_terminal() {
            return Ok(());
        }
        Err(
            Failure::usage("the output is not text, and would go to the terminal")
                .hint("write it to a file with -o FILE, or into a pipe"),
        )
    }

    fn key_encs(&self) -> KeyEncArgs {
        KeyEncArgs {
            enc: None,
            key_enc: self.key_enc,
        }
    }

    /// What was asked for, or what the name of the file says.
    fn compression(&self) -> Compression {
        let of_name = || self.file.o.as_deref().map(Compression::of_path);
        self.compress.or_else(of_name).unwrap_or_default()
    }

    /// Formats without keyspaces would make one of several, and nobody could tell.
    fn refuse_several(&self, selection: &Selection) -> Result<(), Failure> {
        let format = Format::from(self.format);
        let names = selection.keyspaces();
        if names.len() < 2 || format.holds_keyspaces() {
            return Ok(());
        }
        let listed: Vec<&str> = names.iter().take(5).copied().collect();
        let more = if names.len() > 5 { ", ..." } else { "" };
        Err(Failure::usage(format!(
            "--format {} holds one keyspace, and {} have entries: {}{more}",
            format.name(),
            names.len(),
            listed.join(", "),
        ))
        .hint("name one with --keyspace, or use --format jsonl or mdb"))
    }

    fn header(
        &self,
        info: &Info,
        snapshot: &Snapshot,
        options: &Options,
    ) -> Result<Header, Failure> {
        let enc = self.key_encs().key();
        let key = |what, arg: &Option<OsString>| match arg {
            Some(arg) => input::argument(what, arg, enc).map(Some),
            None => Ok(None),
        };
        let stated = options.stated_enc().unwrap_or_default();
        let mut header = Header::new(info.lineage_id, selection::position(snapshot)?, stated);
        header.since = self.since;
        header.prefix = key("prefix", &self.range.prefix)?;
        header.from = key("key", &self.range.from)?;
        header.to = key("key", &self.range.to)?;
        header.keyspace.clone_from(&self.keyspace);
        Ok(header)
    }
}
