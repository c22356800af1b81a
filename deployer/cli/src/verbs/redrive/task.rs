//! Begins and cancels a redrive, also where SQS's answer is lost.
//!
//! Amazon SQS API Reference, `ListMessageMoveTasksResultEntry`: a task shows its time, its settings and its state, and
//! not who began it. Its handle stands there only while it runs, and a lost answer has taken its own copy along.

use deployer_aws::{DeadLetterError, DeadLetterErrorKind, DeadLetterQueue, MoveTask};
use deployer_core::dead_letters::{DeadLetters, Redrive, RedriveStatus};
use jiff::Timestamp;

use super::{already_running, error_of, text};
use crate::answer::{Answer, CliError, Exit, one_line};
use crate::direct::warn;

/// Begins a redrive, and returns the time at which the former one began.
///
/// # Errors
/// [`CliError`]: another redrive is under way, the call fails, or nobody can say whether the redrive has begun.
pub(super) async fn begin(
    queue: &DeadLetterQueue,
    name: &str,
    max_per_second: Option<i32>,
) -> Result<Option<Timestamp>, CliError> {
    // The look that the user has confirmed may be old.
    let former = queue.latest().await.map_err(|error| error_of(&error, name))?;
    if let Some(MoveTask { redrive, .. }) = former.as_ref().filter(|task| task.redrive.status.is_active()) {
        return Err(already_running(name, Some(redrive)));
    }
    let before = former.and_then(|task| task.redrive.started);
    let Err(error) = queue.redrive(max_per_second).await else { return Ok(before) };
    match error.kind {
        DeadLetterErrorKind::Unanswered => {}
        DeadLetterErrorKind::AlreadyRunning => {
            let other = queue.latest().await.ok().flatten();
            return Err(already_running(name, other.as_ref().map(|task| &task.redrive)));
        }
        _ => return Err(error_of(&error, name)),
    }
    let lost = format!("the answer of SQS was lost ({})", one_line(&error.to_string()));
    match queue.latest().await {
        Err(second) => Err(CliError::timed_out(format!(
            "{lost}, and nobody can say whether a redrive of {name} has begun: {}\nTo see it:\n  deployctl redrive --peek",
            one_line(&second.to_string())
        ))),
        Ok(Some(task)) if task.redrive.started != before && task.max_per_second == max_per_second => {
            let began = task.redrive.started.map_or_else(String::new, |started| format!(" at {started:.0}"));
            warn(&format!(
                "{lost}, and a redrive of {name} with the same settings began{began}: it is taken for this one, because \
                 SQS does not say who began it"
            ));
            Ok(before)
        }
        Ok(Some(task)) if task.redrive.started != before => Err(already_running(name, Some(&task.redrive))),
        Ok(_) => Err(CliError::failed(format!(
            "{lost}, and SQS shows no redrive of {name} that has begun since\n  nothing is lost: ask again"
        ))),
    }
}

/// Cancels the redrive that is under way.
///
/// # Errors
/// [`CliError`]: none is under way, or a call fails. What is cancelled stands in the error of a later look.
pub(super) async fn cancel(queue: &DeadLetterQueue, name: &str) -> Result<Answer, CliError> {
    let refused = |error| error_of(&error, name);
    let Some(MoveTask { handle: Some(handle), redrive, .. }) = queue.latest().await.map_err(refused)? else {
        return Err(none_under_way(name, None));
    };
    let moved = match queue.cancel(&handle).await {
        Ok(moved) => moved,
        Err(error) => moved_before(queue, name, &redrive, &error).await?,
    };
    let redrive = Redrive { status: RedriveStatus::Cancelling, moved, ..redrive };
    let told = format!("the redrive of {name} is cancelled: {} before", text::went_back(moved));
    // The look comes after the cancel: a redrive that runs on would move what the look gives back.
    let letters = queue.look(1).await.map_err(|error| {
        let error = error_of(&error, name);
        CliError { message: format!("{told}; then looking at what is left failed: {}", error.message), ..error }
    })?;
    Ok(Answer::with_text(format!("{told}\n"), &DeadLetters { redrive: Some(redrive), ..letters }, Exit::Done))
}

/// Returns how many messages a redrive has moved whose cancelling got no answer, or the answer that it is over: an
/// earlier call may have cancelled it.
async fn moved_before(
    queue: &DeadLetterQueue,
    name: &str,
    redrive: &Redrive,
    error: &DeadLetterError,
) -> Result<u64, CliError> {
    if !matches!(error.kind, DeadLetterErrorKind::Unanswered | DeadLetterErrorKind::NotRunning) {
        return Err(error_of(error, name));
    }
    let latest = queue.latest().await.ok().flatten().map(|task| task.redrive);
    match latest.filter(|latest| latest.started == redrive.started) {
        Some(latest) if matches!(latest.status, RedriveStatus::Cancelling | RedriveStatus::Cancelled) => {
            Ok(latest.moved)
        }
        Some(latest) if !latest.status.is_active() => Err(none_under_way(name, Some(&latest))),
        _ => Err(error_of(error, name)),
    }
}

fn none_under_way(name: &str, ended: Option<&Redrive>) -> CliError {
    let how = ended.map_or_else(String::new, |ended| format!(" any more: the latest is {}", text::state(ended)));
    CliError::wrong_use(format!("no redrive of {name} is under way{how}"))
}
