//! The ends of a group that is not decided: a hold or a reject ends it, and so does a newer group of the same functions.

use jiff::Timestamp;

use super::{Group, Member, Phase};
use crate::head::{EndedGroup, Request};
use crate::id::{DeploymentId, FunctionName};
use crate::promotion::{GroupState, waits_already};
use crate::record::{Code, EndedWaiting, Ending, Status};

/// Ends a group because a hold or a reject refuses one of its functions. None: it is decided or has ended, or the
/// function may be promoted.
#[must_use]
pub fn refused_for(
    group: &Group,
    function: &FunctionName,
    refusal: impl Fn(&Member) -> Option<Ending>,
    now: Timestamp,
) -> Option<Group> {
    if group.state() != GroupState::Undecided {
        return None;
    }
    let member = group.functions.iter().find(|member| member.function == *function)?;
    match refusal(member)? {
        Ending::Refused { code, because } => Some(group.displaced(member, Some(&because), Some(code), now)),
        _ => None,
    }
}

/// Ends a group that would wait if another one waits already and brings exactly the same. None: the other one does not.
#[must_use]
pub fn superseded_as_repeated(group: &Group, waits: &Group, now: Timestamp) -> Option<Group> {
    brings_the_same(group, waits).then(|| {
        let mut group = group.clone();
        let brings = format_args!("group {} brings the same releases of the same functions", waits.id);
        let because = waits_already(brings);
        group.end_undecided(Status::Superseded, Code::Superseded, &because, now);
        (group.in_favour_of, group.repeats) = (Some(waits.id), true);
        group
    })
}

/// Ends the later of two groups that wait and bring exactly the same: they were asked for at one moment, so that neither
/// has seen the other before it was accepted. Whichever of them looks decides alike. None: the other one is the later,
/// or does not bring the same.
#[must_use]
pub fn superseded_as_later(group: &Group, waits: &Group, now: Timestamp) -> Option<Group> {
    let is_undecided = group.state() == GroupState::Undecided;
    let is_later = (group.asked_at, group.id) > (waits.asked_at, waits.id);
    superseded_as_repeated(&group.next(), waits, now).filter(|_| is_undecided && is_later)
}

/// Ends a group that waits because a newer one of the same functions takes its place. None: it does not, or it brings
/// exactly the same.
#[must_use]
pub fn replaced_by(group: &Group, newer: &Group, now: Timestamp) -> Option<Group> {
    let is_older = group.phase == Phase::Checking && group.asked_at < newer.asked_at;
    let gives_way = is_older && is_about_the_same(newer, group) && !brings_the_same(newer, group);
    gives_way.then(|| {
        let mut group = group.next();
        let because = format!("group {}, asked for later, has taken its place while it waited", newer.id);
        group.end_undecided(Status::Superseded, Code::Superseded, &because, now);
        group.in_favour_of = Some(newer.id);
        group
    })
}

/// Ends a group that waits because of a rollback of one of its functions there, or a promotion of it alone that was let in
/// before the group. None: it is decided or has ended, was asked for later, holds places before the promotion, or does not
/// have the function.
#[must_use]
pub fn ended_by_newer(group: &Group, function: &FunctionName, newer: &Request, now: Timestamp) -> Option<Group> {
    gives_way_to(group, function, newer).then(|| {
        let mut group = group.next();
        let because = match newer.rollback() {
            Some(_) => format!("{function}: rollback {} has ended what waited to come here", newer.id),
            None => format!("{function}: promotion {}, asked for later, was let in before it", newer.id),
        };
        group.end_undecided(Status::Superseded, Code::Superseded, &because, now);
        group
    })
}

/// Whether a group waits that this rollback or promotion of one of its functions ends once it is let in.
#[must_use]
pub fn gives_way_to(group: &Group, function: &FunctionName, newer: &Request) -> bool {
    match newer.rollback() {
        Some(_) => waits_before_rollback(group, function, newer.accepted_at),
        None => {
            let holds_no_place = group.place_token.is_none() && group.asked_at < newer.time;
            // A group under the same id ends by that reason.
            let is_another = group.cause.event_id != newer.cause.event_id;
            holds_no_place && is_another && waits_before_rollback(group, function, newer.time)
        }
    }
}

