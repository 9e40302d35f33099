//! Where a copy gets its log from, and how to get there.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use creel::replica::acks::status_over;
use creel::replica::address::Source;
use creel::replica::dial::{DialOptions, Dialer, dial};
use creel::replica::live::Status;
use creel::replica::path::WhenGone;
use creel::replica::relief::Relief;
use creel::replica::remote::RemotePrimary;
use creel::replica::slot::Slot;
use creel::replica::state::State;
use creel::stream::follow::FollowOptions;
use creel::stream::stop::Stop;
use creel::{Db, Position};

use super::stream::{node_name, stdio, token};
use crate::cli::{Failure, codes, report, words};

/// What to do where the source's log does not reach back to the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Reseed {
    /// End with status 11
    Never,
    /// Take a new copy
    Auto,
    /// Take a new copy now, also where the histories parted: commits that only the old copy has
    /// are lost
    Force,
}

/// The source and how to reach it.
#[derive(Debug, Clone, Args)]
pub struct SourceArgs {
    /// The source: a database file, a store (dir:PATH, s3://BUCKET/PREFIX, gs://, az://), tcp://HOST:PORT,
    /// tls://HOST:PORT, ssh://HOST/PATH, or - for standard input and output [default: what the copy was made from]
    #[arg(long, value_name = "SOURCE")]
    from: Option<String>,
    /// Prove with the token in this file that this copy may follow (mode 0600)
    #[arg(long, value_name = "FILE")]
    from_token_file: Option<PathBuf>,
    /// For tls://: the authority whose certificate the source has, PEM
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
    /// For tls://: certificate to show, PEM; with --from-tls-key
    #[arg(long, value_name = "FILE", requires = "from_tls_key")]
    from_tls_cert: Option<PathBuf>,
    /// For tls://: private key of that certificate, PEM
    #[arg(long, value_name = "FILE", requires = "from_tls_cert")]
    from_tls_key: Option<PathBuf>,
    /// For ssh://: the program and its options, quoted as for a shell [default: $CREEL_SSH, else ssh]
    #[arg(long, value_name = "COMMAND")]
    ssh: Option<String>,
    /// For ssh://: where creel is on the other machine; ~/ is the home directory there [default: creel]
    #[arg(long, value_name = "PATH")]
    remote_creel: Option<String>,
}

/// Another source of the same log.
#[derive(Debug, Clone, Default, Args)]
pub struct OtherArg {
    /// Where --from delivers something damaged, go on from here: a store that the primary publishes to, a server, or
    /// another file
    #[arg(long, value_name = "SOURCE")]
    other: Option<String>,
}

impl OtherArg {
    /// The way there; tokens and certificates are those of the first source.
    pub fn relief(
        &self,
        source: &SourceArgs,
        (slot, state, stop): (&Arc<Slot>, &Arc<State>, &Arc<Stop>),
    ) -> Result<Option<Relief>, Failure> {
        let Some(args) = self.beside(source)? else {
            return Ok(None);
        };
        Ok(Some(Relief {
            source: args.source()?,
            options: args.options(slot.path())?,
            slot: Arc::clone(slot),
            state: Arc::clone(state),
            stop: Arc::clone(stop),
        }))
    }

    /// True where there is one.
    pub fn is_given(&self) -> bool {
        self.other.is_some()
    }

    /// It as a source.
    pub fn beside(&self, source: &SourceArgs) -> Result<Option<SourceArgs>, Failure> {
        let Some(other) = &self.other else {
            return Ok(None);
        };
        let args = SourceArgs {
            from: Some(other.clone()),
            ..source.clone()
        };
        match args.source()? {
            Source::Pipe => Err(Failure::usage("a pipe cannot be the other source")
                .hint("a store, tcp://, tls://, ssh:// or a file")),
            _ => Ok(Some(args)),
        }
    }
}

/// A token that is refused will be refused again.
fn not_asked(error: &io::Error) -> Failure {
    let code = match error.kind() {
        io::ErrorKind::PermissionDenied => &codes::UNAUTHORISED,
        _ => &codes::UNREACHABLE,
    };
    Failure::new(code, format!("cannot ask the source: {error}"))
}

impl SourceArgs {
    /// Where no source is given: the one that the copy has stored.
    pub fn resolve(&mut self, copy: Option<&Db>) -> Result<(), Failure> {
        if self.from.is_none() {
            let stored = copy.map(Db::facts).transpose()?.map(|facts| facts.source);
            self.from = stored.filter(|source| !source.is_empty());
        }
        match self.from {
            Some(_) => Ok(()),
            None => Err(Failure::usage("no source is known").hint("--from SOURCE")),
        }
    }

    /// As it was given.
    pub fn from(&self) -> &str {
        self.from.as_deref().unwrap_or_default()
    }

    /// The source.
    pub fn source(&self) -> Result<Source, Failure> {
        self.from().parse().map_err(|text: String| {
            Failure::usage(text).hint("tcp://HOST:PORT, tls://HOST:PORT, ssh://HOST/PATH or -")
        })
    }

