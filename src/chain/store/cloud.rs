//! S3, Google Cloud Storage and Azure, by the crate `object_store`.
//!
//! It needs an asynchronous runtime: one thread has it, and everybody else sends that thread a
//! request and waits. The client repeats nothing: only the protocol above knows what a lost answer
//! means.

mod client;
mod status;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use object_store::list::PaginatedListOptions;
use object_store::path::Path;
use object_store::{Error, GetOptions, GetRange, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use self::client::{Client, client};
use self::status::noting;
use super::address::Cloud;
use super::{Created, MAX_LIST, Store, StoreError, StoreErrorKind, check_name};

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A bucket, or what begins with a prefix in it.
pub struct CloudStore {
    client: Arc<dyn Client>,
    jobs: UnboundedSender<Job>,
    address: String,
    prefix: String,
}

impl std::fmt::Debug for CloudStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("CloudStore").field(&self.address).finish()
    }
}

impl CloudStore {
    /// Connects to nothing yet. Credentials and endpoints come from the environment, as the
    /// providers' own tools take them.
    pub fn open(cloud: Cloud, bucket: &str, prefix: &str) -> Result<CloudStore, StoreError> {
        let mut address = format!("{}://{bucket}", cloud.scheme());
        let prefix = match prefix {
            "" => String::new(),
            prefix => {
                address.push('/');
                address.push_str(prefix);
                format!("{prefix}/")
            }
        };
        // Another part of the program may have chosen the same one before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = client(cloud, bucket)
            .map_err(|e| StoreError::new(StoreErrorKind::Invalid, "open", &address, chain(&e)))?;
        let jobs = runtime()
            .map_err(|e| StoreError::new(StoreErrorKind::Io, "start a thread for", &address, e))?;
        Ok(CloudStore {
            client,
            jobs,
            address,
            prefix,
        })
    }

    fn path(&self, doing: &'static str, name: &str) -> Result<Path, StoreError> {
        check_name(doing, name)?;
        Path::parse(format!("{}{name}", self.prefix))
            .map_err(|e| StoreError::new(StoreErrorKind::Invalid, doing, name, e))
    }

    /// Runs a request on the thread that has the runtime, and waits for it.
    fn run<T: Send + 'static>(
        &self,
        doing: &'static str,
        name: &str,
        request: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = sync_channel(1);
        let job = Box::pin(async move {
            // Whoever asked is waiting.
            let _ = answer.send(request.await);
        });
        let gone = || StoreError::new(StoreErrorKind::Io, doing, name, "the client has ended");
        self.jobs.send(job).map_err(|_| gone())?;
        let answer = answered.recv().map_err(|_| gone())?;
        answer.map_err(|failure| match failure {
            Failure::Store(error, status) => {
                StoreError::new(kind_of(&error, status), doing, name, chain(&error))
            }
            Failure::TooLarge(bytes) => {
                let detail = format!("{bytes} bytes");
                StoreError::new(StoreErrorKind::TooLarge, doing, name, detail)
            }
        })
    }
}

enum Failure {
    /// With the status of the answer, where the error may not tell it.
    Store(Error, u16),
    TooLarge(u64),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Store(error, 0)
    }
}

/// There is nothing behind the place that was asked for.
const BEYOND_THE_END: u16 = 416;

/// Absence is an answer.
fn present<T>(answer: Result<T, Error>) -> Result<Option<T>, Failure> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn kind_of(error: &Error, status: u16) -> StoreErrorKind {
    match error {
        Error::Generic { .. } if matches!(status, 401 | 403) => StoreErrorKind::Unauthorised,
        Error::Generic { .. } if status == 404 => StoreErrorKind::NoStore,
        Error::NotFound { .. } => StoreErrorKind::NoStore,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            StoreErrorKind::Unauthorised
        }
        Error::NotSupported { .. } | Error::NotImplemented { .. } => StoreErrorKind::Unsupported,
        Error::InvalidPath { .. } | Error::UnknownConfigurationKey { .. } => {
            StoreErrorKind::Invalid
        }
        // What the network or the server did; the request may have been carried out.
        _ => StoreErrorKind::Unreachable,
    }
}

