//! From what was seen to whether it holds. Pure; whoever looks brings times and answers along.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::statement::own_role;
use super::{Chain, Check, Missing, PROBE, ProbedAction};
use crate::artifact::ArtifactRef;
use crate::config::Config;
use crate::id::{BucketName, Region};
use crate::names::SWEEPS;

/// A sweep leaves its time in the ledger when the last one there is older than this.
pub const SWEEP_NOTED_EVERY: Duration = Duration::from_secs(300);
/// Twice that: so old is what it left where none has come for minutes.
const SWEEP_MISSED: Duration = Duration::from_secs(600);

/// A call that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// Whether AWS said that it is not allowed.
    pub denied: bool,
    /// AWS's words.
    pub message: String,
}

/// What Lambda said of the function that must not be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// There is none: so the caller may.
    NoSuchFunction,
    /// There is one.
    Done,
}

/// How many messages a queue has, about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueLook {
    /// Ready to be received.
    pub waiting: u64,
    /// Received, and neither deleted nor back yet.
    pub in_flight: u64,
    /// Sent with a delay that is not over.
    pub delayed: u64,
}

/// What a refusal comes to: where it is a denial, what lifts it.
fn refused(check: impl Into<String>, refused: &Refused, missing: impl FnOnce() -> Vec<Missing>) -> Check {
    let message = &refused.message;
    if !refused.denied {
        return Check::fail(check, message);
    }
    if message.contains("explicit deny") {
        let because = format!(
            "{message}; a policy denies it outright, so another Allow does not help: that denial has to go (a service \
             control policy, a permissions boundary, or a policy somebody attached)"
        );
        return Check::fail(check, because);
    }
    Check::fail(check, message).for_want_of(missing())
}

/// The deployer's own right to do something.
fn own(deployer: Option<&str>, actions: Value, resource: Value) -> Vec<Missing> {
    let statement = json!({"Effect": "Allow", "Action": actions, "Resource": resource});
    vec![Missing { belongs: own_role(deployer), statement }]
}

/// Whether the ledger can be read, listed or written (by a write that its condition keeps from happening).
#[must_use]
pub fn ledger(
    check: &str,
    deployer: Option<&str>,
    config: &Config,
    (action, prefixes): (&str, &[&str]),
    outcome: &Result<(), Refused>,
) -> Check {
    let bucket = format!("arn:{}:s3:::{}", partition(deployer), config.ledger_bucket);
    let resource = match action {
        "s3:ListBucket" => json!(bucket),
        _ => prefixes.iter().map(|prefix| format!("{bucket}/{prefix}*")).collect(),
    };
    match outcome {
        Ok(()) => Check::ok(check),
        Err(error) => refused(check, error, || own(deployer, json!(action), resource)),
    }
}

/// Whether every upload is a version of its own.
#[must_use]
pub fn versioning(bucket: &BucketName, deployer: Option<&str>, outcome: &Result<bool, Refused>) -> Check {
    const CHECK: &str = "artifact versioning";
    match outcome {
        Ok(true) => Check::ok(CHECK),
        Ok(false) => Check::fail(
            CHECK,
            format!(
                "versioning is off for the artifact bucket {bucket}, so uploads are ignored: turn it on (module tooling \
                 does; aws s3api put-bucket-versioning --bucket {bucket} --versioning-configuration Status=Enabled)"
            ),
        ),
        Err(error) => refused(CHECK, error, || {
            own(deployer, json!("s3:GetBucketVersioning"), json!(format!("arn:{}:s3:::{bucket}", partition(deployer))))
        }),
    }
}

/// Whether somebody takes messages out of the queue, by several looks at it.
#[must_use]
pub fn queue(deployer: Option<&str>, queue_arn: &str, looks: &Result<Vec<QueueLook>, Refused>) -> Check {
    const CHECK: &str = "queue";
    let looks = match looks {
        Ok(looks) => looks,
        Err(error) => {
            return refused(CHECK, error, || own(deployer, json!("sqs:GetQueueAttributes"), json!(queue_arn)));
        }
    };
    let last = looks.last().copied().unwrap_or_default();
    let QueueLook { waiting, in_flight, delayed } = last;
    let seen = format!("{waiting} waiting, {in_flight} in flight, {delayed} delayed");
    if looks.iter().all(|look| look.waiting > 0 && look.in_flight == 0) && !looks.is_empty() {
        let because = format!(
            "{seen}, and nobody receives them: is the event source mapping of the deployer's Lambda there and enabled, \
             and has the Lambda concurrency left?"
        );
        return Check::fail(CHECK, because);
    }
    Check::ok(CHECK).seeing(seen)
}

