//! The doctor checks the chain of trust to every target, and changes nothing.
//!
//! `core/doctor` judges the observations. The doctor tries rights out on a function that does not exist
//! (`port::Probe`), in a session whose policy names no other, and only after Lambda has said that it does not exist. It
//! tries to write to the ledger with a condition that cannot hold.

mod formats;
mod walker;

use std::collections::BTreeMap;
use std::time::Duration;

use deployer_core::config::{Environment, Target};
use deployer_core::doctor::{self, Check, DoctorReport, QueueLook, Refusal, Refused, TargetReport};
use deployer_core::id::{EnvironmentName, Region};
use deployer_core::ledger_keys;
use deployer_core::names::OPEN;
use deployer_core::version::version;
use futures::stream::{self, StreamExt as _};
use futures::{FutureExt as _, future};
use jiff::Timestamp;

use self::formats::{Heads, newest_live};
use self::walker::Walker;
use crate::Engine;
use crate::gone_environment::{GoneFunction, all_gone};
use crate::port::{ETag, LedgerError, Precondition, SelfDiagnostics, Written};
use crate::sweep::note::time_of_note;

/// The number of targets that are checked at once, each in another account or region.
const TARGETS_AT_ONCE: usize = 16;
/// The number of times that a queue is looked at before the check says that nobody receives its messages.
const MAX_LOOKS: usize = 4;
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
/// The difference between clocks that a claim allows (ARCHITECTURE.md, "Claim and lease").
const CLOCK_TOLERANCE: Duration = Duration::from_secs(5);
/// The time that is kept for answering.
const ANSWER_NEEDS: Duration = Duration::from_secs(5);

impl Engine {
    /// Checks the whole chain of trust. `None`: there is no such environment.
    pub async fn examine(
        &self,
        diagnostics: &dyn SelfDiagnostics,
        only: Option<&EnvironmentName>,
    ) -> Option<DoctorReport> {
        let names = self.config.in_order_of_promotion().into_iter();
        let names = names.filter(|name| only.is_none_or(|only| only == *name));
        let selected: Vec<(&EnvironmentName, &Environment)> =
            names.filter_map(|name| self.config.environments.get_key_value(name)).collect();
        if only.is_some() && selected.is_empty() {
            return None;
        }
        let role = diagnostics.own_role().await;
        let role = role.as_deref().ok();
        let doctor = Doctor::of(self);
        let selected: Vec<_> =
            selected.into_iter().map(|(name, environment)| (name, environment, doctor.heads(name))).collect();
        let heads = selected.iter().map(|(_, _, heads)| heads.clone()).collect();
        let (tooling, targets) =
            future::join(doctor.tooling(diagnostics, role, heads), doctor.targets(diagnostics, role, selected)).await;
        Some(DoctorReport { now: Some(self.now()), tooling, targets })
    }
}

/// Checks the chain of trust, link by link, and changes nothing.
#[derive(Clone, Copy)]
pub(crate) struct Doctor<'e> {
    engine: &'e Engine,
}

impl<'e> Doctor<'e> {
    pub(crate) fn of(engine: &'e Engine) -> Self {
        Self { engine }
    }

    async fn tooling(self, diagnostics: &dyn SelfDiagnostics, role: Option<&str>, heads: Vec<Heads<'e>>) -> Vec<Check> {
        let count = self.engine.config.environments.len();
        let installed = diagnostics.installed().map_or_else(String::new, |installed| format!(", {installed}"));
        let mut checks = vec![Check::ok("deployer").with_finding(format!("build {}{installed}", version()))];
        checks.push(match &self.engine.outdated {
            None => doctor::configuration(count, diagnostics.has_newest_config().await.as_ref()),
            Some(error) => Check::fail(
                "deployer.json",
                format!("{error}; the last good one is used until the deployer starts anew"),
            ),
        });
        let ledger = future::join3(self.check_ledger_reads(), self.check_ledger_lists(), self.check_ledger_writes());
        let looked = future::join5(
            ledger,
            diagnostics.is_versioned(&self.engine.config.artifact_bucket),
            self.queues(diagnostics, role),
            future::join(self.last_sweep(), self.clock(diagnostics)),
            future::join(self.formats(heads), self.gone_rollouts()),
        );
        let ((read, listed, written), versioned, queues, (swept, clock), (formats, gone)) = looked.await;
        let ledger_check = |check, action, outcomes: &[UnderPrefix]| {
            doctor::ledger(check, role, &self.engine.config, action, outcomes)
        };
        checks.push(ledger_check("read ledger", "s3:GetObject", &read));
        checks.push(ledger_check("list ledger", "s3:ListBucket", &[("", listed)]));
        checks.push(ledger_check("write ledger", "s3:PutObject", &written));
        checks.push(doctor::versioning(&self.engine.config.artifact_bucket, role, &versioned));
        checks.extend(queues);
        checks.push(doctor::sweep(self.engine.now(), &swept));
        checks.push(clock);
        checks.push(formats);
        checks.extend(gone);
        checks
    }

