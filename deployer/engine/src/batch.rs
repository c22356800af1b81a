//! Batches of messages: each message is handled on its own, and a failed one harms none of the others.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use deployer_core::event::{RecordlessEvent, Refused};
use deployer_core::names::{AGAIN_LINE, QUEUE_LINE};
use deployer_core::promotion::ApprovalResponse;
use deployer_core::trigger::{Delivery, InboundEvent, Message};
use futures::FutureExt as _;
use futures::future::join_all;

use crate::events::publish_refused_promotion;
use crate::port::{Clock, Queue};
use crate::timer::ANSWER_NEEDS;
use crate::{CommandError, Engine, EventOutcome, PromotionOutcome, Transient};

/// Handles a batch, and returns the ids of the messages that must come again: those for which another try can help.
pub async fn handle_batch(engine: &Engine, messages: Vec<Message>) -> Vec<String> {
    messages.iter().filter_map(|message| message.delivery.as_ref()).for_each(|delivery| log_if_late(engine, delivery));
    let (messages, events): (Vec<_>, Vec<_>) = messages.into_iter().map(|m| ((m.id, m.delivery), m.events)).unzip();
    let outcomes = handle_all(engine, events).await;
    let failed = messages.into_iter().zip(outcomes).filter(|(_, outcomes)| outcomes.iter().any(Result::is_err));
    let failed = failed.map(|(message, _)| message).collect();
    put_back(engine.ports.queue.as_deref(), (engine.ports.clock.as_ref(), engine.timer().left()), failed).await
}

/// Names messages as failed, each with a pause before it comes again. The batch is answered in the time that is left,
/// even if a pause cannot be set.
pub async fn put_back(
    queue: Option<&dyn Queue>,
    (clock, left): (&dyn Clock, Duration),
    failed: Vec<(String, Option<Delivery>)>,
) -> Vec<String> {
    let failures = failed.into_iter().map(|(id, delivery)| async {
        if let Some(delivery) = delivery.as_ref().filter(|delivery| delivery.received >= LOGGED_FROM) {
            let (queue, received) = (delivery.queue_name(), delivery.received);
            tracing::error!(queue, received, message_id = id, "{AGAIN_LINE}: the lines before say why");
        }
        if let (Some(queue), Some(Delivery { receipt, received, queue: from, .. })) = (queue, delivery) {
            let late = clock.sleep(EXTEND_VISIBILITY_TIMEOUT.min(left / 2));
            tokio::select! {
                extended = queue.extend_visibility(from.as_deref(), &receipt, backoff(received)) => {
                    if let Err(error) = extended {
                        tracing::warn!("the message comes again after the queue's own timeout: {error}");
                    }
                }
                () = late => tracing::warn!("the message comes again after the queue's own timeout"),
            }
        }
        id
    });
    join_all(failures).await
}

/// Logs a message that comes late, though it could have been received long before. A message that was put off is not
/// logged: it is late on purpose. A message whose invocation was killed, or could not begin for want of concurrency,
/// stays away for the queue's own timeout, and is logged when it comes again.
fn log_if_late(engine: &Engine, delivery: &Delivery) {
    let Some(queue) = delivery.queue_name() else { return };
    let wake_queue = engine.config.wake_queue_url.as_deref().and_then(|url| url.rsplit('/').next());
    let longest = if wake_queue == Some(queue) { LONGEST_WAKEUP_WAIT } else { LONGEST_UPLOAD_WAIT };
    let (since, longest, because) = match delivery.received {
        1 => (delivery.due, longest, "a message comes late"),
        2 => {
            // The first invocation may have taken as long as this one has, and then put it off.
            let put_off = backoff(1) + engine.timer().left();
            (
                delivery.first_received,
                longest + put_off,
                "a message comes late, for an invocation that had it has died, or could not begin",
            )
        }
        _ => return,
    };
    let waited =
        since.map_or(Duration::ZERO, |since| Duration::try_from(engine.ports.clock.now() - since).unwrap_or_default());
    if waited > longest {
        tracing::error!(queue, waited_seconds = waited.as_secs(), "{QUEUE_LINE}: {because}");
    }
}

/// The longest time that an upload may wait in its queue until that is logged.
const LONGEST_UPLOAD_WAIT: Duration = Duration::from_secs(300);
/// The same for ticks that have a queue of their own.
const LONGEST_WAKEUP_WAIT: Duration = Duration::from_secs(120);

/// The number of receipts from which a failing message is logged: after more than four minutes.
const LOGGED_FROM: u32 = 4;

/// The longest time for putting a message off.
pub const EXTEND_VISIBILITY_TIMEOUT: Duration = Duration::from_secs(5);

/// Returns the time for which a failed message stays away: 20 seconds, a minute, three, nine, then ten each time. The
/// queue's own timeout is made for invocations that died.
fn backoff(received: u32) -> Duration {
    const FIRST: Duration = Duration::from_secs(20);
    const LONGEST: Duration = Duration::from_secs(600);
    FIRST.saturating_mul(3_u32.saturating_pow(received.saturating_sub(1))).min(LONGEST)
}

