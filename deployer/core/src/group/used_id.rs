//! Ids that a command about a group cannot have, and the id of a group's request, which no other command can have.

use super::Group;
use crate::head::{FormerCommand, UsedId};
use crate::id::{DeploymentId, FunctionName};
use crate::promotion::ApprovalDecision;

/// Returns the reason why a command cannot have the id of the request that has opened this group.
fn used_id_of(group: &Group) -> UsedId {
    let id = group.cause.event_id.as_deref().unwrap_or_default().to_owned();
    let what = format!("the promotion of group {}", group.id).into();
    UsedId::Command { id, was: FormerCommand { what, at: Some(group.asked_at), deployment: None } }
}

/// Returns the reason why the promotion of one function cannot have the id of the request that has opened this group; none
/// where the function is no member.
#[must_use]
pub fn used_by_member(group: &Group, function: &FunctionName) -> Option<UsedId> {
    group.functions.iter().any(|member| member.function == *function).then(|| used_id_of(group))
}

/// Returns the reason why a command about these functions cannot have the id of this group; none where no function is a
/// member.
#[must_use]
pub fn used_as_group(group: &Group, functions: &[FunctionName]) -> Option<UsedId> {
    let is_met = group.functions.iter().any(|member| functions.contains(&member.function));
    is_met.then(|| UsedId::Group { id: group.id, environment: group.environment.clone() })
}

/// Returns the reason why a person's decision about this group cannot have this id; none where the group knows no other
/// use of it. An approval that was given before is found before this is asked.
#[must_use]
pub fn used_by_decision(group: &Group, id: &str, decision: &ApprovalDecision) -> Option<UsedId> {
    let environment = group.environment.clone();
    if let Ok(id) = DeploymentId::parse(id) {
        if id == group.id {
            return Some(UsedId::Group { id, environment });
        }
        if let Some(member) = group.functions.iter().find(|member| member.deployment == id) {
            return Some(UsedId::Deployment { id, environment, function: member.function.clone() });
        }
    }
    if group.cause.event_id.as_deref() == Some(id) {
        return Some(used_id_of(group));
    }
    let given = group.approvals.iter().find(|one| one.is_by(id));
    let given = given.filter(|_| *decision != ApprovalDecision::Approve)?;
    Some(UsedId::Command { id: id.to_owned(), was: FormerCommand::approval(group.id, given) })
}
