//! Promotions: the live artifact of another environment, the same object, is deployed here when the rules allow it.
//!
//! [`PromotionPolicy::evaluate`] decides, from heads that were read and a time that is passed in. It is asked when the
//! request comes, when the sweep checks waiting promotions, and once more under the claim. The rules must hold at that
//! last time.

mod frozen;
mod group;
mod policy;
mod repeated;
mod request;
mod source;
mod spec;
#[cfg(test)]
mod tests;
mod wait;

pub use group::GroupState;
pub use policy::{Decision, PromotionPolicy, drift, promotion_between};
pub use repeated::repeats_one_that_waits;
pub(crate) use repeated::waits_already;
pub use request::{ApprovalDecision, ApprovalResponse, Dispatch, Functions, PromotionRequest};
pub use source::{SourceEnvironment, is_same};
pub use spec::PromotionSpec;
pub use wait::Wait;
