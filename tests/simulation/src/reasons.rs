//! Whatever did not succeed says why, and the scene has a reason for it.

use std::time::Duration;

use deployer_core::head::ATTEMPTS;
use deployer_core::record::{CauseKind, Code, DeploymentRecord, Status, TargetErrorCode, TargetOutcome};

use super::case::Case;
use super::orders::Ask;
use super::scene::{Kind, Mishap};
use super::stage::Told;
use super::violation::Rule;
use world::Op;

/// For so long a deployment waits for the traffic of an alias, less what it takes to get there.
const TRAFFIC_WITHIN: Duration = Duration::from_secs(14 * 60);

/// What did not succeed says why, in words, and the scene has a reason for it.
pub(super) fn says_why(case: &Case<'_>, told: &Told, record: &DeploymentRecord, say: &mut impl FnMut(Rule, String)) {
    let what = &told.s3.key;
    if matches!(record.status, Status::Succeeded | Status::Unchanged) {
        if case.bytes(told).kind == Kind::Bad || !case.environment.accepts {
            say(Rule::SaysWhy, format!("{what} should have been refused, and {}", record.status));
        }
        return;
    }
    if record.code.is_none() || record.because.as_deref().is_none_or(str::is_empty) {
        say(Rule::SaysWhy, format!("{what} is {}, and does not say why", record.status));
    }
    if record.status == Status::Refused && !may_be_refused(case, told, record.code) {
        say(Rule::SaysWhy, format!("{what} was refused without a reason: {:?} {:?}", record.code, record.because));
    }
    let failed: Vec<&TargetOutcome> = record.targets.iter().filter(|target| target.error.is_some()).collect();
    if is_whole(record) && (record.status == Status::Failed) == failed.is_empty() {
        say(Rule::SaysWhy, format!("{what} is {}, and {} of its targets have an error", record.status, failed.len()));
    }
    for error in failed.into_iter().filter_map(|target| target.error.as_ref()) {
        if error.message.is_empty() || error.step.is_empty() {
            say(Rule::SaysWhy, format!("{what} failed without a message"));
        }
        // What was asked to stop is not gone on with when a process that was frozen thaws too late.
        let stopped = !is_whole(record) && error.code == TargetErrorCode::TimedOut;
        if !stopped && !may_fail(case, told, error.code, &error.message) {
            say(Rule::SaysWhy, format!("{what} failed without a reason: {:?}, {error}", error.code));
        }
    }
}

/// Whether nobody has stopped it on the way: then it has failed by its targets alone.
fn is_whole(record: &DeploymentRecord) -> bool {
    !matches!(record.code, Some(Code::Superseded | Code::Rejected))
}

/// The same of a command.
pub(super) fn command_says_why(case: &Case<'_>, record: &DeploymentRecord, say: &mut dyn FnMut(Rule, String)) {
    let what = record.cause.requested_by.as_deref().unwrap_or_default();
    if matches!(record.status, Status::Succeeded | Status::Unchanged) {
        return;
    }
    if record.code.is_none() || record.because.as_deref().is_none_or(str::is_empty) {
        say(Rule::SaysWhy, format!("{what} is {}, and does not say why", record.status));
    }
    let told = case.upload_of(record);
    let kind = record.cause.kind;
    let has_reason = match record.code {
        Some(Code::NothingToRollBack) => kind == CauseKind::Rollback,
        // Whether it was right to refuse that is another rule's.
        Some(Code::LiveChanged) => kind == CauseKind::Rollback && case.orders.iter().any(|(_, o)| o.look.is_some()),
        // What is to be undone may be gone by the time that its turn comes.
        Some(Code::NotLive) => kind != CauseKind::Deploy,
        Some(Code::ArtifactGone) => kind == CauseKind::Deploy,
        Some(Code::Held) => kind != CauseKind::Rollback && case.is_asked(|ask| *ask == Ask::Hold),
        Some(Code::Rejected) => case.is_asked(Ask::rejects),
        Some(Code::UploadsNotAccepted) => kind == CauseKind::Deploy && !case.environment.accepts,
        // What these are told for is another rule's (`kept`).
        Some(Code::NotPromotable | Code::Expired) => is_promotion(kind),
        Some(Code::SoakCancelled) => kind == CauseKind::AutomaticPromotion,
        Some(code) => told.is_some_and(|told| may_be_refused(case, told, Some(code))),
        None => false,
    };
    if record.status == Status::Refused && !has_reason {
        say(Rule::SaysWhy, format!("{what} was refused without a reason: {:?} {:?}", record.code, record.because));
    }
    for error in record.targets.iter().filter_map(|target| target.error.as_ref()) {
        let Some(told) = told else { return say(Rule::SaysWhy, format!("{what} failed with nothing: {error}")) };
        let rejected = error.message.contains("was rejected") && case.is_asked(Ask::rejects);
        if !rejected && !may_fail(case, told, error.code, &error.message) {
            say(Rule::SaysWhy, format!("{what} failed without a reason: {:?}, {error}", error.code));
        }
    }
}

/// Whether it was promoted, by hand or by itself.
pub(super) fn is_promotion(kind: CauseKind) -> bool {
    matches!(kind, CauseKind::Promotion | CauseKind::AutomaticPromotion)
}

fn may_be_refused(case: &Case<'_>, told: &Told, code: Option<Code>) -> bool {
    let upload = &case.scene.uploads[told.number];
    let other_bytes = |other: &&Told| other.s3.key == told.s3.key && case.bytes(other) != upload.bytes;
    match code {
        Some(Code::InvalidArtifact) => upload.bytes.kind == Kind::Bad,
        Some(Code::UploadsNotAccepted) => !case.environment.accepts,
        Some(Code::Held) => case.is_asked(|ask| *ask == Ask::Hold),
        Some(Code::Rejected) => case.is_asked(Ask::rejects),
        Some(Code::ImmutableRelease) => case.environment.immutable && case.told.iter().any(other_bytes),
        _ => false,
    }
}

fn may_fail(case: &Case<'_>, told: &Told, code: TargetErrorCode, message: &str) -> bool {
    let faults = |op: fn(Op) -> bool, mishap: fn(&Mishap) -> bool| {
        case.scene.faults.iter().any(|fault| op(fault.op) && mishap(&fault.mishap))
    };
    let given_up = message.contains(&format!("taken up {ATTEMPTS} times"));
    // A function that takes longer than all the invocations that go on with it.
    let is_slow = case.scene.settling > Duration::from_secs(10);
    match code {
        TargetErrorCode::TrafficNotMoved => case.scene.provisioned.iter().any(|one| {
            let is_here = one.function == case.function && case.environment.targets.contains(&one.place);
            is_here && (one.fails || one.takes > TRAFFIC_WITHIN)
        }),
        TargetErrorCode::AssumeRoleDenied | TargetErrorCode::AccessDenied => case.has_closed_accounts(),
        TargetErrorCode::FunctionFailed => faults(Op::is_lambda_write, |m| matches!(m, Mishap::EndsFailed)),
        TargetErrorCode::ForeignChange => case.is_touched(),
        TargetErrorCode::InvalidConfiguration => {
            case.bytes(told).kind != Kind::Whole
                && case.environment.targets.iter().any(|place| {
                    !case.scene.there.iter().any(|(at, function)| at == place && function == case.function)
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
                || case.is_touched()
                || case.scene.has_late_writes()
                || faults(|op| op >= Op::AssumeRole, |m| matches!(m, Mishap::Fails(_) | Mishap::LosesAnswer))
        }
        _ => false,
    }
}
