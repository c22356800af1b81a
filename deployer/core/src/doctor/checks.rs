//! Makes checks of what was observed. Pure: the caller brings times and answers.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::statement::{Needed, deployer_policy};
use super::{Chain, Check, Missing, PROBE, ProbedAction};
use crate::artifact::ArtifactRef;
use crate::config::Config;
use crate::config::rollout::Rollout;
use crate::denial::Denial;
use crate::id::{BucketName, Region};
use crate::names::SWEEPS;
use crate::text::counted;

/// The interval at which sweeps write their time to the ledger: one writes if the last entry is older.
pub const SWEEP_NOTE_INTERVAL: Duration = Duration::from_secs(300);
/// The age of the last entry at which the sweep counts as off: twice [`SWEEP_NOTE_INTERVAL`].
const SWEEP_OVERDUE: Duration = Duration::from_secs(600);

/// A call that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// The meaning of the failure for the link.
    pub kind: Refusal,
    /// AWS's message.
    pub message: String,
}

/// The meaning of a failed call for the link that it tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// AWS denied the call.
    Denied,
    /// The object of the call does not exist, or is not as it must be.
    Wrong,
    /// Nothing is known: the call was throttled, got no answer, or failed for another reason.
    Unknown,
}

/// AWS's answer to a call on [`PROBE`], the function that must not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// The caller is allowed to make the call: AWS says that the function does not exist, or shows no alarm and no
    /// metric.
    Allowed,
    /// The call succeeded, so the function exists.
    FunctionExists,
}

/// The approximate numbers of messages in a queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueLook {
    /// Messages that can be received.
    pub waiting: u64,
    /// Messages that were received, and neither deleted nor returned yet.
    pub in_flight: u64,
    /// Messages whose delay is not over.
    pub delayed: u64,
}

/// The outcome of one call on the probe; none if it was not made.
pub type Tried = (ProbedAction, Option<Result<Attempt, Refused>>);

/// Makes the check of a failed call. A denial fails with the missing statements, or with advice if no statement helps.
/// A throttled or unanswered call is not checked.
fn failed_call<N: Into<Needed>>(check: impl Into<String>, refused: &Refused, needed: impl FnOnce() -> N) -> Check {
    let message = &refused.message;
    match refused.kind {
        Refusal::Denied => {}
        Refusal::Wrong => return Check::fail(check, message),
        Refusal::Unknown => return Check::not_checked(check, message),
    }
    if let Some(advice) = Denial::of(message).advice() {
        return Check::fail(check, format!("{message}; {advice}"));
    }
    let Needed { missing, also } = needed().into();
    Check::fail(check, message).with_missing(missing).with_also_needed(also)
}

impl Refused {
    fn lacks_allow(&self) -> bool {
        self.kind == Refusal::Denied && Denial::of(&self.message).advice().is_none()
    }
}

/// Returns the statement that the deployer's own role needs.
fn own_statement(deployer: Option<&str>, actions: Value, resource: Value) -> Vec<Missing> {
    let statement = json!({"Effect": "Allow", "Action": actions, "Resource": resource});
    vec![Missing { belongs: deployer_policy(deployer), statement }]
}

/// Checks that the ledger can be read, listed or written, under each prefix or as a whole. The test writes have a
/// condition that cannot hold, so they change nothing. The statement names only the prefixes that were denied.
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
        Some((_, error)) => failed_call(check, error, || own_statement(deployer, json!(action), resource)),
    }
}

/// Checks that the artifact bucket has versioning.
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
        Err(error) => failed_call(CHECK, error, || {
            own_statement(
                deployer,
                json!("s3:GetBucketVersioning"),
                json!(format!("arn:{}:s3:::{bucket}", partition(deployer))),
            )
        }),
    }
}

/// Checks that somebody receives messages from the queue, by several looks at it.
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
            return failed_call(check, error, || {
                own_statement(deployer, json!("sqs:GetQueueAttributes"), json!(queue_arn))
            });
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
    Check::ok(check).with_finding(seen)
}

/// Checks that the dead-letter queue exists and is empty.
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
            let count = waiting + in_flight;
            let (lie, them) = if count == 1 { ("lies", "it") } else { ("lie", "them") };
            let because = format!(
                "{} could not be handled and {lie} in {name}: deployctl redrive --peek shows {them}, and the deployer's log \
                 says why; mend it, then send {them} back by deployctl redrive",
                counted(count, "message")
            );
            Check::fail(check, because)
        }
        Err(error) => {
            failed_call(check, error, || own_statement(deployer, json!("sqs:GetQueueAttributes"), json!(arn)))
        }
    }
}

