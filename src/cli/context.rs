//! What a running command has at hand: flags, standard output, the open database.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use creel::{CheckpointOptions, CheckpointReport, Db, Interest, OpenOptions};

use super::args::{DbArg, WriteArgs};
use super::codes;
use super::failure::Failure;
use super::globals::Globals;
use super::log::{Level, Log};
use super::output::Out;
use super::progress::Meter;
use super::{report, signals};

/// Log bytes after which a command that has written folds the log before it ends: every command
/// after it reads that much when it opens the file.
const CHECKPOINT_AT: u64 = 1 << 20;

/// More keys than this are faster to find in a table of everything than by looking at each.
const FEW_KEYS: usize = 32;

/// What has to be kept of the log for reading these keys.
pub fn interest_in(keys: &[Vec<u8>]) -> Interest {
    if keys.len() > FEW_KEYS {
        Interest::All
    } else {
        Interest::Keys(keys.to_vec())
    }
}

/// Carried through a command.
pub struct Context {
    /// The global flags.
    pub globals: Globals,
    /// Standard output.
    pub out: Out,
    stdin_used_by: Option<String>,
    db: Option<PathBuf>,
    committed: Option<String>,
    /// Events for `-v`.
    pub log: Log,
}

impl Context {
    /// A context with these flags.
    pub fn new(globals: Globals) -> Result<Self, Failure> {
        Ok(Context {
            log: Log::new(&globals)?,
            globals,
            out: Out::new(),
            stdin_used_by: None,
            db: None,
            committed: None,
        })
    }

    /// The database path, for errors that know none.
    pub fn db(&self) -> Option<&Path> {
        self.db.as_deref()
    }

    /// Remembers a commit, so that an error after it says that the change is made.
    pub fn committed(&mut self, token: creel::Token) {
        self.committed = Some(format!("the change is committed as position {token}"));
        let position = token.to_string().into();
        self.log.event(
            Level::Info,
            "commit",
            "committed",
            &[("position", position)],
        );
    }

    /// What has been done by now, for errors that say nothing about it.
    pub fn state(&self) -> Option<&str> {
        self.committed.as_deref()
    }

    /// Resolves the database argument: `@` is `$CREEL_DB`.
    pub fn path(&mut self, arg: &DbArg) -> Result<PathBuf, Failure> {
        let path = if arg.db == OsStr::new("@") {
            match std::env::var_os("CREEL_DB").filter(|v| !v.is_empty()) {
                Some(path) => PathBuf::from(path),
                None => {
                    return Err(Failure::usage("@ stands for $CREEL_DB, which is not set")
                        .hint("export CREEL_DB=/path/to/file, or name the file"));
                }
            }
        } else if arg.db.is_empty() {
            return Err(Failure::usage("the database path is empty"));
        } else {
            PathBuf::from(&arg.db)
        };
        self.db = Some(path.clone());
        Ok(path)
    }

    /// The options that the global flags ask for.
    pub fn options(&self) -> OpenOptions {
        OpenOptions::new()
            .sync(
                self.globals
                    .sync
                    .unwrap_or(super::globals::Sync::Full)
                    .into(),
            )
            .lock_timeout(self.globals.lock_timeout.unwrap_or(Duration::from_secs(5)))
            .allow_hard_links(self.globals.allow_hard_links)
            .allow_network(self.globals.force_network)
            .background_checkpoint(false)
            .checkpoint_at(Some(CHECKPOINT_AT))
    }

    /// Opens for reading.
    pub fn open_read(&mut self, arg: &DbArg, interest: Interest) -> Result<Db, Failure> {
        let path = self.path(arg)?;
        let options = self.options().read_only(true).interest(interest);
        let db = self.open(&path, options, "opened for reading")?;
        if db.hard_links() > 1 && !self.globals.allow_hard_links {
            let (path, links) = (path.display(), db.hard_links());
            self.notice(&format!(
                "warning: {path} has {links} hard links: writing to it is refused, and a rename over one name parts them"
            ));
        }
        Ok(db)
    }

    /// Opens for writing; refused under `--read-only`.
    pub fn open_write(
        &mut self,
        arg: &DbArg,
        interest: Interest,
        hold_lock: bool,
    ) -> Result<Db, Failure> {
        let path = self.path(arg)?;
        self.refuse_read_only()?;
        let options = self.options().interest(interest).hold_lock(hold_lock);
        self.open(&path, options, "opened for writing")
    }

