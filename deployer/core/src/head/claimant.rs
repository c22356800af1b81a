//! The invocation that wants to claim a deployment.

use jiff::Timestamp;

use crate::id::Token;

/// An invocation that wants to work, and the time until which it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimant {
    /// The token, drawn for this claim alone.
    pub token: Token,
    /// The present time by the claimant's clock.
    pub now: Timestamp,
    /// The claimant's deadline and ten seconds.
    pub lease_until: Timestamp,
}
