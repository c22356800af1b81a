//! The sweep: it looks at every function that may have work open, whatever became of the messages. A marker under
//! `open/` leads to the function.

pub(crate) mod note;
mod queues;
pub(crate) mod report;
mod upload_progress;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use deployer_core::function_ref::{FunctionRef, UnknownEnvironment, gone_of};
use deployer_core::head::{self, Head, NextAction, SkippedWork, Wakeup};
use deployer_core::id::{EnvironmentName, FunctionName, Token};
use deployer_core::ledger_keys;
use deployer_core::names::{ASKED, GROUPS, OPEN, OVERDUE_LINE};
use deployer_core::promotion::Decision;
use deployer_core::rollout::{is_overdue, late_way_back, late_work};
use deployer_core::upload_progress::UploadProgress;
use futures::future;
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use tracing::Instrument as _;

use self::queues::look_at_queues;
use self::report::{FailureKind, Swept};
use self::upload_progress::write_upload_progress;
use crate::gone_environment::{GoneFunction, is_done_here, read_gone};
use crate::group::Groups;
use crate::outbox::FlushReport;
use crate::promotions::stored_requests::{submit_without_queue, sweep_stored_requests};
use crate::reconcile::ReconcileFrom;
use crate::store::Versioned;
use crate::timer::between;
use crate::{Engine, Transient};

/// The age from which a marker is no longer that of an invocation at work. Lambda runs nothing for longer than 15
/// minutes; the rest is for a process that was frozen meanwhile, and for clocks that differ. Whoever opens work with a
/// marker that was cleared away leaves a rollout at which nobody looks.
const MARKERS_LAST: Duration = Duration::from_secs(20 * 60);

/// The number of functions that a sweep looks at at once.
const SWEPT_AT_ONCE: usize = 16;

impl Engine {
    /// Looks at every function that may have work open, wakes the deployments that nobody works on, and looks at the
    /// queues.
    ///
    /// # Errors
    /// [`Transient`]: the markers cannot be listed. A failure of one function never stops the others.
    pub async fn sweep(&self) -> Result<Swept, Transient> {
        let (queues, swept) = future::join(look_at_queues(self), sweep_all(self)).await;
        swept.map(|swept| swept.and(queues))
    }
}

async fn sweep_all(engine: &Engine) -> Result<Swept, Transient> {
    let mut marked_functions: BTreeMap<(EnvironmentName, FunctionName), BTreeSet<Token>> = BTreeMap::new();
    for key in engine.store().keys(OPEN).await? {
        match ledger_keys::parse_marker(&key) {
            Some((environment, function, marker)) => {
                marked_functions.entry((environment, function)).or_default().insert(marker);
            }
            None => tracing::warn!(key, "no marker of this deployer's: delete it"),
        }
    }
    let (swept, with_open_uploads) = stream::iter(marked_functions)
        .map(|((name, function), markers)| async move {
            let span = tracing::info_span!("sweep", environment = %name, function = %function);
            let function_label = format!("{name}/{function}");
            let failed = |error: &Transient| {
                tracing::error!(parent: &span, "not swept: {error}");
                Swept::one().with_failure(&function_label, FailureKind::of(error), &error.to_string())
            };
            let read = match FunctionRef::find(&engine.config, &name, &function) {
                Ok(at) => engine.store().head(&at).await.map(|seen| (at, seen)),
                Err(_) => read_gone(engine, &name, &function).await.map(|GoneFunction { at, seen }| (at, seen)),
            };
            let (at, seen) = match read {
                Ok(read) => read,
                Err(error) => return (failed(&error.into()), None),
            };
            let progress = UploadProgress::of(&at.clone().or_as_recorded(&seen.head), &seen.head, engine.now());
            let swept = sweep_function(engine, &at, seen, &markers).instrument(span.clone()).await;
            (swept.unwrap_or_else(|error| failed(&error)), progress.map(|_| (name, function)))
        })
        .buffer_unordered(SWEPT_AT_ONCE)
        .fold((Swept::default(), vec![]), |(all, mut with_open_uploads), (one, function)| {
            with_open_uploads.extend(function);
            future::ready((all.and(one), with_open_uploads))
        })
        .await;
    let stored_requests = or_failed(ASKED, sweep_stored_requests(engine).await);
    let groups = or_failed(GROUPS, Groups::of(engine).reconcile_all().await);
    submit_without_queue(engine).await;
    note::leave_note(engine).await;
    write_upload_progress(engine, with_open_uploads).await;
    Ok(swept.and(stored_requests).and(groups))
}

