//! Packages as people upload them: which of them go live, and which do not.
#![allow(clippy::unwrap_used)]

mod corpus;
mod startup;
