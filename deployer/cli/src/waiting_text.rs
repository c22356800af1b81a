//! The text of waiting promotions: what they wait for, and what the user can do.

use deployer_core::record::DeploymentRecord;

use super::follow::{Followed as _, Stage};
use super::records;

/// Writes how a promotion went, and how a waiting one goes on.
pub(super) fn text(record: &DeploymentRecord) -> String {
    let mut text = records::text(record);
    if record.stage() == Stage::Waiting {
        text.push_str(&next_step(record));
    }
    text
}

/// Writes the step by which a waiting promotion goes on.
pub(super) fn next_step(record: &DeploymentRecord) -> String {
    let DeploymentRecord { environment, function, id, cause, .. } = record;
    let approvals_wanted = record.promotion.as_ref().and_then(|promotion| promotion.approvals_wanted);
    let asked_by = cause.requested_by.as_deref();
    let arguments = format!("-e {environment} -f {function} --deployment {id}");
    match approvals_wanted {
        Some(approvals_wanted) => approve_hint(approvals_wanted, asked_by, &arguments),
        None => format!("It goes on by itself then; to end it:\n  deployctl decline {arguments}\n"),
    }
}

/// Writes the command that approves it; `arguments` has the options that name it.
pub(super) fn approve_hint(approvals_wanted: u32, asked_by: Option<&str>, arguments: &str) -> String {
    let people = if approvals_wanted == 1 {
        "somebody approves".to_owned()
    } else {
        format!("{approvals_wanted} people approve")
    };
    let but = asked_by.map_or(String::new(), |by| format!(" ({} may not)", super::answer::one_line(by)));
    format!("It goes on when {people}{but}:\n  deployctl approve {arguments}\n")
}
