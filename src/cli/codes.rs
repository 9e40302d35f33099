//! Error codes: finer than exit statuses, named in `--json` errors and by `creel explain`.

use creel::Error;
use creel::format::entry::EntryError;

use super::exit::Exit;

/// One way to fail.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// The name in `--json` errors.
    pub name: &'static str,
    /// The exit status that goes with it.
    pub exit: Exit,
    /// Why it happens.
    pub cause: &'static str,
    /// What state things are in after it.
    pub state: &'static str,
    /// The next command; `DB` stands for the path.
    pub next: &'static str,
}

macro_rules! codes {
    ($($id:ident $name:literal $exit:ident $cause:literal $state:literal $next:literal;)*) => {
        $(
            #[doc = $cause]
            pub static $id: Code = Code {
                name: $name,
                exit: Exit::$exit,
                cause: $cause,
                state: $state,
                next: $next,
            };
        )*
        /// All codes.
        pub static ALL: &[&Code] = &[$(&$id),*];
    };
}

codes! {
    PRECONDITION "precondition" No
        "a condition of the command (--if-absent, --if-equals, --if-exists, --expect, --must-exist) did not hold"
        "nothing was changed"
        "creel get DB KEY";
    ABSENT "absent" No
        "the key is not in the keyspace"
        "nothing was changed"
        "creel list DB --prefix START";
    NO_KEYSPACE "no_keyspace" No
        "no keyspace has this name; a keyspace is made by the first put into it"
        "nothing was changed"
        "creel keyspaces DB";
    USAGE "usage" Usage
        "flags or arguments make no sense together"
        "nothing was changed"
        "creel COMMAND --help";
    LIMIT "out_of_bounds" Usage
        "a key, value, batch or option is larger or smaller than the format allows"
        "nothing was changed"
        "creel COMMAND --help";
    CORRUPT "corrupt" Corrupt
        "stored bytes fail a checksum or break an invariant: a failing device, a stray write, or a bug"
        "the file was not changed"
        "creel verify DB shows the extent; creel salvage DB -o NEW saves what can be read";
    NOT_FOUND "not_found" NotFound
        "no file stands at this path"
        "nothing was created"
        "creel open DB --create";
    NOT_A_DB "not_a_db" NotADb
        "the file does not start with a creel header that this build can read"
        "the file was not changed"
        "check the path; creel version --json lists the formats this build reads";
    BUSY "busy" Busy
        "another process holds the lock that is needed, and did not let go in time"
        "nothing was changed"
        "try again, or wait longer: --lock-timeout 1m";
    IO "io" Io
        "the operating system refused a call"
        "what was committed before stays committed; the command's own change was not made"
        "remove the cause and run the command again";
    STDOUT "stdout" Io
        "standard output could not be written, for example because its disk is full"
        "the output is incomplete"
        "write to a place with free space and run the command again";
    EXISTS "exists" Io
        "a file that would be made is there already"
        "the existing file was not touched"
        "choose another name, or --force where the command has it";
    POISONED "poisoned" Io
        "an earlier write or sync of this process failed, so it does not write any more"
        "commits that were confirmed are safe"
        "creel open DB recovers the file and says what it found";
    OUTCOME_UNKNOWN "outcome_unknown" Indeterminate
        "the commit was written but its sync failed"
        "the commit may or may not survive; all confirmed commits are safe"
        "creel get DB KEY, then decide";
    REPLACED "replaced" Io
        "the file was moved, removed or replaced at its path while it was in use"
        "nothing was changed since that was noticed"
        "run the command again on the file that should be used";
    HARD_LINKED "hard_linked" Io
        "the file has more than one name, which makes two databases out of one at the next copy"
        "nothing was changed"
        "remove the other names, or write all the same with --allow-hard-links";
    NETWORK_FS "network_fs" Io
        "the file lies on a network file system, where locks and syncs cannot be trusted"
        "nothing was changed"
        "copy it to a local disk; --force-network opens it at your own risk";
    READ_ONLY "read_only" Io
        "a write was asked of a file opened for reading"
        "nothing was changed"
        "leave out --read-only";
    BAD_INPUT "bad_input" BadInput
        "a line or value of the input is malformed or cut short"
        "the message says what was committed before it"
        "repair the input at the place named";
    TOO_MANY_ERRORS "too_many_errors" Limit
        "more lines of the input are bad than --max-errors allows"
        "the message says what was committed before it"
        "look at the first bad line, then repair the input or raise --max-errors";
    NOT_RETAINED "not_retained" Reseed
        "the log does not reach back to the position any more: checkpoints gave its space to newer commits, or a bulk import lies between"
        "nothing was changed"
        "make a full export or backup, and go on from its position";
    GAP "gap" Reseed
        "changes lead on from a position whose contents are not here: an export in between is missing, or was imported already"
        "nothing was changed"
        "creel export SOURCE --since POSITION, with the position that the message names";
    DIVERGED "diverged" Diverged
        "the position belongs to another history than this file's"
        "nothing was changed"
        "creel digest on both sides shows whether they differ";
    TOKEN_LOST "token_lost" TokenLost
        "the commit that was waited for is not part of this copy's history: a fail-over dropped it"
        "nothing was read"
        "read the data back and decide whether to write it again";
    TIMED_OUT "timed_out" Unreachable
        "what was waited for did not come in time"
        "nothing was changed"
        "creel replicate pull DB, or wait longer with --timeout";
    FENCED "fenced" Fenced
        "role or epoch of this copy forbid the write: a newer primary exists, or it is a replica"
        "nothing was changed"
        "creel info DB";
    RESEED "reseed" Reseed
        "the source's log does not reach back to where this copy is: log was thrown away, or a bulk import lies between"
        "the copy is as it was and can be read"
        "creel replicate pull DB --from SOURCE --reseed auto takes a new copy";
    NO_CHAIN "no_chain" NotFound
        "nothing was ever published to this store, or it does not exist"
        "nothing was created"
        "look at the address; creel replicate snapshot PRIMARY --to STORE, where the primary is, begins a chain";
    NOT_IN_STORE "not_in_store" NotFound
        "the store does not have what was asked for, or not any more"
        "nothing was created"
        "creel restore STORE --dry-run shows what can be had";
    STORE_DAMAGED "store_damaged" Corrupt
        "an object of the store is damaged, missing, or was put there by something else"
        "the store was not changed"
        "creel replicate verify STORE names all that is wrong; creel replicate snapshot PRIMARY --to STORE, where the primary is, passes it by, unless the log ends with it (docs/operations.md has the steps then)";
    UNFIT_STORE "unfit_store" Io
        "the store does not keep the condition of a create, so two primaries could both publish"
        "nothing was published"
        "creel replicate probe STORE shows the fault; another store, or --unsafe-no-fencing at your own risk";
    REFUSED "refused" Fenced
        "the state of the database or of the store does not allow it"
        "nothing was changed"
        "creel info DB shows the role of the file";
    NOT_CONFIRMED "not_confirmed" Indeterminate
        "the commit is in this file, and whether it gets into the store is not known"
        "the commit may or may not survive a fail-over; do not write it again"
        "creel get DB KEY --wait-for TOKEN at the new primary tells whether it has the commit";
    UNREACHABLE "unreachable" Unreachable
        "the source could not be reached, or did not answer in time"
        "what had come before is kept, and whole"
        "try again; for a database on another machine, creel replicate serve has to run there";
    HELD_BACK "held_back" Unreachable
        "the store that the log is published to was not reached for longer, or for more bytes, than --max-unpublished allows"
        "nothing was changed"
        "creel replicate status DB tells why; creel replicate keep DB --resume takes writes again all the same";
    UNAUTHORISED "unauthorised" Io
        "the other side does not let this copy in, or cannot show that it is the one that was meant"
        "the copy is as it was"
        "compare the token files of both sides";
    INTERNAL "internal" Internal
        "a bug in creel"
        "commits that were confirmed are safe"
        "please report it with the report that was printed";
    INTERRUPTED "interrupted" Interrupted
        "Ctrl-C"
        "the file is consistent"
        "run the command again";
    TERMINATED "terminated" Terminated
        "SIGTERM"
        "the file is consistent"
        "run the command again";
}

