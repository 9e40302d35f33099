//! What listening and connecting commands share: tokens, certificates, signals.

use std::fs;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use creel::stream::auth::{TOKEN_MAX, TOKEN_MIN, TokenKey};
use creel::stream::server::Dress;
use creel::stream::stop::Stop;
use creel::stream::transport::{Wire, pipes};

use crate::cli::{Failure, signals};

/// What the other side must know or show.
#[derive(Debug, Clone, Args)]
pub struct ListenArgs {
    /// Certificate to show to followers, PEM; with --tls-key
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Private key of that certificate, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Let only followers in that have a certificate of this authority, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    client_ca: Option<PathBuf>,
    /// Let only followers in that know the token in this file (mode 0600)
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Listen beyond this machine without encryption, or let anybody in
    #[arg(long)]
    insecure: bool,
}

/// Reads a file that should be there.
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|e| Failure::file("read", path, &e))
}

/// Reads a token; others must not be able to.
pub fn token(path: &Path) -> Result<TokenKey, Failure> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let found = fs::metadata(path).map_err(|e| Failure::file("read", path, &e))?;
        if found.is_file() && found.permissions().mode() & 0o077 != 0 {
            return Err(Failure::usage(format!(
                "others may read the token file {}",
                path.display()
            ))
            .hint(format!("chmod 600 {}", path.display())));
        }
    }
    creel::sys::machine::hide_memory();
    let bytes = read(path)?;
    let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    TokenKey::new(text).ok_or_else(|| {
        Failure::usage(format!(
            "a token has {TOKEN_MIN} to {TOKEN_MAX} bytes, not {}",
            text.len()
        ))
        .hint("head -c 32 /dev/urandom | base64 > FILE; chmod 600 FILE")
    })
}

/// Resolves an address to listen on.
fn addresses(text: &str) -> Result<Vec<SocketAddr>, Failure> {
    let found = text.to_socket_addrs().map(Iterator::collect::<Vec<_>>);
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(
            Failure::usage(format!("{text:?} is no address to listen on"))
                .hint("for example 127.0.0.1:7070; port 0 lets the system choose"),
        ),
    }
}

fn bind(text: &str, addresses: &[SocketAddr]) -> Result<TcpListener, Failure> {
    TcpListener::bind(addresses).map_err(|e| Failure::file("listen on", Path::new(text), &e))
}

/// Binds a listener that only this machine reaches.
pub fn bind_local(text: &str) -> Result<TcpListener, Failure> {
    let found = addresses(text)?;
    if found.iter().any(|address| !address.ip().is_loopback()) {
        return Err(Failure::usage(format!("{text} is reached from other machines"))
            .hint("health checks and metrics are for 127.0.0.1 and [::1]; a proxy may stand before them"));
    }
    bind(text, &found)
}

impl ListenArgs {
    /// The token.
    pub fn token(&self) -> Result<Option<TokenKey>, Failure> {
        self.token_file.as_deref().map(token).transpose()
    }

    /// Nobody has to show who it is.
    pub fn is_open(&self) -> bool {
        self.client_ca.is_none() && self.token_file.is_none()
    }

    /// Followers show nothing, and that the network is trusted was not said either.
    pub fn is_strange(&self) -> bool {
        self.is_open() && !self.insecure
    }

    /// The scheme that followers use.
    pub fn scheme(&self) -> &'static str {
        if self.tls_cert.is_some() {
            "tls"
        } else {
            "tcp"
        }
    }

    /// Binds the listener, if that is safe or was asked for in so many words.
    pub fn bind(&self, text: &str) -> Result<TcpListener, Failure> {
        let found = addresses(text)?;
        let local = found.iter().all(|address| address.ip().is_loopback());
        let checked = self.client_ca.is_some() || self.token_file.is_some();
        let encrypted = self.tls_cert.is_some() && checked;
        if !(local || self.insecure || encrypted) {
            return Err(Failure::usage(format!(
                "{text} is reached from other machines: anybody there could read the database"
            ))
            .hint(
                "give --tls-cert and --tls-key with --client-ca or --token-file; \
                 or --insecure on a network that you trust",
            ));
        }
        bind(text, &found)
    }

    /// What makes a connection of a socket.
    #[cfg(feature = "tls")]
    pub fn dress(&self) -> Result<Option<Dress>, Failure> {
        use creel::stream::tls::{Identity, TlsServer};
        let (Some(cert), Some(key)) = (&self.tls_cert, &self.tls_key) else {
            return Ok(None);
        };
        creel::sys::machine::hide_memory();
        let (certificates, key_pem) = (read(cert)?, read(key)?);
        let client_ca = self.client_ca.as_deref().map(read).transpose()?;
        let identity = Identity {
            certificates: &certificates,
            key: &key_pem,
        };
        let server = TlsServer::new(identity, client_ca.as_deref())
            .map_err(|e| Failure::usage(e.to_string()).at(cert))?;
        Ok(Some(Arc::new(move |stream| server.accept(stream))))
    }

    /// What makes a connection of a socket.
    #[cfg(not(feature = "tls"))]
    pub fn dress(&self) -> Result<Option<Dress>, Failure> {
        match &self.tls_cert {
            Some(_) => Err(Failure::usage("this build has no TLS (feature tls)")),
            None => Ok(None),
        }
    }
}

/// This process's standard input and output as a connection. Nothing else may be printed.
pub fn stdio() -> Wire {
    struct Out(io::Stdout);
    impl Write for Out {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            self.0.flush()
        }
    }
    pipes(Box::new(io::stdin()), Box::new(Out(io::stdout())), "-")
}

/// The end is wished when SIGINT or SIGTERM arrives.
pub fn stop_on_signal() -> Result<Arc<Stop>, Failure> {
    let stop = Arc::new(Stop::default());
    let wish = Arc::clone(&stop);
    signals::on_stop(move || wish.request())
        .map_err(|e| Failure::file("watch", Path::new("signals"), &e))?;
    Ok(stop)
}

/// Name of this node, for the other side's people.
pub fn node_name(path: &Path) -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    match host.trim() {
        "" => file.into_owned(),
        host => format!("{host}:{file}"),
    }
}
