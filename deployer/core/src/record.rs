//! The record: what is written down about a deployment, and read by people, CI and the deployer itself.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::artifact::{ArtifactRef, VerifiedArtifact};
use crate::config::Target;
use crate::id::{
    AccountId, AliasName, BucketName, DeploymentId, EnvironmentName, FunctionName, Region, Release, Sha256, Version,
};
use crate::names::{DEPLOYMENTS, RESULTS};
use crate::promotion::RecordedPromotion;
use crate::text::{Person, PlainText};

/// The version of every JSON object that the ledger holds.
pub const SCHEMA: u32 = 1;

fn current_schema() -> u32 {
    SCHEMA
}

/// How far a deployment, or one target of it, is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Accepted; waits for something that `because` names.
    Pending,
    /// Being worked on.
    InProgress,
    /// Live on every target.
    Succeeded,
    /// Every target already served exactly this code and configuration.
    Unchanged,
    /// A newer one took its place.
    Superseded,
    /// A rule said no; nothing was tried.
    Refused,
    /// At least one target did not get there.
    Failed,
    /// Undone by the deployer itself.
    RolledBack,
}

impl Status {
    /// Whether nothing more will happen to it. An ended record is never changed.
    #[must_use]
    pub fn is_ended(self) -> bool {
        !matches!(self, Self::Pending | Self::InProgress)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::InProgress => "in progress",
            Self::Succeeded => "succeeded",
            Self::Unchanged => "unchanged",
            Self::Superseded => "superseded",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::RolledBack => "rolled back",
        })
    }
}

/// Why a deployment is not succeeded or unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Code {
    InvalidArtifact,
    InvalidManifest,
    ArtifactGone,
    UploadsNotAccepted,
    ImmutableRelease,
    Held,
    Rejected,
    Superseded,
    NothingToRollBack,
    NotLive,
    NotPromotable,
    Expired,
    SoakCancelled,
    LiveChanged,
    TargetFailed,
    Waiting,
    /// A newer deployer's.
    #[serde(other, rename = "?")]
    #[schemars(skip)]
    Unknown,
}

/// Why one target did not get there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TargetErrorCode {
    /// STS refused the deploy role.
    AssumeRoleDenied,
    /// The session belongs to another account than the target.
    WrongAccount,
    /// The session may not make a call that the plan needs.
    AccessDenied,
    /// Lambda could not read the artifact.
    ArtifactUnreadable,
    /// The zip is too large for the way it must take.
    CodeTooLarge,
    /// Lambda refused the configuration, or it is not enough to create the function.
    InvalidConfiguration,
    /// Lambda cannot assume the execution role.
    RoleNotAssumable,
    /// The function or its version ended in state Failed.
    FunctionFailed,
    /// Lambda did not let the alias's traffic to the new version.
    TrafficNotMoved,
    /// Somebody else changed the function meanwhile.
    ForeignChange,
    /// AWS kept throttling until the deadline.
    Throttled,
    /// Not done before the deadline.
    TimedOut,
    /// The account has reached a limit: of code storage, versions or concurrency.
    QuotaExceeded,
    /// The deployer cannot deploy such a function: a container image, or one whose code must be signed.
    Unsupported,
    /// Anything else; the message has the last cause.
    Internal,
    /// A newer deployer's.
    #[serde(other, rename = "?")]
    #[schemars(skip)]
    Unknown,
}

/// What went wrong on one target, in which step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[error("{step}: {message}")]
pub struct TargetError {
    /// The kind.
    pub code: TargetErrorCode,
    /// What was being done, to what, what came of it and what to do about it.
    pub message: PlainText,
    /// The step of the way: `enter`, `observe`, `plan`, or a step of the plan.
    pub step: String,
}

impl TargetError {
    /// An error of this kind in this step.
    pub fn new(code: TargetErrorCode, step: impl Into<String>, message: impl Into<PlainText>) -> Self {
        Self { code, message: message.into(), step: step.into() }
    }
}

