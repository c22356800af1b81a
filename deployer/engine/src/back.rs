//! Going back: an alias moves to a version that it has served before, as long as Lambda has that version.
//!
//! A version carries its code and its configuration, so nothing is sent and the artifact need not even be there.

use deployer_core::config::Target;
use deployer_core::head::LambdaTask;
use deployer_core::id::{Sha256, Version};
use deployer_core::observed::{Condition, ObservedAlias, ObservedCode};
use deployer_core::plan::{AWAIT_TRAFFIC, going_back};
use deployer_core::record::{Previous, Status};

use super::apply::{Halt, StepContext};
use super::deploy::{Job, given_up};
use super::doors::Shut;
use super::fared::{Arrived, Missed};
use super::lambda_waits::WaitForLambda;
use super::target::{MAX_REOBSERVATIONS, foreign, may_shut, served, served_before};
use super::{Claim, Engine};
use crate::port::{Account, Qualifier};

impl Engine {
    /// Moves the alias back to a version. `None`: Lambda does not have it any more, or not as it was; or it sleeps, and need not be
    /// woken by whoever calls it next.
    pub(super) async fn go_back(
        &self,
        job: &Job<'_>,
        target: &Target,
        claim: &Claim,
        account: &Account,
        (version, sha256): (&Version, Sha256),
        sleeping: Sleeping,
    ) -> Result<Option<Arrived>, Missed> {
        let (at, served) = (job.at, served(job, claim, target));
        let mut previous = served_before(job, claim, target);
        let mut planned_from: Option<Option<ObservedAlias>> = None;
        let mut turned = false;
        for looks in 0.. {
            let (alias, code) = self.look_back((job, claim, target), account, version).await?;
            if let Some(found) = claim.active().moved_since(target, alias.as_ref()) {
                return Err(foreign(job, AWAIT_TRAFFIC, &found).into());
            }
            let Some(code) = code.filter(|code| still_is(code, sha256, sleeping)) else { return Ok(None) };
            // Somebody who moves the alias elsewhere meanwhile is not overruled.
            let moved_by_others = planned_from.as_ref().is_some_and(|from| {
                serves(from.as_ref()) != serves(alias.as_ref())
                    && !claim.explains(target, from.as_ref(), alias.as_ref())
            });
            job.observes(claim, target, alias.as_ref(), self.now());
            let plan = going_back(&at.function_name, &at.environment.alias, (version, sha256), alias.as_ref());
            if !plan.is_empty() || !claim.has_unsaid_doors() {
                previous.get_or_insert_with(|| with_known_code(job, claim, target, plan.previous.clone()));
            }
            if may_shut(claim, &plan) {
                if plan.writes_nothing() {
                    job.has_moved(target);
                }
                match self.shut_doors(job, claim, target, account, alias.as_ref()).await? {
                    Shut::Before => {}
                    Shut::Now => turned = true,
                    Shut::ByAnother => continue,
                }
            }
            if plan.is_empty() {
                let was = claim.served_before(target).unwrap_or(served);
                let moved = was.is_some_and(|before| before.version != *version);
                let ours = turned || planned_from.is_some() || (claim.resumed() && moved);
                let status = if ours { Status::Succeeded } else { Status::Unchanged };
                return Ok(Some(Arrived { status, version: Some(version.clone()), previous: previous.flatten() }));
            }
            if moved_by_others && !plan.writes_nothing() {
                let found = alias.map_or("the alias is gone".to_owned(), |alias| format!("the alias serves {alias}"));
                return Err(foreign(job, "move alias", &found).into());
            }
            if claim.halted().is_some() {
                return Err(Missed::Stopped);
            }
            if claim.only_looks() {
                return Err(given_up("it has not arrived here").into());
            }
            let before = previous.as_ref().and_then(Option::as_ref);
            // Whoever only waits for Lambda has begun this before, or finds it begun by others.
            let was = claim.served_before(target).unwrap_or_else(|| served.clone());
            let moved = was.is_some_and(|before| before.version != *version);
            let ours = turned || !plan.writes_nothing() || planned_from.is_some() || (claim.resumed() && moved);
            let status = if ours { Status::Succeeded } else { Status::Unchanged };
            planned_from = Some(alias);
            let acting = self.account_for(job, target, account, &plan).await?;
            job.keeps(target);
            match self.apply(StepContext { job, claim, target, account: &acting, previous: before }, None, &plan).await
            {
                Ok(version) => {
                    drop(code);
                    let previous = previous.flatten();
                    return Ok(Some(Arrived { status, version: Some(version), previous }));
                }
                Err(Halt::Waits) => return Err(Missed::Waits),
                // An earlier try got no answer: that door is shut first.
                Err(Halt::Stopped) if claim.has_open_door(target) => {}
                Err(Halt::Stopped) => return Err(Missed::Stopped),
                Err(Halt::Final(error) | Halt::Failed { error, .. }) => return Err(error.into()),
                Err(Halt::LookAgain { error, .. }) if looks >= MAX_REOBSERVATIONS => return Err(error.into()),
                Err(Halt::LookAgain { step, error }) => self.pause(looks, step, &error.message).await?,
            }
        }
        unreachable!("looks do not end")
    }

    /// The alias, and the version while it is settled.
    async fn look_back(
        &self,
        (job, claim, target): (&Job<'_>, &Claim, &Target),
        account: &Account,
        version: &Version,
    ) -> Result<(Option<ObservedAlias>, Option<ObservedCode>), Missed> {
        let (functions, name) = (account.functions(), &job.at.function_name);
        let task = &LambdaTask::version(version);
        for attempt in 0.. {
            let (alias, code) = futures::try_join!(
                self.alias_of(job.at, account),
                self.reading("observe", || functions.function(name, Qualifier::Version(version))),
            )?;
            match code {
                Some((code, _)) if code.condition == Condition::Busy => {
                    let (step, because) = ("observe", "the version is still being made");
                    let wait = WaitForLambda { claim, target, task, step, because, is_refused: false };
                    self.wait_for_lambda(&wait, attempt, || self.not_done_by_lambda(step, because)).await?;
                }
                code => {
                    claim.waits.is_over(target, task);
                    return Ok((alias, code.map(|(code, _)| code)));
                }
            }
        }
        unreachable!("attempts do not end")
    }
}

/// What becomes of a version that nobody has called for weeks (state Inactive). The next call wakes it, and may itself fail (Lambda
/// Developer Guide, "Lambda function states").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sleeping {
    /// It is published again, for then it serves at once.
    PublishAgain,
    /// It is used as it is, for its zip is gone.
    Use,
}

/// Whether a version is what it was when it served, and an alias may serve it.
fn still_is(code: &ObservedCode, sha256: Sha256, sleeping: Sleeping) -> bool {
    let may_serve = match code.condition {
        Condition::Ready => true,
        Condition::Idle { .. } => sleeping == Sleeping::Use,
        _ => false,
    };
    code.sha256 == Some(sha256) && may_serve
}

/// What the alias served, with its code where the ledger knows that of the version.
fn with_known_code(job: &Job<'_>, claim: &Claim, target: &Target, served: Option<Previous>) -> Option<Previous> {
    let code = |version: &Version| claim.seen().head.code_of(&job.at.function_name, target, version);
    served.map(|served| Previous { sha256: code(&served.version), ..served })
}

fn serves(alias: Option<&ObservedAlias>) -> Option<(Option<&Version>, bool)> {
    alias.map(|alias| (alias.version.as_ref(), alias.serves_alone().is_some()))
}