/// Returns the report, or one that says that the objects with this prefix could not be listed.
fn or_failed(prefix: &str, swept: Result<Swept, Transient>) -> Swept {
    swept.unwrap_or_else(|error| {
        tracing::error!(prefix, "not swept: {error}");
        Swept::default().with_failure(prefix, FailureKind::of(&error), &error.to_string())
    })
}

/// Does the head's next actions, each kind once, so that a failed one holds up no other. A deployment is resumed by a
/// message: a sweep that did all the work itself could not end in time.
async fn sweep_function(
    engine: &Engine,
    at: &FunctionRef<'_>,
    mut seen: Versioned,
    markers: &BTreeSet<Token>,
) -> Result<Swept, Transient> {
    let (reconciler, function_label) = (engine.reconciler(at), format!("{}/{}", at.name, at.function));
    let mut swept = Swept::one();
    let (now, mut skipped) = (engine.now(), SkippedWork { waiting: at.is_gone(), ..SkippedWork::default() });
    warn_of_late_work(at, &seen.head, now);
    swept.cleared = clear_markers(engine, at, &seen.head, markers).await;
    loop {
        let action = seen.head.next_action(now, skipped);
        if !is_done_here(at, &seen.head, &action) {
            return Ok(swept.with_failure(&function_label, FailureKind::Configuration, &left_where_gone(engine, at)));
        }
        match action {
            NextAction::FlushOutbox => {
                skipped.outbox = true;
                let ended = seen.head.outbox().len();
                match reconciler.outbox().flush(seen.clone()).await {
                    Ok(FlushReport { seen: flushed, unwritten, unrequested }) => {
                        swept.completed = ended.saturating_sub(unwritten.len() + unrequested.len());
                        for (id, error) in &unwritten {
                            let because = format!("the record of {id} is not written: {error}");
                            swept = swept.with_failure(&function_label, FailureKind::Ledger, &because);
                        }
                        for (id, error) in &unrequested {
                            let because = format!("the promotions that {id} calls for are not put down: {error}");
                            swept = swept.with_failure(&function_label, FailureKind::Ledger, &because);
                        }
                        seen = flushed;
                    }
                    Err(error) => {
                        tracing::error!("not completed: {error}");
                        swept = swept.with_failure(&function_label, FailureKind::of(&error), &error.to_string());
                    }
                }
            }
            NextAction::Evaluate => {
                skipped.waiting = true;
                match evaluate_waiting(engine, at, &seen.head).await {
                    Ok(woken) => swept.woken += woken,
                    Err(error) => {
                        tracing::error!("not all that waits was looked at: {error}");
                        swept = swept.with_failure(&function_label, FailureKind::of(&error), &error.to_string());
                    }
                }
                if seen.head.waiting().iter().all(|waiting| waiting.notified) {
                    continue;
                }
                // The evaluation may have changed the head, and published that a promotion waits.
                match engine.store().head(at).await {
                    Ok(changed) => seen = changed,
                    Err(error) => {
                        swept = swept.with_failure(&function_label, FailureKind::Ledger, &error.to_string());
                        continue;
                    }
                }
                for waiting in seen.head.waiting().iter().filter(|waiting| !waiting.notified) {
                    reconciler.promotions().publish_waiting(seen.clone(), waiting).await;
                }
            }
            NextAction::Resume(wakeup) | NextAction::Deploy(wakeup) => {
                swept.woken += 1;
                if engine.ports.queue.is_some() {
                    reconciler.send_tick(wakeup, now).await?;
                    note_tick(engine, at, seen).await;
                } else {
                    reconciler.resume_function(ReconcileFrom::Head(Box::new(seen))).await?;
                }
                return Ok(swept);
            }
            NextAction::Look { on, due } => {
                if is_overdue(due, now) {
                    let due = due.map(tracing::field::display);
                    tracing::error!(deployment = %on.id, due, "{OVERDUE_LINE}: its step or its pause has ended, and no look goes on");
                }
                // A look writes nothing unless something must be moved, so nobody notes that the message is on its way.
                if engine.ports.queue.is_some() {
                    swept.woken += 1;
                    reconciler.send_tick(on, now).await?;
                }
                return Ok(swept);
            }
            NextAction::Wait { .. } | NextAction::Nothing => return Ok(swept),
        }
    }
}