/// What asked for a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum CauseKind {
    Upload,
    Deploy,
    Redeploy,
    Rollback,
    Promotion,
    AutomaticPromotion,
    /// A newer deployer's.
    #[serde(other, rename = "?")]
    #[schemars(skip)]
    Unknown,
}

/// What asked for a deployment, and who.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// The kind of request.
    pub kind: CauseKind,
    /// Who asked, where a command or a promotion said so.
    pub requested_by: Option<Person>,
    /// The event's or request's id, for finding it in logs.
    pub event_id: Option<PlainText>,
}

/// The artifact of a deployment, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordedArtifact {
    /// The artifact bucket.
    pub bucket: BucketName,
    /// The object's key.
    pub key: String,
    /// The object's S3 version id.
    pub version_id: String,
    /// Bytes; null until read.
    pub size: Option<u64>,
    /// The zip's hash; null until read to the end.
    pub sha256: Option<Sha256>,
    /// `commit`, `commit-time`, `build-url`, `uploaded-by` of the object's user metadata.
    pub metadata: BTreeMap<String, PlainText>,
}

impl RecordedArtifact {
    /// The object version.
    #[must_use]
    pub fn reference(&self) -> ArtifactRef {
        ArtifactRef { bucket: self.bucket.clone(), key: self.key.clone(), version_id: self.version_id.clone() }
    }
}

impl From<&ArtifactRef> for RecordedArtifact {
    fn from(artifact: &ArtifactRef) -> Self {
        Self {
            bucket: artifact.bucket.clone(),
            key: artifact.key.clone(),
            version_id: artifact.version_id.clone(),
            size: None,
            sha256: None,
            metadata: BTreeMap::new(),
        }
    }
}

impl From<&VerifiedArtifact> for RecordedArtifact {
    fn from(verified: &VerifiedArtifact) -> Self {
        Self {
            size: Some(verified.size),
            sha256: Some(verified.sha256),
            metadata: verified.metadata.clone(),
            ..Self::from(&verified.reference)
        }
    }
}

/// What a target's alias was seen to serve before a deployment first wrote to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Previous {
    /// The version.
    pub version: Version,
    /// Its code.
    pub sha256: Option<Sha256>,
    /// Further versions that got a part of the traffic, and which part.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub weights: BTreeMap<String, Weight>,
}

impl fmt::Display for Previous {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "version {}", self.version)?;
        self.weights.iter().try_for_each(|(version, Weight(part))| {
            let percent = (part * 10_000.0).round() / 100.0;
            write!(f, " and {percent}% to version {version}")
        })
    }
}

/// A part of the traffic, between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Weight(pub f64);

/// JSON has no number that differs from itself.
impl Eq for Weight {}

/// How one target fared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetOutcome {
    /// The target's account.
    pub account: AccountId,
    /// The target's region.
    pub region: Region,
    /// How far it is.
    pub status: Status,
    /// The function's name there.
    pub function_name: FunctionName,
    /// The alias that is moved.
    pub alias: AliasName,
    /// The version that the alias serves because of this deployment.
    pub version: Option<Version>,
    /// What it served before.
    pub previous: Option<Previous>,
    /// What went wrong.
    pub error: Option<TargetError>,
    /// It failed, and its alias serves this deployment's version all the same, or that is not known.
    #[serde(default, skip_serializing_if = "is_false")]
    pub reached: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it so")]
fn is_false(value: &bool) -> bool {
    !value
}

impl TargetOutcome {
    /// Whether its alias serves what was deployed.
    #[must_use]
    pub fn has_arrived(&self) -> bool {
        matches!(self.status, Status::Succeeded | Status::Unchanged)
    }

    /// Whether its alias serves what was deployed, or may.
    #[must_use]
    pub fn has_reached(&self) -> bool {
        self.has_arrived() || self.reached
    }

    /// Which target it is about.
    #[must_use]
    pub fn target(&self) -> Target {
        Target { account: self.account.clone(), region: self.region.clone() }
    }

