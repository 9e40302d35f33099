//! A short connection that asks one question.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use super::follower::{FollowerAction, FollowerConfig, FollowerEnd, FollowerSession};
use super::mailbox::{Clock, Mailbox, reader_thread};
use super::transport::Wire;

/// Why there is no answer.
#[derive(Debug)]
pub enum AskError {
    /// The connection ended.
    Ended(FollowerEnd),
    /// The operating system refused a call.
    Io(io::Error),
    /// The time is over.
    Timeout,
}

/// A connection on which questions are asked.
pub struct Client {
    session: FollowerSession,
    mailbox: std::sync::Arc<Mailbox<()>>,
    writer: Box<dyn Write + Send>,
    closer: Box<dyn super::transport::Closer>,
    clock: Clock,
}

impl Client {
    /// Connects as a client and shows the token; `config` has the role.
    pub fn open(wire: Wire, config: FollowerConfig, limit: Duration) -> Result<Client, AskError> {
        let mailbox = reader_thread("receiver", wire.reader).map_err(AskError::Io)?;
        let clock = Clock::start();
        let mut client = Client {
            session: FollowerSession::new(config, clock.now()),
            mailbox,
            writer: wire.writer,
            closer: wire.closer,
            clock,
        };
        let until = Instant::now() + limit + wire.patience;
        while !client.session.is_greeted() {
            if let Err(error) = client.step(until) {
                return Err(client.explained(error));
            }
        }
        Ok(client)
    }

    /// No connection was made: why, with what is known of a program that was to carry it.
    fn explained(mut self, error: AskError) -> AskError {
        self.leave();
        match error {
            AskError::Ended(end) => AskError::Ended(self.closer.explain(end, false)),
            // It does not read what it is to carry.
            AskError::Io(error) => match self.closer.explain(FollowerEnd::Dead, false) {
                FollowerEnd::Dead => AskError::Io(error),
                end => AskError::Ended(end),
            },
            AskError::Timeout => AskError::Timeout,
        }
    }

    fn leave(&mut self) {
        self.session.stop(self.clock.now());
        let _ = self.perform();
        self.writer = Box::new(io::sink());
        self.closer.close();
        self.mailbox.abandon();
    }

    /// Asks and waits for the answer.
    pub fn ask(&mut self, json: &[u8], limit: Duration) -> Result<Vec<u8>, AskError> {
        let now = self.clock.now();
        self.session.ask(now, json);
        let until = Instant::now() + limit;
        loop {
            if let Some(answer) = self.step(until)? {
                return Ok(answer);
            }
        }
    }

    fn step(&mut self, until: Instant) -> Result<Option<Vec<u8>>, AskError> {
        if let Some(answer) = self.perform()? {
            return Ok(Some(answer));
        }
        if Instant::now() >= until {
            return Err(AskError::Timeout);
        }
        let deadline = self.clock.instant(self.session.next_tick_us()).min(until);
        let mail = self.mailbox.take(deadline, true);
        let now = self.clock.now();
        if !mail.bytes.is_empty() {
            self.session.receive(now, &mail.bytes);
        }
        self.session.tick(now);
        let answer = self.perform()?;
        if answer.is_none() && mail.ended {
            return Err(AskError::Ended(FollowerEnd::Dead));
        }
        Ok(answer)
    }

    fn perform(&mut self) -> Result<Option<Vec<u8>>, AskError> {
        while let Some(action) = self.session.next_action() {
            match action {
                FollowerAction::Send(bytes) => {
                    let written = self
                        .writer
                        .write_all(&bytes)
                        .and_then(|()| self.writer.flush());
                    written.map_err(AskError::Io)?;
                }
                FollowerAction::Answer(json) => return Ok(Some(json)),
                FollowerAction::Close(end) => return Err(AskError::Ended(end)),
                _ => {}
            }
        }
        Ok(None)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.leave();
    }
}