/// Says that a rollout should be back by now, or that a move or a test of it should have ended. A try that is throttled
/// holds the claim for minutes, so every sweep says it that finds one late, also while an owner works on it. A move that
/// waits for Lambda to move the traffic has a limit of its own.
fn warn_of_late_work(at: &FunctionRef<'_>, head: &Head, now: Timestamp) {
    let Some(active) = head.active() else { return };
    let gone = gone_of(at, active).map_or_else(String::new, |gone| format!("; {gone}"));
    if let Some((since, targets)) = active.rollout.as_ref().and_then(|state| late_way_back(state, now)) {
        let targets: Vec<&str> = targets.iter().map(|because| because.as_str()).collect();
        let because = targets.join(", ");
        tracing::error!(deployment = %active.request.id, %since, "{OVERDUE_LINE}: it goes back, and is not back: {because}{gone}");
    }
    let open = active.rollout.as_ref().filter(|_| active.hops == 0).and_then(|state| late_work(state, now));
    if let Some((since, targets)) = open {
        let targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
        let targets = targets.join(", ");
        tracing::error!(deployment = %active.request.id, %since, "{OVERDUE_LINE}: a test or a move of it does not end in {targets}{gone}");
    }
}

/// Says that work is open in an environment that deployer.json does not have, and what to do.
fn left_where_gone(engine: &Engine, at: &FunctionRef<'_>) -> String {
    let unknown = UnknownEnvironment::new(&engine.config, &at.name);
    let because = format!("work may be open {unknown}: put it back, or delete the markers open/{}/…", at.name);
    tracing::warn!("{because}");
    because
}

/// Deletes the markers that the head does not need, and returns their number. A fresh one may be of an invocation that
/// is about to write the head.
async fn clear_markers(engine: &Engine, at: &FunctionRef<'_>, head: &Head, markers: &BTreeSet<Token>) -> usize {
    let now = engine.now();
    let is_old = |marker: &&Token| between(marker.time(), now) > MARKERS_LAST;
    let old = markers.iter().filter(|marker| !head.needs(**marker)).filter(is_old);
    let keys = old.map(|marker| ledger_keys::marker(&at.name, &at.function, *marker));
    future::join_all(keys.map(async |key| engine.store().delete(&key).await)).await.len()
}

/// Writes into the head of a parked deployment that a tick is on its way. Otherwise each sweep would send another tick
/// while the queue does not keep up. If another writer is first, that one works on the function.
async fn note_tick(engine: &Engine, at: &FunctionRef<'_>, seen: Versioned) {
    let Some(head) = head::with_tick_sent(&seen.head, engine.now()) else { return };
    if let Err(error) = engine.store().write_head(at, seen.etag, head).await {
        tracing::warn!("the next sweep will send another tick: {error}");
    }
}

/// Evaluates the promotions that wait, and has those go on that can. Returns their number.
async fn evaluate_waiting(engine: &Engine, at: &FunctionRef<'_>, head: &Head) -> Result<usize, Transient> {
    let (reconciler, now) = (engine.reconciler(at), engine.now());
    let movable = reconciler.promotions().movable(head).await?;
    for (id, decision) in &movable {
        match decision {
            // A sweep that did all the work itself could not end in time, so it sends a message.
            Decision::Allow if engine.ports.queue.is_some() => {
                reconciler.send_tick(Wakeup { id: *id, claim: None }, now).await?;
            }
            _ => drop(Box::pin(reconciler.promotions().resume_waiting(*id)).await?),
        }
    }
    Ok(movable.len())
}
