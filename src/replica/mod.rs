//! A database as the source of a stream, and as the copy at its other end.

pub mod acks;
pub mod address;
mod arriving;
mod beside;
mod by_kind;
pub mod control;
pub mod dial;
pub mod follow_file;
pub mod http;
pub mod lag;
pub mod live;
mod metrics;
pub mod parted;
pub mod path;
mod program;
pub mod promote;
pub mod reapply;
pub mod rejoin;
pub mod relief;
pub mod remote;
pub mod serve;
pub mod sink;
pub mod slot;
pub mod source;
pub mod state;
pub mod store;
pub mod tail;
