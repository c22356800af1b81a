//! `live-check` against the local AWS, which can answer some questions by our reading of AWS and others not at all.
#![allow(clippy::unwrap_used)]

mod cleaning;
mod harness;
mod page;
mod passing;
mod runs;
mod wrong_use;
