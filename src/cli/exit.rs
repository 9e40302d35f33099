//! The exit statuses. Frozen: a number is never reused, and an unknown one means failure.

/// Whether running the same command again may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same command gives the same answer.
    No,
    /// It may work once something outside has changed.
    Maybe,
    /// Try again later.
    Yes,
}

macro_rules! exits {
    ($($variant:ident $code:literal $name:literal $retry:ident $when:literal $next:literal;)*) => {
        /// How a command ends.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs)] // each status is described by its `when()`
        pub enum Exit { $($variant = $code),* }

        impl Exit {
            /// The whole table, by rising number.
            pub const ALL: &'static [Exit] = &[$(Exit::$variant),*];

            /// The name used in `--json` errors and by `creel explain`.
            pub const fn name(self) -> &'static str {
                match self { $(Exit::$variant => $name),* }
            }

            /// When a command ends like this.
            pub const fn when(self) -> &'static str {
                match self { $(Exit::$variant => $when),* }
            }

            /// What to do next.
            pub const fn next(self) -> &'static str {
                match self { $(Exit::$variant => $next),* }
            }

            /// Whether trying again helps.
            pub const fn retry(self) -> Retry {
                match self { $(Exit::$variant => Retry::$retry),* }
            }
        }
    };
}

exits! {
    Ok 0 "ok" No
        "the command did what was asked"
        "nothing to do";
    No 1 "no" No
        "a negative answer without an error: a key is absent, a precondition did not hold, a threshold was exceeded; nothing was changed"
        "treat it as the answer \"no\"";
    Usage 2 "usage" No
        "flags, arguments or values make no sense or are out of bounds; nothing was changed"
        "creel COMMAND --help";
    Partial 3 "partial" No
        "the work was finished, but with rejects or losses that were allowed"
        "read the report of what was left out";
    Corrupt 4 "corrupt" No
        "stored bytes fail a checksum or break an invariant"
        "creel verify DB, then creel salvage DB -o NEW";
    NotFound 5 "not_found" No
        "the database or an input file does not exist"
        "check the path, or creel open DB --create";
    NotADb 6 "not_a_db" No
        "the file exists but is not a creel database, or has a format this build cannot read"
        "check the path; creel version --json lists the formats this build reads";
    Busy 7 "busy" Yes
        "a lock was not obtained in time; the message names who holds it"
        "try again, or wait longer with --lock-timeout";
    Io 8 "io" Maybe
        "the system refused: full disk, permissions, a failed device, a file in the way, a write to standard output that failed"
        "remove the cause, then run the command again";
    BadInput 9 "bad_input" No
        "input is malformed or cut short; the message says what was committed before it"
        "repair the line that the message names";
    Fenced 10 "fenced" No
        "this copy may not be written: wrong role, stale epoch, or a newer primary exists"
        "creel replicate status DB shows role and epoch";
    Reseed 11 "reseed" No
        "a replica cannot continue from its position"
        "creel replicate pull DB --reseed auto makes a new copy; the old one is served until then";
    Unreachable 12 "unreachable" Yes
        "a source or the network did not answer in time"
        "try again";
    Limit 13 "limit" Maybe
        "a limit that you set stopped the command with work left"
        "raise the limit, or run it again to continue";
    Indeterminate 14 "indeterminate" No
        "it is not known whether a commit survived: it was sent, but its confirmation failed"
        "read the keys back before doing it again; put --if-absent and --if-equals make that safe";
    Diverged 15 "diverged" No
        "two copies of one database have different histories"
        "creel replicate rejoin DB --from PRIMARY saves what only one has and takes it back";
    TokenLost 16 "token_lost" No
        "the position that was waited for is gone: a fail-over discarded it"
        "read the data back and decide whether to write again";
    SoakInvariant 20 "soak_invariant" No
        "a test run broke an invariant of contents or protocol"
        "keep the reproduction file that the report names";
    SoakResource 21 "soak_resource" No
        "a test run leaked or exceeded a bound"
        "look at the series in the report";
    SoakPerformance 22 "soak_performance" No
        "a test run was slower than its baseline allows"
        "compare with the baseline on an idle machine";
    Inconclusive 23 "inconclusive" No
        "the check could not be made: too few samples, or nothing was done"
        "run it longer";
    Internal 70 "internal" No
        "a bug in creel; a report was printed"
        "please report it, with the report that was printed";
    Interrupted 130 "interrupted" Maybe
        "Ctrl-C; the file is consistent and temporary files were removed"
        "run it again";
    Terminated 143 "terminated" Maybe
        "SIGTERM; the file is consistent and temporary files were removed"
        "run it again";
}

impl Exit {
    /// The status as a number.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The status with this number.
    pub fn from_code(code: u8) -> Option<Exit> {
        Exit::ALL.iter().copied().find(|e| e.code() == code)
    }

    /// The status with this name; `-` counts as `_`.
    pub fn from_name(name: &str) -> Option<Exit> {
        let name = name.replace('-', "_").to_ascii_lowercase();
        Exit::ALL.iter().copied().find(|e| e.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_frozen() {
        let table: Vec<(u8, &str)> = Exit::ALL.iter().map(|e| (e.code(), e.name())).collect();
        assert_eq!(
            table,
            [
                (0, "ok"),
                (1, "no"),
                (2, "usage"),
                (3, "partial"),
                (4, "corrupt"),
                (5, "not_found"),
                (6, "not_a_db"),
                (7, "busy"),
                (8, "io"),
                (9, "bad_input"),
                (10, "fenced"),
                (11, "reseed"),
                (12, "unreachable"),
                (13, "limit"),
                (14, "indeterminate"),
                (15, "diverged"),
                (16, "token_lost"),
                (20, "soak_invariant"),
                (21, "soak_resource"),
                (22, "soak_performance"),
                (23, "inconclusive"),
                (70, "internal"),
                (130, "interrupted"),
                (143, "terminated"),
            ]
        );
    }

    #[test]
    fn numbers_and_names_find_each_other() {
        for exit in Exit::ALL {
            assert_eq!(Exit::from_code(exit.code()), Some(*exit));
            assert_eq!(Exit::from_name(exit.name()), Some(*exit));
        }
        assert_eq!(Exit::from_name("NOT-FOUND"), Some(Exit::NotFound));
        assert_eq!(Exit::from_code(99), None);
    }
}
