//! Reads the sources of the workspace and finds what breaks its structure: a dependency that a layer forbids, a circle of
//! imports, a file that is too long, a type with too many methods.
//!
//! It reads text, not types: `use` lines, paths that begin with `crate`, `super`, `self` or a module's name, and the heads of
//! `impl` blocks. Code below `#[cfg(test)]` does not count.

pub mod circles;
pub mod lines;
pub mod methods;
pub mod modules;
pub mod packages;
pub mod reading;

#[cfg(test)]
mod repository;
