//! A connection that another program carries: ssh.

use std::io;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::stream::follower::FollowerEnd;
use crate::stream::transport::{Closer, Wire};
use crate::sys::see_off;

/// A login takes so long at most: sshd gives as much, and somebody may have to type a password.
const LOGIN: Duration = Duration::from_secs(120);
/// A program whose input has ended has so much time to end.
const LEAVE: Duration = Duration::from_secs(1);
/// And so much once it is told to.
const OBEY: Duration = Duration::from_secs(2);

struct Program {
    state: Mutex<State>,
    name: String,
    peer: String,
}

struct State {
    child: Child,
    is_over: bool,
    /// Where it ended by itself.
    status: Option<ExitStatus>,
}

/// Starts a program whose standard input and output lead to the other side.
pub fn carry(mut command: Command, peer: &str) -> io::Result<Wire> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let started = command.spawn();
    let mut child =
        started.map_err(|e| io::Error::new(e.kind(), format!("{name} cannot be run: {e}")))?;
    let missing = || io::Error::other("the program has no pipes");
    let reader = child.stdout.take().ok_or_else(missing)?;
    let writer = child.stdin.take().ok_or_else(missing)?;
    let program = Program {
        state: Mutex::new(State {
            child,
            is_over: false,
            status: None,
        }),
        name,
        peer: peer.to_owned(),
    };
    Ok(Wire {
        reader: Box::new(reader),
        writer: Box::new(writer),
        closer: Box::new(program),
        channel: [0; 32],
        peer: peer.to_owned(),
        patience: LOGIN,
    })
}

impl Program {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a status other than 0 says. A remote command's is that of ssh.
    fn words(&self, status: ExitStatus) -> String {
        let (name, peer) = (&self.name, &self.peer);
        match status.code() {
            Some(255) => format!(
                "{name} could not connect to {peer} or log in there, or lost the connection (status 255): its own \
                 message says why"
            ),
            Some(127) => {
                format!("there is no such creel on {peer} (status 127): --remote-creel PATH")
            }
            Some(126) => {
                format!("creel on {peer} cannot be run (status 126): --remote-creel PATH")
            }
            Some(code) => format!(
                "creel replicate serve on {peer} ended with status {code}: creel explain {code}"
            ),
            None => format!("{name} was ended by a signal"),
        }
    }
}

impl Closer for Program {
    fn close(&self) {
        let mut state = self.lock();
        if !state.is_over {
            state.is_over = true;
            state.status = see_off(&mut state.child, LEAVE, OBEY);
        }
    }

    fn explain(&self, end: FollowerEnd, greeted: bool) -> FollowerEnd {
        let status = self.lock().status.filter(|status| !status.success());
        match (end, status) {
            (FollowerEnd::Dead, Some(status)) => FollowerEnd::Carrier {
                reason: self.words(status),
            },
            // Not damage on the way: nothing came from creel yet.
            (FollowerEnd::Wire(error), _) if !greeted => FollowerEnd::Carrier {
                reason: format!(
                    "what {} says is not creel's ({error}): does a start-up file of the shell there print something?",
                    self.peer
                ),
            },
            (end, _) => end,
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::stream::WireError;

    fn shell(script: &str) -> Wire {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        carry(command, "host").unwrap()
    }

    /// What is told of a connection whose program does this.
    fn told(script: &str, end: FollowerEnd, greeted: bool) -> FollowerEnd {
        let mut wire = shell(script);
        drop(wire.writer);
        // To the end, as whoever follows reads.
        wire.reader.read_to_end(&mut Vec::new()).unwrap();
        wire.closer.close();
        wire.closer.explain(end, greeted)
    }

    #[test]
    fn the_status_of_the_program_says_why_nothing_came() {
        for (script, words) in [
            ("exit 255", "could not connect"),
            ("exit 127", "--remote-creel"),
            ("exit 126", "cannot be run"),
            ("exit 5", "creel explain 5"),
            ("kill -9 $$", "signal"),
        ] {
            match told(script, FollowerEnd::Dead, false) {
                FollowerEnd::Carrier { reason } => assert!(reason.contains(words), "{reason}"),
                other => panic!("{script}: {other:?}"),
            }
        }
        assert_eq!(told("exit 0", FollowerEnd::Dead, false), FollowerEnd::Dead);
        assert_eq!(told("exit 5", FollowerEnd::Bye, true), FollowerEnd::Bye);
    }

    /// Damage is what creel sent and did not arrive as it was.
    #[test]
    fn other_words_than_creels_are_no_damage() {
        let bad = || FollowerEnd::Wire(WireError::Checksum);
        assert_eq!(told("exit 0", bad(), true), bad());
        assert!(matches!(
            told("exit 0", bad(), false),
            FollowerEnd::Carrier { .. }
        ));
    }

    #[test]
    fn a_program_that_is_not_there() {
        let error = carry(Command::new("/no/such/ssh"), "host").map(drop);
        assert!(error.unwrap_err().to_string().contains("/no/such/ssh"));
    }
}
