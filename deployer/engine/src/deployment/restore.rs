//! Moves an alias back to a version that it has served before, if Lambda still has that version.
//!
//! A version carries its code and its configuration, so nothing is sent, and the artifact need not exist any more.

use deployer_core::head::LambdaTask;
use deployer_core::id::{Sha256, Version};
use deployer_core::observed::{Condition, ObservedAlias, ObservedCode};
use deployer_core::plan::{AWAIT_TRAFFIC, Plan, plan_restore};
use deployer_core::record::Previous;

use super::claimed_target::{ClaimedTarget, MAX_REOBSERVATIONS};
use super::error::{StepError, TargetFailed, WaitError, given_up};
use super::executor::PlanExecutor;
use super::function_reader::OBSERVE;
use super::results::TargetDone;
use super::shut_doors::ShutOutcome;
use super::step_context::StepContext;
use crate::port::Qualifier;

/// The use of a version that nobody has called for weeks (state Inactive). The next call wakes it, and may itself fail
/// (Lambda Developer Guide, "Lambda function states").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inactive {
    /// Publish it again, because a new version serves at once.
    PublishAgain,
    /// Use it unchanged, because its zip is gone.
    Use,
}

impl ClaimedTarget<'_> {
    /// Moves the alias back to a version. `None`: Lambda does not have it any more, or not with the same code; or it is
    /// inactive and must be published again.
    pub async fn restore_version(
        self,
        (version, sha256): (&Version, Sha256),
        inactive: Inactive,
    ) -> Result<Option<TargetDone>, TargetFailed> {
        let restoration = Restoration {
            on: self,
            version,
            sha256,
            inactive,
            live_before: self.live_before(),
            previous: self.served_before(),
            planned_from: None,
            rewritten: false,
        };
        restoration.run().await
    }
}

/// An alias that is moved back.
struct Restoration<'a> {
    on: ClaimedTarget<'a>,
    version: &'a Version,
    sha256: Sha256,
    inactive: Inactive,
    /// The version that was live here before this deployment, as the head says.
    live_before: Option<Previous>,
    /// The version that the alias served before this deployment first wrote to it, once that is known.
    previous: Option<Option<Previous>>,
    /// The alias as it was when the last plan was carried out.
    planned_from: Option<Option<ObservedAlias>>,
    /// The alias was written unchanged, to shut a door.
    rewritten: bool,
}

/// The result of one try.
enum Attempt {
    Done(TargetDone),
    /// Lambda does not have the version with the same code.
    NoVersion,
    /// The alias must be read again.
    Again,
}

