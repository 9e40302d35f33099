//! TLS 1.3 around a socket. Reader and writer are separate threads that share the connection's
//! state: nobody holds it while the socket blocks.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::version::TLS13;
use rustls::{ClientConfig, ClientConnection, Connection, RootCertStore};
use rustls::{ServerConfig, ServerConnection};

use super::transport::{Wire, tcp_closer};

/// The handshake ends within this.
const HANDSHAKE: Duration = Duration::from_secs(5);
const RAW: usize = 64 << 10;
/// Plain bytes that are encrypted at once.
const PIECE: usize = 32 << 10;

/// What a side shows: its certificates and the key to the first of them, in PEM.
#[derive(Clone, Copy)]
pub struct Identity<'a> {
    /// Certificates, its own first.
    pub certificates: &'a [u8],
    /// Private key.
    pub key: &'a [u8],
}

/// The listening side.
#[derive(Clone)]
pub struct TlsServer(Arc<ServerConfig>);

/// The connecting side.
#[derive(Clone)]
pub struct TlsClient(Arc<ClientConfig>);

fn bad(what: &str, error: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{what}: {error}"))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn certificates(pem: &[u8]) -> io::Result<Vec<CertificateDer<'static>>> {
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = parsed.map_err(|e| bad("certificates", e))?;
    if certificates.is_empty() {
        return Err(bad("certificates", "none in the file"));
    }
    Ok(certificates)
}

fn roots(pem: &[u8]) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem)? {
        roots
            .add(certificate)
            .map_err(|e| bad("certificate authority", e))?;
    }
    Ok(roots)
}

fn key(pem: &[u8]) -> io::Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|e| bad("private key", e))
}

impl TlsServer {
    /// With its identity; with `client_ca`, only clients with a certificate of it get in.
    pub fn new(identity: Identity<'_>, client_ca: Option<&[u8]>) -> io::Result<TlsServer> {
        let builder = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .map_err(|e| bad("TLS", e))?;
        let builder = match client_ca {
            Some(pem) => {
                let roots = Arc::new(roots(pem)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider());
                let verifier = verifier.build().map_err(|e| bad("client authority", e))?;
                builder.with_client_cert_verifier(verifier)
            }
            None => builder.with_no_client_auth(),
        };
        let mut config = builder
            .with_single_cert(certificates(identity.certificates)?, key(identity.key)?)
            .map_err(|e| bad("certificate", e))?;
        // Connections last; nothing is resumed.
        config.send_tls13_tickets = 0;
        Ok(TlsServer(Arc::new(config)))
    }

    /// Shakes hands with a client.
    pub fn accept(&self, stream: TcpStream) -> io::Result<Wire> {
        let connection = ServerConnection::new(Arc::clone(&self.0)).map_err(|e| bad("TLS", e))?;
        wire(stream, Connection::Server(connection))
    }
}

impl TlsClient {
    /// Trusts servers with a certificate of `ca`; shows `identity` to those that ask.
    pub fn new(ca: &[u8], identity: Option<Identity<'_>>) -> io::Result<TlsClient> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .map_err(|e| bad("TLS", e))?
            .with_root_certificates(roots(ca)?);
        let config = match identity {
            Some(identity) => builder
                .with_client_auth_cert(certificates(identity.certificates)?, key(identity.key)?)
                .map_err(|e| bad("certificate", e))?,
            None => builder.with_no_client_auth(),
        };
        Ok(TlsClient(Arc::new(config)))
    }

    /// Shakes hands with the server of this name or address.
    pub fn connect(&self, stream: TcpStream, host: &str) -> io::Result<Wire> {
        let name = ServerName::try_from(host.to_owned()).map_err(|e| bad("host name", e))?;
        let connection =
            ClientConnection::new(Arc::clone(&self.0), name).map_err(|e| bad("TLS", e))?;
        wire(stream, Connection::Client(connection))
    }
}

