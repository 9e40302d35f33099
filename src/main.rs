//! The creel command.

fn main() {}