    /// A target that nothing was done to yet.
    #[must_use]
    pub fn untouched(target: &Target, function_name: FunctionName, alias: AliasName, status: Status) -> Self {
        Self {
            account: target.account.clone(),
            region: target.region.clone(),
            status,
            function_name,
            alias,
            version: None,
            previous: None,
            error: None,
            reached: false,
        }
    }
}

/// The record of one deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeploymentRecord {
    /// The ledger's schema: 1.
    #[serde(default = "current_schema")]
    pub schema: u32,
    /// The deployment.
    pub id: DeploymentId,
    /// Where to.
    pub environment: EnvironmentName,
    /// Which function.
    pub function: FunctionName,
    /// Which release; null where a request never got as far as naming one.
    pub release: Option<Release>,
    /// How far it is.
    pub status: Status,
    /// Why it is not succeeded or unchanged.
    pub code: Option<Code>,
    /// The same in one sentence.
    pub because: Option<PlainText>,
    /// What asked for it.
    pub cause: Cause,
    /// The artifact; null where a request never got as far as naming one.
    pub artifact: Option<RecordedArtifact>,
    /// Each target's outcome, in the order of the configuration.
    pub targets: Vec<TargetOutcome>,
    /// Where it was promoted from, and who has approved that; absent where it is no promotion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion: Option<RecordedPromotion>,
    /// When it was accepted.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// How a deployment ends, before it is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// A rule said no before any target was written to.
    Refused {
        /// Which rule.
        code: Code,
        /// The sentence for people.
        because: String,
    },
    /// A later one took its place before anything was tried.
    Superseded {
        /// The sentence for people.
        because: String,
    },
    /// Every target was tried.
    Tried(Vec<TargetOutcome>),
    /// A rollback had only to stop a deployment, for nothing was live before that.
    OnlyStopped {
        /// The sentence for people.
        because: String,
    },
    /// It was stopped on the way: no alias moves any more.
    Stopped {
        /// What it comes to where it has arrived nowhere.
        status: Status,
        /// Which rule.
        code: Code,
        /// The sentence for people.
        because: String,
        /// What became of the targets until then.
        targets: Vec<TargetOutcome>,
    },
}

impl DeploymentRecord {
    /// Ends the record: the status of the whole follows from the outcomes of the targets.
    #[must_use]
    pub fn ended(mut self, ending: Ending, at: Timestamp) -> Self {
        match ending {
            Ending::Refused { code, because } => self.untried(Status::Refused, code, because),
            Ending::Superseded { because } => self.untried(Status::Superseded, Code::Superseded, because),
            Ending::OnlyStopped { because } => {
                self.untried(Status::Succeeded, Code::Superseded, because);
                self.code = None;
            }
            Ending::Stopped { status, code, because, targets } => {
                let arrived = targets.iter().filter(|target| target.status == Status::Succeeded).count();
                let all = targets.len();
                self.targets = targets;
                (self.status, self.code) = (if arrived > 0 { Status::Failed } else { status }, Some(code));
                self.because = Some(match arrived {
                    0 => because.into(),
                    some => format!("{because}; {some} of {all} targets had got there before").into(),
                });
            }
            Ending::Tried(targets) => {
                self.targets = targets;
                let failed: Vec<&TargetOutcome> = self.targets.iter().filter(|t| t.error.is_some()).collect();
                if failed.is_empty() {
                    let unchanged = self.targets.iter().all(|t| t.status == Status::Unchanged);
                    self.status = if unchanged { Status::Unchanged } else { Status::Succeeded };
                } else {
                    self.status = Status::Failed;
                    self.code = Some(Code::TargetFailed);
                    self.because = Some(sum_up(&failed, self.targets.len()).into());
                }
            }
        }
        self.finished_at = Some(at);
        self
    }