/// An error with its causes. The crate keeps credentials out of them.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// Starts the thread. It ends when the last store that sends to it is gone.
fn runtime() -> std::io::Result<UnboundedSender<Job>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (jobs, mut queue) = unbounded_channel::<Job>();
    std::thread::Builder::new()
        .name("object store".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                while let Some(job) = queue.recv().await {
                    tokio::spawn(job);
                }
            });
        })?;
    Ok(jobs)
}

impl Store for CloudStore {
    fn create(&self, name: &str, bytes: &[u8]) -> Result<Created, StoreError> {
        let (client, path) = (Arc::clone(&self.client), self.path("create", name)?);
        let payload = PutPayload::from(bytes.to_vec());
        self.run("create", name, async move {
            let options = PutOptions::from(PutMode::Create);
            match client.put_opts(&path, payload, options).await {
                Ok(_) => Ok(Created::Created),
                Err(
                    Error::AlreadyExists { .. }
                    | Error::Precondition { .. }
                    | Error::NotModified { .. },
                ) => Ok(Created::Exists),
                Err(error) => Err(error.into()),
            }
        })
    }

    fn get(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let (client, path) = (Arc::clone(&self.client), self.path("read", name)?);
        self.run("read", name, async move {
            let Some(found) = present(client.get(&path).await)? else {
                return Ok(None);
            };
            if found.meta.size > limit {
                return Err(Failure::TooLarge(found.meta.size));
            }
            Ok(Some(found.bytes().await?.to_vec()))
        })
    }

    fn get_range(&self, name: &str, offset: u64, len: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let (client, path) = (Arc::clone(&self.client), self.path("read", name)?);
        self.run("read", name, async move {
            let options = GetOptions {
                range: Some(GetRange::Bounded(offset..offset + len)),
                ..GetOptions::default()
            };
            match noting(client.get_opts(&path, options)).await {
                (Err(Error::Generic { .. }), BEYOND_THE_END) => Ok(Some(Vec::new())),
                (found, _) => match present(found)? {
                    Some(found) => Ok(Some(found.bytes().await?.to_vec())),
                    None => Ok(None),
                },
            }
        })
    }

    fn head(&self, name: &str) -> Result<Option<u64>, StoreError> {
        let (client, path) = (Arc::clone(&self.client), self.path("look at", name)?);
        self.run("look at", name, async move {
            Ok(present(client.head(&path).await)?.map(|meta| meta.size))
        })
    }

    fn list_after(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let client = Arc::clone(&self.client);
        let own = self.prefix.clone();
        let (whole, after) = (format!("{own}{prefix}"), after.to_owned());
        let limit = limit.min(MAX_LIST);
        self.run("list", prefix, async move {
            let mut names: Vec<String> = Vec::new();
            let mut token = None;
            let mut most = limit;
            loop {
                let options = PaginatedListOptions {
                    offset: (!after.is_empty()).then(|| format!("{own}{after}")),
                    max_keys: Some(most),
                    page_token: token.take(),
                    ..PaginatedListOptions::default()
                };
                let prefix = (!whole.is_empty()).then_some(whole.as_str());
                let (page, status) = noting(client.list_paginated(prefix, options)).await;
                let page = page.map_err(|error| Failure::Store(error, status))?;
                let found = page.result.objects.into_iter();
                names.extend(found.filter_map(|meta| {
                    let name = meta.location.as_ref().strip_prefix(&own)?;
                    (name > after.as_str()).then(|| name.to_owned())
                }));
                match page.page_token {
                    Some(next) if names.len() < limit => token = Some(next),
                    _ => break,
                }
                // Azure may begin at the front: then all that is there has to go by.
                most = MAX_LIST;
            }
            // Not every store lists in order.
            names.sort_unstable();
            names.truncate(limit);
            Ok(names)
        })
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let (client, path) = (Arc::clone(&self.client), self.path("write", name)?);
        let payload = PutPayload::from(bytes.to_vec());
        self.run("write", name, async move {
            client.put(&path, payload).await?;
            Ok(())
        })
    }

    fn delete(&self, name: &str) -> Result<(), StoreError> {
        let (client, path) = (Arc::clone(&self.client), self.path("remove", name)?);
        self.run("remove", name, async move {
            let (removed, status) = noting(client.delete(&path)).await;
            match removed {
                Err(error @ Error::Generic { .. }) => Err(Failure::Store(error, status)),
                removed => present(removed).map(drop),
            }
        })
    }

    fn address(&self) -> String {
        self.address.clone()
    }

    fn is_far(&self) -> bool {
        true
    }
}
