//! Checks that every deployment that did not succeed gives a reason, and that the scenario contains that reason.

use std::time::Duration;

use deployer_core::head::ATTEMPTS;
use deployer_core::record::{CauseKind, Code, DeploymentRecord, Status, TargetErrorCode, TargetOutcome};

use super::case::Case;
use super::commands::CommandKind;
use super::rule::Rule;
use super::runner::SentUpload;
use super::scenario::{FaultKind, ZipKind};
use world::Op;

/// The time for which a deployment waits for the traffic of an alias, less the time that it takes to get there.
const TRAFFIC_WITHIN: Duration = Duration::from_secs(14 * 60);

/// Checks that an upload's deployment that did not succeed gives a reason in words, and that the scenario contains it.
pub(super) fn says_why(
    case: &Case<'_>,
    upload: &SentUpload,
    record: &DeploymentRecord,
    report: &mut impl FnMut(Rule, String),
) {
    let what = &upload.s3.key;
    if matches!(record.status, Status::Succeeded | Status::Unchanged) {
        if case.zip_of(upload).kind == ZipKind::Bad || !case.environment.accepts {
            report(Rule::GivesReason, format!("{what} should have been refused, and {}", record.status));
        }
        return;
    }
    if record.code.is_none() || record.because.as_deref().is_none_or(str::is_empty) {
        report(Rule::GivesReason, format!("{what} is {}, and does not say why", record.status));
    }
    if record.status == Status::Refused && !may_be_refused(case, upload, record.code) {
        report(
            Rule::GivesReason,
            format!("{what} was refused without a reason: {:?} {:?}", record.code, record.because),
        );
    }
    let failed: Vec<&TargetOutcome> = record.targets.iter().filter(|target| target.error.is_some()).collect();
    if is_whole(record) && (record.status == Status::Failed) == failed.is_empty() {
        report(
            Rule::GivesReason,
            format!("{what} is {}, and {} of its targets have an error", record.status, failed.len()),
        );
    }
    for error in failed.into_iter().filter_map(|target| target.error.as_ref()) {
        if error.message.is_empty() || error.step.is_empty() {
            report(Rule::GivesReason, format!("{what} failed without a message"));
        }
        // A deployment that was asked to stop may time out in a process that was frozen and thaws too late.
        let stopped = !is_whole(record) && error.code == TargetErrorCode::TimedOut;
        if !stopped && !may_fail(case, upload, error.code, &error.message) {
            report(Rule::GivesReason, format!("{what} failed without a reason: {:?}, {error}", error.code));
        }
    }
}

/// Whether nobody has stopped it on the way: then it has failed by its targets alone.
fn is_whole(record: &DeploymentRecord) -> bool {
    !matches!(record.code, Some(Code::Superseded | Code::Rejected))
}

/// Checks the same of a command's deployment.
pub(super) fn command_says_why(case: &Case<'_>, record: &DeploymentRecord, report: &mut dyn FnMut(Rule, String)) {
    let what = record.cause.requested_by.as_deref().unwrap_or_default();
    if matches!(record.status, Status::Succeeded | Status::Unchanged) {
        return;
    }
    if record.code.is_none() || record.because.as_deref().is_none_or(str::is_empty) {
        report(Rule::GivesReason, format!("{what} is {}, and does not say why", record.status));
    }
    let upload = case.upload_of(record);
    let kind = record.cause.kind;
    let has_reason = match record.code {
        Some(Code::NothingToRollBack) => kind == CauseKind::Rollback,
        // Another rule checks whether that refusal was right.
        Some(Code::LiveChanged) => {
            kind == CauseKind::Rollback && case.commands.iter().any(|(_, command)| command.look.is_some())
        }
        // The artifact to undo may be gone by the time that its turn comes.
        Some(Code::NotLive) => kind != CauseKind::Deploy,
        Some(Code::ArtifactGone) => kind == CauseKind::Deploy,
        Some(Code::Held) => kind != CauseKind::Rollback && case.has_command(|command| *command == CommandKind::Hold),
        Some(Code::Rejected) => case.has_command(CommandKind::rejects),
        Some(Code::UploadsNotAccepted) => kind == CauseKind::Deploy && !case.environment.accepts,
        // Another rule checks these reasons (`retention`).
        Some(Code::NotPromotable | Code::Expired) => is_promotion(kind),
        Some(Code::SoakCancelled) => kind == CauseKind::AutomaticPromotion,
        Some(code) => upload.is_some_and(|upload| may_be_refused(case, upload, Some(code))),
        None => false,
    };
    if record.status == Status::Refused && !has_reason {
        report(
            Rule::GivesReason,
            format!("{what} was refused without a reason: {:?} {:?}", record.code, record.because),
        );
    }
    for error in record.targets.iter().filter_map(|target| target.error.as_ref()) {
        let Some(upload) = upload else {
            return report(Rule::GivesReason, format!("{what} failed with nothing: {error}"));
        };
        let rejected = error.message.contains("was rejected") && case.has_command(CommandKind::rejects);
        if !rejected && !may_fail(case, upload, error.code, &error.message) {
            report(Rule::GivesReason, format!("{what} failed without a reason: {:?}, {error}", error.code));
        }
    }
}

