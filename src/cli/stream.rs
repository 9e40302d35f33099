//! Data that a command writes bit by bit: to standard output, or to a file that gets its name when
//! all of it is there. Unlike a listing, it is worth nothing when its reader leaves early: a closed
//! pipe ends the command by SIGPIPE.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::args::OutFileArgs;
use super::failure::Failure;
use super::outfile::OutFile;
use super::output;
use super::signals;

/// Where data goes.
pub struct Stream(To);

enum To {
    Stdout(File),
    File(OutFile),
}

impl Stream {
    /// `-o FILE`, or standard output without it and for `-`.
    pub fn open(args: &OutFileArgs) -> Result<Stream, Failure> {
        match args.o.as_deref().filter(|path| path.as_os_str() != "-") {
            Some(path) => Ok(Stream(To::File(OutFile::create(path, args.force)?))),
            None => match (creel::sys::entry::stdout_fault(), stdout()) {
                (Some(why), _) => Err(output::no_stdout(why)),
                (None, Ok(file)) => Ok(Stream(To::Stdout(file))),
                (None, Err(error)) => Err(output::no_stdout(error.to_string())),
            },
        }
    }

    /// Whether the data goes to standard output.
    pub fn is_stdout(&self) -> bool {
        matches!(self.0, To::Stdout(_))
    }

    /// The file that is written.
    pub fn path(&self) -> Option<&Path> {
        match &self.0 {
            To::Stdout(_) => None,
            To::File(file) => Some(file.target()),
        }
    }

    /// What a failed write is to the command.
    pub fn failure(&self, error: &io::Error) -> Failure {
        if signals::stopped() {
            return creel::Error::Interrupted.into();
        }
        match &self.0 {
            To::Stdout(_) => output::no_stdout(error.to_string()),
            To::File(file) => {
                Failure::file("write", file.target(), error).state("no file was left behind")
            }
        }
    }

    /// All is written: a file becomes durable and gets its name.
    pub fn publish(self) -> Result<(), Failure> {
        match self.0 {
            To::Stdout(_) => Ok(()),
            To::File(file) => file.publish(),
        }
    }
}

impl Write for &Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &self.0 {
            To::Stdout(stdout) => match patiently(stdout, bytes) {
                Err(e) if e.kind() == io::ErrorKind::BrokenPipe => signals::end_by_closed_pipe(),
                other => other,
            },
            To::File(out) if out.is_device() => patiently(out.file(), bytes),
            To::File(out) => out.file().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A reader that never reads must not keep a signal from ending the command.
fn patiently(mut file: &File, bytes: &[u8]) -> io::Result<usize> {
    let written = signals::while_waiting(|| file.write(bytes));
    // Not the kind that `write_all` tries again for.
    written.unwrap_or_else(|| Err(io::Error::other("interrupted")))
}

/// Standard output without the buffer that the library puts before it.
#[cfg(unix)]
fn stdout() -> io::Result<File> {
    use std::os::fd::AsFd;
    io::stdout().as_fd().try_clone_to_owned().map(File::from)
}

#[cfg(windows)]
fn stdout() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    io::stdout()
        .as_handle()
        .try_clone_to_owned()
        .map(File::from)
}
