//! Pages in the file, without keys: header slots, page access, generation pins, free space.

pub mod bits;
pub mod locks;
pub mod pages;
pub mod pins;
pub mod slots;
pub mod space;
pub mod writer;

#[cfg(test)]
mod tests;
