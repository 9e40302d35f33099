//! The log over a connection: frames, sessions, and the threads around them.
//!
//! Sessions know no socket and no clock: bytes and events go in, actions come out.

pub mod auth;
pub mod clock;
mod codec;
pub mod follower;
pub mod frame;
pub mod hello;
pub mod leader;
pub mod message;
pub mod source;
mod wire_error;

pub use wire_error::WireError;
