//! A person pauses, continues, finishes or aborts a rollout.

use jiff::Timestamp;

use crate::function_ref::FunctionRef;
use crate::head::state::Head;
use crate::hold_and_reject::CommandEffect;
use crate::id::{DeploymentId, RequestHash};
use crate::identity::Principal;
use crate::rollout::{Abort, AbortReason, AskedInRollout, DoesNotFit, RolloutState, RolloutVerb, completed};
use crate::text::{Person, PlainText};

/// The number of words of people that a rollout remembers: the newest.
const REMEMBERED: usize = 20;

/// The command `rollout`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolloutCommand {
    /// The deployment that the person saw.
    pub deployment: DeploymentId,
    /// The action that is asked for.
    pub action: RolloutVerb,
    /// The person who asks.
    pub by: Option<Person>,
    /// The principal that AWS has named as the one who asks; none where nothing was proven.
    pub principal: Option<Principal>,
    /// The reason why a proof of identity that came with the command proves nothing.
    pub unproven: Option<PlainText>,
    /// The reason.
    pub reason: Option<PlainText>,
    /// The command's id: the same id is the same command.
    pub id: String,
}

/// The reason why the command changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RolloutRefusal {
    /// No rollout is under way.
    #[error("no rollout is under way here: status shows what is live")]
    None,
    /// Another deployment is rolled out.
    #[error("deployment {0} is not rolled out here any more: the rollout under way is that of {1}")]
    Another(DeploymentId, DeploymentId),
    /// It does not fit what the rollout does.
    #[error("{0}")]
    DoesNotFit(#[from] DoesNotFit),
}

/// Returns the hash by which an action in a rollout is known.
pub(in crate::head) fn rollout_hash(
    id: &str,
    at: &FunctionRef<'_>,
    action: RolloutVerb,
    deployment: DeploymentId,
) -> RequestHash {
    let (environment, function) = (at.name.as_str(), at.function.as_str());
    RequestHash::of(&["rollout", id, environment, function, action.as_str(), &deployment.to_string()])
}

/// Carries out a person's word about the rollout. The same command again changes nothing, also after the rollout has
/// ended. Whoever has written the head goes on with the deployment if something is to be done now.
///
/// # Errors
/// [`RolloutRefusal`].
pub fn command_rollout(
    head: &Head,
    command: &RolloutCommand,
    at: &FunctionRef<'_>,
    now: Timestamp,
) -> Result<CommandEffect<Head>, RolloutRefusal> {
    let RolloutCommand { deployment, action, id, .. } = command;
    let hash = rollout_hash(id, at, *action, *deployment);
    if head.known.has_carried_out(hash) {
        return Ok(CommandEffect::Duplicate);
    }
    let active = head.active().filter(|active| active.rollout.is_some()).ok_or(RolloutRefusal::None)?;
    if active.request.id != *deployment {
        return Err(RolloutRefusal::Another(*deployment, active.request.id));
    }
    let state = active.rollout.clone().ok_or(RolloutRefusal::None)?;
    let changed = completed(command.apply(state, now)?, now);
    let mut next = head.next();
    next.known.carry_out(hash);
    if let Some(active) = &mut next.queue.active {
        active.rollout = Some(changed);
    }
    Ok(CommandEffect::Write(Box::new(next)))
}

impl RolloutCommand {
    fn apply(&self, state: RolloutState, now: Timestamp) -> Result<RolloutState, DoesNotFit> {
        let Self { action, by, principal, unproven, reason, .. } = self.clone();
        let asked = AskedInRollout { at: now, action, requested_by: by, principal, unproven, reason };
        let (by, because) = (self.by.clone(), asked.sentence());
        let changed = match action {
            RolloutVerb::Pause => state.pause_asked(by.unwrap_or_else(|| "".into()), because, now)?,
            RolloutVerb::Continue => state.continue_asked(now)?,
            RolloutVerb::Finish => state.finish_asked(now)?,
            RolloutVerb::Abort => state.aborted(Abort { reason: AbortReason::Aborted, by, because }),
        };
        Ok(with_asked(changed.into_state(), asked))
    }
}

/// Remembers what a person has asked for.
fn with_asked(mut state: RolloutState, asked: AskedInRollout) -> RolloutState {
    state.asked.push(asked);
    let forgotten = state.asked.len().saturating_sub(REMEMBERED);
    state.asked.drain(..forgotten);
    state
}