    fn options(&self, path: &Path) -> Result<DialOptions, Failure> {
        Ok(DialOptions {
            token: self.from_token_file.as_deref().map(token).transpose()?,
            #[cfg(feature = "tls")]
            tls: self.tls()?,
            ssh: self.ssh()?,
            remote_creel: self.remote_creel.clone().unwrap_or_default(),
            name: node_name(path),
        })
    }

    /// The program for ssh://, with its options.
    fn ssh(&self) -> Result<Vec<String>, Failure> {
        let (text, whose) = match &self.ssh {
            Some(text) => (text.clone(), "--ssh"),
            None => match std::env::var_os("CREEL_SSH")
                .unwrap_or_default()
                .into_string()
            {
                Ok(text) => (text, "CREEL_SSH"),
                Err(_) => return Err(Failure::usage("CREEL_SSH is no UTF-8")),
            },
        };
        words::split(&text).map_err(|why| {
            Failure::usage(format!("{whose}: {why}")).hint("for example: ssh -i 'my key' -p 2222")
        })
    }

    #[cfg(feature = "tls")]
    fn tls(&self) -> Result<Option<creel::stream::tls::TlsClient>, Failure> {
        use super::stream::read;
        use creel::stream::tls::{Identity, TlsClient};
        let Some(ca) = &self.tls_ca else {
            return Ok(None);
        };
        let pem = read(ca)?;
        let shown = match (&self.from_tls_cert, &self.from_tls_key) {
            (Some(cert), Some(key)) => {
                creel::sys::machine::hide_memory();
                Some((read(cert)?, read(key)?))
            }
            _ => None,
        };
        let identity = shown
            .as_ref()
            .map(|(certificates, key)| Identity { certificates, key });
        let client = TlsClient::new(&pem, identity);
        client
            .map(Some)
            .map_err(|e| Failure::usage(e.to_string()).at(ca))
    }

    /// What is given here, else what a copy has stored.
    pub fn or_stored(&self, stored: &str) -> Option<String> {
        let stored = || Some(stored.to_owned()).filter(|source| !source.is_empty());
        self.from.clone().or_else(stored)
    }

    /// True where a source is given.
    pub fn is_given(&self) -> bool {
        self.from.is_some()
    }

    /// Asks the server of a source how it stands, and whether it has what a copy holds.
    pub fn ask(
        &self,
        source: &Source,
        path: &Path,
        here: &Position,
    ) -> Result<(Status, Option<bool>), Failure> {
        let options = self.options(path)?;
        let asked = dial(source, &options).and_then(|wire| status_over(wire, options.token, here));
        asked.map_err(|e| not_asked(&e))
    }

    /// The primary that a server serves.
    pub fn primary(&self, source: &Source, path: &Path) -> Result<RemotePrimary, Failure> {
        let options = self.options(path)?;
        let asked =
            dial(source, &options).and_then(|wire| RemotePrimary::open(wire, options.token));
        asked.map_err(|e| not_asked(&e))
    }

    /// The address, where it is an object store.
    pub fn store(&self) -> Result<Option<String>, Failure> {
        Ok(match self.source()? {
            Source::Store(address) => Some(address),
            _ => None,
        })
    }

    /// Connections of the copy in the slot. `tell`: say on standard error what happens.
    pub fn dialer(
        &self,
        slot: &Arc<Slot>,
        state: &Arc<State>,
        tell: bool,
    ) -> Result<Dialer, Failure> {
        let source = self.source()?;
        if matches!(source, Source::Path(_) | Source::Store(_)) {
            return Err(Failure::usage(format!("{} is no stream", self.from()))
                .hint("creel replicate serve on the other side, then tcp://, tls:// or ssh://"));
        }
        if matches!(source, Source::Tls(_)) && self.tls_ca.is_none() {
            return Err(Failure::usage("a tls:// source needs --tls-ca")
                .hint("the certificate authority that issued the source's certificate"));
        }
        let pipe = (source == Source::Pipe).then(stdio);
        let options = self.options(slot.path())?;
        let from = self.from().to_owned();
        let told = move |text: &str| {
            if tell {
                report::stderr(&format!(
                    "{}\n",
                    report::printable(&format!("{from}: {text}"))
                ));
            }
        };
        let dialer = Dialer::new(
            source,
            options,
            Arc::clone(slot),
            Arc::clone(state),
            Box::new(told),
        );
        let mut dialer = dialer.map_err(|e: io::Error| {
            Failure::file("get random bytes from", Path::new("the system"), &e)
        })?;
        dialer.pipe = pipe;
        Ok(dialer)
    }

    /// Standard output belongs to the stream.
    pub fn takes_stdout(&self) -> bool {
        self.from() == "-"
    }
}

impl Reseed {
    /// As following a file takes it.
    pub fn when_gone(self) -> WhenGone {
        match self {
            Reseed::Never => WhenGone::Refuse,
            Reseed::Auto => WhenGone::Reseed,
            Reseed::Force => WhenGone::ReseedNow,
        }
    }

    /// As the stream takes it.
    pub fn options(self) -> FollowOptions {
        FollowOptions {
            reseed: self != Reseed::Never,
            reseed_diverged: self == Reseed::Force,
            reseed_first: self == Reseed::Force,
            ..FollowOptions::default()
        }
    }
}
