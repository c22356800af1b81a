//! Promotions: what another environment has live is brought here, the very same object, when the rules say so.
//!
//! Whether one may pass is decided by [`PromotionPolicy::judge`], from heads that were read and a time that was told. It decides when
//! the request comes, whenever the sweep looks at what waits, and once more under the claim: that last time is the moment at
//! which the rules hold.

mod asked;
mod gate;
mod group;
mod source;
mod spec;
#[cfg(test)]
mod tests;
mod wait;

pub use asked::{ApprovalDecision, ApprovalGiven, Dispatch, Functions, PromotionRequest};
pub use gate::{Decision, PromotionPolicy, drift};
pub use group::{GroupState, NO_GROUPS};
pub use source::{SourceEnvironment, is_same};
pub use spec::PromotionSpec;
pub use wait::Wait;
