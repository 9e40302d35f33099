//! Why a command failed: what, cause chain, state now, next command.

use std::error::Error as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::codes::{self, Code};
use super::exit::Exit;

/// What a command returns.
pub type Outcome = Result<Exit, Failure>;

/// A failed command. Boxed, so that results stay small.
#[derive(Debug)]
pub struct Failure(Box<Parts>);

/// The parts of a failure, in the order in which they are printed.
#[derive(Debug)]
pub struct Parts {
    /// Name, exit status and general advice.
    pub code: &'static Code,
    /// What failed, with its location.
    pub what: String,
    /// Why, from the outer to the inner cause.
    pub causes: Vec<String>,
    /// What state things are in now; the code's text where nothing finer is known.
    pub state: Option<String>,
    /// The next command; the code's text where nothing finer is known.
    pub hint: Option<String>,
    /// The file concerned.
    pub path: Option<PathBuf>,
    /// Facts for programs.
    pub detail: Map<String, Value>,
}

impl Failure {
    /// A failure of the command itself.
    pub fn new(code: &'static Code, what: impl Into<String>) -> Self {
        Failure(Box::new(Parts {
            code,
            what: what.into(),
            causes: Vec::new(),
            state: None,
            hint: None,
            path: None,
            detail: Map::new(),
        }))
    }

    /// Arguments that make no sense.
    pub fn usage(what: impl Into<String>) -> Self {
        Failure::new(&codes::USAGE, what)
    }

    /// A failed call on an input or output file.
    pub fn file(doing: &str, path: &Path, error: &std::io::Error) -> Self {
        let code = match error.kind() {
            std::io::ErrorKind::NotFound if doing == "read" => &codes::NOT_FOUND,
            std::io::ErrorKind::AlreadyExists => &codes::EXISTS,
            _ => &codes::IO,
        };
        let mut failure = Failure::new(code, format!("cannot {doing} {}", path.display()))
            .cause(error.to_string())
            .at(path);
        if doing == "create" && code == &codes::IO {
            failure = failure.state("no file was made");
        }
        if failure.code() == &codes::NOT_FOUND {
            failure = failure.hint("check the path").state("nothing was changed");
        }
        failure
    }

    /// Adds a cause.
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.0.causes.push(cause.into());
        self
    }

    /// Says what state things are in.
    pub fn state(mut self, state: impl Into<String>) -> Self {
        self.0.state = Some(state.into());
        self
    }

    /// Says what state things are in, unless that was said already.
    pub fn state_if_unknown(self, state: Option<&str>) -> Self {
        match state {
            Some(state) if self.0.state.is_none() => self.state(state),
            _ => self,
        }
    }

    /// Names the next command.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Puts a key that can be typed in the place of `KEY`.
    pub fn about_key(mut self, key: &[u8], keyspace: &str) -> Self {
        const MOST: usize = 200;
        let hint = self.0.hint.as_deref().unwrap_or(self.0.code.next);
        let plain = |text: &&str| {
            text.len() <= MOST && !text.starts_with('-') && !text.chars().any(char::is_control)
        };
        let is_place = |word: &str| word.trim_end_matches(',') == "KEY";
        let key = std::str::from_utf8(key).ok().filter(plain);
        let Some(key) = key.filter(|_| hint.split(' ').any(is_place)) else {
            return self;
        };
        let mut typed = match key {
            "DB" | "KEY" => format!("'{key}'"), // or it would be taken for another placeholder
            key => super::report::quoted(key),
        };
        if keyspace != creel::format::key::MAIN_NAME {
            typed.push_str(&format!(" --keyspace {}", super::report::quoted(keyspace)));
        }
        let words = hint
            .split(' ')
            .map(|word| match word.trim_end_matches(',') {
                "KEY" => word.replace("KEY", &typed),
                _ => word.to_owned(),
            });
        self.0.hint = Some(words.collect::<Vec<_>>().join(" "));
        self
    }

    /// Names the file concerned.
    pub fn at(mut self, path: &Path) -> Self {
        self.0.path = Some(path.to_owned());
        self
    }

    /// Names the file concerned unless one is named already.
    pub fn at_if_unknown(mut self, path: Option<&Path>) -> Self {
        if self.0.path.is_none() {
            self.0.path = path.map(Path::to_owned);
        }
        self
    }

    /// Adds a fact for programs.
    pub fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.detail.insert(name.to_owned(), value.into());
        self
    }

    /// The exit status.
    pub fn exit(&self) -> Exit {
        self.0.code.exit
    }

    /// The error code.
    pub fn code(&self) -> &'static Code {
        self.0.code
    }

    /// The parts, for printing.
    pub fn parts(&self) -> &Parts {
        &self.0
    }
}

