//! A process of its own, that outlives the one that starts it.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

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
