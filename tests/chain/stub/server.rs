//! The server: one thread a connection.

use std::io::{self, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use creel::chain::store::{Created, MAX_OBJECT, Store, StoreError};

use super::http::{self, Message};

/// The only bucket.
pub const BUCKET: &str = "bucket";

/// A server on a port of its own; it ends with this value.
#[derive(Debug)]
pub struct Stub {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    requests: Arc<AtomicU64>,
}

impl Stub {
    /// Serves a store as the bucket `bucket`. Its errors become 503, or a closed connection.
    pub fn start(store: Arc<dyn Store>) -> Stub {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stub = Stub {
            address: listener.local_addr().unwrap(),
            stop: Arc::default(),
            requests: Arc::default(),
        };
        let (stop, requests) = (Arc::clone(&stub.stop), Arc::clone(&stub.requests));
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let (store, requests) = (Arc::clone(&store), Arc::clone(&requests));
                std::thread::spawn(move || {
                    let _ = serve(connection?, &*store, &requests);
                    io::Result::Ok(())
                });
            }
        });
        stub
    }

    /// A server that somebody else runs.
    #[cfg(feature = "cloud")]
    pub fn elsewhere(address: SocketAddr) -> Stub {
        Stub {
            address,
            stop: Arc::default(),
            requests: Arc::default(),
        }
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Requests so far.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address); // wakes the listener
    }
}

struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn new(status: u16) -> Answer {
        Answer {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    fn error(status: u16, code: &str) -> Answer {
        let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code></Error>");
        Answer {
            body: body.into_bytes(),
            ..Answer::new(status)
        }
    }

    fn object(status: u16, body: Vec<u8>) -> Answer {
        let mut answer = Answer::new(status);
        answer.headers.push(("ETag", etag(&body)));
        answer.headers.push(("Last-Modified", DATE_HTTP.to_owned()));
        answer.body = body;
        answer
    }
}

const DATE_HTTP: &str = "Thu, 26 Nov 2026 10:00:00 GMT";
const DATE_XML: &str = "2026-11-26T10:00:00.000Z";

fn etag(bytes: &[u8]) -> String {
    format!("\"{}\"", &blake3::hash(bytes).to_hex()[..32])
}

fn serve(mut connection: TcpStream, store: &dyn Store, requests: &AtomicU64) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut reader = BufReader::new(connection.try_clone()?);
    while let Some(request) = http::read(&mut reader, false)? {
        let count = requests.fetch_add(1, Ordering::Relaxed);
        let head = request.line.starts_with("HEAD ");
        let answer = match answer(&request, store) {
            Ok(answer) => answer,
            // Half of the failures are answers that never come.
            Err(_) if count.is_multiple_of(2) => return Ok(()),
            Err(_) => Answer::error(503, "SlowDown"),
        };
        let mut text = format!("HTTP/1.1 {} X\r\n", answer.status);
        for (name, value) in &answer.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if answer.status != 204 {
            text.push_str(&format!("Content-Length: {}\r\n", answer.body.len()));
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        if !head && answer.status != 204 {
            bytes.extend_from_slice(&answer.body);
        }
        connection.write_all(&bytes)?;
    }
    Ok(())
}

fn answer(request: &Message, store: &dyn Store) -> Result<Answer, StoreError> {
    let mut words = request.line.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap_or("/"));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let path = http::decode(path);
    let Some(inner) = path.strip_prefix(&format!("/{BUCKET}")) else {
        return Ok(Answer::error(404, "NoSuchBucket"));
    };
    let key = inner.trim_start_matches('/');
    if method == "GET" && key.is_empty() {
        return list(query, store);
    }
    let absent = || Answer::error(404, "NoSuchKey");
    Ok(match method {
        "PUT"
            if request
                .headers
                .get("if-none-match")
                .is_some_and(|v| v == "*") =>
        {
            match store.create(key, &request.body)? {
                Created::Created => stored(&request.body),
                Created::Exists => Answer::error(412, "PreconditionFailed"),
            }
        }
        "PUT" => {
            store.put(key, &request.body)?;
            stored(&request.body)
        }
        "GET" => match (store.get(key, MAX_OBJECT)?, request.headers.get("range")) {
            (None, _) => absent(),
            (Some(bytes), None) => Answer::object(200, bytes),
            (Some(bytes), Some(range)) => part(&bytes, range),
        },
        "HEAD" => match store.get(key, MAX_OBJECT)? {
            None => Answer::new(404),
            Some(bytes) => Answer::object(200, bytes),
        },
        "DELETE" => {
            store.delete(key)?;
            Answer::new(204)
        }
        _ => Answer::error(405, "MethodNotAllowed"),
    })
}

fn stored(body: &[u8]) -> Answer {
    let mut answer = Answer::new(200);
    answer.headers.push(("ETag", etag(body)));
    answer
}

fn part(bytes: &[u8], range: &str) -> Answer {
    let range = range.strip_prefix("bytes=").unwrap();
    let (from, to) = range.split_once('-').unwrap();
    let from: usize = from.parse().unwrap();
    let to = to
        .parse()
        .map_or(bytes.len(), |to: usize| to + 1)
        .min(bytes.len());
    if from >= bytes.len() {
        return Answer::error(416, "InvalidRange");
    }
    let mut answer = Answer::object(206, bytes[from..to].to_vec());
    let place = format!("bytes {from}-{}/{}", to - 1, bytes.len());
    answer.headers.push(("Content-Range", place));
    answer
}

fn list(query: &str, store: &dyn Store) -> Result<Answer, StoreError> {
    let field = |name: &str| {
        let pair = query
            .split('&')
            .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        pair.map(http::decode)
    };
    let prefix = field("prefix").unwrap_or_default();
    let token = field("continuation-token").or_else(|| field("start-after"));
    let most = field("max-keys").map_or(1000, |keys| keys.parse().unwrap());
    let names = store.list_after(&prefix, &token.unwrap_or_default(), most)?;
    let cut = names.len() == most;
    let mut xml = format!(
        "<?xml version=\"1.0\"?><ListBucketResult><Name>{BUCKET}</Name><Prefix>{prefix}</Prefix>\
         <KeyCount>{}</KeyCount><MaxKeys>{most}</MaxKeys><IsTruncated>{cut}</IsTruncated>",
        names.len()
    );
    for name in &names {
        xml.push_str(&format!(
            "<Contents><Key>{name}</Key><LastModified>{DATE_XML}</LastModified>\
             <ETag>\"0\"</ETag><Size>1</Size><StorageClass>STANDARD</StorageClass></Contents>"
        ));
    }
    if let (true, Some(last)) = (cut, names.last()) {
        xml.push_str(&format!(
            "<NextContinuationToken>{last}</NextContinuationToken>"
        ));
    }
    xml.push_str("</ListBucketResult>");
    let mut answer = Answer::new(200);
    answer
        .headers
        .push(("Content-Type", "application/xml".to_owned()));
    answer.body = xml.into_bytes();
    Ok(answer)
}