impl From<creel::Error> for Failure {
    fn from(error: creel::Error) -> Self {
        let mut failure = Failure::new(codes::of(&error), error.to_string());
        let mut source = error.source();
        while let Some(cause) = source {
            failure.0.causes.push(cause.to_string());
            source = cause.source();
        }
        match error {
            creel::Error::Io {
                path: Some(path), ..
            }
            | creel::Error::NotFound { path }
            | creel::Error::Exists { path }
            | creel::Error::NotADatabase { path, .. }
            | creel::Error::Replaced { path }
            | creel::Error::HardLinked { path, .. }
            | creel::Error::NetworkFileSystem { path, .. } => failure.at(&path),
            creel::Error::Corrupt(found) => {
                let failure = failure.detail("invariant", found.id.name());
                let failure = match found.page {
                    Some(page) => failure.detail("page", page),
                    None => failure,
                };
                match found.offset {
                    Some(offset) => failure.detail("offset", offset),
                    None => failure,
                }
            }
            creel::Error::Busy {
                lock,
                holder,
                waited,
            } => busy(failure, lock, holder, waited),
            creel::Error::Limit {
                what,
                actual,
                limit,
            } => {
                let failure = failure.detail("actual", actual).detail("limit", limit);
                match remedy(what) {
                    Some(hint) => failure.hint(hint),
                    None => failure,
                }
            }
            creel::Error::NoKeyspace { name } => failure.detail("keyspace", name),
            _ => failure,
        }
    }
}

/// What to do where something is too large.
fn remedy(what: creel::Bounded) -> Option<&'static str> {
    Some(match what {
        creel::Bounded::KeyLength => {
            "creel info DB --get page_size: a key has at most a quarter of that less 64 bytes; creel open NEW --create \
             --page-size 64KiB takes longer ones"
        }
        creel::Bounded::BatchSize => {
            "make smaller commits, or creel import DB FILE, which has no such limit"
        }
        creel::Bounded::KeyspaceName => "choose a shorter name",
        creel::Bounded::Keyspaces => "creel keyspaces DB lists them; keys with a prefix do as well",
        creel::Bounded::Pages => {
            "larger pages hold more: creel open NEW --create --page-size 64KiB, then export and import"
        }
        _ => return None,
    })
}

/// Adds who holds the lock, and whether that process is still there.
fn busy(
    failure: Failure,
    lock: &str,
    holder: Option<creel::Holder>,
    waited: std::time::Duration,
) -> Failure {
    let waited = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
    let failure = failure.detail("lock", lock).detail("waited_ms", waited);
    let Some(holder) = holder else { return failure };
    let gone = cfg!(target_os = "linux")
        && Path::new("/proc/self").exists()
        && !Path::new("/proc").join(holder.pid.to_string()).exists();
    let failure = failure
        .detail("pid", holder.pid)
        .detail("host", holder.host)
        .detail("command", holder.command)
        .detail("gone", gone);
    if gone {
        let pid = holder.pid;
        return failure
            .state(format!(
                "nothing was changed; process {pid} has ended in the meantime"
            ))
            .hint("try again now");
    }
    failure
}
