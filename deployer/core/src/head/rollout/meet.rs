//! A request comes in while a rollout is under way.

use jiff::Timestamp;

use crate::config::rollout::OnNewer;
use crate::head::active::Active;
use crate::head::request::Request;
use crate::head::state::Head;
use crate::record::CauseKind;
use crate::rollout::{Abort, AbortReason, MetRollout, Phase, RolloutState, completed};

/// Changes the rollout of the active deployment by a request that is admitted behind it, and returns whether the
/// request has asked the deployment to stop.
///
/// | comes | before traffic | with traffic | going back |
/// |---|---|---|---|
/// | a rollback by hand | stops it | takes it back | waits for it, and changes nothing |
/// | an upload, a deploy, a promotion | waits | waits, or takes it back where `on_newer` is `replace` | waits |
/// | a redeploy, an undo of one artifact | waits | waits | waits |
pub(in crate::head) fn meet_rollout(active: &mut Active, request: &Request, now: Timestamp) -> bool {
    let Some(state) = &active.rollout else { return request.asks_to_stop() };
    let is_going_back = state.phase == Phase::GoingBack;
    let because = |why: &str| format!("{request} {why}");
    let abort = if request.asks_to_stop() && !is_going_back {
        let because = because("takes it back");
        Abort { reason: AbortReason::Aborted, by: request.cause.requested_by.clone(), because: because.into() }
    } else if request.brings_something_new() && is_replaced(state) {
        Abort { reason: AbortReason::Superseded, by: None, because: because("takes its place").into() }
    } else {
        return false;
    };
    active.rollout = Some(completed(state.clone().aborted(abort).into_state(), now));
    request.asks_to_stop()
}

/// Whether something newer takes the rollout back.
fn is_replaced(state: &RolloutState) -> bool {
    let has_traffic = matches!(state.phase, Phase::Shifting | Phase::Watching) || state.has_traffic();
    has_traffic && state.phase != Phase::GoingBack && state.plan.on_newer == OnNewer::Replace
}

/// Returns what a deployment of this kind would do to the rollout that is under way; none if there is none.
#[must_use]
pub fn met_rollout(head: &Head, kind: CauseKind) -> Option<MetRollout> {
    let active = head.active()?;
    let state = active.rollout.as_ref()?;
    let resolved = active.artifact.as_ref().map(|artifact| &artifact.release);
    Some(MetRollout {
        deployment: active.request.id,
        release: resolved.or_else(|| active.request.source.release()).cloned(),
        replaces: kind.rolls_out() && is_replaced(state),
    })
}

impl Request {
    /// Whether it brings an artifact that somebody wants instead of what is under way: no redeploy, and no way back.
    fn brings_something_new(&self) -> bool {
        !self.is_redeploy() && !self.is_rollback()
    }
}
