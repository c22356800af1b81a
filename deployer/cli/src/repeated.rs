//! A request that is repeated by its id (`--id`): the deployment that it has caused. Whoever repeats a request has
//! confirmed it already, so that nothing is shown and asked again; one that has ended is not sent again.

use std::time::Duration;

use deployer_core::head::{Request, Rollback, Source};
use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName, Release, Token};
use deployer_core::record::{Cause, CauseKind, DeploymentRecord};
use deployer_core::status::{FunctionStatus, StatusReport};
use deployer_core::trigger::Command;
use deployer_engine::History;
use jiff::Timestamp;

use super::answer::Answer;
use super::follow::{Followed, FunctionArgs};
use super::remote::{self, Remote};

/// The time that the look for the earlier request takes at most. If it fails, the request is like a new one.
const LOOK: Duration = Duration::from_secs(60);
/// The number of records that are looked at.
const RECORDS: u32 = 100;

/// An earlier request of the same id.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Repeated {
    /// It is under way, is next or waits: the same request again is answered with its progress.
    Open,
    /// It has ended.
    Ended(Box<DeploymentRecord>),
}

impl From<DeploymentRecord> for Repeated {
    fn from(record: DeploymentRecord) -> Self {
        if record.status.is_ended() { Self::Ended(Box::new(record)) } else { Self::Open }
    }
}

/// Says that a request has ended before it was repeated.
pub(super) const ENDED: &str = "this request has ended already:\n";

/// Answers with a request that has ended, and says so.
pub(super) fn ended(record: &DeploymentRecord) -> Answer {
    let text = format!("{ENDED}{}", record.text());
    Answer::with_text(text, record, record.exit())
}

/// Finds the rollback that was asked for by this id, to the same release if one is named.
pub(super) async fn rollback(
    options: &remote::Options,
    args: &FunctionArgs,
    (id, to): (&str, Option<&Release>),
) -> Option<Repeated> {
    let is_of_command = |open: DeploymentId| open == of_rollback(args, id, open.time());
    let is_it = |record: &DeploymentRecord| {
        let is_rollback = record.cause.kind == CauseKind::Rollback && record.cause.recall.is_none();
        let is_named = to.is_none_or(|to| record.release.as_ref() == Some(to));
        is_rollback && is_named && record.cause.event_id.as_deref() == Some(id)
    };
    let look = async {
        let remote = options.remote().await.ok()?;
        let found = records(&remote, &args.environment, &args.function).await?.into_iter().find(is_it);
        if found.is_some() {
            return found.map(Repeated::from);
        }
        let report = status(&remote, Some(&args.environment), Some(&args.function)).await?;
        is_open(report.functions.first()?, is_of_command).then_some(Repeated::Open)
    };
    tokio::time::timeout(LOOK, look).await.ok()?
}

/// Finds the promotion of a function that was asked for by this id.
pub(super) async fn promotion(
    options: &remote::Options,
    (to, function): (&EnvironmentName, &FunctionName),
    (id, release): (&str, Option<&Release>),
) -> Option<Repeated> {
    let is_it = |record: &DeploymentRecord| {
        let is_named = release.is_none_or(|release| record.release.as_ref() == Some(release));
        record.cause.kind == CauseKind::Promotion && is_named && record.cause.event_id.as_deref() == Some(id)
    };
    let look = async {
        let remote = options.remote().await.ok()?;
        records(&remote, to, function).await?.into_iter().find(is_it).map(Repeated::from)
    };
    tokio::time::timeout(LOOK, look).await.ok()?
}

