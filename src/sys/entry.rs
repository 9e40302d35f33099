//! Where a program begins. A command that runs for a millisecond goes round Rust's runtime, which
//! reads `/proc/self/maps` and maps a stack for signals first (docs/decisions/0051).

use std::sync::atomic::{AtomicBool, Ordering};

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

/// Set where the program began without a standard output.
static NO_STDOUT: AtomicBool = AtomicBool::new(false);

/// Whether the program began with its standard output closed: what is written there is lost, which
/// Rust's library does not tell.
pub fn stdout_was_closed() -> bool {
    NO_STDOUT.load(Ordering::Relaxed)
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
        if stream.fd == libc::STDOUT_FILENO {
            NO_STDOUT.store(true, Ordering::Relaxed);
        }
        // SAFETY: the path is a C string. The lowest free number is that of the closed stream.
        let opened = unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) };
        if opened == -1 {
            std::process::abort();
        }
    }
}
