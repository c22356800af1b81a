//! The end of a rollout becomes the end of its deployment.

use crate::function_ref::FunctionRef;
use crate::head::active::Active;
use crate::id::Version;
use crate::record::{Code, Ending, Status, TargetError, TargetErrorCode, TargetOutcome};
use crate::rollout::{Abort, AbortReason, RolloutEnd, RolloutState, RolloutTarget, WayBack, how_far};
use crate::text::PlainText;

/// Makes the ending of a deployment whose rollout has ended.
#[must_use]
pub fn rollout_ending(active: &Active, end: &RolloutEnd, at: &FunctionRef<'_>) -> Ending {
    let Some(state) = &active.rollout else { return Ending::Tried(active.done.clone()) };
    let record = at.record_of(active, Status::InProgress);
    let outcome = |untouched: TargetOutcome| {
        let target = untouched.target();
        let done = active.done.iter().find(|done| done.target() == target);
        let one = state.targets.iter().find(|one| one.target == target);
        match (done, one) {
            // It served the release before the rollout, and was to go back with the others.
            (Some(done), Some(one)) if one.way_back.is_some() => {
                let outcome = outcome_of(one, untouched, active, end);
                TargetOutcome { previous: done.previous.clone(), created: done.created, ..outcome }
            }
            (Some(done), _) => done.clone(),
            (None, Some(one)) => outcome_of(one, untouched, active, end),
            (None, None) => untouched,
        }
    };
    let targets = record.targets.into_iter().map(outcome).collect();
    let (status, code, because) = match end {
        RolloutEnd::Succeeded { .. } => return Ending::Tried(targets),
        RolloutEnd::Stopped(abort) => {
            let (status, code) = stopped(abort);
            (status, code, format!("{}; no traffic has moved anywhere", abort.because))
        }
        RolloutEnd::RolledBack(abort) => {
            let status = if abort.reason == AbortReason::Superseded { Status::Superseded } else { Status::RolledBack };
            (status, code_of(abort.reason), format!("{}; {}", abort.because, taken_back(active, state)))
        }
        RolloutEnd::Failed { abort, left } => {
            let left: Vec<String> = left.iter().map(|(target, because)| format!("{target} ({because})")).collect();
            let because = format!(
                "{}; a redeploy brings what is live to the targets that did not go back: {}",
                abort.because,
                left.join(", ")
            );
            (Status::Failed, code_of(abort.reason), because)
        }
    };
    Ending::TakenBack { status, code, because, targets }
}

/// Says how far the release had come.
fn taken_back(active: &Active, state: &RolloutState) -> String {
    let release = active.artifact.as_ref().map_or("the release", |artifact| artifact.release.as_str());
    format!("{release} was taken back {}", how_far(state))
}

fn outcome_of(one: &RolloutTarget, untouched: TargetOutcome, active: &Active, end: &RolloutEnd) -> TargetOutcome {
    let known = active.previous.iter().find(|known| known.target == one.target);
    let previous = known.and_then(|known| known.previous.clone());
    let created = active.created.contains(&one.target);
    let smoke_failed =
        |because: &PlainText| TargetError::new(TargetErrorCode::SmokeTestFailed, SMOKE_TEST, because.as_str());
    let error = one.smoke_failure.as_ref().map(smoke_failed);
    let outcome = TargetOutcome { previous, created, error, ..untouched };
    if matches!(end, RolloutEnd::Succeeded { .. }) {
        return TargetOutcome { status: Status::Succeeded, version: one.new.clone(), ..outcome };
    }
    match (&one.way_back, end) {
        (Some(WayBack::Stays { because }), _) => {
            let code = match active.rollout.as_ref().and_then(|state| state.abort.as_ref()) {
                Some(Abort { reason: AbortReason::ForeignChange, .. }) => TargetErrorCode::ForeignChange,
                _ => TargetErrorCode::TrafficNotMoved,
            };
            let new = one.new.as_ref().map_or("the new version", Version::as_str);
            let alone = one.changed.as_ref().and_then(|changed| changed.alone.as_ref());
            let left = match alone {
                Some(alone) => format!("gives version {alone} all traffic"),
                None => format!("was left with version {new} in it"),
            };
            let message = format!("the alias {left}: {because}");
            let error = Some(TargetError::new(code, MOVE_BACK, message));
            TargetOutcome { status: Status::Failed, reached: true, error, ..outcome }
        }
        (_, RolloutEnd::Stopped(abort)) => TargetOutcome { status: stopped(abort).0, ..outcome },
        _ => TargetOutcome { status: Status::RolledBack, ..outcome },
    }
}

/// The step of the smoke tests, in records.
const SMOKE_TEST: &str = "smoke test";
/// The step in which an alias goes back, in records.
const MOVE_BACK: &str = "move alias back";

/// Returns the status and the code of a rollout that ended before any traffic moved.
fn stopped(abort: &Abort) -> (Status, Code) {
    let status = match abort.reason {
        AbortReason::Superseded => Status::Superseded,
        AbortReason::Rejected => Status::Refused,
        AbortReason::Aborted | AbortReason::Expired | AbortReason::GroupWentBack => Status::RolledBack,
        _ => Status::Failed,
    };
    (status, code_of(abort.reason))
}

fn code_of(reason: AbortReason) -> Code {
    match reason {
        AbortReason::Unhealthy => Code::Unhealthy,
        AbortReason::AlarmFired => Code::AlarmFired,
        AbortReason::Aborted => Code::Aborted,
        AbortReason::Expired => Code::Expired,
        AbortReason::Superseded => Code::Superseded,
        AbortReason::Rejected => Code::Rejected,
        AbortReason::PublishFailed
        | AbortReason::SmokeTestFailed
        | AbortReason::ForeignChange
        | AbortReason::MoveFailed
        | AbortReason::GroupWentBack => Code::TargetFailed,
    }
}
