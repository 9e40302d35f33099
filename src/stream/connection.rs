//! One connection of a leader. Its own thread does whatever there is to do. The thread that reads the log
//! hands a little on by itself, and the one that reads the socket notes down by itself how far the follower is:
//! then nobody has to be woken. Neither waits for the other side.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use super::hub::{Hub, Listen};
use super::leader::{LeaderConfig, LeaderEnd};
use super::mailbox::Mailbox;
use super::sender::{Answer, Done, Sender};
use super::stop::Wake;
use super::transport::Closer;

/// The connection, for all its threads.
pub struct Connection {
    sender: Mutex<Sender>,
    mailbox: Arc<Mailbox<Done>>,
}

impl Wake for Connection {
    fn wake(&self) {
        self.mailbox.wake();
    }
}

impl Listen for Connection {
    fn entries_came(&self) {
        // Where it is busy it looks for more before it sleeps, but may have done so just now.
        if !self.try_lock().is_some_and(|mut sender| sender.hand_on()) {
            self.wake();
        }
    }
}

impl Connection {
    /// Whose bytes come from `reader`, in a thread of its own, which keeps `guest` until it ends.
    pub fn begin(
        hub: &Arc<Hub>,
        config: LeaderConfig,
        (reader, writer): (Box<dyn Read + Send>, Box<dyn Write + Send>),
        peer: &str,
        answer: Option<Answer>,
        guest: impl Send + 'static,
    ) -> std::io::Result<Arc<Connection>> {
        let mailbox = Arc::<Mailbox<Done>>::default();
        let sender = Sender::new(hub, config, &mailbox, writer, peer, answer);
        let connection = Arc::new(Connection {
            sender: Mutex::new(sender),
            mailbox,
        });
        let (weak, mailbox) = (Arc::downgrade(&connection), Arc::clone(&connection.mailbox));
        let mut reader = reader;
        // Not waited for: what it reads may be a pipe that nobody closes.
        std::thread::Builder::new()
            .name("receiver".to_owned())
            .spawn(move || {
                let _guest = guest;
                mailbox.fill(&mut *reader, &|bytes| {
                    weak.upgrade()
                        .is_some_and(|connection| connection.take(bytes))
                });
            })?;
        hub.register(&connection);
        hub.stop().register(&connection);
        Ok(connection)
    }

    fn lock(&self) -> MutexGuard<'_, Sender> {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_lock(&self) -> Option<MutexGuard<'_, Sender>> {
        match self.sender.try_lock() {
            Ok(sender) => Some(sender),
            Err(TryLockError::Poisoned(sender)) => Some(sender.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Bytes that came with nothing before them that still waits; false where they have to.
    fn take(&self, bytes: &[u8]) -> bool {
        let sender = self.try_lock().filter(|sender| sender.is_streaming());
        let Some(mut sender) = sender else {
            return false;
        };
        if !sender.take_notes(bytes) {
            drop(sender);
            self.wake();
        }
        true
    }

    /// Serves until the connection ends. `greeted` is called once, when the other side has shown
    /// who it is.
    pub fn run(&self, closer: &dyn Closer, mut greeted: impl FnMut()) -> LeaderEnd {
        let mut strange = true;
        let end = loop {
            let mut sender = self.lock();
            let Some(deadline) = sender.turn() else {
                break sender.end().unwrap_or(LeaderEnd::Dead);
            };
            if strange && sender.is_greeted() {
                strange = false;
                greeted();
            }
            drop(sender);
            let mail = self.mailbox.take(deadline, true);
            self.lock().look(mail);
        };
        closer.close();
        self.mailbox.abandon();
        self.lock().leave(&end);
        end
    }
}
