//! The log chain in object stores: formats, rules, races.

mod faulty;
mod flawed;
mod formats;
mod keeping;
mod log;
mod model;
mod probing;
mod publishing;
mod race;
mod rng;
mod stub;
