//! The record of a deployment, and its end.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::artifact::RecordedArtifact;
use super::cause::{Cause, CauseKind};
use super::ended_waiting::EndedWaiting;
use super::ending::Ending;
use super::promotion::RecordedPromotion;
use super::rollout::RecordedRollout;
use super::status::{Code, Status};
use super::target::{TargetError, TargetErrorCode, TargetOutcome};
use crate::id::{DeploymentId, EnvironmentName, FunctionName, Release};
use crate::ledger_keys;
use crate::text::{PlainText, counted};

/// The schema version of every JSON object in the ledger.
pub const SCHEMA: u32 = 1;

fn current_schema() -> u32 {
    SCHEMA
}

/// The record of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeploymentRecord {
    /// The ledger's schema: 1.
    #[serde(default = "current_schema")]
    pub schema: u32,
    /// The deployment's id.
    pub id: DeploymentId,
    /// The environment that is deployed to.
    pub environment: EnvironmentName,
    /// The function that is deployed.
    pub function: FunctionName,
    /// The release; null where a request was refused before one was known.
    pub release: Option<Release>,
    /// The deployment's status.
    pub status: Status,
    /// The reason for which the status is not succeeded or unchanged.
    pub code: Option<Code>,
    /// The reason in one sentence.
    pub because: Option<PlainText>,
    /// The request that caused the deployment.
    pub cause: Cause,
    /// The artifact; null where a request was refused before one was known.
    pub artifact: Option<RecordedArtifact>,
    /// The outcome of each target, in the order of the configuration.
    pub targets: Vec<TargetOutcome>,
    /// The source and the approvals of a promotion; absent for other deployments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion: Option<RecordedPromotion>,
    /// The promotion that has the place of this one, which has ended as superseded; absent where none has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_favour_of: Option<DeploymentId>,
    /// Whether that promotion waited already and brings the same, so that nothing was left to be done; absent where it does
    /// not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeats: bool,
    /// The promotions that waited or were next, and whose place this deployment has taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ended_waiting: Vec<EndedWaiting>,
    /// The rollout; absent where all traffic moved at once, and before it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RecordedRollout>,
    /// The time at which the request was accepted.
    pub started_at: Timestamp,
    /// The time at which its turn came and the deployer began to work on it; absent before that, where it never came, and
    /// in records of older deployers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_at: Option<Timestamp>,
    /// The time at which the deployment ended; null until then.
    pub finished_at: Option<Timestamp>,
    /// The version of the deployer that wrote the record, such as `0.1.0+1a2b3c4d5e6f`; absent in records of older ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployer: Option<String>,
}

impl DeploymentRecord {
    /// Ends the record. The status of the whole follows from the outcomes of the targets.
    #[must_use]
    pub fn ended(mut self, ending: Ending, at: Timestamp) -> Self {
        match ending {
            Ending::Refused { code, because } => self.end_untried(Status::Refused, code, because),
            Ending::Superseded { because, in_favour_of } => {
                self.end_untried(Status::Superseded, Code::Superseded, because);
                self.in_favour_of = in_favour_of;
            }
            Ending::Repeated { because, waits } => {
                self.end_untried(Status::Superseded, Code::Superseded, because);
                (self.in_favour_of, self.repeats) = (Some(waits), true);
            }
            Ending::OnlyStopped { because } => {
                self.end_untried(Status::Succeeded, Code::Superseded, because);
                self.code = None;
            }
            Ending::Stopped { status, code, because, targets } => {
                let arrived = targets.iter().filter(|target| target.status == Status::Succeeded).count();
                let all = targets.len();
                self.targets = targets;
                (self.status, self.code) = (if arrived > 0 { Status::Failed } else { status }, Some(code));
                self.because = Some(match arrived {
                    0 => because.into(),
                    some => format!("{because}; {some} of {} had got there before", counted(all, "target")).into(),
                });
            }
            Ending::TakenBack { status, code, because, targets } => {
                (self.status, self.code) = (status, Some(code));
                (self.because, self.targets) = (Some(because.into()), targets);
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
                    self.because = Some(summarize(&failed, self.targets.len()).into());
                }
            }
        }
        self.finished_at = Some(at);
        self
    }

    /// Changes the ended record of a deployment that a rollback asked to stop: it is superseded, whatever it reached.
    #[must_use]
    pub fn stopped_by(mut self, rollback: DeploymentId) -> Self {
        let arrived = self.targets.iter().filter(|target| target.may_serve()).count();
        let reached = match arrived {
            0 => String::new(),
            some => format!("; {some} of {} had got there before", counted(self.targets.len(), "target")),
        };
        for target in self.targets.iter_mut().filter(|target| !target.serves()) {
            target.status = Status::Superseded;
            // A target that only ran out of time was stopped like the others.
            target.error = target.error.take().filter(|error| error.code != TargetErrorCode::TimedOut);
        }
        (self.status, self.code) = (Status::Superseded, Some(Code::Superseded));
        self.because = Some(format!("rollback {rollback}, asked for later, has asked it to stop{reached}").into());
        self
    }

    /// Appends a sentence to the reason.
    pub fn add(&mut self, sentence: &str) {
        self.because = Some(match self.because.take() {
            Some(because) => format!("{because}; {sentence}").into(),
            None => sentence.to_owned().into(),
        });
    }

    fn end_untried(&mut self, status: Status, code: Code, because: String) {
        self.status = status;
        self.code = Some(code);
        self.because = Some(because.into());
        for target in &mut self.targets {
            target.status = status;
        }
    }

    /// Returns the key of the result that CI waits for; none if no upload caused the deployment.
    #[must_use]
    pub fn result_key(&self) -> Option<String> {
        let (release, artifact) = (self.release.as_ref()?, self.artifact.as_ref()?);
        (self.cause.kind == CauseKind::Upload)
            .then(|| ledger_keys::result(&self.environment, &self.function, release, &artifact.version_id))
    }
}

