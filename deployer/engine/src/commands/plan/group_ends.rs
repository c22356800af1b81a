//! The ends of waiting groups that a plan tells of: a later promotion of one of their functions takes their place.

use deployer_core::group::Group;
use deployer_core::head::{Request, promotion_refusal};
use deployer_core::id::FunctionName;
use deployer_core::promotion::{Decision, GroupState};
use deployer_core::record::Ending;
use deployer_core::text::listed;

use super::Planning;
use crate::group::Groups;

/// Names the groups that wait with this function and hold no place in its head: what is promoted alone takes it.
pub(super) async fn groups_that_end(planning: Planning<'_>) -> Vec<String> {
    let open = Groups::of(planning.engine).open().in_environment(&planning.at.name).await.unwrap_or_else(|error| {
        tracing::warn!(environment = %planning.at.name, "the groups that wait there are not named: {error}");
        vec![]
    });
    let has_place =
        |group: &Group| planning.head.waiting().iter().any(|waiting| waiting.request.group() == Some(group.id));
    let ends = open.iter().filter(|group| {
        let is_its = group.functions.iter().any(|member| member.function == planning.at.function);
        is_its && group.state() == GroupState::Undecided && !has_place(group)
    });
    let sentence = |group: &Group| {
        let functions: Vec<&FunctionName> = group.functions.iter().map(|member| &member.function).collect();
        format!("group {} of {}, which waits here, ends as superseded by this promotion", group.id, listed(&functions))
    };
    ends.map(sentence).collect()
}

/// Says how a member's group ends once it waits for nothing else, where something newer has its place; none where it
/// goes on.
pub(super) fn end_after_its_wait(planning: Planning<'_>, request: &Request) -> Option<String> {
    if planning.head.id_of(request).is_some() {
        return None;
    }
    match promotion_refusal(planning.head, request, &Decision::Allow, planning.at)? {
        Ending::Superseded { because, .. } => {
            Some(format!("its group ends as superseded once it waits for nothing else: {because}"))
        }
        _ => None,
    }
}