    /// Opens and tells what that found.
    pub fn open(&self, path: &Path, options: OpenOptions, how: &str) -> Result<Db, Failure> {
        let started = Instant::now();
        let db = options.open(path)?;
        if self.log.wants(Level::Warn, "open") {
            let found = *db.recovery();
            let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.log.event(
                Level::Info,
                "open",
                how,
                &[
                    ("path", path.to_string_lossy().into()),
                    ("last_index", found.last_index.into()),
                    ("log_entries", found.replayed_frames.into()),
                    ("log_bytes", found.replayed_bytes.into()),
                    ("us", micros.into()),
                ],
            );
            if !found.is_clean() {
                self.log.event(
                    Level::Warn,
                    "open",
                    "the last session did not end as it should; nothing confirmed is lost",
                    &[
                        ("torn_bytes", found.torn_bytes.into()),
                        ("bulk_dropped", found.bulk_dropped.into()),
                        ("header_fallback", found.header_fallback.into()),
                    ],
                );
            }
        }
        Ok(db)
    }

    /// Fails under `--read-only`.
    pub fn refuse_read_only(&self) -> Result<(), Failure> {
        if self.globals.read_only {
            return Err(
                Failure::usage("this command writes, and --read-only was given")
                    .hint("leave out --read-only"),
            );
        }
        Ok(())
    }

    /// Fails where `--sync` asks for less than what other copies are told.
    pub fn refuse_less_sync(&self) -> Result<(), Failure> {
        match self.globals.sync {
            None | Some(super::globals::Sync::Full) => Ok(()),
            Some(_) => Err(Failure::usage(
                "--sync normal and off are not for copies: what one says that it has must survive a power cut",
            )
            .hint("leave out --sync")),
        }
    }

    /// Ends a writing command: folds the log when it is due, then closes. The commits are done
    /// by now, so a checkpoint that fails is a warning.
    pub fn close_written(&mut self, db: Db, args: &WriteArgs) -> Result<(), Failure> {
        if !args.no_checkpoint && db.checkpoint_due() {
            let meter = self.meter("checkpoint");
            match db.checkpoint(&CheckpointOptions::default(), &meter) {
                Ok(report) => self.checkpointed(&report),
                Err(error @ (creel::Error::Busy { .. } | creel::Error::Interrupted)) => {
                    let why = [("cause", error.to_string().into())];
                    self.log
                        .event(Level::Info, "checkpoint", "left to a later command", &why);
                }
                Err(error) => self.notice(&format!(
                    "warning: the change is committed, but the checkpoint after it failed: {error}"
                )),
            }
        }
        Ok(db.close()?)
    }

    /// Tells of a checkpoint.
    pub fn checkpointed(&self, report: &CheckpointReport) {
        if !report.done {
            let why = [("reason", report.reason.into())];
            self.log
                .event(Level::Info, "checkpoint", "nothing done", &why);
            return;
        }
        let fields = [
            ("generation", report.generation.into()),
            ("wal_bytes_before", report.wal_bytes_before.into()),
            ("bytes_written", report.bytes_written.into()),
        ];
        self.log.event(Level::Info, "checkpoint", "done", &fields);
        let blocked = u64::try_from(report.blocked.as_micros()).unwrap_or(u64::MAX);
        let fields = [
            ("pages_written", report.pages_written.into()),
            ("dense", report.dense.into()),
            ("writers_blocked_us", blocked.into()),
        ];
        self.log
            .event(Level::Debug, "checkpoint", "in detail", &fields);
    }

    /// A progress meter for work with this name.
    pub fn meter(&self, label: &'static str) -> Meter {
        Meter::new(label, &self.globals)
    }

    /// Prepares for work that may take long: signals end it cleanly from now on.
    pub fn long(&self) {
        signals::install();
    }

    /// Claims standard input.
    pub fn take_stdin(&mut self, what: &str) -> Result<(), Failure> {
        if let Some(other) = &self.stdin_used_by {
            let failure = match other == what {
                true => Failure::usage("standard input is named twice"),
                false => Failure::usage(format!(
                    "both the {other} and the {what} are to come from standard input"
                )),
            };
            return Err(failure.hint("only one of them may be -"));
        }
        if let Some(why) = creel::sys::entry::stdin_fault() {
            return Err(Failure::new(&codes::IO, "cannot read standard input")
                .cause(why)
                .state("nothing was changed")
                .hint("name a file, or give the command an input: < FILE"));
        }
        self.stdin_used_by = Some(what.to_owned());
        Ok(())
    }

    /// A message for people; none with `-q` or `--json`.
    pub fn notice(&self, text: &str) {
        if self.globals.quiet == 0 && !self.globals.json {
            report::stderr(&format!("{}\n", report::printable(text)));
        }
    }

    /// Whether questions may be asked.
    pub fn may_ask(&self) -> bool {
        use std::io::IsTerminal;
        !self.globals.no_input && !self.globals.json && std::io::stdin().is_terminal()
    }

    /// Asks a question on standard error; anything but yes is no.
    pub fn confirm(&mut self, question: &str) -> Result<bool, Failure> {
        self.take_stdin("answer")?;
        report::stderr(&format!("{} [y/N] ", report::printable(question)));
        let mut answer = String::new();
        std::io::stdin()
            .read_line(&mut answer)
            .map_err(|e| Failure::file("read", Path::new("standard input"), &e))?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }
}
