//! What becomes of bad lines: the import stops, or they are counted, and set aside.

use creel::exchange::Format;
use creel::exchange::read::{Fault, FaultCode, Reject};

use super::args::{ImportArgs, MaxErrors, OnError};
use super::rejects::{Rejected, RejectsFile};
use super::tally::{FirstError, Tally};
use crate::cli::escape::{self, Plain};
use crate::cli::{Context, Failure, codes};

/// A share of bad lines means nothing before so many records.
const ENOUGH: u64 = 1000;

/// How bad lines are treated.
pub struct Policy {
    on_error: OnError,
    max: Option<MaxErrors>,
    rejects: Option<RejectsFile>,
    allow_truncated: bool,
    show: bool,
}

/// A bad line and where it stood.
pub struct Bad<'a> {
    pub file: &'a str,
    pub format: Format,
    pub fault: &'a Fault,
    pub raw: &'a [u8],
    /// How it was written; without it, as creel writes records.
    pub reject: Option<&'a Reject>,
}

impl Policy {
    /// What the arguments ask for; makes the rejects file.
    pub fn new(ctx: &Context, args: &ImportArgs) -> Result<Policy, Failure> {
        let on_error = args.on_error();
        let rejects = match &args.errors.rejects {
            Some(path) if on_error == OnError::Reject && !args.dry_run => {
                Some(RejectsFile::create(path, args.errors.force)?)
            }
            _ => None,
        };
        Ok(Policy {
            on_error,
            max: args.errors.max_errors,
            rejects,
            allow_truncated: args.reading.allow_truncated,
            show: ctx.globals.verbose > 0,
        })
    }

    /// Takes a bad line; an error where the import has to end. `again`: an earlier run has taken
    /// it before, and went on.
    pub fn refuse(&mut self, bad: &Bad<'_>, tally: &mut Tally, again: bool) -> Result<(), Failure> {
        tally.rejected += 1;
        if tally.first_error.is_none() {
            tally.first_error = Some(FirstError::new(bad.file, bad.fault));
        }
        // The cut was allowed, so its last piece may go.
        let cut = bad.fault.code == FaultCode::CutLine && self.allow_truncated;
        if self.on_error == OnError::Stop && !cut && !again {
            let failure = told(bad.file, bad.fault);
            return Err(if self.show {
                failure.cause(format!("the line: {}", shown(bad.raw)))
            } else {
                failure
            });
        }
        if let Some(file) = &mut self.rejects {
            file.add(&Rejected::new(bad))?;
        }
        if let Some(MaxErrors::Count(n)) = self.max
            && tally.rejected > n
        {
            return Err(too_many(tally));
        }
        Ok(())
    }

    /// Fails where the share of bad lines is too large; `last`: no more are to come.
    pub fn check_share(&self, tally: &Tally, last: bool) -> Result<(), Failure> {
        let Some(MaxErrors::Percent(most)) = self.max else {
            return Ok(());
        };
        let seen = tally.seen();
        let share = tally.rejected as f64 * 100.0 / seen.max(1) as f64;
        if share > most && (last || seen >= ENOUGH) {
            return Err(too_many(tally));
        }
        Ok(())
    }

    /// Gives the rejects file its name, before anything is committed for the last time: a line
    /// that was left out must not be lost with it.
    pub fn publish(&mut self) -> Result<(), Failure> {
        match &mut self.rejects {
            Some(file) => file.publish(),
            None => Ok(()),
        }
    }

    /// Name of the rejects file.
    pub fn rejects(&self) -> Option<String> {
        self.rejects.as_ref().map(RejectsFile::name)
    }
}

/// The failure that a fault is.
pub fn told(file: &str, fault: &Fault) -> Failure {
    let mut failure = Failure::new(&codes::BAD_INPUT, format!("{file}:{}: {fault}", fault.line));
    failure = failure.cause(if fault.at > fault.byte {
        format!(
            "byte {} of the input, byte {} of the line",
            fault.at,
            fault.at - fault.byte
        )
    } else {
        format!("the line begins at byte {} of the input", fault.byte)
    });
    failure
        .hint(hint(fault))
        .detail("file", file)
        .detail("line", fault.line)
        .detail("byte", fault.byte)
        .detail("at", fault.at)
        .detail("fault", fault.code.name())
}

fn hint(fault: &Fault) -> &'static str {
    match fault.code {
        FaultCode::NoTrailer | FaultCode::CutInput => {
            "get the whole file, or take in what there is of it: --allow-truncated"
        }
        FaultCode::EmptyInput => {
            "see whether the command that writes it failed; --bare takes an empty input for no records"
        }
        FaultCode::OutOfOrder => "leave out --sorted; an export that is out of order is damaged",
        FaultCode::OtherInput => "leave out --resume to import it from its beginning",
        FaultCode::HeaderInside | FaultCode::AfterTrailer => {
            "import the exports one by one: creel import DB FILE FILE"
        }
        FaultCode::FramedInBare => "leave out --bare",
        FaultCode::TrailerDiffers
        | FaultCode::BadTrailer
        | FaultCode::BadHeader
        | FaultCode::LoneTrailer
        | FaultCode::DamagedInput => "the file was cut or changed; get it again",
        FaultCode::LongLine => "allow longer lines: --max-line 256MiB",
        FaultCode::RecordCount => "count the records of the input, or leave out --expect",
        _ if fault.is_fatal() => "repair the input at the place named",
        _ => "repair the line, or set bad lines aside: --on-error reject --rejects bad.jsonl",
    }
}

fn too_many(tally: &Tally) -> Failure {
    let what = format!(
        "{} of {} records are bad, more than --max-errors allows",
        tally.rejected,
        tally.seen()
    );
    let failure = Failure::new(&codes::TOO_MANY_ERRORS, what);
    match &tally.first_error {
        Some(first) => failure.cause(format!("the first one: {first}")),
        None => failure,
    }
}

/// A line for `-v`: printable, and not too long.
fn shown(raw: &[u8]) -> String {
    let text = escape::to_string(raw.get(..200).unwrap_or(raw), Plain::Ascii);
    if raw.len() > 200 {
        format!("{text}...")
    } else {
        text
    }
}
