//! The log over a connection: frames, sessions, and the threads around them.
//!
//! Sessions know no socket and no clock: bytes and events go in, actions come out. Reading order:
//! `frame`, `message`, `leader`, `follower`, `hub`, `connection`, `sender`,
//! `receiver`, `link`, `applier`.

mod applier;
pub mod auth;
pub mod backoff;
pub mod board;
pub mod client;
pub mod clock;
mod codec;
mod connection;
pub mod follow;
pub mod follower;
pub mod frame;
pub mod hello;
pub mod hub;
pub mod leader;
mod link;
mod mailbox;
pub mod message;
pub mod receiver;
mod ring;
mod sender;
pub mod server;
pub mod source;
pub mod speed;
pub mod stop;
#[cfg(feature = "tls")]
pub mod tls;
pub mod transport;
mod wire_error;

pub use sender::Answer;
pub use wire_error::WireError;
