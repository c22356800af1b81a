//! Step "apply": the one place that walks a plan, and the only one that calls a writing API of Lambda.
//!
//! It decides nothing but how long to wait. What it needs beside the plan are two permissions: the claim and the
//! entered account.

use std::time::Duration;

use deployer_core::config::Target;
use deployer_core::head::{Door, LambdaTask};
use deployer_core::id::{Sha256, Version};
use deployer_core::observed::{Fit, ObservedAlias, ObservedCode, Reason, RevisionId};
use deployer_core::plan::{Plan, Step, Wanted, still_as_planned};
use deployer_core::record::{Previous, TargetError, TargetErrorCode};
use jiff::Timestamp;

use super::deploy::Job;
use super::lambda_waits::{NoLonger, WaitForLambda};
use super::sending::Sending;
use super::waiting::timed_out;
use super::{Claim, Engine};
use crate::port::{Account, Answer, CallError, CallErrorKind, Code, Qualifier, Write};

/// Why a plan was not walked to its end.
pub(super) enum Halt {
    /// It ends here.
    Final(TargetError),
    /// Lambda says of what was made that it has failed, or serves nobody.
    Failed {
        error: TargetError,
        /// Sending the code once more may succeed: for the reason passes, or because publishing `$LATEST` as it is gave a version that
        /// had failed earlier.
        may_pass: bool,
    },
    /// No alias may move any more: the claim says why.
    Stopped,
    /// Lambda needs longer than an invocation should wait: another one goes on.
    Waits,
    /// A precondition failed or an answer was lost: the target must be observed again.
    LookAgain {
        step: &'static str,
        /// What it comes to if the second look ends here too.
        error: TargetError,
    },
}

impl From<TargetError> for Halt {
    fn from(error: TargetError) -> Self {
        Self::Final(error)
    }
}

/// What a plan is walked for.
#[derive(Clone, Copy)]
pub(super) struct StepContext<'a> {
    pub job: &'a Job<'a>,
    pub claim: &'a Claim,
    pub target: &'a Target,
    pub account: &'a Account,
    /// What the alias was seen to serve before this deployment first wrote to the target.
    pub previous: Option<&'a Previous>,
}

/// A walk along a plan: what the steps so far have brought.
pub(super) struct Walk<'a> {
    pub engine: &'a Engine,
    pub errand: StepContext<'a>,
    /// What was planned for; nothing where the plan only goes back to a version that there is.
    wanted: Option<&'a Wanted<'a>>,
    pub plan: &'a Plan,
    revision: Option<RevisionId>,
    pub version: Option<Version>,
    /// Whether the alias has provisioned concurrency, where that was asked.
    pub provisioned: Option<bool>,
    /// The door by which the alias is written, once the head says so.
    pub door: Option<Door>,
    /// When the claim was last seen to be ours.
    pub owned: Option<Timestamp>,
}

/// How long that counts: a version may take minutes, and somebody may ask us to stop meanwhile.
pub(super) const OWNED_FOR: Duration = Duration::from_secs(3);

impl Engine {
    pub(super) async fn apply(
        &self,
        errand: StepContext<'_>,
        wanted: Option<&Wanted<'_>>,
        plan: &Plan,
    ) -> Result<Version, Halt> {
        let mut walk = Walk {
            engine: self,
            errand,
            wanted,
            plan,
            revision: plan.revision.clone(),
            version: plan.serving.clone(),
            provisioned: None,
            door: None,
            owned: None,
        };
        for step in &plan.steps {
            walk.take(step).await?;
            tracing::info!(step = step.name(), version = walk.version.as_ref().map(Version::as_str), "step done");
        }
        walk.version.ok_or_else(|| internal("move alias", "the plan published nothing").into())
    }

    /// Deletes a version that nothing needs. Under the claim, for nobody may go back to it meanwhile.
    pub(super) async fn delete_version(
        &self,
        job: &Job<'_>,
        _claim: &Claim,
        account: &Account,
        version: &Version,
    ) -> Result<(), CallError> {
        account.functions().write(&job.at.function_name, Write::DeleteVersion(version)).await.map(drop)
    }

