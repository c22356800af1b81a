//! An id that a new command cannot have: that of a deployment, or of another command about the same function.
//!
//! The head knows each request by a hash of its kind and its id. A command that comes again is found by its own hash
//! before this is asked, so whatever is found here is another one.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;

use super::approve::{DecisionId, approvals};
use super::request::{COMMAND, PROMOTION, Request, UNDO, request_hash};
use super::rollout::rollout_hash;
use super::source::Source;
use super::state::Head;
use crate::function_ref::FunctionRef;
use crate::id::{DeploymentId, EnvironmentName, FunctionName, RequestHash};
use crate::record::{Approved, CauseKind};
use crate::rollout::RolloutVerb;

/// The kinds of commands that the head tells apart by the ids of their own kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandKind {
    /// A deploy, a redeploy or a rollback.
    Deployment,
    /// The promotion of one function.
    Promotion,
    /// The approval of this promotion, or of this group.
    Approval(DeploymentId),
    /// A recall.
    Recall,
    /// A hold, or the release of one.
    Hold,
    /// The promotion of several functions together, as this group.
    Group(DeploymentId),
    /// Any other command: a decline, a reject, an action in a rollout.
    Other,
}

/// The reason why a new command cannot have an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsedId {
    /// It is the id of a deployment.
    #[error(
        "{id} is the id of a deployment of {function} in {environment}, and not that of a command: a command is repeated by \
         the id that it was sent with, and a new one has a new id\n  deployctl history -e {environment} -f {function}\n    \
         tells what became of the deployment"
    )]
    Deployment {
        /// The id.
        id: DeploymentId,
        /// The environment.
        environment: EnvironmentName,
        /// The function.
        function: FunctionName,
    },
    /// It is the id of a group.
    #[error(
        "{id} is the id of a group of promotions to {environment}, and not that of a command: a command is repeated by the \
         id that it was sent with, and a new one has a new id\n  deployctl status -e {environment}\n    shows the group while \
         it is open; history of each of its functions tells how it ended"
    )]
    Group {
        /// The id.
        id: DeploymentId,
        /// The environment.
        environment: EnvironmentName,
    },
    /// It was the id of another command.
    #[error("id {id:?} was another command's before ({was}): give each command an id of its own")]
    Command {
        /// The id.
        id: String,
        /// The other command.
        was: FormerCommand,
    },
}

/// The command that had an id before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerCommand {
    /// Its kind in words.
    pub what: Cow<'static, str>,
    /// Its time, where that is known.
    pub at: Option<Timestamp>,
    /// The deployment that it asked for, or was about.
    pub deployment: Option<DeploymentId>,
}

impl FormerCommand {
    /// Makes the command that has asked for this deployment.
    #[must_use]
    pub fn of(what: &'static str, deployment: DeploymentId) -> Self {
        Self { what: what.into(), at: Some(deployment.time()), deployment: Some(deployment) }
    }

    /// Makes the command that has given an approval.
    #[must_use]
    pub fn approval(deployment: DeploymentId, given: &Approved) -> Self {
        Self { what: "an approval".into(), at: Some(given.at), deployment: Some(deployment) }
    }
}

impl fmt::Display for FormerCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        self.at.map_or(Ok(()), |at| write!(f, " at {at:.0}"))?;
        self.deployment.map_or(Ok(()), |id| write!(f, ", deployment {id}"))
    }
}

/// Returns the reason why a new command of this kind cannot have this id; none where the head knows no other use of it.
#[must_use]
pub fn used_id(head: &Head, at: &FunctionRef<'_>, id: &str, kind: CommandKind) -> Option<UsedId> {
    let of_deployment = DeploymentId::parse(id).ok().and_then(|id| id_of_deployment(head, at, id));
    of_deployment.or_else(|| {
        let was = former_request(head, at, id, kind)
            .or_else(|| former_mark(head, at, id, kind))
            .or_else(|| former_approval(head, id, kind))
            .or_else(|| former_decision(head, at, id, kind))?;
        Some(UsedId::Command { id: id.to_owned(), was })
    })
}

/// Whether this head knows the id of a new deploy, redeploy, rollback or promotion otherwise: another command of the same
/// moment has been accepted under it. An upload, an automatic promotion, a rollback of a recall or of a group and a member of
/// a group are no commands of their own.
pub(super) fn is_used_otherwise(head: &Head, request: &Request, at: &FunctionRef<'_>) -> bool {
    let kind = match (&request.cause.kind, &request.source) {
        (_, Source::Undo { .. }) => return false,
        (CauseKind::Deploy | CauseKind::Redeploy | CauseKind::Rollback, _) => CommandKind::Deployment,
        (CauseKind::Promotion, _) if request.group().is_none() => CommandKind::Promotion,
        _ => return false,
    };
    request.cause.event_id.as_deref().is_some_and(|id| used_id(head, at, id, kind).is_some())
}

