//! Azure Blob Storage: the account is in the path, a create that finds something is answered with 409
//! or with 412, listings begin with the name they are given, and objects are removed in batches.

use creel::chain::store::{Created, Store, StoreError};

use super::answer::{self, Answer, Target};
use super::http::Message;
use super::server::BUCKET;

/// The account, and the key that signs for it.
pub const ACCOUNT: &str = "account";
pub const KEY: &str = "YSBrZXkgb2YgdGhlIHN0dWI=";

/// `front`: listings begin at the front whatever they are asked, as older services do.
pub fn answer(
    request: &Message,
    count: u64,
    front: bool,
    store: &dyn Store,
) -> Result<Answer, StoreError> {
    let header = |name: &str| request.headers.get(name).map(String::as_str);
    let signed = format!("SharedKey {ACCOUNT}:");
    if !header("authorization").is_some_and(|shown| shown.starts_with(&signed)) {
        return Ok(Answer::error(403, "AuthenticationFailed"));
    }
    let dated = header("x-ms-date").or(header("date"));
    if header("x-ms-version").is_none() || dated.is_none() {
        return Ok(Answer::error(400, "MissingRequiredHeader"));
    }
    let target = Target::of(request);
    let Some(inner) = target.path.strip_prefix(&format!("/{ACCOUNT}/{BUCKET}")) else {
        return Ok(Answer::error(404, "ContainerNotFound"));
    };
    let key = inner.trim_start_matches('/');
    let of_container = target.field("restype") == Some("container");
    Ok(match (target.method.as_str(), target.field("comp")) {
        ("GET", Some("list")) if of_container => list(&target, front, store)?,
        ("POST", Some("batch")) if of_container => batch(request, store),
        ("PUT", None) if header("x-ms-blob-type") != Some("BlockBlob") => {
            Answer::error(400, "InvalidHeaderValue")
        }
        ("PUT", None) if header("if-none-match") == Some("*") => {
            match store.create(key, &request.body)? {
                Created::Created => Answer::stored(201, &request.body),
                Created::Exists if count.is_multiple_of(2) => {
                    Answer::error(409, "BlobAlreadyExists")
                }
                Created::Exists => Answer::error(412, "ConditionNotMet"),
            }
        }
        ("PUT", None) => {
            store.put(key, &request.body)?;
            Answer::stored(201, &request.body)
        }
        ("GET" | "HEAD", None) => answer::read(request, key, "BlobNotFound", store)?,
        _ => Answer::error(405, "UnsupportedHttpVerb"),
    })
}

/// `startFrom` is the first name that may come; a marker is the last one that came.
fn list(target: &Target, front: bool, store: &dyn Store) -> Result<Answer, StoreError> {
    let prefix = target.field("prefix").unwrap_or_default();
    let most = target
        .field("maxresults")
        .map_or(5000, |m| m.parse().unwrap());
    let first = target.field("startFrom").filter(|_| !front);
    let mut names = Vec::new();
    let mut after = target.field("marker").unwrap_or_default().to_owned();
    if let (true, Some(first)) = (after.is_empty(), first) {
        let named = store.list_after(first, "", 1)?;
        if first.starts_with(prefix) && named.first().is_some_and(|name| name == first) {
            names.push(first.to_owned());
        }
        after = first.to_owned();
    }
    while names.len() < most {
        let more = store.list_after(prefix, &after, (most - names.len()).min(1000))?;
        let Some(last) = more.last() else { break };
        after.clone_from(last);
        names.extend(more);
    }
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults ContainerName=\"{BUCKET}\">\
         <Prefix>{prefix}</Prefix><MaxResults>{most}</MaxResults><Blobs>"
    );
    for name in &names {
        xml.push_str(&format!(
            "<Blob><Name>{name}</Name><Properties><Last-Modified>Thu, 26 Nov 2026 10:00:00 GMT\
             </Last-Modified><Etag>0x8D</Etag><Content-Length>1</Content-Length><Content-Type>\
             application/octet-stream</Content-Type><BlobType>BlockBlob</BlobType></Properties></Blob>"
        ));
    }
    xml.push_str("</Blobs><NextMarker>");
    if let (true, Some(last)) = (names.len() == most, names.last()) {
        xml.push_str(last);
    }
    xml.push_str("</NextMarker></EnumerationResults>");
    Ok(Answer::xml(200, xml))
}

/// Requests in one request, each with an answer of its own.
fn batch(request: &Message, store: &dyn Store) -> Answer {
    let kind = request.headers.get("content-type").unwrap();
    let boundary = kind.strip_prefix("multipart/mixed; boundary=").unwrap();
    let text = std::str::from_utf8(&request.body).unwrap();
    let mut body = String::new();
    for (id, part) in text.split(&format!("--{boundary}\r\n")).skip(1).enumerate() {
        let line = part.lines().find(|line| line.starts_with("DELETE "));
        let path = line.unwrap().split(' ').nth(1).unwrap();
        let key = path.strip_prefix(&format!("/{ACCOUNT}/{BUCKET}/")).unwrap();
        let removed = store.head(key).and_then(|found| match found {
            Some(_) => store.delete(key).map(|()| "202 Accepted"),
            None => Ok("404 The specified blob does not exist."),
        });
        let status = removed.unwrap_or("503 The server is busy.");
        body.push_str(&format!(
            "--answers\r\nContent-Type: application/http\r\nContent-ID: {id}\r\n\r\n\
             HTTP/1.1 {status}\r\nx-ms-version: 2023-11-03\r\n\r\n\r\n"
        ));
    }
    body.push_str("--answers--\r\n");
    let mut answer = Answer::new(202);
    let kind = "multipart/mixed; boundary=answers".to_owned();
    answer.headers.push(("Content-Type", kind));
    answer.body = body.into_bytes();
    answer
}
