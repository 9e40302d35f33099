//! Keys and values from arguments, files and standard input, as exact bytes.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::args::{KeyEncArgs, RangeArgs};
use super::codes;
use super::context::Context;
use super::failure::Failure;
use super::range;
use super::signals;
use super::text::{self, Enc};

/// The most that is read for one key or value: the largest log entry.
const MAX_VALUE: u64 = 64 << 20;

/// The bytes that an argument stands for.
pub fn argument(what: &str, arg: &OsStr, enc: Enc) -> Result<Vec<u8>, Failure> {
    text::decode(arg.as_encoded_bytes(), enc).map_err(|e| {
        Failure::usage(format!("the {what} cannot be decoded"))
            .cause(e)
            .hint("--enc says how keys and values are written: raw, hex, base64 or escape")
    })
}

/// A key given as an argument.
pub fn key(arg: &OsStr, enc: &KeyEncArgs) -> Result<Vec<u8>, Failure> {
    let key = argument("key", arg, enc.key())?;
    if key.is_empty() {
        Err(empty_key())
    } else {
        Ok(key)
    }
}

/// A key that is the whole of a file.
pub fn key_file(ctx: &mut Context, path: &Path, enc: &KeyEncArgs) -> Result<Vec<u8>, Failure> {
    let key = file(ctx, "key", path, enc.key())?;
    if key.is_empty() {
        Err(empty_key())
    } else {
        Ok(key)
    }
}

/// Keys are never empty.
pub fn empty_key() -> Failure {
    Failure::usage("the key is empty").hint("a key has at least one byte")
}

/// The whole of a file, or of standard input for `-`; encodings other than raw ignore one line
/// end at the end.
pub fn file(ctx: &mut Context, what: &str, path: &Path, enc: Enc) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let mut limited = open(ctx, what, path)?.take(MAX_VALUE + 1);
    limited
        .read_to_end(&mut bytes)
        .map_err(|e| Failure::file("read", path, &e))?;
    if bytes.len() as u64 > MAX_VALUE {
        return Err(
            Failure::new(&codes::LIMIT, format!("the {what} is larger than 64 MiB")).hint(
                "split it over several keys; creel import takes larger values, see --max-line",
            ),
        );
    }
    if enc == Enc::Raw {
        return Ok(bytes);
    }
    let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    text::decode(text, enc).map_err(|e| {
        Failure::new(
            &codes::BAD_INPUT,
            format!("{}: the {what} cannot be decoded", path.display()),
        )
        .cause(e)
        .state("nothing was changed")
    })
}

/// Opens a file. A named pipe waits for its writer, and a signal ends the process there.
pub fn open_file(path: &Path) -> Result<File, Failure> {
    signals::while_waiting(|| File::open(path))
        .ok_or(creel::Error::Interrupted)?
        .map_err(|e| Failure::file("read", path, &e))
}

/// Opens a file, or standard input for `-`, which can be used only once.
pub fn open(ctx: &mut Context, what: &str, path: &Path) -> Result<Box<dyn Read>, Failure> {
    if path.as_os_str() != "-" {
        let file = open_file(path)?;
        if file.metadata().is_ok_and(|m| m.is_dir()) {
            return Err(
                Failure::new(&codes::IO, format!("{} is a directory", path.display()))
                    .at(path)
                    .state("nothing was changed"),
            );
        }
        return Ok(Box::new(file));
    }
    ctx.take_stdin(what)?;
    Ok(Box::new(io::stdin().lock()))
}

/// The range that the flags ask for; `None` without flags.
pub fn range(args: &RangeArgs, enc: &KeyEncArgs) -> Result<Option<creel::KeyRange>, Failure> {
    let mut result = None;
    let mut meet = |part| result = Some(range::meet(result.take().unwrap_or(range::all()), part));
    if let Some(start) = &args.prefix {
        meet(range::prefix(&argument("prefix", start, enc.key())?));
    }
    if let Some(from) = &args.from {
        meet(range::from(key(from, enc)?));
    }
    if let Some(to) = &args.to {
        meet(range::to(key(to, enc)?));
    }
    Ok(result)
}