    /// Writes an alias as it was read, so that nothing that was sent on its RevisionId can move it any more.
    pub(super) async fn turn_alias(
        &self,
        job: &Job<'_>,
        _claim: &Claim,
        account: &Account,
        (alias, description): (&ObservedAlias, &str),
    ) -> Result<RevisionId, CallError> {
        if self.left() < self.patience.write_needs + self.patience.record_needs {
            let message = "too little time is left for another call".to_owned();
            return Err(CallError { kind: CallErrorKind::Expired, message });
        }
        let write = Write::TurnAlias { alias, description };
        match account.functions().write(&job.at.function_name, write).await? {
            Answer::Alias(turned) => Ok(turned.revision),
            _ => Ok(alias.revision.clone()),
        }
    }
}

impl<'a> Walk<'a> {
    async fn take(&mut self, step: &Step) -> Result<(), Halt> {
        let name = step.name();
        match step {
            Step::Create(new) => {
                let loaded = self.load(name).await?;
                let code = self.code(name, loaded.as_deref())?;
                let answer = self.write(name, Write::Create { new, code }).await?;
                drop(loaded);
                self.published(name, answer).await
            }
            Step::UpdateConfiguration(configuration) => {
                let revision = self.revision(name)?;
                self.write(name, Write::UpdateConfiguration { configuration, revision }).await?;
                let settled = self.settled(name, Qualifier::Latest).await?;
                if !still_as_planned(self.wanted(name)?, self.plan, &settled) {
                    let message = "the configuration that was written is not what the function has now";
                    let error = TargetError::new(TargetErrorCode::ForeignChange, name, message);
                    return Err(Halt::LookAgain { step: name, error });
                }
                self.revision = Some(settled.revision);
                Ok(())
            }
            Step::UpdateCode(settings) => {
                let loaded = self.load(name).await?;
                let (code, revision) = (self.code(name, loaded.as_deref())?, self.revision(name)?);
                let write = Write::UpdateCode { code, settings, revision };
                let answer = self.write(name, write).await?;
                drop(loaded);
                self.published(name, answer).await
            }
            Step::Publish => {
                let write = Write::Publish { sha256: self.plan.sha256, revision: self.revision.as_ref() };
                let answer = self.write(name, write).await?;
                let failed_earlier = matches!(answer, Answer::Published { failed_earlier: true, .. });
                self.published(name, answer).await.map_err(|halt| match halt {
                    Halt::Failed { error, may_pass } => Halt::Failed { error, may_pass: may_pass || failed_earlier },
                    other => other,
                })
            }
            Step::Tag(tags) => self.write(name, Write::Tag(tags)).await.map(drop),
            Step::Untag(keys) => self.write(name, Write::Untag(keys)).await.map(drop),
            Step::ReserveConcurrency(n) => self.write(name, Write::ReserveConcurrency(*n)).await.map(drop),
            Step::FreeConcurrency => self.write(name, Write::FreeConcurrency).await.map(drop),
            Step::CreateAlias => {
                let door = self.ensure_door(name).await?;
                let write = Write::CreateAlias { alias: &self.plan.alias, version: self.version(name)? };
                self.write_alias(name, write, &door).await?;
                self.errand.job.has_moved(self.errand.target);
                Ok(())
            }
            Step::MoveAlias { revision, .. } => {
                let door = self.ensure_door(name).await?;
                let version = self.version(name)?;
                if self.provisioned == Some(true) {
                    self.note_the_move(version, self.traffic_elsewhere(version)).await?;
                }
                let write = Write::MoveAlias { alias: &self.plan.alias, version, revision };
                let answer = self.write_alias(name, write, &door).await?;
                self.after_the_move(answer, version).await
            }
            Step::AwaitTraffic { from } => self.await_traffic(self.version(name)?, Some(from.clone())).await,
        }
    }