    /// Looks for rollouts whose environment deployer.json does not have any more.
    async fn gone_rollouts(self) -> Option<Check> {
        let found = all_gone(self.engine, None, None).await;
        let named = |gone: GoneFunction| {
            let active = gone.seen.head.active()?;
            Some((gone.at.name.clone(), gone.at.function.clone(), active.request.id))
        };
        let rollouts: Vec<_> = found.functions.into_iter().filter_map(named).collect();
        doctor::gone(&match found.unreadable.into_iter().next() {
            Some(because) if rollouts.is_empty() => Err(ledger_refused(LedgerError(because))),
            _ => Ok(rollouts),
        })
    }

    async fn check_ledger_reads(self) -> Vec<UnderPrefix> {
        let read = ledger_keys::PREFIXES.map(|prefix| async move {
            (prefix, self.engine.ports.ledger.get(&ledger_keys::absent(prefix)).await.map(drop).map_err(ledger_refused))
        });
        future::join_all(read).await
    }

    async fn check_ledger_lists(self) -> Result<(), Refused> {
        self.engine.store().keys(OPEN).await.map(drop).map_err(ledger_refused)
    }

    /// Writes on the condition that an object which does not exist is in a state that no object has.
    async fn check_ledger_writes(self) -> Vec<UnderPrefix> {
        future::join_all(
            ledger_keys::PREFIXES.map(|prefix| async move { (prefix, self.check_write_under(prefix).await) }),
        )
        .await
    }

    async fn check_write_under(self, prefix: &str) -> Result<(), Refused> {
        let never = Precondition::Unchanged(ETag("\"no-object-has-this\"".into()));
        let key = ledger_keys::absent(prefix);
        match self.engine.ports.ledger.put(&key, vec![], never).await.map_err(ledger_refused)? {
            Written::Now(_) => {
                let message = format!("{key} was written on a condition that does not hold: this bucket is not S3's");
                Err(Refused { kind: Refusal::Wrong, message })
            }
            _ => Ok(()),
        }
    }

    async fn queues(self, diagnostics: &dyn SelfDiagnostics, role: Option<&str>) -> Vec<Check> {
        let Some(url) = &self.engine.config.queue_url else {
            let because = "deployer.json names no queue_url: nothing can be deferred, and no queue can be looked at";
            return vec![Check::not_checked("queue", because), Check::not_checked("dead letters", because)];
        };
        let (checks, dead) = self.queue(diagnostics, role, ("queue", "dead letters"), url).await;
        let mut checks = Vec::from(checks);
        if let Some(url) = &self.engine.config.wake_queue_url {
            let (of_wakes, dead_wakes) = self.queue(diagnostics, role, ("wake queue", "wake dead letters"), url).await;
            // One dead-letter queue for both queues is counted once.
            let is_one = dead.is_some() && dead == dead_wakes;
            checks.extend(of_wakes.into_iter().take(if is_one { 1 } else { 2 }));
        }
        checks
    }

