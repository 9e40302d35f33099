//! Every order of events of a small chain: one primary and two promoters, requests that are late,
//! doubled or lose their answer, and removal of old segments at any moment. The rules are those of
//! `creel::chain::protocol`, which the real program runs.

mod search;
mod tests;
mod world;
