//! What must be so of the commands themselves: each has one record, which has ended and is what was answered.

use deployer_core::record::{CauseKind, DeploymentRecord, Status};

use super::case::Case;
use super::orders::Ask;
use super::violation::Rule;

type Say<'s> = &'s mut dyn FnMut(Rule, String);

/// Of the commands themselves: each has one record, which has ended and is what was answered.
pub(super) fn commands(case: &Case<'_>, stage: &super::stage::Stage<'_>, say: Say<'_>) {
    for record in case.records().filter(|record| record.cause.kind != CauseKind::Upload) {
        let what = record.cause.requested_by.as_deref().unwrap_or_default();
        if !record.status.is_ended() || record.finished_at.is_none() {
            say(Rule::CommandsEnd, format!("the record of {what} says {}", record.status));
        }
        super::reasons::command_says_why(case, record, say);
    }
    for (number, order) in case.orders.iter().filter(|(_, order)| order.ask.deploys()) {
        let name = super::orders::name(*number);
        let is_its = |record: &&DeploymentRecord| record.cause.requested_by.as_deref() == Some(name.as_str());
        let records: Vec<&DeploymentRecord> = case.records().filter(is_its).collect();
        if records.len() > 1 {
            say(Rule::ActsOnce, format!("{name} has {} records", records.len()));
        }
        let answers = stage.replies.iter().filter(|(answered, _)| answered == number);
        let answers: Vec<_> =
            answers.map(|(_, answer)| serde_json::from_value::<DeploymentRecord>(answer.clone())).collect();
        // A rollback without `to`, or a redeploy, may have joined another one, whose record is its answer then.
        let joined = |answer: &DeploymentRecord| {
            let record = case.record(answer.id)?;
            let is_its =
                |number: usize| record.cause.requested_by.as_deref() == Some(super::orders::name(number).as_str());
            let others = case.orders.iter().chain(&case.rejecting);
            let mut others = others.filter(|(number, _)| is_its(*number));
            others.any(|(_, other)| may_join(&order.ask, &other.ask, record.status)).then_some(answer.id)
        };
        let has_joined = answers.iter().flatten().any(|answer| joined(answer).is_some());
        if records.is_empty() && !order.is_lost && !has_joined {
            say(Rule::NoneIsLost, format!("{name} was given, and nobody knows it"));
        }
        for answer in answers {
            let Ok(answer) = answer else {
                say(Rule::OneRecord, format!("{name} was answered with no record"));
                continue;
            };
            let record = match has_joined {
                true => case.record(answer.id),
                false => records.first().copied(),
            };
            if answer.status.is_ended() && record != Some(&answer) {
                say(Rule::OneRecord, format!("{name} was answered with {}, its record says otherwise", answer.status));
            }
        }
    }
}

/// Whether one may be answered with the other's record, which has this status. A recall that has nothing to take back does not
/// do what a rollback was asked for.
fn may_join(ask: &Ask, other: &Ask, status: Status) -> bool {
    match (ask, other) {
        (Ask::Rollback { to: None, .. }, Ask::Rollback { to: None, .. }) | (Ask::Redeploy, Ask::Redeploy) => true,
        (Ask::Rollback { to: None, .. }, Ask::Recall { .. }) => status != Status::Refused,
        _ => false,
    }
}