/// Whether it is a promotion, requested or automatic.
pub(super) fn is_promotion(kind: CauseKind) -> bool {
    matches!(kind, CauseKind::Promotion | CauseKind::AutomaticPromotion)
}

fn may_be_refused(case: &Case<'_>, upload: &SentUpload, code: Option<Code>) -> bool {
    let planned = &case.scenario.uploads[upload.number];
    let other_bytes = |other: &&SentUpload| other.s3.key == upload.s3.key && case.zip_of(other) != planned.zip;
    match code {
        Some(Code::InvalidArtifact) => planned.zip.kind == ZipKind::Bad,
        Some(Code::UploadsNotAccepted) => !case.environment.accepts,
        Some(Code::Held) => case.has_command(|command| *command == CommandKind::Hold),
        Some(Code::Rejected) => case.has_command(CommandKind::rejects),
        Some(Code::ImmutableRelease) => case.environment.immutable && case.uploads.iter().any(other_bytes),
        _ => false,
    }
}

fn may_fail(case: &Case<'_>, upload: &SentUpload, code: TargetErrorCode, message: &str) -> bool {
    let faults = |op: fn(Op) -> bool, kind: fn(&FaultKind) -> bool| {
        case.scenario.faults.iter().any(|fault| op(fault.op) && kind(&fault.kind))
    };
    let given_up = message.contains(&format!("taken up {ATTEMPTS} times"));
    // The function takes longer than all invocations that resume the deployment.
    let is_slow = case.scenario.settling > Duration::from_secs(10);
    match code {
        TargetErrorCode::TrafficNotMoved => case.scenario.provisioned.iter().any(|one| {
            let is_here = one.function == case.function && case.environment.targets.contains(&one.place);
            is_here && (one.fails || one.takes > TRAFFIC_WITHIN)
        }),
        TargetErrorCode::AssumeRoleDenied | TargetErrorCode::AccessDenied => case.has_closed_accounts(),
        TargetErrorCode::FunctionFailed => faults(Op::is_lambda_write, |m| matches!(m, FaultKind::EndsFailed)),
        TargetErrorCode::ForeignChange => case.is_changed_by_others(),
        TargetErrorCode::InvalidConfiguration => {
            case.zip_of(upload).kind != ZipKind::Whole
                && case.environment.targets.iter().any(|place| {
                    !case.scenario.existing.iter().any(|(at, function)| at == place && function == case.function)
                })
        }
        TargetErrorCode::TimedOut => given_up || is_slow,
        TargetErrorCode::Internal => {
            // An owner died or froze while it was about to create an alias: nobody can tell whether the alias will
            // still appear.
            let may_come = message.contains("an alias whose creation got no answer");
            // An account closed while a write had no answer: nobody can look whether it was carried out.
            let cannot_look = case.has_closed_accounts();
            // Somebody else keeps writing, and leaves no difference behind.
            may_come
                || cannot_look
                || case.is_changed_by_others()
                || case.scenario.has_late_writes()
                || faults(|op| op >= Op::AssumeRole, |m| matches!(m, FaultKind::Fails(_) | FaultKind::LosesAnswer))
        }
        _ => false,
    }
}
