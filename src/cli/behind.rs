//! A writer on a thread of its own: the next bytes are made while the last ones are compressed and
//! written.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

/// Buffers that wait for the thread at most.
const AHEAD: usize = 2;

/// What is handed to the thread.
struct Behind {
    full: SyncSender<Vec<u8>>,
    /// Buffers that it is done with.
    free: Receiver<Vec<u8>>,
}

/// Lets `make` write to `to`, which another thread does. Gives what `make` has given, and `to`, to
/// be finished. Where writing has failed, `make` sees an error that says nothing: the one that says
/// why comes second.
pub fn behind<W: Write + Send, R>(
    to: W,
    make: impl FnOnce(&mut dyn Write) -> R,
) -> (R, io::Result<W>) {
    std::thread::scope(|scope| {
        let (full, work) = sync_channel(AHEAD);
        let (done, free) = channel();
        let thread = std::thread::Builder::new().name("write".into());
        let thread = match thread.spawn_scoped(scope, move || write(to, &work, &done)) {
            Ok(thread) => thread,
            Err(error) => {
                let mut nowhere = Nowhere;
                return (make(&mut nowhere), Err(error));
            }
        };
        let made = make(&mut Behind { full, free });
        let written = thread.join();
        (
            made,
            written.unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        )
    })
}

fn write<W: Write>(mut to: W, work: &Receiver<Vec<u8>>, done: &Sender<Vec<u8>>) -> io::Result<W> {
    for mut buffer in work {
        to.write_all(&buffer)?;
        buffer.clear();
        let _ = done.send(buffer); // nobody makes more
    }
    Ok(to)
}

impl Write for Behind {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut buffer = self.free.try_recv().unwrap_or_default();
        buffer.extend_from_slice(bytes);
        self.full.send(buffer).map_err(|_| ended())?;
        Ok(bytes.len())
    }

    /// What is written is looked after by the thread.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where there is no thread.
struct Nowhere;

impl Write for Nowhere {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(ended())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn ended() -> io::Error {
    io::Error::other("the writing thread has ended")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_arrives_in_order() {
        let text: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        let (made, written) = behind(Vec::new(), |to| {
            text.chunks(777).try_for_each(|part| to.write_all(part))
        });
        made.unwrap();
        assert!(written.unwrap() == text);
    }

    #[test]
    fn the_error_of_the_writer_comes_out() {
        struct Full(usize);
        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 += 1;
                match self.0 {
                    ..5 => Ok(bytes.len()),
                    _ => Err(io::ErrorKind::StorageFull.into()),
                }
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (made, written) = behind(Full(0), |to| {
            (0..1000).try_for_each(|_| to.write_all(&[1; 100]))
        });
        assert!(made.is_err());
        assert_eq!(written.err().unwrap().kind(), io::ErrorKind::StorageFull);
    }
}