    /// A published version must be what was meant, and Active, before an alias may serve it.
    async fn published(&mut self, step: &'static str, answer: Answer) -> Result<(), Halt> {
        let Answer::Published { version: Some(version), sha256, .. } = answer else {
            return Err(internal(step, "Lambda did not answer with a version").into());
        };
        self.prove(step, &version, sha256)?;
        // Writing the head costs no time beside the wait for the version.
        let (now, door) = (self.engine.now(), self.door_to(&version));
        let opening = door.clone().map(|door| self.opening(door));
        let (settled, (), provisioned) = futures::join!(
            self.settled(step, Qualifier::Version(&version)),
            self.ensure_still_owned(opening),
            self.ask_before_a_move()
        );
        (self.door, self.owned, self.provisioned) = (door, Some(now), provisioned);
        self.prove(step, &version, settled?.sha256)?;
        self.version = Some(version);
        Ok(())
    }

    fn prove(&self, step: &'static str, version: &Version, found: Option<Sha256>) -> Result<(), Halt> {
        let expected = self.plan.sha256;
        if found == Some(expected) {
            return Ok(());
        }
        let found = found.map_or("none".to_owned(), |sha| sha.to_string());
        let message = format!("version {version} has code {found}, expected {expected}: the alias was not moved");
        Err(TargetError::new(TargetErrorCode::ForeignChange, step, message).into())
    }

    /// Reads until the function or version is settled. `Failed` is an end, never waited on.
    async fn settled(&self, step: &'static str, qualifier: Qualifier<'_>) -> Result<ObservedCode, Halt> {
        let (functions, name) = (self.errand.account.functions(), &self.plan.function);
        let engine = self.engine;
        let since = engine.now();
        let mut owned = since;
        for attempt in 0.. {
            // It may take minutes, and somebody may ask us to stop meanwhile.
            if engine.passed(owned) > OWNED_FOR {
                owned = engine.now();
                self.ensure_still_owned(None).await;
            }
            if self.errand.claim.halted().is_some() {
                return Err(Halt::Stopped);
            }
            let read = engine.reading(step, || functions.function(name, qualifier.clone())).await?;
            let Some((code, _)) = read else {
                // What was just made is not seen everywhere at once; what stays away was deleted by somebody.
                if engine.passed(since) >= engine.patience.denied {
                    let message = format!("function {name} in {} is gone: somebody deleted it", self.errand.target);
                    return Err(TargetError::new(TargetErrorCode::ForeignChange, step, message).into());
                }
                engine.pause(attempt, step, "Lambda does not show the function yet").await?;
                continue;
            };
            let error = |because: &Reason| {
                let message = format!("function {name} in {}: {because}", self.errand.target);
                TargetError::new(because.error_code(), step, message)
            };
            let failed = |because: &Reason| Halt::Failed { error: error(because), may_pass: because.passes() };
            let StepContext { claim, target, .. } = self.errand;
            let (fit, task) = match qualifier {
                Qualifier::Version(version) => (code.condition.to_serve(), &LambdaTask::version(version)),
                _ => (code.condition.to_be_written(), &LambdaTask::update()),
            };
            if matches!(fit, Fit::Now | Fit::Never(_)) {
                claim.waits.rests(target);
            }
            match (fit, &code.last_update_failed) {
                (Fit::Never(because), _) => return Err(failed(&because)),
                (Fit::Now, Some(because)) => return Err(failed(because)),
                (Fit::Now, None) => {
                    claim.waits.is_over(target, task);
                    return Ok(code);
                }
                (Fit::Soon, _) => {
                    let because = &format!("Lambda is still at work on {} of {name}", shown(&qualifier));
                    let wait = WaitForLambda { claim, target, task, step, because, is_refused: false };
                    engine.wait_for_lambda(&wait, attempt, || engine.not_done_by_lambda(step, because)).await?;
                }
                (Fit::Perhaps(reason), _) => {
                    let because = &reason.to_string();
                    let wait = WaitForLambda { claim, target, task, step, because, is_refused: true };
                    let waited = engine.wait_for_lambda(&wait, attempt, || error(&reason)).await;
                    waited.map_err(|no_longer| match no_longer {
                        NoLonger::Ends(_) if claim.waits.is_given_up(target) => failed(&reason),
                        no_longer => no_longer.into(),
                    })?;
                }
            }
        }
        unreachable!("attempts do not end")
    }

