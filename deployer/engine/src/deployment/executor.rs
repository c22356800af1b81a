//! Step "apply": carries a plan out, step by step.
//!
//! The plan decides which steps there are. The executor waits for Lambda between them, verifies what Lambda has made,
//! ensures before the alias moves that the claim is still ours, and ends with an error where one of these fails. Beside
//! the plan it needs two permissions: the claim and the entered account.

use std::sync::Arc;

use deployer_core::head::Door;
use deployer_core::id::{Sha256, Version};
use deployer_core::observed::RevisionId;
use deployer_core::plan::{Delivery, DesiredState, Step, still_as_planned};
use deployer_core::record::{TargetError, TargetErrorCode};
use jiff::Timestamp;

use super::await_provisioned_traffic::{TrafficWatch, is_provisioned};
use super::error::{StepError, internal};
use super::inline_zip::LoadedZip;
use super::ownership::OWNED_FOR;
use super::step_context::StepContext;
use crate::port::{Answer, Code, Qualifier, Write};

/// A plan that is carried out, and the results of its steps so far.
pub(super) struct PlanExecutor<'a> {
    context: StepContext<'a>,
    /// The goal of the plan; none if the plan only goes back to a version that exists.
    desired: Option<&'a DesiredState<'a>>,
    revision: Option<RevisionId>,
    version: Option<Version>,
    /// Whether the alias has provisioned concurrency, if that was read.
    provisioned: Option<bool>,
    /// The door by which the alias is written, once the head knows it.
    door: Option<Door>,
    /// The time at which the claim was last seen to be ours.
    owned: Option<Timestamp>,
}

impl<'a> PlanExecutor<'a> {
    /// Makes the executor of a plan.
    pub fn new(context: StepContext<'a>, desired: Option<&'a DesiredState<'a>>) -> Self {
        let (revision, version) = (context.plan.revision.clone(), context.plan.serving.clone());
        Self { context, desired, revision, version, provisioned: None, door: None, owned: None }
    }

    /// Carries all steps out, and returns the version that the alias serves then.
    pub async fn run(mut self) -> Result<Version, StepError> {
        for step in &self.context.plan.steps {
            // Large futures lie on the heap: without optimization the stack of the main thread does not hold them all.
            Box::pin(self.run_step(step)).await?;
            tracing::info!(step = step.name(), version = self.version.as_ref().map(Version::as_str), "step done");
        }
        self.version.ok_or_else(|| internal("move alias", "the plan published nothing").into())
    }

    async fn run_step(&mut self, step: &Step) -> Result<(), StepError> {
        let (context, name) = (self.context, step.name());
        match step {
            Step::Create(new) => {
                let loaded = self.load(name).await?;
                let code = self.code(name, loaded.as_deref())?;
                let answer = context.write(name, Write::Create { new, code }).await?;
                context.on.deployment.progress.set_created(context.on.target);
                drop(loaded);
                self.published(name, answer).await
            }
            Step::UpdateConfiguration(configuration) => {
                let revision = self.revision(name)?;
                context.write(name, Write::UpdateConfiguration { configuration, revision }).await?;
                let stable = context.wait_until_stable(name, Qualifier::Latest).await?;
                if !still_as_planned(self.desired(name)?, context.plan, &stable) {
                    let message = "the configuration that was written is not what the function has now";
                    let error = TargetError::new(TargetErrorCode::ForeignChange, name, message);
                    return Err(StepError::Reobserve { step: name, error });
                }
                self.revision = Some(stable.revision);
                Ok(())
            }
            Step::UpdateCode(settings) => {
                let loaded = self.load(name).await?;
                let (code, revision) = (self.code(name, loaded.as_deref())?, self.revision(name)?);
                let answer = context.write(name, Write::UpdateCode { code, settings, revision }).await?;
                drop(loaded);
                self.published(name, answer).await
            }
            Step::Publish => {
                let write = Write::Publish { sha256: context.plan.sha256, revision: self.revision.as_ref() };
                let answer = context.write(name, write).await?;
                let failed_earlier = matches!(answer, Answer::Published { failed_earlier: true, .. });
                self.published(name, answer).await.map_err(|error| match error {
                    StepError::Failed { error, is_temporary } => {
                        StepError::Failed { error, is_temporary: is_temporary || failed_earlier }
                    }
                    other => other,
                })
            }
            Step::Tag(tags) => context.write(name, Write::Tag(tags)).await.map(drop),
            Step::Untag(keys) => context.write(name, Write::Untag(keys)).await.map(drop),
            Step::ReserveConcurrency(n) => context.write(name, Write::ReserveConcurrency(*n)).await.map(drop),
            Step::FreeConcurrency => context.write(name, Write::FreeConcurrency).await.map(drop),
            Step::CreateAlias => {
                let door = self.ensure_door(name).await?;
                let write = Write::CreateAlias { alias: &context.plan.alias, version: self.version(name)? };
                context.write_alias(name, write, &door).await?;
                context.on.deployment.progress.set_moved(context.on.target);
                Ok(())
            }
            Step::MoveAlias { revision, .. } => {
                let door = self.ensure_door(name).await?;
                let version = self.version(name)?;
                let before = context.plan.traffic.clone().filter(|before| before != version);
                let watch = TrafficWatch::new(context, version, before);
                if self.provisioned == Some(true) {
                    watch.note_the_move().await?;
                }
                let write = Write::MoveAlias { alias: &context.plan.alias, version, revision };
                let answer = context.write_alias(name, write, &door).await?;
                watch.after_the_move(answer, self.provisioned).await
            }
            Step::AwaitTraffic { from } => {
                TrafficWatch::new(context, self.version(name)?, Some(from.clone())).run().await
            }
        }
    }