/// Describes a group that a rollback or a promotion of this function has ended, as it was before. None: it does not have
/// the function.
#[must_use]
pub fn as_ended_group(group: &Group, function: &FunctionName) -> Option<EndedGroup> {
    let member = group.functions.iter().find(|member| member.function == *function)?;
    Some(EndedGroup { group: as_ended_waiting(group, function), member: member.deployment })
}

/// Says that a rollback of this function leaves it to the sweep to end these groups, or those that it could not read.
#[must_use]
pub fn left_to_sweep(function: &FunctionName, unended: Option<&[DeploymentId]>) -> Option<String> {
    match unended {
        Some([]) => None,
        Some(groups) => {
            let groups: Vec<String> = groups.iter().map(|id| format!("group {id}")).collect();
            Some(format!("{} could not be ended in time: the next sweep does it", groups.join(" and ")))
        }
        None => Some(format!(
            "the groups that wait here could not be read in time: the next sweep ends those that {function} is a member of"
        )),
    }
}

/// Whether a group waits that a rollback of this function in its environment, asked for at this time, ends.
#[must_use]
pub fn waits_before_rollback(group: &Group, function: &FunctionName, asked_at: Timestamp) -> bool {
    let has_function = group.functions.iter().any(|member| member.function == *function);
    has_function && group.state() == GroupState::Undecided && group.asked_at <= asked_at
}

/// Returns the ending of the members of a group that has ended and was not decided. None: it was decided, or is open. What
/// has ended the group may be about one of them only, so its code is not theirs.
#[must_use]
pub fn ending_of_members(group: &Group) -> Option<Ending> {
    if group.phase != Phase::Ended || group.decided_at.is_some() {
        return None;
    }
    let because = format!("its group {} has ended: {}", group.id, group.because.as_deref().unwrap_or_default());
    Some(match group.status {
        Status::Superseded => Ending::Superseded { because, in_favour_of: None },
        _ => Ending::Refused { code: Code::NotPromotable, because },
    })
}

/// Whether another group waits and brings exactly the same.
fn brings_the_same(group: &Group, waits: &Group) -> bool {
    let artifacts = |group: &Group| -> Option<Vec<_>> {
        let artifact = |member: &Member| Some(member.resolved.as_ref()?.artifact.clone());
        group.functions.iter().map(artifact).collect()
    };
    is_about_the_same(group, waits)
        && group.freeze_override == waits.freeze_override
        && group.cause.skip_rollout == waits.cause.skip_rollout
        && artifacts(group).is_some_and(|own| artifacts(waits) == Some(own))
}

/// Whether another group waits to bring the same functions from the same environment.
fn is_about_the_same(group: &Group, other: &Group) -> bool {
    let functions = |group: &Group| group.functions.iter().map(|member| member.function.clone()).collect::<Vec<_>>();
    let waits = other.state() == GroupState::Undecided && other.is_accepted();
    waits
        && group.id != other.id
        && (&group.environment, &group.from) == (&other.environment, &other.from)
        && functions(group) == functions(other)
}

/// Describes a group that waits, for the answer to the command about this function that ends it.
#[must_use]
pub fn as_ended_waiting(group: &Group, function: &FunctionName) -> EndedWaiting {
    let member = group.functions.iter().find(|member| member.function == *function);
    let because = group.because.as_deref().and_then(|because| because.split_once(": waits "));
    EndedWaiting {
        environment: group.environment.clone(),
        deployment: group.id,
        release: member.and_then(|member| member.release.clone()),
        from: Some(group.from.clone()),
        waited: because.map_or("for its turn", |(_, waits)| waits).into(),
        functions: group.functions.iter().map(|member| member.function.clone()).collect(),
    }
}