    async fn write(&self, step: &'static str, write: Write<'_>) -> Result<Answer, Halt> {
        self.send(step, write, None).await
    }

    /// Writes the alias; the head knows the door.
    pub(super) async fn write_alias(&self, step: &'static str, write: Write<'_>, door: &Door) -> Result<Answer, Halt> {
        self.send(step, write, Some(door)).await
    }

    /// One writing call, sent only while there is time for its answer, and again while waiting helps.
    async fn send(&self, step: &'static str, write: Write<'_>, door: Option<&Door>) -> Result<Answer, Halt> {
        let engine = self.engine;
        let StepContext { job, claim, target, .. } = self.errand;
        let mut tries = Sending::default();
        let mut last: Option<CallError> = None;
        // Who puts an alias back because it was asked to stop goes on with that.
        let (mut owned, was_halted) = (engine.now(), claim.halted().is_some());
        loop {
            if door.is_some() && last.is_some() && engine.passed(owned) > OWNED_FOR {
                self.ensure_still_owned(None).await;
                owned = engine.now();
                if claim.halted().is_some() && !was_halted {
                    return Err(Halt::Stopped);
                }
            }
            let sending = match write {
                Write::Create { code: Code::Inline(_), .. } | Write::UpdateCode { code: Code::Inline(_), .. } => {
                    Some(job.inline.sending.lock().await)
                }
                _ => None,
            };
            if engine.left() < engine.patience.write_needs + engine.patience.record_needs {
                return Err(match last {
                    Some(error) => error.at_the_deadline(step),
                    None => timed_out(step, "too little time is left for another call"),
                }
                .into());
            }
            door.inspect(|door| claim.opens(door));
            let answer = self.errand.account.functions().write(&self.plan.function, write.clone()).await;
            door.inspect(|door| claim.is_answered(door, &answer));
            let is_written = match &answer {
                Ok(_) => true,
                // A conflict may be our own echo: the SDK sends again what got no answer.
                Err(error) => matches!(error.kind, CallErrorKind::Unknown | CallErrorKind::Conflict),
            };
            if is_written {
                job.has_written_to(target);
            }
            let error = match answer {
                Ok(answer) => {
                    claim.waits.is_over(target, &LambdaTask::call(step));
                    return Ok(answer);
                }
                Err(error) => error,
            };
            drop(sending);
            engine.before_it_is_sent_again(&self.errand, step, &mut tries, &error).await?;
            last = Some(error);
        }
    }

    pub(super) fn wanted(&self, step: &'static str) -> Result<&'a Wanted<'a>, Halt> {
        self.wanted.ok_or_else(|| internal(step, "this plan only goes back, and sends nothing").into())
    }

    fn revision(&self, step: &'static str) -> Result<&RevisionId, Halt> {
        self.revision.as_ref().ok_or_else(|| internal(step, "the plan has no revision to write on").into())
    }

    pub(super) fn version(&self, step: &'static str) -> Result<&Version, Halt> {
        self.version.as_ref().ok_or_else(|| internal(step, "the plan published nothing").into())
    }
}

fn shown(qualifier: &Qualifier<'_>) -> String {
    match qualifier {
        Qualifier::Latest => "the configuration".to_owned(),
        Qualifier::Version(version) => format!("version {version}"),
        Qualifier::Alias(alias) => format!("alias {alias}"),
    }
}

pub(super) fn internal(step: &str, message: &str) -> TargetError {
    TargetError::new(TargetErrorCode::Internal, step, message)
}
