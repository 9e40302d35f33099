//! Google Cloud Storage, its XML interface: a create asks for generation 0, other conditions are not
//! looked at, and removing what is not there is an error.

use creel::chain::store::{Created, Store, StoreError};

use super::answer::{self, Answer, Target};
use super::http::Message;
use super::server::BUCKET;

/// What a client has to show.
pub const TOKEN: &str = "a-token-of-google";

pub fn answer(request: &Message, count: u64, store: &dyn Store) -> Result<Answer, StoreError> {
    let shown = request.headers.get("authorization");
    let allowed = [format!("Bearer {TOKEN}"), "Bearer emulator".to_owned()];
    if !shown.is_some_and(|shown| allowed.contains(shown)) {
        return Ok(Answer::error(401, "AuthenticationRequired"));
    }
    let target = Target::of(request);
    let Some(inner) = target.path.strip_prefix(&format!("/{BUCKET}")) else {
        return Ok(Answer::error(404, "NoSuchBucket"));
    };
    let key = inner.trim_start_matches('/');
    let condition = request.headers.get("x-goog-if-generation-match");
    Ok(match target.method.as_str() {
        "GET" if key.is_empty() => answer::list(&target, BUCKET, store)?,
        "PUT" => match condition.map(String::as_str) {
            None => {
                store.put(key, &request.body)?;
                stored(request, count)
            }
            Some("0") => match store.create(key, &request.body)? {
                Created::Created => stored(request, count),
                Created::Exists => Answer::error(412, "PreconditionFailed"),
            },
            Some(_) => Answer::error(412, "PreconditionFailed"),
        },
        "GET" | "HEAD" => answer::read(request, key, "NoSuchKey", store)?,
        "DELETE" => match store.head(key)? {
            Some(_) => {
                store.delete(key)?;
                Answer::new(204)
            }
            None => Answer::error(404, "NoSuchKey"),
        },
        _ => Answer::error(405, "MethodNotAllowed"),
    })
}

fn stored(request: &Message, count: u64) -> Answer {
    let mut answer = Answer::stored(200, &request.body);
    let generation = (1_700_000_000_000_000 + count).to_string();
    answer.headers.push(("x-goog-generation", generation));
    answer
}
