//! What the threads of one handle meet in: locks, conditions, atomics, threads. They are those of the
//! standard library, except with the feature `scheduled-threads`: then `tests/threads` decides at each
//! of them which thread goes on. All else of the engine is the same.

#[cfg(all(feature = "scheduled-threads", not(debug_assertions)))]
compile_error!("the feature scheduled-threads is for tests only: never in a release build");

#[cfg(all(feature = "scheduled-threads", test))]
compile_error!(
    "the feature scheduled-threads is for `cargo test --example threads`: other tests have threads of their own"
);

#[cfg(not(feature = "scheduled-threads"))]
mod plain;
#[cfg(feature = "scheduled-threads")]
mod scheduled;

#[cfg(not(feature = "scheduled-threads"))]
pub use plain::*;
#[cfg(feature = "scheduled-threads")]
pub use scheduled::*;