/// Whether messages were given up.
#[must_use]
pub fn dead_letters(deployer: Option<&str>, arn: Option<&str>, outcome: &Result<QueueLook, Refused>) -> Check {
    const CHECK: &str = "dead letters";
    let Some(arn) = arn else {
        return Check::fail(
            CHECK,
            "the queue has no dead-letter queue: what cannot be handled comes again until it expires, and nobody sees it \
             (module tooling makes one)",
        );
    };
    match outcome {
        Ok(look) if look.waiting + look.in_flight == 0 => Check::ok(CHECK),
        Ok(look) => {
            let QueueLook { waiting, in_flight, .. } = look;
            let name = arn.rsplit(':').next().unwrap_or(arn);
            let because = format!(
                "{} messages could not be handled and lie in {name}: the deployer's log says why; mend it, then start a \
                 redrive (aws sqs start-message-move-task --source-arn {arn})",
                waiting + in_flight
            );
            Check::fail(CHECK, because)
        }
        Err(error) => refused(CHECK, error, || own(deployer, json!("sqs:GetQueueAttributes"), json!(arn))),
    }
}

/// Whether the sweep comes, by the time that it leaves in the ledger.
#[must_use]
pub fn sweep(now: Timestamp, outcome: &Result<Option<Timestamp>, Refused>) -> Check {
    const CHECK: &str = "sweep";
    let off = "is the schedule that sends {\"command\":\"sweep\"} each minute there and enabled, and may it invoke the \
               deployer (module tooling makes it)?";
    match outcome {
        Err(error) => Check::not_checked(CHECK, format!("{SWEEPS} cannot be read: {error}")),
        Ok(None) => Check::fail(CHECK, format!("no sweep has come so far: {off}")),
        Ok(Some(last)) if now.duration_since(*last).unsigned_abs() > SWEEP_MISSED && *last < now => {
            Check::fail(CHECK, format!("the last trace of one is of {last}: {off}"))
        }
        Ok(Some(_)) => Check::ok(CHECK),
    }
}

/// Whether a clock agrees with another that was read meanwhile: what it showed `before` and `after` that.
#[must_use]
pub fn clocks(
    check: &str,
    whose: &str,
    (before, after): (Timestamp, Timestamp),
    other: Timestamp,
    most: Duration,
) -> Check {
    let (ahead, behind) = (before.duration_since(other), other.duration_since(after));
    let (by, how) = if ahead > behind { (ahead, "ahead") } else { (behind, "behind") };
    match Duration::try_from(by) {
        Ok(by) if by > most => {
            Check::fail(check, format!("{whose} is {} seconds {how}: set it right (NTP)", by.as_secs()))
        }
        _ => Check::ok(check),
    }
}

/// Whether the deploy role lets the deployer in.
#[must_use]
pub fn entered(chain: &Chain<'_>, outcome: &Result<(), Refused>) -> Check {
    const CHECK: &str = "enter";
    match outcome {
        Ok(()) => Check::ok(CHECK),
        Err(error) => refused(CHECK, error, || chain.entering()),
    }
}

/// Whether a session of the deploy role may do this.
#[must_use]
pub fn answered(chain: &Chain<'_>, action: ProbedAction, outcome: &Result<Attempt, Refused>) -> Check {
    match outcome {
        Ok(Attempt::NoSuchFunction) => Check::ok(action.action()),
        Ok(Attempt::Done) => Check::fail(
            action.action(),
            format!("a function {PROBE} exists here, and rights are tried on one that does not: delete it"),
        ),
        Err(error) => {
            let mut check = refused(action.action(), error, || vec![chain.doing(action)]);
            if error.denied && action == ProbedAction::GetFunction {
                let because = check.because.unwrap_or_default();
                check.because = Some(format!(
                    "{because}; where the role is made for some functions only (`functions` of module target), let it \
                     name {PROBE} too"
                ));
            }
            check
        }
    }
}

/// Whether an artifact can be read, by whoever reads it for this target.
#[must_use]
pub fn read_artifact(
    chain: &Chain<'_>,
    artifact: &ArtifactRef,
    artifact_region: &Region,
    outcome: &Result<(), Refused>,
) -> Check {
    const CHECK: &str = "read artifact";
    match outcome {
        Ok(()) => Check::ok(CHECK).seeing(format!("{} (version {})", artifact.key, artifact.version_id)),
        Err(error) => {
            let of_key = ["KMS", "kms:"].iter().any(|word| error.message.contains(word));
            refused(CHECK, error, || chain.reading(artifact, artifact_region, of_key))
        }
    }
}

fn partition(arn: Option<&str>) -> &str {
    arn.and_then(|arn| arn.split(':').nth(1)).unwrap_or("aws")
}
