//! From what was seen to whether it holds. Pure; whoever looks brings times and answers along.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::statement::own_role;
use super::{Chain, Check, Missing, PROBE, ProbedAction};
use crate::artifact::ArtifactRef;
use crate::config::Config;
use crate::denial::Denial;
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
    /// What that says of the link.
    pub kind: Refusal,
    /// AWS's words.
    pub message: String,
}

/// What a call that did not succeed says of the link that it was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is not allowed.
    Denied,
    /// What the call was about is not there, or not as it has to be.
    Wrong,
    /// Nothing: it was throttled, not answered, or failed for another reason.
    Unknown,
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

/// What trying a right on the probe came to; none where it was not tried.
pub type Tried = (ProbedAction, Option<Result<Attempt, Refused>>);

/// What a refusal comes to: where it is a denial, what lifts it. Of what was throttled or not answered nobody knows.
fn refused(check: impl Into<String>, refused: &Refused, missing: impl FnOnce() -> Vec<Missing>) -> Check {
    let message = &refused.message;
    match refused.kind {
        Refusal::Denied => {}
        Refusal::Wrong => return Check::fail(check, message),
        Refusal::Unknown => return Check::not_checked(check, message),
    }
    if let Some(advice) = Denial::of(message).advice() {
        return Check::fail(check, format!("{message}; {advice}"));
    }
    Check::fail(check, message).for_want_of(missing())
}

impl Refused {
    fn is_for_want_of_an_allow(&self) -> bool {
        self.kind == Refusal::Denied && Denial::of(&self.message).advice().is_none()
    }
}

/// The deployer's own right to do something.
fn own(deployer: Option<&str>, actions: Value, resource: Value) -> Vec<Missing> {
    let statement = json!({"Effect": "Allow", "Action": actions, "Resource": resource});
    vec![Missing { belongs: own_role(deployer), statement }]
}

/// Whether the ledger can be read, listed or written (by a write that its condition keeps from happening): under each prefix, or
/// as a whole. Only the prefixes that were denied are asked for.
#[must_use]
pub fn ledger(
    check: &str,
    deployer: Option<&str>,
    config: &Config,
    action: &str,
    outcomes: &[(&str, Result<(), Refused>)],
) -> Check {
    let bucket = format!("arn:{}:s3:::{}", partition(deployer), config.ledger_bucket);
    let errors: Vec<(&str, &Refused)> =
        outcomes.iter().filter_map(|(prefix, outcome)| Some((*prefix, outcome.as_ref().err()?))).collect();
    let denied: Vec<_> = errors.iter().filter(|(_, error)| error.kind == Refusal::Denied).collect();
    let resource = match action {
        "s3:ListBucket" => json!(bucket),
        _ => denied.iter().map(|(prefix, _)| format!("{bucket}/{prefix}*")).collect(),
    };
    let wrong = errors.iter().find(|(_, error)| error.kind == Refusal::Wrong);
    match denied.first().copied().or(wrong).or(errors.first()) {
        None => Check::ok(check),
        Some((_, error)) => refused(check, error, || own(deployer, json!(action), resource)),
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
pub fn queue(
    check: &'static str,
    deployer: Option<&str>,
    queue_arn: &str,
    looks: &Result<Vec<QueueLook>, Refused>,
) -> Check {
    let looks = match looks {
        Ok(looks) => looks,
        Err(error) => {
            return refused(check, error, || own(deployer, json!("sqs:GetQueueAttributes"), json!(queue_arn)));
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
        return Check::fail(check, because);
    }
    Check::ok(check).seeing(seen)
}

/// Whether messages were given up.
#[must_use]
pub fn dead_letters(
    check: &'static str,
    deployer: Option<&str>,
    arn: Option<&str>,
    outcome: &Result<QueueLook, Refused>,
) -> Check {
    let Some(arn) = arn else {
        return Check::fail(
            check,
            "the queue has no dead-letter queue: what cannot be handled comes again until it expires, and nobody sees it \
             (module tooling makes one)",
        );
    };
    match outcome {
        Ok(look) if look.waiting + look.in_flight == 0 => Check::ok(check),
        Ok(look) => {
            let QueueLook { waiting, in_flight, .. } = look;
            let name = arn.rsplit(':').next().unwrap_or(arn);
            let because = format!(
                "{} messages could not be handled and lie in {name}: the deployer's log says why; mend it, then start a \
                 redrive (aws sqs start-message-move-task --source-arn {arn})",
                waiting + in_flight
            );
            Check::fail(check, because)
        }
        Err(error) => refused(check, error, || own(deployer, json!("sqs:GetQueueAttributes"), json!(arn))),
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
        Err(error) => refused(CHECK, error, || chain.entering(&error.message)),
    }
}

/// What a session of the deploy role may do.
///
/// A role may be for some functions only, and the probe is none of them: where it may do nothing with the probe, of reading or of
/// writing, that says nothing about those functions.
#[must_use]
pub fn rights(chain: &Chain<'_>, tried: &[Tried]) -> Vec<Check> {
    let may_some_like = |action: ProbedAction| {
        tried.iter().any(|(other, outcome)| other.only_reads() == action.only_reads() && matches!(outcome, Some(Ok(_))))
    };
    let judged = |(action, outcome): &Tried| match outcome {
        None => Check::not_checked(
            action.action(),
            "whether the function that rights are tried on is really not there is not known (lambda:GetFunction tells)",
        ),
        Some(Err(error)) if error.is_for_want_of_an_allow() && !may_some_like(*action) => out_of_scope(*action, error),
        Some(outcome) => right(chain, *action, outcome),
    };
    tried.iter().map(judged).collect()
}

fn right(chain: &Chain<'_>, action: ProbedAction, outcome: &Result<Attempt, Refused>) -> Check {
    match outcome {
        Ok(Attempt::NoSuchFunction) => Check::ok(action.action()),
        Ok(Attempt::Done) => Check::fail(
            action.action(),
            format!("a function {PROBE} exists here, and rights are tried on one that does not: delete it"),
        ),
        Err(error) => refused(action.action(), error, || vec![chain.doing(action)]),
    }
}

fn out_of_scope(action: ProbedAction, Refused { message, .. }: &Refused) -> Check {
    let what = if action.only_reads() { "look at" } else { "change" };
    let because = format!(
        "{message}; the role may do nothing to {what} {PROBE}, on which rights are tried: it lacks all of these rights, or \
         has them for other functions only. Let it name {PROBE} too (`functions` of module target), and they are checked"
    );
    Check::not_checked(action.action(), because)
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
            refused(CHECK, error, || chain.reading(artifact, artifact_region, of_key, &error.message))
        }
    }
}

fn partition(arn: Option<&str>) -> &str {
    arn.and_then(|arn| arn.split(':').nth(1)).unwrap_or("aws")
}
