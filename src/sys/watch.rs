//! Waiting for somebody to write to a file.

use std::fmt::Debug;
use std::io;
use std::time::Duration;

/// Tells of writes to one file by any process.
pub trait Watch: Send + Sync + Debug {
    /// Waits until the file was written to since the last call, [`Watch::wake`] was called, or
    /// the time is over. May return early without a reason.
    fn wait(&self, timeout: Duration) -> io::Result<()>;
    /// Ends the present wait, or the next one if there is none.
    fn wake(&self);
}

#[cfg(target_os = "linux")]
pub use linux::InotifyWatch;

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::io::{self, Read, Write};
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
    use std::path::Path;
    use std::time::Duration;

    use super::Watch;
    use crate::sys::os::c_path;

    /// An inotify descriptor and one to wake its reader by.
    #[derive(Debug)]
    pub struct InotifyWatch {
        events: fs::File,
        waker: fs::File,
    }

    impl InotifyWatch {
        /// Begins to watch what the path names now.
        pub fn new(path: &Path) -> io::Result<InotifyWatch> {
            let path = c_path(path)?;
            // SAFETY: no pointers are passed.
            let events = unsafe { libc::inotify_init1(libc::IN_NONBLOCK | libc::IN_CLOEXEC) };
            let events = owned(events)?;
            let mask = libc::IN_MODIFY | libc::IN_ATTRIB | libc::IN_MOVE_SELF;
            // SAFETY: the path is a C string that lives during the call; the descriptor is open.
            let added = unsafe { libc::inotify_add_watch(events.as_raw_fd(), path.as_ptr(), mask) };
            if added < 0 {
                return Err(io::Error::last_os_error());
            }
            // SAFETY: no pointers are passed.
            let waker = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
            Ok(InotifyWatch {
                events: events.into(),
                waker: owned(waker)?.into(),
            })
        }
    }

    fn owned(descriptor: libc::c_int) -> io::Result<OwnedFd> {
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just made it, and nobody else knows it.
        Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
    }

    impl Watch for InotifyWatch {
        fn wait(&self, timeout: Duration) -> io::Result<()> {
            let poll = |file: &fs::File| libc::pollfd {
                fd: file.as_raw_fd(),
                events: libc::POLLIN,
                revents: 0,
            };
            let mut both = [poll(&self.events), poll(&self.waker)];
            // Rounded up, so that a short wait does not become a spin.
            let millis = timeout.as_micros().div_ceil(1000);
            let millis = libc::c_int::try_from(millis).unwrap_or(libc::c_int::MAX);
            // SAFETY: the array lives during the call and has two elements.
            let ready = unsafe { libc::poll(both.as_mut_ptr(), 2, millis) };
            if ready < 0 {
                let error = io::Error::last_os_error();
                return match error.kind() {
                    io::ErrorKind::Interrupted => Ok(()),
                    _ => Err(error),
                };
            }
            // Only that something came counts, not what.
            let mut drain = [0u8; 4096];
            for mut file in [&self.events, &self.waker] {
                while file.read(&mut drain).is_ok_and(|got| got == drain.len()) {}
            }
            Ok(())
        }

        fn wake(&self) {
            // It fails where it would overflow: then there is a wake-up already.
            let _ = (&self.waker).write(&1u64.to_le_bytes());
        }
    }
}
