//! Safe rollouts: a new version gets its traffic in steps, is watched, and goes back by itself.
//!
//! Nothing here knows AWS, a clock or the head. Callers pass in what CloudWatch answered and the time.

mod effective;
pub mod guard;

pub use effective::EffectiveRollout;
