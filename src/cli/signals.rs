//! SIGINT and SIGTERM: a flag for commands that run long, no thread. Short commands keep the
//! default action.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::exit::Exit;

struct Flags {
    stop: Arc<AtomicBool>,
    which: Arc<AtomicUsize>,
    status: Arc<AtomicBool>,
    waiting: Arc<AtomicBool>,
}

static FLAGS: OnceLock<Flags> = OnceLock::new();

/// A signal was taken note of, and there is something to be said before the end.
static LAST_WORDS: AtomicBool = AtomicBool::new(false);

/// From here on output is written although a signal has come: the report of what was done until
/// then. The next signal ends the process at once, as always.
pub fn allow_last_words() {
    LAST_WORDS.store(true, Ordering::Relaxed);
}

/// What every command needs, however short: a truncated file or a size limit ends it with a
/// message and status 8 instead of the bare signal.
pub fn prepare() {
    // Without these the command works as well, but it would die of them.
    #[cfg(unix)]
    {
        let _ = creel::sys::signal::install_sigbus_message();
        let _ = creel::sys::signal::ignore_file_size_signal();
    }
}

/// Installs the handlers, once. The second signal ends the process at once.
pub fn install() {
    let mut first = false;
    let flags = FLAGS.get_or_init(|| {
        first = true;
        Flags {
            stop: Arc::default(),
            which: Arc::default(),
            status: Arc::default(),
            waiting: Arc::default(),
        }
    });
    if !first {
        return;
    }
    for signal in [SIGINT, SIGTERM] {
        // The order matters: the default action looks at the flag before it is set below.
        let _ = flag::register_conditional_default(signal, Arc::clone(&flags.stop));
        let _ = flag::register_conditional_default(signal, Arc::clone(&flags.waiting));
        let number = usize::try_from(signal).unwrap_or_default();
        let _ = flag::register_usize(signal, Arc::clone(&flags.which), number);
        let _ = flag::register(signal, Arc::clone(&flags.stop));
    }
    #[cfg(unix)]
    let _ = flag::register(signal_hook::consts::SIGUSR1, Arc::clone(&flags.status));
}

/// True once SIGINT or SIGTERM has arrived.
pub fn stopped() -> bool {
    FLAGS.get().is_some_and(|f| f.stop.load(Ordering::Relaxed))
}

/// Runs something that may block with nothing half done, such as reading a pipe. A signal ends
/// the process at once there; `None` where one has arrived before.
pub fn while_waiting<R>(wait: impl FnOnce() -> R) -> Option<R> {
    let Some(flags) = FLAGS.get().filter(|_| !LAST_WORDS.load(Ordering::Relaxed)) else {
        return Some(wait());
    };
    flags.waiting.store(true, Ordering::SeqCst);
    // Looked at after the store: a signal before it is seen here, one after it ends the process.
    let result = (!stopped()).then(wait);
    flags.waiting.store(false, Ordering::SeqCst);
    result
}

/// Calls this once SIGINT or SIGTERM arrives, from a thread of its own.
#[cfg(unix)]
pub fn on_stop(wish: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    use std::io::{Read, Write};
    install();
    let (mut read, write) = std::os::unix::net::UnixStream::pair()?;
    for signal in [SIGINT, SIGTERM] {
        signal_hook::low_level::pipe::register(signal, write.try_clone()?)?;
    }
    // One that came before there was a pipe has set the flag and nothing else.
    if stopped() {
        (&write).write_all(&[0])?;
    }
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            let _keep = write;
            let _ = read.read(&mut [0]);
            wish();
        })?;
    Ok(())
}

/// Signals only set the flag.
#[cfg(not(unix))]
pub fn on_stop(_: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    install();
    Ok(())
}

/// True once for every SIGUSR1: a progress line is wanted.
pub fn status_wanted() -> bool {
    FLAGS.get().is_some_and(|f| {
        f.status.load(Ordering::Relaxed) && f.status.swap(false, Ordering::Relaxed)
    })
}

/// The signal that arrived.
pub fn received() -> Option<i32> {
    let number = FLAGS.get()?.which.load(Ordering::Relaxed);
    i32::try_from(number).ok().filter(|n| *n != 0)
}

/// The status that goes with it.
pub fn exit() -> Option<Exit> {
    received().map(|signal| match signal {
        SIGINT => Exit::Interrupted,
        _ => Exit::Terminated,
    })
}

/// Ends the process as a closed pipe ends other programs: whoever read it has not got everything.
pub fn end_by_closed_pipe() -> ! {
    #[cfg(unix)]
    creel::sys::signal::raise_default(signal_hook::consts::SIGPIPE);
    #[cfg(not(unix))]
    std::process::exit(141);
}

/// Ends the process by the default action of the signal that stopped the command, so that its
/// parent sees a death by signal; returns when there is no such action.
pub fn raise_default(exit: Exit) {
    let signal = match exit {
        Exit::Interrupted => SIGINT,
        Exit::Terminated => SIGTERM,
        _ => return,
    };
    #[cfg(unix)]
    if received() == Some(signal) {
        creel::sys::signal::raise_default(signal);
    }
    #[cfg(not(unix))]
    let _ = signal;
}