    /// Checks a queue and its dead-letter queue, and returns the ARN of the latter.
    async fn queue(
        self,
        diagnostics: &dyn SelfDiagnostics,
        role: Option<&str>,
        (name, dead_name): (&'static str, &'static str),
        url: &str,
    ) -> ([Check; 2], Option<String>) {
        let mut looks = Vec::new();
        let mut redrive = None;
        let looks = loop {
            let (look, arn) = match diagnostics.queue(url).await {
                Ok(seen) => seen,
                Err(refused) => break Err(refused),
            };
            redrive = arn;
            looks.push(look);
            if look.waiting == 0 || look.in_flight > 0 || looks.len() == MAX_LOOKS {
                break Ok(looks);
            }
            self.engine.ports.clock.sleep(BETWEEN_LOOKS).await;
        };
        let queue = doctor::queue(name, role, &queue_arn(self.engine.region.as_ref(), url), &looks);
        if looks.is_err() {
            let because = "the queue names its dead-letter queue, and cannot be looked at";
            return ([queue, Check::not_checked(dead_name, because)], None);
        }
        let dead = match &redrive {
            Some(arn) => diagnostics.dead_letters(url, arn).await,
            None => Ok(QueueLook::default()),
        };
        let dead = doctor::dead_letters(dead_name, role, redrive.as_deref(), &dead);
        ([queue, dead], redrive)
    }

    async fn last_sweep(self) -> Result<Option<Timestamp>, Refused> {
        let found = self.engine.ports.ledger.get(&ledger_keys::last_sweep()).await.map_err(ledger_refused)?;
        Ok(found.object.and_then(|(body, _)| time_of_note(&body)))
    }

    async fn clock(self, diagnostics: &dyn SelfDiagnostics) -> Check {
        let before = self.engine.now();
        let Some(other) = diagnostics.aws_time().await else {
            return Check::not_checked("clock", "no answer of AWS's told the time");
        };
        // AWS's clock shows whole seconds.
        let after = self.engine.now();
        let before = before - Duration::from_secs(1);
        doctor::clocks("clock", "the deployer's clock", (before, after), other, CLOCK_TOLERANCE)
    }

    async fn targets(
        self,
        diagnostics: &dyn SelfDiagnostics,
        role: Option<&str>,
        selected: Vec<(&EnvironmentName, &Environment, Heads<'e>)>,
    ) -> Vec<TargetReport> {
        let mut walks_by_target: BTreeMap<&Target, Vec<_>> = BTreeMap::new();
        let mut count = 0_usize;
        for (name, environment, heads) in selected {
            let live = newest_live(heads).boxed().shared();
            for target in &environment.targets {
                let (walker, live) =
                    (Walker { engine: self.engine, diagnostics, name, environment, target, role }, live.clone());
                let number = count;
                count += 1;
                walks_by_target.entry(target).or_default().push(async move {
                    let late = self.engine.ports.clock.sleep(self.engine.timer().left().saturating_sub(ANSWER_NEEDS));
                    let checks = tokio::select! {
                        checks = walker.walk(live) => checks,
                        () = late => vec![Check::not_checked(
                            "enter", "no time was left: ask for one environment at a time (--environment)")],
                    };
                    (number, TargetReport { environment: name.clone(), target: target.clone(), checks })
                });
            }
        }
        // Environments may share an account and region: their checks come one after the other.
        let walked =
            walks_by_target.into_values().map(|walks| stream::iter(walks).then(|walk| walk).collect::<Vec<_>>());
        let walked = stream::iter(walked).buffer_unordered(TARGETS_AT_ONCE).collect::<Vec<_>>().await;
        let mut reports: Vec<(usize, TargetReport)> = walked.into_iter().flatten().collect();
        reports.sort_by_key(|(number, _)| *number);
        reports.into_iter().map(|(_, report)| report).collect()
    }
}

/// The outcome under one of the ledger's prefixes.
type UnderPrefix = (&'static str, Result<(), Refused>);

fn ledger_refused(error: LedgerError) -> Refused {
    let kind = if error.0.contains("AccessDenied") { Refusal::Denied } else { Refusal::Unknown };
    Refused { kind, message: error.0 }
}

/// Makes a queue's ARN from its URL, which ends in account and name. The queue is in the deployer's region, because the
/// artifact bucket notifies it of uploads.
fn queue_arn(region: Option<&Region>, url: &str) -> String {
    let mut parts = url.rsplit('/');
    let (name, account) = (parts.next().unwrap_or("*"), parts.next().unwrap_or("*"));
    let (partition, region) = region.map_or(("aws", "*"), |region| (region.partition(), region.as_str()));
    format!("arn:{partition}:sqs:{region}:{account}:{name}")
}
