//! S3: a create has `If-None-Match: *`, and what is not there can be removed.

use creel::chain::store::{Created, Store, StoreError};

use super::answer::{self, Answer, Target};
use super::http::Message;
use super::server::BUCKET;

pub fn answer(request: &Message, store: &dyn Store) -> Result<Answer, StoreError> {
    let target = Target::of(request);
    let Some(inner) = target.path.strip_prefix(&format!("/{BUCKET}")) else {
        return Ok(Answer::error(404, "NoSuchBucket"));
    };
    let key = inner.trim_start_matches('/');
    let create = request.headers.get("if-none-match");
    Ok(match target.method.as_str() {
        "GET" if key.is_empty() => answer::list(&target, BUCKET, store)?,
        "PUT" if create.is_some_and(|v| v == "*") => match store.create(key, &request.body)? {
            Created::Created => Answer::stored(200, &request.body),
            Created::Exists => Answer::error(412, "PreconditionFailed"),
        },
        "PUT" => {
            store.put(key, &request.body)?;
            Answer::stored(200, &request.body)
        }
        "GET" | "HEAD" => answer::read(request, key, "NoSuchKey", store)?,
        "DELETE" => {
            store.delete(key)?;
            Answer::new(204)
        }
        _ => Answer::error(405, "MethodNotAllowed"),
    })
}
