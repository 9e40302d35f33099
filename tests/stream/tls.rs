//! Encrypted connections: who gets in, and who does not.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use creel::stream::auth::TokenKey;
use creel::stream::follow::{FollowOptions, Followed, Trouble};
use creel::stream::tls::{Identity, TlsClient, TlsServer};
use creel::stream::transport::tcp;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};

use crate::live::{Copy, Following, Leader, MemConnector, MemSource, options};

/// A certificate authority.
struct Authority(CertifiedIssuer<'static, KeyPair>);

struct Pem {
    certificates: String,
    key: String,
}

impl Pem {
    fn identity(&self) -> Identity<'_> {
        Identity {
            certificates: self.certificates.as_bytes(),
            key: self.key.as_bytes(),
        }
    }
}

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Authority(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    fn issue(&self, name: &str, last_year: i32) -> Pem {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(last_year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Pem {
            certificates: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

fn leader(server: TlsServer, token: Option<&[u8]>) -> Leader {
    let mut options = options();
    options.token = token.and_then(TokenKey::new);
    options.dress = Arc::new(move |stream| server.accept(stream));
    let source = MemSource::default();
    for i in 0..30_000u32 {
        source.write(&i.to_le_bytes());
    }
    Leader::start(source, options, 1 << 20)
}

/// One attempt: the copy, and how it ended.
fn attempt(
    address: SocketAddr,
    client: Option<TlsClient>,
    host: &'static str,
    token: Option<&'static [u8]>,
) -> (Arc<Copy>, Followed) {
    let copy = Arc::default();
    let mut connector = MemConnector::new(address, &copy, 1);
    connector.dial = Box::new(move || {
        let stream = TcpStream::connect(address)?;
        match &client {
            Some(client) => client.connect(stream, host),
            None => tcp(stream),
        }
    });
    connector.config = Box::new(move |config| config.token = token.and_then(TokenKey::new));
    let mut options = FollowOptions::default();
    options.limits.at_head = true;
    let (followed, _) = Following::start(connector, options).join();
    (copy, followed)
}

fn client(authority: &Authority, identity: Option<&Pem>) -> Option<TlsClient> {
    let identity = identity.map(Pem::identity);
    Some(TlsClient::new(authority.pem().as_bytes(), identity).unwrap())
}

fn refused(followed: &Followed) {
    assert_eq!(followed.entries, 0);
    assert!(followed.trouble.is_some(), "{followed:?}");
}

#[test]
fn certificates_on_both_sides() {
    let authority = Authority::new();
    let other = Authority::new();
    let server = authority.issue("localhost", 2099);
    let ca = authority.pem();
    let server = TlsServer::new(server.identity(), Some(ca.as_bytes())).unwrap();
    let leader = leader(server, None);
    let address = leader.address();

    let mine = authority.issue("replica", 2099);
    let (copy, followed) = attempt(address, client(&authority, Some(&mine)), "localhost", None);
    assert_eq!(
        copy.log.lock().unwrap().head(),
        leader.source.head(),
        "{followed:?}"
    );

    // No certificate, one of another authority, one that has expired.
    let (_, followed) = attempt(address, client(&authority, None), "localhost", None);
    refused(&followed);
    let foreign = other.issue("replica", 2099);
    let (_, followed) = attempt(
        address,
        client(&authority, Some(&foreign)),
        "localhost",
        None,
    );
    refused(&followed);
    let expired = authority.issue("replica", 2021);
    let (_, followed) = attempt(
        address,
        client(&authority, Some(&expired)),
        "localhost",
        None,
    );
    refused(&followed);
    // Plain bytes to an encrypted port.
    let (_, followed) = attempt(address, None, "localhost", None);
    refused(&followed);
    leader.finish();
}

#[test]
fn the_server_is_checked_too() {
    let authority = Authority::new();
    let other = Authority::new();
    let outcome = |server: Pem, trusted: &Authority, host| {
        let server = TlsServer::new(server.identity(), None).unwrap();
        let leader = leader(server, None);
        let (_, followed) = attempt(leader.address(), client(trusted, None), host, None);
        leader.finish();
        followed
    };
    let good = outcome(authority.issue("localhost", 2099), &authority, "localhost");
    assert_eq!(good.entries, 30_000);
    for bad in [
        outcome(authority.issue("localhost", 2099), &other, "localhost"),
        outcome(
            authority.issue("localhost", 2099),
            &authority,
            "example.org",
        ),
        outcome(authority.issue("localhost", 2021), &authority, "localhost"),
    ] {
        refused(&bad);
        assert!(matches!(bad.trouble, Some(Trouble::Connect(_))), "{bad:?}");
    }
}

#[test]
fn a_token_inside_tls() {
    let authority = Authority::new();
    let server = authority.issue("localhost", 2099);
    let server = TlsServer::new(server.identity(), None).unwrap();
    let leader = leader(server, Some(b"a token of the test"));
    let address = leader.address();
    let trusted = || client(&authority, None);
    let (_, followed) = attempt(
        address,
        trusted(),
        "localhost",
        Some(b"a token of the test"),
    );
    assert_eq!(followed.entries, 30_000, "{followed:?}");
    let (_, followed) = attempt(
        address,
        trusted(),
        "localhost",
        Some(b"another token of it"),
    );
    refused(&followed);
    let (_, followed) = attempt(address, trusted(), "localhost", None);
    refused(&followed);
    leader.finish();
}