fn summarize(failed: &[&TargetOutcome], all: usize) -> String {
    let mut sentences: Vec<(String, Vec<&TargetOutcome>)> = Vec::new();
    for target in failed {
        let Some(sentence) = target.error.as_ref().map(|error| sentence(target, error)) else { continue };
        match sentences.iter_mut().find(|(known, _)| *known == sentence) {
            Some((_, targets)) => targets.push(target),
            None => sentences.push((sentence, vec![target])),
        }
    }
    let texts: Vec<String> =
        sentences.iter().take(3).map(|(sentence, targets)| sentence_with_targets(sentence, targets)).collect();
    let omitted: usize = sentences.iter().skip(3).map(|(_, targets)| targets.len()).sum();
    let more = if omitted > 0 { format!("; and {omitted} more") } else { String::new() };
    format!("{} of {} failed: {}{more}", failed.len(), counted(all, "target"), texts.join("; "))
}

/// Formats a target's error without the target's account, so that equal errors of several targets are equal texts.
fn sentence(target: &TargetOutcome, error: &TargetError) -> String {
    let message = error.message.replace(target.account.as_str(), "<account>");
    format!("{:?}, {message}", error.code)
}

/// Formats a sentence with the targets that it is true of. If there is only one, the sentence has its account.
fn sentence_with_targets(sentence: &str, targets: &[&TargetOutcome]) -> String {
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
    use crate::artifact::ArtifactRef;
    use crate::config::Target;
    use crate::id::{AccountId, AliasName, BucketName, Region};

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
            cause: Cause::new(CauseKind::Upload, None, None),
            artifact: Some((&artifact).into()),
            targets,
            promotion: None,
            in_favour_of: None,
            repeats: false,
            ended_waiting: vec![],
            rollout: None,
            started_at: "2026-11-01T10:00:00Z".parse().unwrap(),
            claimed_at: None,
            finished_at: None,
            deployer: None,
        }
    }

    #[test]
    fn failed_target_fails_the_deployment_and_is_named() {
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
    fn equal_errors_of_several_targets_are_reported_once() {
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
    fn deployment_is_unchanged_only_if_every_target_is() {
        let mixed =
            vec![outcome("111111111111", Status::Succeeded, None), outcome("222222222222", Status::Unchanged, None)];
        let same = vec![outcome("111111111111", Status::Unchanged, None)];
        let end = |outcomes| record(vec![]).ended(Ending::Tried(outcomes), Timestamp::UNIX_EPOCH).status;
        assert_eq!(end(mixed), Status::Succeeded);
        assert_eq!(end(same), Status::Unchanged);
    }

    #[test]
    fn record_round_trips() {
        let written = record(vec![outcome("111111111111", Status::InProgress, None)]);
        let json = serde_json::to_value(&written).unwrap();
        assert_eq!(json["status"], "in_progress");
        assert_eq!(json["artifact"]["sha256"], serde_json::Value::Null);
        assert_eq!(serde_json::from_value::<DeploymentRecord>(json).unwrap(), written);
    }
}
