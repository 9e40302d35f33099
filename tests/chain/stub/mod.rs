//! Object storage in this process, over any store: with faults, or with flaws that the probe has to
//! find. It speaks as S3, Google Cloud Storage and Azure do. And a client for the first, so that nothing
//! else is needed to test the protocol over HTTP.

mod answer;
#[cfg(feature = "cloud")]
pub mod azure;
mod client;
#[cfg(feature = "cloud")]
pub mod gcs;
mod http;
mod s3;
mod server;

pub use client::HttpStore;
#[cfg(feature = "cloud")]
pub use server::Dialect;
pub use server::Stub;