/// The code with this name.
pub fn find(name: &str) -> Option<&'static Code> {
    let name = name.replace('-', "_").to_ascii_lowercase();
    ALL.iter().copied().find(|c| c.name == name)
}

/// The code of an engine error.
pub fn of(error: &Error) -> &'static Code {
    match error {
        Error::Io { .. } => &IO,
        Error::NotFound { .. } => &NOT_FOUND,
        Error::Exists { .. } => &EXISTS,
        Error::NotADatabase { .. } => &NOT_A_DB,
        Error::Corrupt(_) => &CORRUPT,
        Error::Busy { .. } => &BUSY,
        Error::ReadOnly => &READ_ONLY,
        Error::Fenced { .. } => &FENCED,
        Error::HeldBack => &HELD_BACK,
        Error::Precondition { .. } => &PRECONDITION,
        Error::Limit { .. } => &LIMIT,
        Error::Invalid { .. } => &USAGE,
        Error::Poisoned => &POISONED,
        Error::OutcomeUnknown { .. } => &OUTCOME_UNKNOWN,
        Error::Replaced { .. } => &REPLACED,
        Error::HardLinked { .. } => &HARD_LINKED,
        Error::NetworkFileSystem { .. } => &NETWORK_FS,
        Error::NoKeyspace { .. } => &NO_KEYSPACE,
        Error::BadEntry(EntryError::Newer { .. }) => &NOT_A_DB,
        Error::Unsorted { .. } | Error::Duplicate { .. } | Error::BadEntry(_) => &BAD_INPUT,
        Error::NotRetained { .. } => &NOT_RETAINED,
        Error::Diverged { .. } => &DIVERGED,
        Error::TokenLost { .. } => &TOKEN_LOST,
        Error::TimedOut { .. } => &TIMED_OUT,
        Error::Interrupted => match super::signals::received() {
            Some(signal_hook::consts::SIGTERM) => &TERMINATED,
            _ => &INTERRUPTED,
        },
        _ => &INTERNAL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for code in ALL {
            assert_eq!(find(code.name), Some(*code));
            assert!(!code.cause.is_empty() && !code.state.is_empty() && !code.next.is_empty());
        }
    }

    #[test]
    fn engine_errors_map_to_the_frozen_statuses() {
        let io = || std::io::Error::other("x");
        let path = || std::path::PathBuf::from("x");
        for (error, exit) in [
            (
                Error::Precondition {
                    at: 0,
                    required: "absent",
                },
                1,
            ),
            (Error::NoKeyspace { name: "x".into() }, 1),
            (Error::Invalid { reason: "x".into() }, 2),
            (
                Error::Limit {
                    what: creel::Bounded::KeyLength,
                    actual: 2,
                    limit: 1,
                },
                2,
            ),
            (Error::corrupt(creel::Invariant::P1, "x"), 4),
            (Error::NotFound { path: path() }, 5),
            (
                Error::NotADatabase {
                    path: path(),
                    reason: "x".into(),
                },
                6,
            ),
            (
                Error::Busy {
                    lock: "writer",
                    holder: None,
                    waited: Default::default(),
                },
                7,
            ),
            (Error::io("read", io()), 8),
            (Error::Exists { path: path() }, 8),
            (Error::Poisoned, 8),
            (Error::ReadOnly, 8),
            (Error::Replaced { path: path() }, 8),
            (
                Error::HardLinked {
                    path: path(),
                    links: 2,
                },
                8,
            ),
            (
                Error::NetworkFileSystem {
                    path: path(),
                    kind: "nfs".into(),
                },
                8,
            ),
            (Error::Unsorted { entry: 2 }, 9),
            (
                Error::Duplicate {
                    first: 1,
                    second: 2,
                },
                9,
            ),
            (Error::Fenced { reason: "x".into() }, 10),
            (Error::HeldBack, 12),
            (
                Error::NotRetained {
                    index: 1,
                    oldest: 2,
                },
                11,
            ),
            (Error::Diverged { reason: "x".into() }, 15),
            (Error::OutcomeUnknown { source: io() }, 14),
            (Error::Interrupted, 130),
        ] {
            assert_eq!(of(&error).exit.code(), exit, "{error:?}");
        }
    }
}
