//! Signals: what to do about SIGBUS, and how to end the way a shell expects.

#[cfg(unix)]
pub use unix::{ignore_file_size_signal, install_sigbus_message, raise_default};
#[cfg(unix)]
pub use unix::{reset_sigpipe_default, set_default};

#[cfg(unix)]
mod unix {
    use std::io;
    use std::ptr;

    /// Shown when a mapped page cannot be read.
    const MESSAGE: &[u8] = b"creel: reading the mapped database failed (the file was truncated \
or the medium has an error); run `creel verify` to see the damage\n";

    /// Exit status for a failed system call.
    const EXIT_IO: libc::c_int = 8;

    /// Misaligned access: a program error, not a matter of the file.
    const BUS_ADRALN: libc::c_int = 1;

    /// From now on, touching a mapped page that cannot be read ends the process with a message
    /// and status 8 instead of the bare signal.
    pub fn install_sigbus_message() -> io::Result<()> {
        let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) = on_bus;
        action(
            libc::SIGBUS,
            handler as libc::sighandler_t,
            libc::SA_SIGINFO | libc::SA_ONSTACK,
        )
    }

    /// Runs inside the signal: only async-signal-safe calls, no allocation, no panic.
    extern "C" fn on_bus(signal: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
        // SAFETY: the kernel passes a valid siginfo to a SA_SIGINFO handler.
        let code = unsafe { (*info).si_code };
        // Codes up to 0 mean that a process sent the signal; it means what it always means.
        if code <= 0 || code == BUS_ADRALN {
            let _ = set_default(signal);
            // SAFETY: `raise` is async-signal-safe. The signal is blocked in here, so it strikes
            // when this function returns.
            unsafe { libc::raise(signal) };
            return;
        }
        // SAFETY: `write` and `_exit` are async-signal-safe; the message is static.
        unsafe {
            libc::write(libc::STDERR_FILENO, MESSAGE.as_ptr().cast(), MESSAGE.len());
            libc::_exit(EXIT_IO)
        }
    }

    /// Makes a closed pipe end the process quietly, as other filters do.
    pub fn reset_sigpipe_default() -> io::Result<()> {
        set_default(libc::SIGPIPE)
    }

    /// Makes a write beyond the file size limit (`ulimit -f`) an error instead of a signal.
    pub fn ignore_file_size_signal() -> io::Result<()> {
        action(libc::SIGXFSZ, libc::SIG_IGN, 0)
    }

    /// Gives a signal its default action back.
    pub fn set_default(signal: libc::c_int) -> io::Result<()> {
        action(signal, libc::SIG_DFL, 0)
    }

    /// Ends the process by the signal, so that a shell sees 128 + signal and stops its loop.
    pub fn raise_default(signal: libc::c_int) -> ! {
        let _ = set_default(signal);
        // SAFETY: plain data, initialised by sigemptyset before use; the calls only change this
        // thread's mask and send it a signal. `_exit` is for a signal whose default is not death.
        unsafe {
            let mut only: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&mut only);
            libc::sigaddset(&mut only, signal);
            libc::pthread_sigmask(libc::SIG_UNBLOCK, &only, ptr::null_mut());
            libc::raise(signal);
            libc::_exit(128 + signal)
        }
    }

    fn action(
        signal: libc::c_int,
        handler: libc::sighandler_t,
        flags: libc::c_int,
    ) -> io::Result<()> {
        // SAFETY: sigaction is plain data for which zeros are valid (empty mask).
        let mut wanted: libc::sigaction = unsafe { std::mem::zeroed() };
        wanted.sa_sigaction = handler;
        wanted.sa_flags = flags;
        // SAFETY: `handler` is SIG_DFL, SIG_IGN or a function with the signature that `flags`
        // calls for; the kernel only reads the struct.
        let rc = unsafe { libc::sigaction(signal, &wanted, ptr::null_mut()) };
        if rc == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }
}
