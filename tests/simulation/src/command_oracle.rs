//! Checks the commands themselves: each has one record, which has ended and equals the answer.

use deployer_core::record::{CauseKind, Code, DeploymentRecord, Status};

use super::case::Case;
use super::commands::CommandKind;
use super::rule::Rule;

type Report<'s> = &'s mut dyn FnMut(Rule, String);

/// Checks that each command has one record, which has ended and equals the answer.
pub(super) fn commands(case: &Case<'_>, runner: &super::runner::Runner<'_>, report: Report<'_>) {
    for record in case.records().filter(|record| record.cause.kind != CauseKind::Upload) {
        let what = record.cause.requested_by.as_deref().unwrap_or_default();
        if !record.status.is_ended() || record.finished_at.is_none() {
            report(Rule::CommandsEnd, format!("the record of {what} says {}", record.status));
        }
        super::reasons::command_says_why(case, record, report);
    }
    for (number, command) in case.commands.iter().filter(|(_, command)| command.kind.deploys()) {
        let name = super::commands::name(*number);
        let is_its = |record: &&DeploymentRecord| record.cause.requested_by.as_deref() == Some(name.as_str());
        let records: Vec<&DeploymentRecord> = case.records().filter(is_its).collect();
        if records.len() > 1 {
            report(Rule::ActsOnce, format!("{name} has {} records", records.len()));
        }
        let answers = runner.command_answers.iter().filter(|(answered, _)| answered == number);
        let answers: Vec<_> =
            answers.map(|(_, answer)| serde_json::from_value::<DeploymentRecord>(answer.clone())).collect();
        // A rollback without `to`, or a redeploy, may have joined another one, whose record is then its answer.
        let joined = |answer: &DeploymentRecord| {
            let record = case.record(answer.id)?;
            let is_its =
                |number: usize| record.cause.requested_by.as_deref() == Some(super::commands::name(number).as_str());
            let others = case.commands.iter().chain(&case.rejects_elsewhere);
            let mut others = others.filter(|(number, _)| is_its(*number));
            others.any(|(_, other)| may_join(&command.kind, &other.kind, record)).then_some(answer.id)
        };
        let has_joined = answers.iter().flatten().any(|answer| joined(answer).is_some());
        // A function that was live before the last refusal is known, so its commands are carried out.
        let refused = runner.unknown_commands.get(number);
        let is_unknown = refused.is_some_and(|refused| !case.was_live_before(refused.last));
        if records.is_empty() && !command.is_lost && !has_joined && !is_unknown {
            report(Rule::NoUploadLost, format!("{name} was given, and nobody knows it"));
        }
        for answer in answers {
            let Ok(answer) = answer else {
                report(Rule::OneRecord, format!("{name} was answered with no record"));
                continue;
            };
            let record = match has_joined {
                true => case.record(answer.id),
                false => records.first().copied(),
            };
            if answer.status.is_ended() && record != Some(&answer) {
                report(
                    Rule::OneRecord,
                    format!("{name} was answered with {}, its record says otherwise", answer.status),
                );
            }
        }
    }
}

/// Whether one command may be answered with another's record. A recall that found nothing of its release here does not do
/// what a rollback asks for; one before whose release nothing was live answers a rollback too.
fn may_join(command: &CommandKind, other: &CommandKind, record: &DeploymentRecord) -> bool {
    match (command, other) {
        (CommandKind::Rollback { to: None, .. }, CommandKind::Rollback { to: None, .. })
        | (CommandKind::Redeploy, CommandKind::Redeploy) => true,
        (CommandKind::Rollback { to: None, .. }, CommandKind::Recall { .. }) => {
            record.status != Status::Refused || record.code == Some(Code::NothingToRollBack)
        }
        _ => false,
    }
}