/// Finds the promotion of a function that was approved by the command of this id.
pub(super) async fn approval(
    options: &remote::Options,
    (environment, function): (&EnvironmentName, &FunctionName),
    (id, deployment): (&str, Option<DeploymentId>),
) -> Option<Repeated> {
    let is_named = |found: DeploymentId| deployment.is_none_or(|named| named == found);
    let is_it = |record: &DeploymentRecord| {
        let mut approvals = record.promotion.iter().flat_map(|promotion| &promotion.approvals);
        is_named(record.id) && approvals.any(|approved| approved.is_by(id))
    };
    let look = async {
        let remote = options.remote().await.ok()?;
        let found = records(&remote, environment, function).await?.into_iter().find(is_it);
        if found.is_some() {
            return found.map(Repeated::from);
        }
        let report = status(&remote, Some(environment), Some(function)).await?;
        let mut waiting = report.functions.iter().flat_map(|status| &status.waiting);
        let is_given = |one: &deployer_core::status::WaitingStatus| {
            is_named(one.deployment) && one.approvals.iter().any(|approved| approved.is_by(id))
        };
        waiting.any(is_given).then_some(Repeated::Open)
    };
    tokio::time::timeout(LOOK, look).await.ok()?
}

/// Finds the recall of this id: the rollbacks of it that have ended; none if it has begun none.
pub(super) async fn recall(
    options: &remote::Options,
    (function, release): (&FunctionName, &Release),
    id: &str,
) -> Option<Vec<DeploymentId>> {
    let is_it = |record: &DeploymentRecord| {
        let is_of_recall = record.cause.recall.as_ref().is_some_and(|recall| recall.release == *release);
        is_of_recall && record.cause.event_id.as_deref() == Some(id)
    };
    let look = async {
        let remote = options.remote().await.ok()?;
        let (mut has_begun, mut ended) = (false, Vec::new());
        for one in status(&remote, None, Some(function)).await?.functions {
            has_begun |= is_open(&one, |open| open == of_recall(&one, release, id, open.time()));
            let records = records(&remote, &one.environment, function).await.unwrap_or_default();
            for record in records.iter().filter(|record| is_it(record)) {
                has_begun = true;
                ended.extend(record.status.is_ended().then_some(record.id));
            }
        }
        has_begun.then_some(ended)
    };
    tokio::time::timeout(LOOK, look).await.ok()?
}

/// Returns the last records; none if they cannot be read.
pub(super) async fn records(
    remote: &Remote,
    environment: &EnvironmentName,
    function: &FunctionName,
) -> Option<Vec<DeploymentRecord>> {
    let (environment, function) = (environment.clone(), function.clone());
    let command = Command::History { environment, function, limit: Some(RECORDS) };
    let history = remote.send::<History>(&remote::request(command)).await.ok()?;
    Some(history.deployments)
}

/// Whether so many records may not be all.
pub(super) fn may_be_more(records: &[DeploymentRecord]) -> bool {
    u32::try_from(records.len()).is_ok_and(|number| number >= RECORDS)
}

async fn status(
    remote: &Remote,
    environment: Option<&EnvironmentName>,
    function: Option<&FunctionName>,
) -> Option<StatusReport> {
    let command = Command::Status { environment: environment.cloned(), function: function.cloned() };
    remote.send(&remote::request(command)).await.ok()
}

fn is_open(status: &FunctionStatus, is_it: impl Fn(DeploymentId) -> bool) -> bool {
    status.open.iter().map(|open| open.deployment).chain(status.active).chain(status.pending).any(is_it)
}

/// Returns the id of the deployment that a rollback of this id would have caused at this time.
fn of_rollback(FunctionArgs { environment, function }: &FunctionArgs, id: &str, at: Timestamp) -> DeploymentId {
    let source = Source::Earlier(Rollback::to(None));
    Request::by_command((environment, function), source, cause(id), (at, Token::drawn(at, 0))).id
}

/// Returns the id of the deployment that a recall of this id would have caused at this time.
fn of_recall(status: &FunctionStatus, release: &Release, id: &str, at: Timestamp) -> DeploymentId {
    let (environment, function) = (&status.environment, &status.function);
    let undone = (release.clone(), None, None);
    Request::undo((environment, function), undone, cause(id), at, (at, Token::drawn(at, 0))).id
}

fn cause(id: &str) -> Cause {
    Cause::new(CauseKind::Rollback, None, Some(id.into()))
}
