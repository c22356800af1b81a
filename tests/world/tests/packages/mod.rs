//! Packages as people upload them: what goes live, and what does not.
#![allow(clippy::unwrap_used)]

mod corpus;
mod startup;
