//! The protocols between threads of one handle, as small machines whose every interleaving is
//! looked at: a step is what a thread does under one lock or with one atomic operation. Each
//! model is also run with a mistake in it, which it must find.
//!
//! ```text
//! explore    all interleavings, each state once
//! queue      src/db/queue.rs: callers who share a write, and who leads
//! swap       src/db/commit.rs, src/db/refresh.rs: table, newest index and view change together
//! pins       src/store/pins.rs, src/store/space.rs: readers against reuse, one reader killed
//! turn       src/db/turn.rs, src/db/checkpoint.rs: the log changes sides under commits and readers
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod explore;
mod pins;
mod queue;
mod swap;
mod turn;
