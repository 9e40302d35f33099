//! An S3 server in this process, over any store: with faults, or with flaws that the probe has to
//! find. And a client for it, so that nothing else is needed to test the protocol over HTTP.

mod client;
mod http;
mod server;

pub use client::HttpStore;
pub use server::Stub;