impl Restoration<'_> {
    async fn run(mut self) -> Result<Option<TargetDone>, TargetFailed> {
        for attempt_number in 0.. {
            match self.attempt(attempt_number).await? {
                Attempt::Done(done) => return Ok(Some(done)),
                Attempt::NoVersion => return Ok(None),
                Attempt::Again => {}
            }
        }
        unreachable!("attempts do not end")
    }

    async fn attempt(&mut self, attempt_number: u32) -> Result<Attempt, TargetFailed> {
        let ClaimedTarget { deployment, claim, target, .. } = self.on;
        let (alias, code) = self.observe().await?;
        if let Some(found) = claim.active().moved_since(target, alias.as_ref()) {
            return Err(self.on.foreign_change(AWAIT_TRAFFIC, &found).into());
        }
        if !code.is_some_and(|code| self.is_unchanged(&code)) {
            return Ok(Attempt::NoVersion);
        }
        // If somebody moves the alias elsewhere meanwhile, that is not overwritten.
        let moved_by_others = self.planned_from.as_ref().is_some_and(|from| {
            serves(from.as_ref()) != serves(alias.as_ref())
                && !claim.doors.explain(target, from.as_ref(), alias.as_ref())
        });
        self.on.note_alias(alias.as_ref());
        let plan = self.plan(alias.as_ref());
        if self.on.may_shut_doors(&plan) {
            if plan.writes_nothing() {
                deployment.progress.set_moved(target);
            }
            match self.on.shut_doors(alias.as_ref()).await? {
                ShutOutcome::NoneOpen => {}
                ShutOutcome::Rewritten => self.rewritten = true,
                ShutOutcome::AliasChanged => return Ok(Attempt::Again),
            }
        }
        let changes = self.has_changed(&plan);
        if plan.is_empty() {
            let version = Some(self.version.clone());
            return Ok(Attempt::Done(TargetDone::new(changes, version, self.previous.clone().flatten())));
        }
        if moved_by_others && !plan.writes_nothing() {
            let found = alias.map_or("the alias is gone".to_owned(), |alias| format!("the alias serves {alias}"));
            return Err(self.on.foreign_change("move alias", &found).into());
        }
        if claim.stopped().is_some() {
            return Err(TargetFailed::Stopped);
        }
        if claim.only_observes() {
            return Err(given_up("it has not arrived here").into());
        }
        self.planned_from = Some(alias);
        let acting = self.on.account_for(&plan).await?;
        deployment.progress.set_alias_only(target);
        let previous = self.previous.clone().flatten();
        let on = ClaimedTarget { account: &acting, ..self.on };
        let context = StepContext { on, plan: &plan, previous: previous.as_ref() };
        match PlanExecutor::new(context, None).run().await {
            Ok(version) => Ok(Attempt::Done(TargetDone::new(changes, Some(version), previous))),
            // An earlier call got no answer: its door is shut first.
            Err(StepError::Stopped) if claim.doors.is_open(target) => Ok(Attempt::Again),
            Err(StepError::Reobserve { step, error }) if attempt_number < MAX_REOBSERVATIONS => {
                self.on.timer().pause(attempt_number, step, &error.message).await?;
                Ok(Attempt::Again)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads the alias, and the version once it is stable.
    async fn observe(&self) -> Result<(Option<ObservedAlias>, Option<ObservedCode>), WaitError> {
        let ClaimedTarget { deployment, claim, target, account, .. } = self.on;
        let (functions, name) = (account.functions(), &deployment.at.function_name);
        let task = &LambdaTask::version(self.version);
        for attempt in 0.. {
            let (alias, code) = futures::try_join!(
                self.on.reader().alias(),
                self.on.timer().read(OBSERVE, || functions.function(name, Qualifier::Version(self.version))),
            )?;
            match code {
                Some((code, _)) if code.condition == Condition::Busy => {
                    self.on.wait_while_busy(task, attempt, OBSERVE, "the version is still being made").await?;
                }
                code => {
                    claim.waits.task_done(target, task);
                    return Ok((alias, code.map(|(code, _)| code)));
                }
            }
        }
        unreachable!("attempts do not end")
    }

    fn plan(&mut self, alias: Option<&ObservedAlias>) -> Plan {
        let (at, to) = (self.on.deployment.at, (self.version, self.sha256));
        let plan = plan_restore(&at.function_name, &at.environment.alias, to, alias);
        if !plan.is_empty() || !self.on.claim.doors.may_be_unrecorded() {
            self.previous.get_or_insert_with(|| self.on.with_known_code(plan.previous.clone()));
        }
        plan
    }

    /// Whether a version still has its code, and an alias may serve it.
    fn is_unchanged(&self, code: &ObservedCode) -> bool {
        let may_serve = match code.condition {
            Condition::Ready => true,
            Condition::Idle { .. } => self.inactive == Inactive::Use,
            _ => false,
        };
        code.sha256 == Some(self.sha256) && may_serve
    }

    /// Whether this deployment has changed something here, or is about to. An owner that only waits for Lambda has
    /// begun the change before, or has found it begun.
    fn has_changed(&self, plan: &Plan) -> bool {
        let claim = self.on.claim;
        let was = claim.served_before(self.on.target).unwrap_or_else(|| self.live_before.clone());
        let moved = was.is_some_and(|before| before.version != *self.version);
        let writes = !plan.is_empty() && !plan.writes_nothing();
        self.rewritten || writes || self.planned_from.is_some() || (claim.resumed() && moved)
    }
}

impl ClaimedTarget<'_> {
    /// Completes the version that the alias served with its code, if the ledger knows it.
    fn with_known_code(self, served: Option<Previous>) -> Option<Previous> {
        let (head, name) = (self.claim.seen().head, &self.deployment.at.function_name);
        let code = |version: &Version| head.live_state().code_of(name, self.target, version);
        served.map(|served| Previous { sha256: code(&served.version), ..served })
    }
}

fn serves(alias: Option<&ObservedAlias>) -> Option<(Option<&Version>, bool)> {
    alias.map(|alias| (alias.version.as_ref(), alias.sole_version().is_some()))
}
