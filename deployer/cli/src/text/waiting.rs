//! The text of waiting promotions: what they wait for, and what the user can do.

use deployer_core::group::Group;
use deployer_core::record::{DeploymentRecord, EndedWaiting};
use deployer_core::status::{FunctionStatus, StatusReport};

use super::records;
use crate::follow::Followed as _;
use crate::follow::in_favour_of::{is_group_in_favour_of, is_in_favour_of};

/// Describes a promotion to the person who asks for it, and how a waiting one goes on.
pub(crate) fn requested(record: &DeploymentRecord) -> String {
    records::text(record) + &record.next_step().unwrap_or_default()
}

/// Describes a promotion to a person who approves it, and how a waiting one goes on. The person who asked for it knows
/// already which promotions had ended for it before the approval; one that nobody asked for names all.
pub(crate) fn approved(record: &DeploymentRecord, ended_before: &[EndedWaiting]) -> String {
    let mut record = record.clone();
    if record.cause.requested_by.is_some() {
        record.ended_waiting.retain(|one| ended_before.iter().all(|before| before.deployment != one.deployment));
    }
    requested(&record)
}

/// Writes the step by which the promotion goes on that waits in the place of another one; nothing if none waits.
pub(crate) fn instead(superseded: &DeploymentRecord, report: &StatusReport) -> String {
    let mut waiting = report.functions.iter().flat_map(|status| status.waiting.iter().map(move |one| (status, one)));
    let named = waiting.find(|(_, one)| is_in_favour_of(superseded, one.deployment));
    let Some((FunctionStatus { environment, function, .. }, one)) = named else { return String::new() };
    let arguments = format!("-e {environment} -f {function} --deployment {}", one.deployment);
    step(
        THE_OTHER,
        Some(one.wait.approvals_wanted).filter(|wanted| *wanted > 0),
        one.requested_by.as_deref(),
        &arguments,
    )
}

/// Writes the step by which the group goes on that waits in the place of another one; nothing if none waits.
pub(crate) fn group_instead(superseded: &Group, report: &StatusReport) -> String {
    let Some(one) = report.groups.iter().find(|one| is_group_in_favour_of(superseded, one.id)) else {
        return String::new();
    };
    let arguments = format!("-e {} --deployment {}", one.environment, one.id);
    step(THE_OTHER, one.approvals_wanted.filter(|wanted| *wanted > 0), one.requested_by.as_deref(), &arguments)
}

/// The subject of the step of a promotion that the record itself is about, and of one in whose place it has ended.
const IT: &str = "It";
const THE_OTHER: &str = "The one that waits";

/// Writes the step by which a waiting promotion goes on.
pub(crate) fn next_step(record: &DeploymentRecord) -> String {
    let DeploymentRecord { environment, function, id, cause, .. } = record;
    let approvals_wanted = record.promotion.as_ref().and_then(|promotion| promotion.approvals_wanted);
    let asked_by = cause.requested_by.as_deref();
    let arguments = format!("-e {environment} -f {function} --deployment {id}");
    step(IT, approvals_wanted, asked_by, &arguments)
}

/// Writes the step by which a waiting group goes on.
pub(crate) fn next_step_of_group(group: &Group) -> String {
    let arguments = format!("-e {} --deployment {}", group.environment, group.id);
    step(IT, group.approvals_wanted, group.cause.requested_by.as_deref(), &arguments)
}

/// Writes the command by which it goes on, or that ends it; `arguments` has the options that name it.
fn step(subject: &str, approvals_wanted: Option<u32>, asked_by: Option<&str>, arguments: &str) -> String {
    let people = match approvals_wanted {
        None => return format!("{subject} goes on by itself then; to end it:\n  deployctl decline {arguments}\n"),
        Some(1) => "somebody approves".to_owned(),
        Some(several) => format!("{several} people approve"),
    };
    let but = asked_by.map_or(String::new(), |by| format!(" ({} may not)", crate::answer::one_line(by)));
    format!("{subject} goes on when {people}{but}:\n  deployctl approve {arguments}\n")
}
