//! The decision matrix: allowed and denied requests for the contract's example.
//!
//! In a row of a denied request every other policy allows everything, so that the one policy in question decides.

mod buckets;
mod chain;
mod ci;
mod guarded;
mod keys;
mod notifications;
mod people;
mod promotions;
mod rollout_sessions;
mod sessions;
mod target_options;
mod targets;

use super::Policies;
use super::decide::{AccessDecision, AccessRequest, Caller, PolicyRef};

pub(super) const TOOLING: &str = "123456789012";
pub(super) const DEV: &str = "111111111111";
pub(super) const PROD: &str = "222222222222";
/// An account that no policy names.
pub(super) const STRANGE: &str = "999999999999";

pub(super) const DEPLOYER: Caller = Caller::Role(TOOLING, "deployer");
pub(super) const IN_DEV: Caller = Caller::Role(DEV, "deployer-target");
pub(super) const IN_PROD: Caller = Caller::Role(PROD, "deployer-target");
pub(super) const IN_TOOLS: Caller = Caller::Role(TOOLING, "deployer-target");
/// Administrators of the tooling account, of dev and of prod, and a role of an unknown account.
pub(super) const ADMIN: Caller = Caller::Role(TOOLING, "admin");
pub(super) const DEV_ADMIN: Caller = Caller::Role(DEV, "admin");
pub(super) const PROD_ADMIN: Caller = Caller::Role(PROD, "admin");
pub(super) const STRANGER: Caller = Caller::Role(STRANGE, "deployer-target");

pub(super) const DEPLOYER_FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:deployer";
pub(super) const ARTIFACTS: &str = "arn:aws:s3:::acme-artifacts";
pub(super) const LEDGER: &str = "arn:aws:s3:::acme-deployer-ledger";
pub(super) const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000001";
/// The artifacts' former key.
pub(super) const FORMER_KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000020";
/// Keys that differ from [`KEY`] in name, region or account.
pub(super) const OTHER_KEYS: [&str; 3] = [
    "arn:aws:kms:eu-west-1:123456789012:key/other",
    "arn:aws:kms:us-east-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000001",
    "arn:aws:kms:eu-west-1:999999999999:key/1c8e2f0a-0000-4000-8000-000000000001",
];
pub(super) const BUS: &str = "arn:aws:events:eu-west-1:123456789012:event-bus/deployer";
pub(super) const THROUGH_S3: &str = "s3.eu-west-1.amazonaws.com";

/// A request with the decision that it must get.
#[derive(Debug, Clone)]
pub struct Row {
    /// The row's meaning, as a sentence.
    pub description: String,
    /// The request.
    pub ask: AccessRequest,
    /// Whether the request must be allowed.
    pub allowed: bool,
}

impl Row {
    /// Whether these policies give the right decision.
    #[must_use]
    pub fn holds(&self, policies: &Policies) -> bool {
        (self.ask.decide(policies) == AccessDecision::Allowed) == self.allowed
    }
}

/// Returns all rows.
#[must_use]
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    chain::rows(&mut rows);
    ci::rows(&mut rows);
    targets::rows(&mut rows);
    sessions::rows(&mut rows);
    buckets::rows(&mut rows);
    people::rows(&mut rows);
    promotions::rows(&mut rows);
    notifications::rows(&mut rows);
    guarded::rows(&mut rows);
    keys::rows(&mut rows);
    rows
}

fn may(rows: &mut Vec<Row>, description: impl Into<String>, ask: AccessRequest) {
    rows.push(Row { description: description.into(), ask, allowed: true });
}

fn may_not(rows: &mut Vec<Row>, description: impl Into<String>, ask: AccessRequest) {
    rows.push(Row { description: description.into(), ask, allowed: false });
}

/// Returns a request of a caller whose own policy allows everything.
fn anything(who: &Caller, action: &'static str, resource: impl Into<String>) -> AccessRequest {
    AccessRequest::of(who, PolicyRef::Open, action, resource)
}
