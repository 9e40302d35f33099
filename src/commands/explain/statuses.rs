//! What an exit status means for the state of things.

use crate::cli::Exit;

/// What is true after a command has ended so.
pub(super) fn consequence(exit: Exit) -> &'static str {
    match exit {
        Exit::Ok => "everything that was asked for is done, and confirmed by the device",
        Exit::No => "nothing was changed; the answer is the exit status itself",
        Exit::Usage => "nothing was changed; no file was opened for writing",
        Exit::Partial => {
            "the result is there and can be used, but it lacks what the report names; nothing was \
             left out without being counted"
        }
        Exit::Corrupt => {
            "the file was not changed; answers given before this one were read from bytes whose \
             checksums hold"
        }
        Exit::NotFound => "nothing was changed and nothing was created",
        Exit::NotADb => "the file was not changed",
        Exit::Busy => "nothing was changed; whoever holds the lock goes on with its work",
        Exit::Io => {
            "commits that were confirmed are safe; the command's own change was not made, unless \
             the message says that it is committed; output may be incomplete"
        }
        Exit::BadInput => {
            "nothing after the named place was taken; the message says what was committed before it"
        }
        Exit::Fenced => "nothing was changed in this copy",
        Exit::Reseed => "the replica stays readable at the position that it has",
        Exit::Unreachable => "nothing was changed beyond what the message names",
        Exit::Limit => "what was done up to the limit is complete and stays",
        Exit::Indeterminate => {
            "the commit may or may not be there, whole or not at all; all confirmed commits are safe"
        }
        Exit::Diverged => "neither copy was changed; each has commits that the other has not",
        Exit::TokenLost => "what was written at that position is gone from this history",
        Exit::SoakInvariant => "the build that was tested must not be trusted with data",
        Exit::SoakResource => "long runs of the build that was tested may exhaust the machine",
        Exit::SoakPerformance => "the answers were right, but later than they should be",
        Exit::Inconclusive => "nothing is proved: this is neither a pass nor a failure",
        Exit::Internal => "commits that were confirmed are safe; the command is not done",
        Exit::Interrupted | Exit::Terminated => {
            "the file is consistent; commits that were confirmed stay, the rest was not done"
        }
    }
}
