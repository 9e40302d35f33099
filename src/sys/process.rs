//! A process of its own, that outlives the one that starts it.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Between two looks whether a process has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// A program in a process group of its own: Ctrl-C at the terminal is for the one that starts it.
pub fn own_group(program: &Path) -> Command {
    let mut command = Command::new(program);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}

/// Starts a program in a session of its own, in the root directory, with its input and output
/// leading nowhere: neither a terminal that is closed nor a shell that ends stops it. Gives its
/// process id.
pub fn spawn_detached(program: &Path, args: &[OsString]) -> io::Result<u32> {
    let mut command = Command::new(program);
    command
        .args(args)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        // SAFETY: the closure runs between fork and exec, where only async-signal-safe calls are
        // allowed; `setsid` is one, and it touches no memory of this process.
        unsafe {
            command.pre_exec(|| match libc::setsid() {
                -1 => Err(io::Error::last_os_error()),
                _ => Ok(()),
            });
        }
    }
    command.spawn().map(|child| child.id())
}

/// Waits until a process ends by itself, which it may for as long as `leave`; then tells it to
/// (SIGTERM) and waits as long as `obey`; then kills it. Gives the status of one that ended by itself.
pub fn see_off(child: &mut Child, leave: Duration, obey: Duration) -> Option<ExitStatus> {
    let status = ends(child, leave);
    if status.is_none() {
        #[cfg(unix)]
        if let Ok(pid) = libc::pid_t::try_from(child.id()) {
            // SAFETY: it takes two numbers. The process was not waited for, so that is its number yet.
            unsafe { libc::kill(pid, libc::SIGTERM) };
            ends(child, obey);
        }
        // No more than that can be done.
        let _ = child.kill();
        let _ = child.wait();
    }
    status
}

fn ends(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    let until = Instant::now() + patience;
    loop {
        match child.try_wait() {
            Ok(None) if Instant::now() < until => std::thread::sleep(LOOK_AGAIN),
            Ok(status) => return status,
            Err(_) => return None,
        }
    }
}
