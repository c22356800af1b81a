//! Whatever did not succeed says why, and the scenario has a reason for it.

use std::time::Duration;

use deployer_core::head::ATTEMPTS;
use deployer_core::record::{CauseKind, Code, DeploymentRecord, Status, TargetErrorCode, TargetOutcome};

use super::case::Case;
use super::commands::CommandKind;
use super::runner::SentUpload;
use super::scenario::{FaultKind, ZipKind};
use super::violation::Rule;
use world::Op;

/// For so long a deployment waits for the traffic of an alias, less what it takes to get there.
const TRAFFIC_WITHIN: Duration = Duration::from_secs(14 * 60);

/// What did not succeed says why, in words, and the scenario has a reason for it.
pub(super) fn says_why(
    case: &Case<'_>,
    upload: &SentUpload,
    record: &DeploymentRecord,
    report: &mut impl FnMut(Rule, String),
) {
    let what = &upload.s3.key;
    if matches!(record.status, Status::Succeeded | Status::Unchanged) {
        if case.zip_of(upload).kind == ZipKind::Bad || !case.environment.accepts {
            report(Rule::SaysWhy, format!("{what} should have been refused, and {}", record.status));
        }
        return;
    }
    if record.code.is_none() || record.because.as_deref().is_none_or(str::is_empty) {
        report(Rule::SaysWhy, format!("{what} is {}, and does not say why", record.status));
    }
    if record.status == Status::Refused && !may_be_refused(case, upload, record.code) {
        report(Rule::SaysWhy, format!("{what} was refused without a reason: {:?} {:?}", record.code, record.because));
    }
    let failed: Vec<&TargetOutcome> = record.targets.iter().filter(|target| target.error.is_some()).collect();
    if is_whole(record) && (record.status == Status::Failed) == failed.is_empty() {
        report(
            Rule::SaysWhy,
            format!("{what} is {}, and {} of its targets have an error", record.status, failed.len()),
        );
    }
    for error in failed.into_iter().filter_map(|target| target.error.as_ref()) {
        if error.message.is_empty() || error.step.is_empty() {
            report(Rule::SaysWhy, format!("{what} failed without a message"));
        }
        // What was asked to stop is not gone on with when a process that was frozen thaws too late.
        let stopped = !is_whole(record) && error.code == TargetErrorCode::TimedOut;
        if !stopped && !may_fail(case, upload, error.code, &error.message) {
            report(Rule::SaysWhy, format!("{what} failed without a reason: {:?}, {error}", error.code));
        }
    }
}

/// Whether nobody has stopped it on the way: then it has failed by its targets alone.
fn is_whole(record: &DeploymentRecord) -> bool {
    !matches!(record.code, Some(Code::Superseded | Code::Rejected))
}

/// The same of a command.
pub(super) fn command_says_why(case: &Case<'_>, record: &DeploymentRecord, report: &mut dyn FnMut(Rule, String)) {
    let what = record.cause.requested_by.as_deref().unwrap_or_default();
    if matches!(record.status, Status::Succeeded | Status::Unchanged) {
        return;
    }
    if record.code.is_none() || record.because.as_deref().is_none_or(str::is_empty) {
        report(Rule::SaysWhy, format!("{what} is {}, and does not say why", record.status));
    }
    let upload = case.upload_of(record);
    let kind = record.cause.kind;
    let has_reason = match record.code {
        Some(Code::NothingToRollBack) => kind == CauseKind::Rollback,
        // Whether it was right to refuse that is another rule's.
        Some(Code::LiveChanged) => {
            kind == CauseKind::Rollback && case.commands.iter().any(|(_, command)| command.look.is_some())
        }
        // What is to be undone may be gone by the time that its turn comes.
        Some(Code::NotLive) => kind != CauseKind::Deploy,
        Some(Code::ArtifactGone) => kind == CauseKind::Deploy,
        Some(Code::Held) => kind != CauseKind::Rollback && case.has_command(|ask| *ask == CommandKind::Hold),
        Some(Code::Rejected) => case.has_command(CommandKind::rejects),
        Some(Code::UploadsNotAccepted) => kind == CauseKind::Deploy && !case.environment.accepts,
        // What these are upload for is another rule's (`kept`).
        Some(Code::NotPromotable | Code::Expired) => is_promotion(kind),
        Some(Code::SoakCancelled) => kind == CauseKind::AutomaticPromotion,
        Some(code) => upload.is_some_and(|upload| may_be_refused(case, upload, Some(code))),
        None => false,
    };
    if record.status == Status::Refused && !has_reason {
        report(Rule::SaysWhy, format!("{what} was refused without a reason: {:?} {:?}", record.code, record.because));
    }
    for error in record.targets.iter().filter_map(|target| target.error.as_ref()) {
        let Some(upload) = upload else { return report(Rule::SaysWhy, format!("{what} failed with nothing: {error}")) };
        let rejected = error.message.contains("was rejected") && case.has_command(CommandKind::rejects);
        if !rejected && !may_fail(case, upload, error.code, &error.message) {
            report(Rule::SaysWhy, format!("{what} failed without a reason: {:?}, {error}", error.code));
        }
    }
}

/// Whether it was promoted, by hand or by itself.
pub(super) fn is_promotion(kind: CauseKind) -> bool {
    matches!(kind, CauseKind::Promotion | CauseKind::AutomaticPromotion)
}

fn may_be_refused(case: &Case<'_>, upload: &SentUpload, code: Option<Code>) -> bool {
    let planned = &case.scenario.uploads[upload.number];
    let other_bytes = |other: &&SentUpload| other.s3.key == upload.s3.key && case.zip_of(other) != planned.bytes;
    match code {
        Some(Code::InvalidArtifact) => planned.bytes.kind == ZipKind::Bad,
        Some(Code::UploadsNotAccepted) => !case.environment.accepts,
        Some(Code::Held) => case.has_command(|ask| *ask == CommandKind::Hold),
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
    // A function that takes longer than all the invocations that go on with it.
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
            // An owner that was about to make an alias has died, or was frozen: nobody can tell whether it comes yet.
            let may_come = message.contains("an alias whose creation got no answer");
            // An account that closes while a write is doubtful lets nobody look whether it was done.
            let cannot_look = case.has_closed_accounts();
            // Somebody who keeps writing, and leaves no difference behind.
            may_come
                || cannot_look
                || case.is_changed_by_others()
                || case.scenario.has_late_writes()
                || faults(|op| op >= Op::AssumeRole, |m| matches!(m, FaultKind::Fails(_) | FaultKind::LosesAnswer))
        }
        _ => false,
    }
}
