//! The log chain in object stores: formats, rules, races.

mod formats;
mod log;
mod rng;