    /// The same deployment, which a rollback has asked to stop before it ended: it is superseded, whatever it reached.
    #[must_use]
    pub fn stopped_by(mut self, rollback: DeploymentId) -> Self {
        let arrived = self.targets.iter().filter(|target| target.has_reached()).count();
        let reached = match arrived {
            0 => String::new(),
            some => format!("; {some} of {} targets had got there before", self.targets.len()),
        };
        for target in self.targets.iter_mut().filter(|target| !target.has_arrived()) {
            target.status = Status::Superseded;
            // A target that only ran out of time was stopped like the others.
            target.error = target.error.take().filter(|error| error.code != TargetErrorCode::TimedOut);
        }
        (self.status, self.code) = (Status::Superseded, Some(Code::Superseded));
        self.because = Some(format!("rollback {rollback}, asked for later, has asked it to stop{reached}").into());
        self
    }

    /// One thing more that it says.
    pub fn add(&mut self, sentence: &str) {
        self.because = Some(match self.because.take() {
            Some(because) => format!("{because}; {sentence}").into(),
            None => sentence.to_owned().into(),
        });
    }

    fn untried(&mut self, status: Status, code: Code, because: String) {
        self.status = status;
        self.code = Some(code);
        self.because = Some(because.into());
        for target in &mut self.targets {
            target.status = status;
        }
    }

    /// The key of a deployment's record in the ledger bucket.
    #[must_use]
    pub fn key(environment: &EnvironmentName, function: &FunctionName, id: DeploymentId) -> String {
        format!("{DEPLOYMENTS}{environment}/{function}/{id}.json")
    }

    /// The key of the result that CI waits for; none where no upload caused the deployment.
    #[must_use]
    pub fn result_key(&self) -> Option<String> {
        let (release, artifact) = (self.release.as_ref()?, self.artifact.as_ref()?);
        (self.cause.kind == CauseKind::Upload)
            .then(|| Self::result_of(&self.environment, &self.function, release, &artifact.version_id))
    }

    /// The key of the result of one upload in the ledger bucket.
    #[must_use]
    pub fn result_of(
        environment: &EnvironmentName,
        function: &FunctionName,
        release: &Release,
        version_id: &str,
    ) -> String {
        format!("{}{version_id}.json", Self::results_of(environment, function, release))
    }

    /// Where the results of all uploads of a release are.
    #[must_use]
    pub fn results_of(environment: &EnvironmentName, function: &FunctionName, release: &Release) -> String {
        format!("{RESULTS}{environment}/{function}/{release}/")
    }
}

fn sum_up(failed: &[&TargetOutcome], all: usize) -> String {
    let mut sentences: Vec<(String, Vec<&TargetOutcome>)> = Vec::new();
    for target in failed {
        let Some(sentence) = target.error.as_ref().map(|error| sentence(target, error)) else { continue };
        match sentences.iter_mut().find(|(told, _)| *told == sentence) {
            Some((_, targets)) => targets.push(target),
            None => sentences.push((sentence, vec![target])),
        }
    }
    let told: Vec<String> = sentences.iter().take(3).map(|(sentence, targets)| told_once(sentence, targets)).collect();
    let untold: usize = sentences.iter().skip(3).map(|(_, targets)| targets.len()).sum();
    let more = if untold > 0 { format!("; and {untold} more") } else { String::new() };
    format!("{} of {all} targets failed: {}{more}", failed.len(), told.join("; "))
}

/// A target's error without the target's own account, so that it can be equal to another target's.
fn sentence(target: &TargetOutcome, error: &TargetError) -> String {
    let message = error.message.replace(target.account.as_str(), "<account>");
    format!("{:?}, {message}", error.code)
}