    /// Loads the zip into memory, if it must be sent along.
    async fn load(&self, step: &'static str) -> Result<Option<Arc<LoadedZip>>, StepError> {
        if self.context.plan.delivery == Delivery::ByReference {
            return Ok(None);
        }
        let (deployment, artifact) = (self.context.on.deployment, self.desired(step)?.artifact);
        let engine = deployment.engine;
        Ok(Some(deployment.inline.load(&engine.ports, engine.timer(), artifact, step).await?))
    }

    fn code(&self, step: &'static str, loaded: Option<&LoadedZip>) -> Result<Code<'a>, StepError> {
        Ok(match loaded {
            Some(loaded) => Code::Inline(loaded.bytes.clone()),
            None => Code::Reference(&self.desired(step)?.artifact.reference),
        })
    }

    /// Waits until a published version is Active, and verifies its code, before an alias may serve it.
    async fn published(&mut self, step: &'static str, answer: Answer) -> Result<(), StepError> {
        let Answer::Published { version: Some(version), sha256, .. } = answer else {
            return Err(internal(step, "Lambda did not answer with a version").into());
        };
        self.verify_code_sha(step, &version, sha256)?;
        let (context, now) = (self.context, self.context.on.timer().now());
        // The head is written beside the wait for the version, so it costs no time.
        let door = context.door_to(&version);
        let opening = door.clone().map(|door| context.opening(door));
        let (stable, (), provisioned) = futures::try_join!(
            async { Ok(context.wait_until_stable(step, Qualifier::Version(&version)).await) },
            async { Ok::<_, StepError>(context.ensure_still_owned(opening).await?) },
            async { Ok(is_provisioned(context).await) },
        )?;
        (self.door, self.owned, self.provisioned) = (door, Some(now), provisioned);
        self.verify_code_sha(step, &version, stable?.sha256)?;
        self.version = Some(version);
        Ok(())
    }

    fn verify_code_sha(&self, step: &'static str, version: &Version, found: Option<Sha256>) -> Result<(), StepError> {
        let expected = self.context.plan.sha256;
        if found == Some(expected) {
            return Ok(());
        }
        let found = found.map_or("none".to_owned(), |sha| sha.to_short_hex());
        let expected = expected.to_short_hex();
        let message = format!("version {version} has code {found}, expected {expected}: the alias was not moved");
        Err(TargetError::new(TargetErrorCode::ForeignChange, step, message).into())
    }

    /// Ensures that the alias may be written: the head knows the door, the claim is still ours, and nothing has asked
    /// us to stop. Where nothing was published, it reads the provisioned concurrency beside that.
    async fn ensure_door(&mut self, step: &'static str) -> Result<Door, StepError> {
        let (context, now) = (self.context, self.context.on.timer().now());
        let door = match self.door.take() {
            Some(door) => {
                if self.owned.is_none_or(|at| context.on.timer().passed(at) > OWNED_FOR) {
                    context.ensure_still_owned(None).await?;
                    self.owned = Some(now);
                }
                door
            }
            None => {
                let door = context.door_to(self.version(step)?);
                let door = door.ok_or_else(|| internal(step, "the plan does not write the alias"))?;
                ((), self.provisioned) =
                    futures::try_join!(context.ensure_still_owned(Some(context.opening(door.clone()))), async {
                        Ok(is_provisioned(context).await)
                    },)?;
                self.owned = Some(now);
                door
            }
        };
        self.door = Some(door.clone());
        context.on.claim.stopped().map_or(Ok(door), |_| Err(StepError::Stopped))
    }

    fn desired(&self, step: &'static str) -> Result<&'a DesiredState<'a>, StepError> {
        self.desired.ok_or_else(|| internal(step, "this plan only goes back, and sends nothing").into())
    }

    fn revision(&self, step: &'static str) -> Result<&RevisionId, StepError> {
        self.revision.as_ref().ok_or_else(|| internal(step, "the plan has no revision to write on").into())
    }

    fn version(&self, step: &'static str) -> Result<&Version, StepError> {
        self.version.as_ref().ok_or_else(|| internal(step, "the plan published nothing").into())
    }
}