/// Checks that the sweep runs, by the time that it writes to the ledger.
#[must_use]
pub fn sweep(now: Timestamp, outcome: &Result<Option<Timestamp>, Refused>) -> Check {
    const CHECK: &str = "sweep";
    let off = "is the schedule that sends {\"command\":\"sweep\"} each minute there and enabled, and may it invoke the \
               deployer (module tooling makes it)?";
    match outcome {
        Err(error) => Check::not_checked(CHECK, format!("{SWEEPS} cannot be read: {error}")),
        Ok(None) => Check::fail(CHECK, format!("no sweep has come so far: {off}")),
        Ok(Some(last)) if now.duration_since(*last).unsigned_abs() > SWEEP_OVERDUE && *last < now => {
            Check::fail(CHECK, format!("the last trace of one is of {last:.0}: {off}"))
        }
        Ok(Some(_)) => Check::ok(CHECK),
    }
}

/// Checks that a clock agrees with another one. The first clock was read before and after the other.
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

/// Checks that the deployer can assume the deploy role.
#[must_use]
pub fn entered(chain: &Chain<'_>, outcome: &Result<(), Refused>) -> Check {
    const CHECK: &str = "enter";
    match outcome {
        Ok(()) => Check::ok(CHECK),
        Err(error) => failed_call(CHECK, error, || chain.assume_role_statements(&error.message)),
    }
}

/// Checks what a session of the deploy role may do.
///
/// A role may be limited to some functions, and the probe is none of them. If all reading calls, or all writing calls,
/// are denied on the probe, nothing is known about those functions.
#[must_use]
pub fn rights(chain: &Chain<'_>, rollout: Option<&Rollout>, tried: &[Tried]) -> Vec<Check> {
    let any_alike_allowed = |action: ProbedAction| {
        let mut alike = tried.iter().filter(|(other, _)| {
            other.names_a_function() == action.names_a_function() && other.only_reads() == action.only_reads()
        });
        alike.any(|(_, outcome)| matches!(outcome, Some(Ok(_))))
    };
    let check_of = |(action, outcome): &Tried| match outcome {
        None => Check::not_checked(
            action.action(),
            "whether the function that rights are tried on is really not there is not known (lambda:GetFunction tells)",
        ),
        Some(Err(error)) if is_about_scope(*action, error) && !any_alike_allowed(*action) => {
            out_of_scope(*action, error)
        }
        Some(Err(error)) if error.kind == Refusal::Denied => denied_call(chain, *action, rollout, error),
        Some(outcome) => probe_check(chain, *action, outcome),
    };
    tried.iter().map(check_of).collect()
}

/// Whether a role that may work on other functions only gets this denial. The target module denies the invocation of other
/// functions outright.
fn is_about_scope(action: ProbedAction, error: &Refused) -> bool {
    let denies_others = action == ProbedAction::InvokeFunction && error.kind == Refusal::Denied;
    action.names_a_function() && (error.lacks_allow() || denies_others)
}

/// Checks a call that AWS denied. The target module denies outright what none of its switches allows, so the switch is
/// named.
fn denied_call(chain: &Chain<'_>, action: ProbedAction, rollout: Option<&Rollout>, error: &Refused) -> Check {
    let switch = action.switch().map(|switch| format!("`{switch}` of module target"));
    let Refused { kind, message } = error;
    match (action.needed_only_by(rollout), switch) {
        (Some(needs), switch) => {
            let switch = switch.map_or_else(String::new, |switch| format!(" ({switch})"));
            Check::not_checked(action.action(), format!("{message}; only {needs} needs it{switch}"))
        }
        (None, Some(switch)) => {
            let message = format!("{message}; rollouts need it ({switch} allows it)");
            probe_check(chain, action, &Err(Refused { kind: *kind, message }))
        }
        (None, None) => probe_check(chain, action, &Err(error.clone())),
    }
}

fn probe_check(chain: &Chain<'_>, action: ProbedAction, outcome: &Result<Attempt, Refused>) -> Check {
    match outcome {
        Ok(Attempt::Allowed) => Check::ok(action.action()),
        Ok(Attempt::FunctionExists) => Check::fail(
            action.action(),
            format!("a function {PROBE} exists here, and rights are tried on one that does not: delete it"),
        ),
        Err(error) => failed_call(action.action(), error, || vec![chain.action_statement(action)]),
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

/// Checks that an artifact can be read on behalf of this target.
#[must_use]
pub fn read_artifact(
    chain: &Chain<'_>,
    artifact: &ArtifactRef,
    artifact_region: &Region,
    outcome: &Result<(), Refused>,
) -> Check {
    const CHECK: &str = "read artifact";
    match outcome {
        Ok(()) => Check::ok(CHECK).with_finding(format!("{} (S3 version id {})", artifact.key, artifact.version_id)),
        Err(error) => {
            let of_key = ["KMS", "kms:"].iter().any(|word| error.message.contains(word));
            failed_call(CHECK, error, || {
                chain.read_artifact_statements(artifact, artifact_region, of_key, &error.message)
            })
        }
    }
}

fn partition(arn: Option<&str>) -> &str {
    arn.and_then(|arn| arn.split(':').nth(1)).unwrap_or("aws")
}