/// A sentence with the targets that it is true of. One target's sentence names the account.
fn told_once(sentence: &str, targets: &[&TargetOutcome]) -> String {
    let names: Vec<String> = targets.iter().map(|target| format!("{}/{}", target.account, target.region)).collect();
    match (&names[..], targets) {
        ([name], [target]) => format!("{name}: {}", sentence.replace("<account>", target.account.as_str())),
        ([others @ .., last], _) => format!("{} and {last}: {sentence}", others.join(", ")),
        ([], _) => sentence.to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn outcome(account: &str, status: Status, error: Option<TargetError>) -> TargetOutcome {
        let target =
            Target { account: AccountId::parse(account).unwrap(), region: Region::parse("eu-west-1").unwrap() };
        let name = FunctionName::parse("orders").unwrap();
        TargetOutcome { error, ..TargetOutcome::untouched(&target, name, AliasName::parse("live").unwrap(), status) }
    }

    fn record(targets: Vec<TargetOutcome>) -> DeploymentRecord {
        let artifact = ArtifactRef {
            bucket: BucketName::parse("acme-artifacts").unwrap(),
            key: "dev/orders/1.zip".into(),
            version_id: "v".into(),
        };
        DeploymentRecord {
            schema: SCHEMA,
            id: DeploymentId::parse("01JBJ4GZ00ABCDEFGH0123456J").unwrap(),
            environment: EnvironmentName::parse("dev").unwrap(),
            function: FunctionName::parse("orders").unwrap(),
            release: Some(Release::parse("1").unwrap()),
            status: Status::InProgress,
            code: None,
            because: None,
            cause: Cause { kind: CauseKind::Upload, requested_by: None, event_id: None },
            artifact: Some((&artifact).into()),
            targets,
            promotion: None,
            started_at: "2026-11-01T10:00:00Z".parse().unwrap(),
            finished_at: None,
        }
    }

    #[test]
    fn one_failed_target_fails_the_deployment_and_names_itself() {
        let error = TargetError::new(TargetErrorCode::AccessDenied, "update code", "may not");
        let outcomes = vec![
            outcome("111111111111", Status::Succeeded, None),
            outcome("222222222222", Status::Failed, Some(error)),
        ];
        let ended = record(vec![]).ended(Ending::Tried(outcomes), Timestamp::UNIX_EPOCH);
        assert_eq!((ended.status, ended.code), (Status::Failed, Some(Code::TargetFailed)));
        assert_eq!(ended.because.unwrap(), "1 of 2 targets failed: 222222222222/eu-west-1: AccessDenied, may not");
        assert_eq!(ended.targets[0].status, Status::Succeeded);
    }

    #[test]
    fn equal_sentences_of_many_targets_are_told_once_with_the_targets() {
        let failed = |account: &str, message: &str| {
            let error = TargetError::new(TargetErrorCode::AccessDenied, "observe", message);
            outcome(account, Status::Failed, Some(error))
        };
        let outcomes = vec![
            failed("111111111111", "no role in 111111111111"),
            failed("222222222222", "no role in 222222222222"),
            failed("333333333333", "no such key"),
            failed("444444444444", "no role in 444444444444"),
        ];
        let ended = record(vec![]).ended(Ending::Tried(outcomes), Timestamp::UNIX_EPOCH);
        assert_eq!(
            ended.because.unwrap(),
            "4 of 4 targets failed: 111111111111/eu-west-1, 222222222222/eu-west-1 and 444444444444/eu-west-1: \
             AccessDenied, no role in <account>; 333333333333/eu-west-1: AccessDenied, no such key"
        );
    }

    #[test]
    fn a_deployment_is_unchanged_only_if_every_target_is() {
        let mixed =
            vec![outcome("111111111111", Status::Succeeded, None), outcome("222222222222", Status::Unchanged, None)];
        let same = vec![outcome("111111111111", Status::Unchanged, None)];
        let end = |outcomes| record(vec![]).ended(Ending::Tried(outcomes), Timestamp::UNIX_EPOCH).status;
        assert_eq!(end(mixed), Status::Succeeded);
        assert_eq!(end(same), Status::Unchanged);
    }

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let written = record(vec![outcome("111111111111", Status::InProgress, None)]);
        let json = serde_json::to_value(&written).unwrap();
        assert_eq!(json["status"], "in_progress");
        assert_eq!(json["artifact"]["sha256"], serde_json::Value::Null);
        assert_eq!(serde_json::from_value::<DeploymentRecord>(json).unwrap(), written);
    }
}
