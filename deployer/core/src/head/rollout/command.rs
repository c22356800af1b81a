//! A person pauses, continues, finishes or aborts a rollout.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::function_ref::FunctionRef;
use crate::head::state::Head;
use crate::hold_and_reject::CommandEffect;
use crate::id::{DeploymentId, RequestHash};
use crate::rollout::{Abort, AbortReason, DoesNotFit, Progress, RolloutState, completed};
use crate::text::{Person, PlainText};

/// An action that a person asks for in a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RolloutVerb {
    /// It takes no step until it is continued. It is looked at as before.
    Pause,
    /// It goes on after a pause.
    Continue,
    /// It waits no more. Smoke tests still run, and each look is still judged.
    Finish,
    /// It goes back.
    Abort,
}

/// The command `rollout`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolloutCommand {
    /// The deployment that the person saw.
    pub deployment: DeploymentId,
    /// The action that is asked for.
    pub action: RolloutVerb,
    /// Who asks.
    pub by: Option<Person>,
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

impl RolloutVerb {
    /// All actions.
    pub(in crate::head) const ALL: [Self; 4] = [Self::Pause, Self::Continue, Self::Finish, Self::Abort];

    /// Returns the word of the command.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Continue => "continue",
            Self::Finish => "finish",
            Self::Abort => "abort",
        }
    }
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
    let changed = completed(command.apply(state, now)?.into_state(), now);
    let mut next = head.next();
    next.known.carry_out(hash);
    if let Some(active) = &mut next.queue.active {
        active.rollout = Some(changed);
    }
    Ok(CommandEffect::Write(Box::new(next)))
}

impl RolloutCommand {
    fn apply(&self, state: RolloutState, now: Timestamp) -> Result<Progress, DoesNotFit> {
        let by = self.by.clone();
        let because = || {
            let who = by.as_deref().map_or("a person".to_owned(), str::to_owned);
            let reason = self.reason.as_deref().map_or(String::new(), |reason| format!(": {reason}"));
            PlainText::of(format_args!("{who} has asked for it{reason}"))
        };
        match self.action {
            RolloutVerb::Pause => state.pause_asked(by.clone().unwrap_or_else(|| "".into()), because(), now),
            RolloutVerb::Continue => state.continue_asked(now),
            RolloutVerb::Finish => state.finish_asked(now),
            RolloutVerb::Abort => {
                Ok(state.aborted(Abort { reason: AbortReason::Aborted, by: by.clone(), because: because() }))
            }
        }
    }
}
