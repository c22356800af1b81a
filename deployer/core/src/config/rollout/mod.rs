//! The rollout of an environment.

mod guard;

pub use guard::{Guard, NumberOutOfRange, Points, Significance};