/// Handles the events of all messages: those that name the same function one after the other, and all others side by
/// side. A promotion that names functions by a pattern may run beside an event of one of them.
pub async fn handle_all(
    engine: &Engine,
    messages: Vec<Vec<InboundEvent>>,
) -> Vec<Vec<Result<EventOutcome, Transient>>> {
    let mut outcomes: Vec<Vec<Result<EventOutcome, Transient>>> = messages.iter().map(|_| Vec::new()).collect();
    let mut functions: BTreeMap<String, Vec<(usize, InboundEvent)>> = BTreeMap::new();
    for (number, events) in messages.into_iter().enumerate() {
        for event in events {
            match event {
                InboundEvent::Upload(ref upload) => {
                    let function = upload.key.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
                    functions.entry(function).or_default().push((number, event));
                }
                InboundEvent::Tick(ref tick) => {
                    let function = format!("{}/{}", tick.environment, tick.function);
                    functions.entry(function).or_default().push((number, event));
                }
                InboundEvent::Promotion(ref promotion) => {
                    let function = format!("{}/{}", promotion.to, promotion.functions);
                    functions.entry(function).or_default().push((number, event));
                }
                InboundEvent::ApprovalResponse(ref response) => {
                    let function = response.function.as_ref().map_or(String::new(), ToString::to_string);
                    let function = format!("{}/{function}", response.environment);
                    functions.entry(function).or_default().push((number, event));
                }
                InboundEvent::Ignored { because } => outcomes[number].push(Ok(ignored(because))),
                InboundEvent::NotUnderstood { because } => {
                    tracing::error!("put back: {because}");
                    outcomes[number].push(Err(Transient::NotUnderstood(because)));
                }
                InboundEvent::Malformed { because, readable_request } => {
                    tracing::error!("malformed: {because}");
                    if let Some(request) = readable_request {
                        publish_refused_promotion(engine, &because, *request).await;
                    }
                    outcomes[number].push(Ok(EventOutcome::Ignored { because }));
                }
            }
        }
    }
    let queues = functions.into_values().map(|all| async move {
        let mut done = Vec::new();
        for (number, event) in all {
            done.push((number, handle_guarded(engine, event).await));
        }
        done
    });
    for (number, outcome) in join_all(queues).await.into_iter().flatten() {
        outcomes[number].push(outcome);
    }
    outcomes
}

/// Handles one event, so that neither its panic nor its slowness takes the others' answers along. An event that is not
/// done shortly before the deadline is dropped, as if the process had been killed, and comes again.
async fn handle_guarded(engine: &Engine, event: InboundEvent) -> Result<EventOutcome, Transient> {
    let what = match &event {
        InboundEvent::Upload(upload) => {
            format!("{} (S3 version id {})", upload.key, upload.version_id.as_deref().unwrap_or("none"))
        }
        InboundEvent::Tick(tick) => format!("a tick for deployment {}", tick.id),
        InboundEvent::Promotion(promotion) => {
            format!("promotion {} of {} to {}", promotion.id, promotion.functions, promotion.to)
        }
        InboundEvent::ApprovalResponse(response) => {
            format!("the word of {} on a promotion to {}", response.by, response.environment)
        }
        InboundEvent::Ignored { because }
        | InboundEvent::Malformed { because, .. }
        | InboundEvent::NotUnderstood { because } => because.clone(),
    };
    let work = AssertUnwindSafe(handle(engine, event)).catch_unwind();
    let late = engine.ports.clock.sleep(engine.timer().left().saturating_sub(ANSWER_NEEDS));
    let outcome = tokio::select! {
        biased;
        outcome = work => outcome.unwrap_or_else(|panic| Err(Transient::panicked(panic.as_ref()))),
        () = late => Err(Transient::Deadline),
    };
    if let Err(transient) = &outcome {
        tracing::error!(what, "not done, shall come again: {transient}");
    }
    outcome
}

/// Handles one event.
///
/// # Errors
/// [`Transient`]: the event must come again.
pub async fn handle(engine: &Engine, event: InboundEvent) -> Result<EventOutcome, Transient> {
    let handled = match event {
        InboundEvent::Upload(upload) => engine.upload(upload).await?,
        InboundEvent::Tick(tick) => engine.handle_tick(tick).await?,
        InboundEvent::Promotion(promotion) => promotion_outcome(engine.promote(&promotion).await)?,
        InboundEvent::ApprovalResponse(response) => {
            let outcome = engine.record_approval_response(&response).await;
            if let Some(Ok(because)) = outcome.as_ref().err().cloned().map(CommandError::into_refusal) {
                publish_uncounted_word(engine, &because, &response).await;
            }
            promotion_outcome(outcome.map(|decided| decided.about.into()))?
        }
        InboundEvent::NotUnderstood { because } => return Err(Transient::NotUnderstood(because)),
        InboundEvent::Ignored { because } | InboundEvent::Malformed { because, .. } => {
            EventOutcome::Ignored { because }
        }
    };
    Ok(match handled {
        EventOutcome::Ignored { because } => ignored(because),
        recorded => recorded,
    })
}

/// Tells the sender of an event that their word on a promotion does not count: nobody reads the answer to an event.
async fn publish_uncounted_word(engine: &Engine, because: &str, response: &ApprovalResponse) {
    let function = response.function.as_ref().map(ToString::to_string);
    let about = RecordlessEvent {
        refused: Some(Refused::Approval),
        function: function.map(Into::into),
        to: Some(response.environment.clone()),
        requested_by: Some(response.by.clone()),
        id: response.deployment.map(|id| id.to_string().into()),
        ..RecordlessEvent::default()
    };
    publish_refused_promotion(engine, because, about).await;
}

/// Maps the result of a promotion. A wrong request is not tried again.
fn promotion_outcome(outcome: Result<PromotionOutcome, CommandError>) -> Result<EventOutcome, Transient> {
    match outcome {
        Ok(PromotionOutcome::One(record)) => Ok(EventOutcome::Recorded(record)),
        Ok(PromotionOutcome::Each(each)) => Ok(EventOutcome::Each(each.deployments)),
        Ok(PromotionOutcome::Together(group)) => Ok(EventOutcome::Together(group)),
        Err(error) => Ok(EventOutcome::Ignored { because: error.into_refusal()? }),
    }
}

fn ignored(because: String) -> EventOutcome {
    tracing::info!("ignored: {because}");
    EventOutcome::Ignored { because }
}
