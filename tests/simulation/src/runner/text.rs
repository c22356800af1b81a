//! The words of the log for triggers and outcomes.

use deployer_engine::EventOutcome;

use world::{Outcome, Trigger};

pub(super) fn work(work: &Trigger) -> String {
    match work {
        Trigger::Upload(upload) => {
            format!("upload {} {}", upload.key, upload.version_id.as_deref().unwrap_or_default())
        }
        Trigger::Tick(tick) => format!("tick for {}", tick.id),
        Trigger::Promotion(promotion) => {
            format!("promotion {} of {} to {}", promotion.id, promotion.functions, promotion.to)
        }
        Trigger::ApprovalResponse(vote) => format!("{:?} of {} to {:?}", vote.decision, vote.by, vote.deployment),
        Trigger::Sweep => "sweep".to_owned(),
        Trigger::Command(command) => command.to_string(),
    }
}

pub(super) fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::EventOutcome(EventOutcome::Recorded(record)) => {
            format!("{} {} {}", record.id, record.status, record.because.as_deref().unwrap_or_default())
        }
        Outcome::EventOutcome(EventOutcome::Ignored { because }) => format!("ignored, {because}"),
        Outcome::EventOutcome(EventOutcome::Each(records)) => format!("{} promotions", records.len()),
        Outcome::EventOutcome(EventOutcome::Together(group)) => format!("group {} {}", group.id, group.status),
        Outcome::Swept(swept) => format!("{swept:?}"),
        Outcome::Transient(transient) => format!("transient, {transient}"),
        Outcome::Answered(answer) => format!("{} {}", answer["id"], answer["status"]),
        Outcome::Refused { error_type, message } => format!("{error_type}, {message}"),
        Outcome::Died => "died".to_owned(),
    }
}
