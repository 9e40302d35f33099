//! Where a program begins. A command that runs for a millisecond goes round Rust's runtime, which
//! reads `/proc/self/maps` and maps a stack for signals first (docs/decisions/0051).

use std::sync::atomic::{AtomicU8, Ordering};

/// Makes `start`, a function that gives an exit status, the beginning of the program. The crate
/// says `#![cfg_attr(all(not(test), target_os = "linux", target_env = "gnu"), no_main)]`.
#[macro_export]
macro_rules! program {
    ($start:path) => {
        // Only there does Rust know the arguments without its runtime.
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        #[unsafe(no_mangle)]
        extern "C" fn main(_count: i32, _args: *const *const u8) -> i32 {
            $crate::sys::entry::prepare();
            // Flushes what stands in buffers.
            ::std::process::exit(i32::from($start()))
        }

        #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
        fn main() -> ::std::process::ExitCode {
            ::std::process::ExitCode::from($start())
        }
    };
}

/// Bit n is set where the program began with descriptor n closed.
static CLOSED: AtomicU8 = AtomicU8::new(0);

/// Why standard input cannot be read. Rust's library takes one that is closed for an empty one.
pub fn stdin_fault() -> Option<&'static str> {
    fault(0)
}

/// Why standard output cannot be written. Rust's library loses what is written to a closed one, and
/// says that all went well.
pub fn stdout_fault() -> Option<&'static str> {
    fault(1)
}

/// Whether a write of nothing to standard output fails for want of the right to write.
#[cfg(target_os = "linux")]
fn refuses_writes() -> bool {
    // SAFETY: no byte of the buffer is read.
    let written = unsafe { libc::write(1, [0_u8; 1].as_ptr().cast(), 0) };
    written == -1 && std::io::Error::last_os_error().raw_os_error() == Some(libc::EBADF)
}

fn fault(descriptor: u8) -> Option<&'static str> {
    if CLOSED.load(Ordering::Relaxed) & (1 << descriptor) != 0 {
        return Some("it is closed");
    }
    #[cfg(target_os = "linux")]
    {
        // SAFETY: asks for the flags of a number, whatever it names.
        let flags = unsafe { libc::fcntl(i32::from(descriptor), libc::F_GETFL) };
        match (descriptor, flags & libc::O_ACCMODE) {
            // Not known: the call itself will tell.
            _ if flags == -1 => {}
            (0, libc::O_WRONLY) => return Some("it is open for writing only"),
            (1, libc::O_RDONLY) if refuses_writes() => return Some("it is open for reading only"),
            _ => {}
        }
    }
    None
}

/// What the runtime would have done and a command relies on.
#[cfg(target_os = "linux")]
pub fn prepare() {
    open_standard_streams();
    // SAFETY: ignoring a signal runs no code. A closed pipe is an error of the write.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
}

/// Whoever closed one of the first three descriptors must not find a database under its number.
#[cfg(target_os = "linux")]
fn open_standard_streams() {
    let standard = |fd| libc::pollfd {
        fd,
        events: 0,
        revents: 0,
    };
    let mut streams = [0, 1, 2].map(standard);
    loop {
        // SAFETY: the three records are valid for the call.
        let looked = unsafe { libc::poll(streams.as_mut_ptr(), 3, 0) };
        if looked >= 0 {
            break;
        }
        if std::io::Error::last_os_error().kind() != std::io::ErrorKind::Interrupted {
            // Each is asked for by itself.
            for stream in &mut streams {
                // SAFETY: asks for the flags of a number, whatever it names.
                if unsafe { libc::fcntl(stream.fd, libc::F_GETFD) } == -1 {
                    stream.revents = libc::POLLNVAL;
                }
            }
            break;
        }
    }
    for stream in streams {
        if stream.revents & libc::POLLNVAL == 0 {
            continue;
        }
        CLOSED.fetch_or(1 << stream.fd, Ordering::Relaxed);
        // SAFETY: the path is a C string. The lowest free number is that of the closed stream.
        let opened = unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) };
        if opened == -1 {
            std::process::abort();
        }
    }
}
