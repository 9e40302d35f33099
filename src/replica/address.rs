//! Where a copy gets its log from.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A source as it is written on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `tcp://HOST:PORT`
    Tcp(HostPort),
    /// `tls://HOST:PORT`
    Tls(HostPort),
    /// `ssh://[USER@]HOST/PATH`
    Ssh {
        /// What ssh is told to connect to.
        target: String,
        /// Port, where it is not ssh's own.
        port: Option<u16>,
        /// The database there.
        path: String,
    },
    /// `-`: this process's standard input and output.
    Pipe,
    /// Another database file.
    Path(PathBuf),
    /// An object store: `dir:`, `s3://`, `gs://`, `az://`.
    Store(String),
}

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    /// Name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for HostPort {
    type Err = String;

    fn from_str(text: &str) -> Result<HostPort, String> {
        let wanted = || format!("{text:?} is no HOST:PORT");
        let (host, port) = text.rsplit_once(':').ok_or_else(wanted)?;
        let host = match host.strip_prefix('[') {
            Some(inner) => inner.strip_suffix(']').ok_or_else(wanted)?,
            // An address of many colons stands in brackets, or its end would pass for a port.
            None if host.contains(':') => return Err(wanted()),
            None => host,
        };
        let port = port.parse().map_err(|_| wanted())?;
        if host.is_empty() || host.contains(['/', '@', ' ']) {
            return Err(wanted());
        }
        Ok(HostPort {
            host: host.to_owned(),
            port,
        })
    }
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Source, String> {
        if text == "-" {
            return Ok(Source::Pipe);
        }
        if let Some(rest) = text.strip_prefix("tcp://") {
            return Ok(Source::Tcp(rest.parse()?));
        }
        if let Some(rest) = text.strip_prefix("tls://") {
            return Ok(Source::Tls(rest.parse()?));
        }
        if let Some(rest) = text.strip_prefix("ssh://") {
            return ssh(rest);
        }
        let stores = ["dir:", "mem:", "s3://", "gs://", "az://"];
        if stores.iter().any(|scheme| text.starts_with(scheme)) {
            return Ok(Source::Store(text.to_owned()));
        }
        let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
        if !scheme.is_empty()
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric())
            && scheme != "file"
        {
            return Err(format!("{scheme}:// is no kind of source that creel knows"));
        }
        let path = text.strip_prefix("file://").or(text.strip_prefix("file:"));
        let path = path.unwrap_or(text);
        if path.is_empty() {
            return Err("the source is empty".to_owned());
        }
        Ok(Source::Path(path.into()))
    }
}

/// `ssh://host/path` is an absolute path, `ssh://host/~/path` one in the home directory there.
fn ssh(rest: &str) -> Result<Source, String> {
    let wanted = || format!("\"ssh://{rest}\" is no ssh://HOST/PATH");
    let (login, path) = rest.split_once('/').ok_or_else(wanted)?;
    let (user, place) = match login.rsplit_once('@') {
        Some((user, place)) => (Some(user), place),
        None => (None, login),
    };
    let (host, port) = match place.strip_prefix('[') {
        Some(inner) => inner.split_once(']').ok_or_else(wanted)?,
        None => place.split_at(place.find(':').unwrap_or(place.len())),
    };
    let port = match port.strip_prefix(':') {
        Some(port) => Some(port.parse().map_err(|_| wanted())?),
        None if port.is_empty() => None,
        None => return Err(wanted()),
    };
    // ssh takes what begins with a dash for an option.
    let bad = |word: &str| word.is_empty() || word.starts_with('-');
    if bad(host) || user.is_some_and(bad) || login.contains([' ', '\'', '"']) {
        return Err(wanted());
    }
    let path = match path.strip_prefix("~/") {
        Some(path) => path.to_owned(),
        None => format!("/{path}"),
    };
    if path.is_empty() || path == "/" || path.starts_with('-') {
        return Err(wanted());
    }
    Ok(Source::Ssh {
        target: match user {
            Some(user) => format!("{user}@{host}"),
            None => host.to_owned(),
        },
        port,
        path,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Source {
        text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn every_kind_of_source() {
        let local = |port| HostPort {
            host: "localhost".to_owned(),
            port,
        };
        assert_eq!(parse("tcp://localhost:7070"), Source::Tcp(local(7070)));
        assert_eq!(parse("tls://localhost:1"), Source::Tls(local(1)));
        assert_eq!(parse("-"), Source::Pipe);
        assert_eq!(parse("a/b.db"), Source::Path("a/b.db".into()));
        assert_eq!(parse("file:a.db"), Source::Path("a.db".into()));
        assert_eq!(parse("s3://b/p"), Source::Store("s3://b/p".to_owned()));
        let Source::Tcp(six) = parse("tcp://[::1]:80") else {
            panic!();
        };
        assert_eq!(
            (six.host.as_str(), six.to_string()),
            ("::1", "[::1]:80".to_owned())
        );
        let ssh = |target: &str, port, path: &str| Source::Ssh {
            target: target.to_owned(),
            port,
            path: path.to_owned(),
        };
        assert_eq!(parse("ssh://u@h/srv/a.db"), ssh("u@h", None, "/srv/a.db"));
        assert_eq!(parse("ssh://h:22/~/a.db"), ssh("h", Some(22), "a.db"));
        assert_eq!(parse("ssh://a@b@h:2/a"), ssh("a@b@h", Some(2), "/a"));
    }

    /// Its last colon stood for a port, and with a port the brackets stayed, which ssh does not know.
    #[test]
    fn an_address_of_many_colons_reached_ssh_in_brackets() {
        for (text, wanted) in [
            ("ssh://[::1]/a.db", ("::1", None)),
            ("ssh://u@[fe80::1]:22/a.db", ("u@fe80::1", Some(22))),
        ] {
            let Source::Ssh { target, port, .. } = parse(text) else {
                panic!("{text}");
            };
            assert_eq!((target.as_str(), port), wanted, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for bad in [
            "",
            "tcp://localhost",
            "tcp://:7070",
            "tcp://::1:7070",
            "tcp://h:99999",
            "ssh://h",
            "ssh://h/",
            "ssh://-oProxyCommand=x/a",
            "ssh://u@-oProxyCommand=x/a",
            "ssh://@h/a",
            "ssh://::1/a",
            "ssh://[::1/a",
            "ssh://[::1]22/a",
            "ssh://h:ssh/a",
            "ftp://h/x",
        ] {
            assert!(bad.parse::<Source>().is_err(), "{bad}");
        }
    }
}