/// Finds the deployment, or the group, that has this id.
fn id_of_deployment(head: &Head, at: &FunctionRef<'_>, id: DeploymentId) -> Option<UsedId> {
    let (environment, function) = (at.name.clone(), at.function.clone());
    let ended_in_group = head.outbox().iter().filter_map(|entry| entry.record.promotion.as_ref()?.group);
    if head.queue.open().filter_map(Request::group).chain(ended_in_group).any(|group| group == id) {
        return Some(UsedId::Group { id, environment });
    }
    let was_live = head.history().iter().chain(head.left()).map(|live| live.deployment);
    let mut known = (head.deployments().into_iter())
        .chain(head.known.deployments())
        .chain(head.outbox().iter().map(|entry| entry.record.id))
        .chain(head.targets().iter().filter_map(|target| target.deployment))
        .chain(was_live);
    known.any(|known| known == id).then_some(UsedId::Deployment { id, environment, function })
}

/// Finds the request of another kind that has this id.
fn former_request(head: &Head, at: &FunctionRef<'_>, id: &str, kind: CommandKind) -> Option<FormerCommand> {
    let kinds = [
        (CommandKind::Deployment, COMMAND, "a deploy, redeploy or rollback"),
        (CommandKind::Promotion, PROMOTION, "a promotion"),
        (CommandKind::Recall, UNDO, "a recall"),
    ];
    kinds.into_iter().filter(|(own, ..)| *own != kind).find_map(|(_, known_as, what)| {
        let hash = request_hash(known_as, id, (&at.name, &at.function));
        let open = head.queue.open().find(|open| open.hash == hash);
        let deployment = open.map(|open| open.id).or_else(|| head.known.id_of(hash))?;
        if is_member_of(head, deployment, kind) {
            return None;
        }
        let is_member = open.is_some_and(|open| open.group().is_some());
        Some(FormerCommand::of(if is_member { "the promotion of a group" } else { what }, deployment))
    })
}

/// Finds the hold, the release of a hold or the action in a rollout that has this id.
fn former_mark(head: &Head, at: &FunctionRef<'_>, id: &str, kind: CommandKind) -> Option<FormerCommand> {
    let found = |what: &'static str| Some(FormerCommand { what: what.into(), at: None, deployment: None });
    let has_carried_out = |hash: RequestHash| head.known.has_carried_out(hash);
    let holds = [("hold", "a hold"), ("release-hold", "the release of a hold")];
    let hold = holds.into_iter().find(|(verb, _)| has_carried_out(request_hash(verb, id, (&at.name, &at.function))));
    if let Some((_, what)) = hold.filter(|_| kind != CommandKind::Hold) {
        return found(what);
    }
    let is_action = |deployment: &DeploymentId| {
        RolloutVerb::ALL.into_iter().any(|action| has_carried_out(rollout_hash(id, at, action, *deployment)))
    };
    let deployment = head.deployments().into_iter().filter(|_| head.known.has_carried_out_any()).find(is_action)?;
    Some(FormerCommand { deployment: Some(deployment), ..found("an action in a rollout")? })
}

/// Finds the approval of another promotion that has this id. The promotions that have ended long ago are not in the head.
fn former_approval(head: &Head, id: &str, kind: CommandKind) -> Option<FormerCommand> {
    let is_other =
        |deployment: DeploymentId| kind != CommandKind::Approval(deployment) && !is_member_of(head, deployment, kind);
    approvals(head).filter(|(deployment, _)| is_other(*deployment)).find_map(|(deployment, approvals)| {
        let given = approvals.iter().find(|one| one.is_by(id))?;
        Some(FormerCommand::approval(deployment, given))
    })
}

/// Finds the approval or the decline of another promotion that has this id, however long ago that one ended.
fn former_decision(head: &Head, at: &FunctionRef<'_>, id: &str, kind: CommandKind) -> Option<FormerCommand> {
    let words = [(DecisionId::APPROVAL, "an approval"), (DecisionId::DECLINE, "a decline")];
    words.into_iter().find_map(|(word, what)| {
        let deployment = head.known.decided(request_hash(word, id, (&at.name, &at.function)))?;
        let is_same = word == DecisionId::APPROVAL && kind == CommandKind::Approval(deployment);
        (!is_same).then(|| FormerCommand { what: what.into(), at: None, deployment: Some(deployment) })
    })
}

/// Whether a deployment is a member of the group that a command is about: it has its hash and its approvals from there.
fn is_member_of(head: &Head, deployment: DeploymentId, kind: CommandKind) -> bool {
    let (CommandKind::Group(group) | CommandKind::Approval(group)) = kind else { return false };
    let open = head.queue.open().find(|open| open.id == deployment).and_then(Request::group);
    let ended = || head.ended_record(deployment)?.promotion.as_ref()?.group;
    open.or_else(ended) == Some(group)
}
