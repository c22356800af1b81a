//! The decision matrix: who may do what over the contract's example, and who may not.
//!
//! A row that says "may not" is asked with the other side wide open, so that it hangs on the one policy that it is about.

mod buckets;
mod chain;
mod notifications;
mod people;
mod promotions;
mod sessions;
mod target_options;
mod targets;

use super::Policies;
use super::decide::{Ask, Doc, Verdict, Who};

pub(super) const TOOLING: &str = "123456789012";
pub(super) const DEV: &str = "111111111111";
pub(super) const PROD: &str = "222222222222";
/// Nobody's account.
pub(super) const STRANGE: &str = "999999999999";

pub(super) const DEPLOYER: Who = Who::Role(TOOLING, "deployer");
pub(super) const IN_DEV: Who = Who::Role(DEV, "deployer-target");
pub(super) const IN_PROD: Who = Who::Role(PROD, "deployer-target");
pub(super) const IN_TOOLS: Who = Who::Role(TOOLING, "deployer-target");
/// An administrator of the tooling account, of dev, of prod, and of an account that nobody knows.
pub(super) const ADMIN: Who = Who::Role(TOOLING, "admin");
pub(super) const DEV_ADMIN: Who = Who::Role(DEV, "admin");
pub(super) const PROD_ADMIN: Who = Who::Role(PROD, "admin");
pub(super) const STRANGER: Who = Who::Role(STRANGE, "deployer-target");

pub(super) const ARTIFACTS: &str = "arn:aws:s3:::acme-artifacts";
pub(super) const LEDGER: &str = "arn:aws:s3:::acme-deployer-ledger";
pub(super) const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000001";
/// Keys that differ from it in name, region or account.
pub(super) const OTHER_KEYS: [&str; 3] = [
    "arn:aws:kms:eu-west-1:123456789012:key/other",
    "arn:aws:kms:us-east-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000001",
    "arn:aws:kms:eu-west-1:999999999999:key/1c8e2f0a-0000-4000-8000-000000000001",
];
pub(super) const BUS: &str = "arn:aws:events:eu-west-1:123456789012:event-bus/deployer";
pub(super) const THROUGH_S3: &str = "s3.eu-west-1.amazonaws.com";

/// A row: a question, and the answer that it must get.
#[derive(Debug, Clone)]
pub struct Row {
    /// What it says, as a sentence.
    pub says: String,
    /// The question.
    pub ask: Ask,
    /// Whether it must be allowed.
    pub allowed: bool,
}

impl Row {
    /// Whether these policies answer as they must.
    #[must_use]
    pub fn holds(&self, policies: &Policies) -> bool {
        (self.ask.verdict(policies) == Verdict::Allowed) == self.allowed
    }
}

/// All rows.
#[must_use]
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    chain::rows(&mut rows);
    targets::rows(&mut rows);
    sessions::rows(&mut rows);
    buckets::rows(&mut rows);
    people::rows(&mut rows);
    promotions::rows(&mut rows);
    notifications::rows(&mut rows);
    rows
}

fn may(rows: &mut Vec<Row>, says: impl Into<String>, ask: Ask) {
    rows.push(Row { says: says.into(), ask, allowed: true });
}

fn may_not(rows: &mut Vec<Row>, says: impl Into<String>, ask: Ask) {
    rows.push(Row { says: says.into(), ask, allowed: false });
}

/// What somebody may who may do everything in his own account.
fn anything(who: &Who, action: &'static str, resource: impl Into<String>) -> Ask {
    Ask::of(who, Doc::Open, action, resource)
}
