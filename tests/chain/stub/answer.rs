//! What all dialects answer alike.

use std::collections::BTreeMap;

use creel::chain::store::{MAX_OBJECT, Store, StoreError};

use super::http::{self, Message};

/// An answer before it has its length.
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

const DATE_HTTP: &str = "Thu, 26 Nov 2026 10:00:00 GMT";
const DATE_XML: &str = "2026-11-26T10:00:00.000Z";

impl Answer {
    pub fn new(status: u16) -> Answer {
        Answer {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub fn error(status: u16, code: &str) -> Answer {
        let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code></Error>");
        Answer::xml(status, body)
    }

    pub fn xml(status: u16, body: String) -> Answer {
        let kind = ("Content-Type", "application/xml".to_owned());
        Answer {
            headers: vec![kind],
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

    /// An object was written.
    pub fn stored(status: u16, body: &[u8]) -> Answer {
        let mut answer = Answer::new(status);
        answer.headers.push(("ETag", etag(body)));
        answer
    }
}

fn etag(bytes: &[u8]) -> String {
    format!("\"{}\"", &blake3::hash(bytes).to_hex()[..32])
}

/// Where a request goes.
pub struct Target {
    pub method: String,
    /// Decoded, with a slash in front.
    pub path: String,
    /// Decoded, by name.
    pub query: BTreeMap<String, String>,
}

impl Target {
    pub fn of(request: &Message) -> Target {
        let mut words = request.line.split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap_or("/"));
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        Target {
            method: method.to_owned(),
            path: http::decode_path(path),
            query: pairs
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (http::decode(name), http::decode(value))
                })
                .collect(),
        }
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }
}

/// GET or HEAD of an object, or of a part of it.
pub fn read(
    request: &Message,
    key: &str,
    absent: &str,
    store: &dyn Store,
) -> Result<Answer, StoreError> {
    let range = request.headers.get("range");
    Ok(match (store.get(key, MAX_OBJECT)?, range) {
        (None, _) => Answer::error(404, absent),
        (Some(bytes), None) => Answer::object(200, bytes),
        (Some(bytes), Some(range)) => part(&bytes, range),
    })
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

/// The second listing of S3, which Google has too.
pub fn list(target: &Target, bucket: &str, store: &dyn Store) -> Result<Answer, StoreError> {
    assert_eq!(target.field("list-type"), Some("2"));
    let prefix = target.field("prefix").unwrap_or_default();
    let token = target
        .field("continuation-token")
        .or_else(|| target.field("start-after"));
    let most = target
        .field("max-keys")
        .map_or(1000, |k| k.parse().unwrap());
    let names = store.list_after(prefix, token.unwrap_or_default(), most)?;
    let cut = names.len() == most;
    let mut xml = format!(
        "<?xml version=\"1.0\"?><ListBucketResult><Name>{bucket}</Name><Prefix>{prefix}</Prefix>\
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
    Ok(Answer::xml(200, xml))
}
