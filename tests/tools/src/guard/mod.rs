//! The guard of rollouts under seeded traffic: how many good releases it stops, which bad ones it catches, and when.
//!
//! `cargo run --bin guard` prints the tables of `docs/concepts/rollouts.md` and draws its pictures.
#![allow(clippy::unwrap_used, reason = "a mistake in a scenario ends the measurement")]

mod measure;
mod page;
mod pictures;
mod plot;
mod scenarios;
mod table;
mod traffic;

pub use measure::{Measured, measure};
pub use page::{Says, Stated, in_pictures, on_page};
pub use pictures::{Draw, PICTURES, Picture};
pub use scenarios::{AT_ONCE, DEFAULT, TWO_STEPS, bad, good, in_steps, outages};
pub use table::table;
pub use traffic::{DELAY, Ended, Rates, Scenario, Weather, WhenQuiet};