fn wire(stream: TcpStream, mut connection: Connection) -> io::Result<Wire> {
    let closer = tcp_closer(&stream)?;
    let peer = stream.peer_addr()?.to_string();
    if let Err(error) = shake_hands(&stream, &mut connection) {
        // The other side is told why, if it still listens.
        let _ = flush(&mut connection, &stream);
        closer.close();
        return Err(error);
    }
    let channel = connection
        .export_keying_material([0u8; 32], b"EXPORTER-creel-stream", None)
        .map_err(|e| bad("TLS", e))?;
    // What came in one piece with the end of the handshake.
    let mut plain = Vec::new();
    drain(&mut connection, &mut plain)?;
    let state = Arc::new(Mutex::new(connection));
    let socket = Arc::new(Mutex::new(stream.try_clone()?));
    Ok(Wire {
        reader: Box::new(TlsReader {
            stream,
            state: Arc::clone(&state),
            socket: Arc::clone(&socket),
            raw: vec![0; RAW],
            plain,
            given: 0,
        }),
        writer: Box::new(TlsWriter { state, socket }),
        closer,
        channel,
        peer,
        patience: std::time::Duration::ZERO,
    })
}

/// Takes the decrypted bytes; true where the other side has said that it sends no more.
fn drain(connection: &mut Connection, plain: &mut Vec<u8>) -> io::Result<bool> {
    let seen = connection
        .process_new_packets()
        .map_err(|e| bad("TLS", e))?;
    let have = plain.len();
    plain.resize(have + seen.plaintext_bytes_to_read(), 0);
    let room = plain.get_mut(have..).unwrap_or_default();
    if !room.is_empty() {
        connection.reader().read_exact(room)?;
    }
    Ok(seen.peer_has_closed())
}

fn flush(connection: &mut Connection, mut stream: &TcpStream) -> io::Result<()> {
    while connection.wants_write() {
        connection.write_tls(&mut stream)?;
    }
    Ok(())
}

fn shake_hands(mut stream: &TcpStream, connection: &mut Connection) -> io::Result<()> {
    let until = Instant::now() + HANDSHAKE;
    loop {
        flush(connection, stream)?;
        if !connection.is_handshaking() {
            return stream.set_read_timeout(None);
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        if connection.read_tls(&mut stream)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        connection
            .process_new_packets()
            .map_err(|e| bad("TLS", e))?;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Encrypts what waits, then writes it. The socket's lock is held all the while, so that records
/// go out in the order in which they were made; the state's is not held while the socket blocks.
fn send(state: &Mutex<Connection>, socket: &Mutex<TcpStream>, plain: &[u8]) -> io::Result<()> {
    let mut socket = lock(socket);
    let mut records = Vec::with_capacity(plain.len() + 256);
    {
        let mut state = lock(state);
        let mut rest = plain;
        while !rest.is_empty() || state.wants_write() {
            if !rest.is_empty() {
                let taken = state.writer().write(rest)?;
                rest = rest.get(taken..).unwrap_or_default();
            }
            while state.wants_write() {
                state.write_tls(&mut records)?;
            }
        }
    }
    socket.write_all(&records)
}

struct TlsReader {
    stream: TcpStream,
    state: Arc<Mutex<Connection>>,
    socket: Arc<Mutex<TcpStream>>,
    raw: Vec<u8>,
    plain: Vec<u8>,
    given: usize,
}

impl TlsReader {
    /// Decrypts received bytes; true where the other side has said that it sends no more.
    fn decrypt(&mut self, got: usize) -> io::Result<bool> {
        let mut ended = false;
        let wants_write = {
            let mut state = lock(&self.state);
            let mut rest = self.raw.get(..got).unwrap_or_default();
            while !rest.is_empty() {
                state.read_tls(&mut rest)?;
                ended |= drain(&mut state, &mut self.plain)?;
            }
            state.wants_write()
        };
        if wants_write {
            // An alert, or new keys.
            send(&self.state, &self.socket, &[])?;
        }
        Ok(ended)
    }
}

impl Read for TlsReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let ready = self.plain.get(self.given..).unwrap_or_default();
            if !ready.is_empty() {
                let count = ready.len().min(out.len());
                for (to, from) in out.iter_mut().zip(ready) {
                    *to = *from;
                }
                self.given += count;
                return Ok(count);
            }
            self.plain.clear();
            self.given = 0;
            let got = self.stream.read(&mut self.raw)?;
            if got == 0 || (self.decrypt(got)? && self.plain.is_empty()) {
                return Ok(0);
            }
        }
    }
}

struct TlsWriter {
    state: Arc<Mutex<Connection>>,
    socket: Arc<Mutex<TcpStream>>,
}

impl Write for TlsWriter {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let piece = buf.get(..buf.len().min(PIECE)).unwrap_or_default();
        send(&self.state, &self.socket, piece)?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
