//! A deployment's end may call for promotions in other environments. The outbox puts each down as an object before it drops
//! its entry; an invocation that a message wakes there (the message is only a hint), or the sweep, puts it into that head. A
//! commit touches no other head.

use std::collections::BTreeSet;
use std::time::Duration;

use deployer_core::asked::AskedFor;
use deployer_core::destination::FunctionRef;
use deployer_core::head::{Head, OutboxEntry, Request, ResolvedArtifact};
use deployer_core::id::{DeploymentId, EnvironmentName};
use deployer_core::names::ASKED;
use deployer_core::promotion::Dispatch;
use deployer_core::record::DeploymentRecord;

use super::claim::SubmitOutcome;
use super::promote::PolicyInputs;
use super::swept::{Failing, Swept};
use super::{Engine, Transient};

/// A request is kept so long for an environment that deployer.json does not have: somebody may put it back.
const KEPT_FOR_MISSING: Duration = Duration::from_secs(86_400);

impl Engine {
    /// Puts down the promotions of an artifact that has become complete by this end, and sends a hint to where each goes. The
    /// group of a member gets a hint too.
    pub(super) async fn put_down_promotions(
        &self,
        from: &FunctionRef<'_>,
        OutboxEntry { record, completed, .. }: &OutboxEntry,
    ) -> Result<(), Transient> {
        if record.promotion.as_ref().is_some_and(|promotion| promotion.group.is_some()) {
            self.hint(from, record.id).await;
        }
        let (Some(completed), Some(chosen)) = (completed, brought(record)) else { return Ok(()) };
        let brought_by = completed.deployment;
        let mut failed = None;
        for (name, environment) in &self.config.environments {
            let automatic = environment.promotion.as_ref().filter(|p| p.automatic && p.from.contains(&from.name));
            let at = match FunctionRef::find(&self.config, name, &from.function) {
                Ok(at) if automatic.is_some() => at,
                _ => continue,
            };
            let drawn = (self.now(), self.token());
            let request = Request::automatic_promotion(record, brought_by, &at.name, chosen.clone(), drawn);
            let (id, asked) = (request.id, AskedFor::new(&at.name, &at.function, request));
            // A promotion that cannot be put down holds up no other.
            match self.store().create(&asked.key(), &asked).await {
                Ok(_) => self.hint(&at, id).await,
                Err(error) => {
                    tracing::error!(to = %name, "the promotion is not put down: {error}");
                    failed = Some(error.into());
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Sends a message by which somebody looks there. A lost one costs no more than a sweep's period.
    async fn hint(&self, at: &FunctionRef<'_>, id: DeploymentId) {
        if let Err(transient) = self.tick_at(at, id, None, self.now()).await {
            tracing::warn!(to = %at.name, deployment = %id, "no hint was sent, so the sweep will find it: {transient}");
        }
    }

    /// A hint that came here: puts what was asked for into the head and goes on with it; or goes on with the group of a
    /// member that has ended. `None`: it is about neither.
    pub(super) async fn follow_hint(
        &self,
        at: &FunctionRef<'_>,
        id: DeploymentId,
    ) -> Result<Option<DeploymentRecord>, Transient> {
        let keys = self.store().keys(&AskedFor::all_of(&at.name, &at.function)).await?;
        let mut found = None;
        for key in keys {
            let submitted = self.submit_asked(at, &key, Dispatch::Inline).await?;
            found = found.or(submitted.filter(|record| record.id == id));
        }
        if found.is_some() {
            return Ok(found);
        }
        let record = self.store().record(at, id).await?;
        let group = record.as_ref().and_then(|record| record.promotion.as_ref()?.group);
        if let Some(group) = group {
            self.drive_group(&at.name, group).await?;
        }
        Ok(record.filter(|_| group.is_some()))
    }

    /// Puts what was asked for into its head. Once that knows it the object goes.
    async fn submit_asked(
        &self,
        at: &FunctionRef<'_>,
        key: &str,
        taking: Dispatch,
    ) -> Result<Option<DeploymentRecord>, Transient> {
        let Some((asked, _)) = self.store().object::<AskedFor>(key).await? else { return Ok(None) };
        // A marker of its own: somebody may do the same at the same time.
        let request = Request { marker: self.token(), ..asked.request };
        let head = async { Ok::<_, Transient>(self.store().head(at).await?) };
        let (seen, inputs) = futures::try_join!(head, self.policy_inputs(at, None))?;
        let standing = match self.is_of_use(at, &seen.head, &request, &inputs) {
            true => self.take_in_promotion((at, taking), &request, &inputs, None).await?,
            false => SubmitOutcome::Nothing,
        };
        self.store().delete(key).await;
        let touched = !matches!(standing, SubmitOutcome::Nothing);
        if let SubmitOutcome::Deferred { waiting, again: false } = &standing {
            tracing::info!(to = %at.name, deployment = %request.id, "promotion asked for: {}", waiting.wait);
        }
        if touched { Box::pin(self.stand(at, &request, standing)).await } else { Ok(None) }
    }

    /// Whether there is anything to do for what was asked for: it is not known yet, and not there already.
    fn is_of_use(&self, at: &FunctionRef<'_>, head: &Head, request: &Request, inputs: &PolicyInputs) -> bool {
        let Some(promoting) = request.promoting() else { return true };
        let gate = self.gate(at, head, inputs);
        let is_known = head.id_of(request).is_some();
        !is_known
            && !gate.is_of_several(promoting)
            && !gate.is_there_already(request, promoting)
            && !gate.waits_already(promoting)
    }

    /// Puts everything that was asked for into its head. A failure of one never stops the others.
    pub(super) async fn sweep_asked(&self) -> Result<Swept, Transient> {
        // A sweep that did all the work itself could not end in time, so it sends messages.
        let taking = if self.ports.queue.is_some() { Dispatch::Enqueue } else { Dispatch::Inline };
        self.submit_all(taking, &mut BTreeSet::new()).await
    }

    /// Without a queue nobody is sent anywhere: who has ended a deployment puts what it calls for into its head himself, after
    /// its commit, and goes on with the groups of its members.
    pub(super) async fn submit_without_queue(&self) {
        if self.ports.queue.is_some() {
            return;
        }
        let mut tried = BTreeSet::new();
        loop {
            let before = tried.len();
            if let Err(transient) = self.submit_all(Dispatch::Inline, &mut tried).await {
                return tracing::warn!("what was asked for is left to the sweep: {transient}");
            }
            if tried.len() == before {
                break;
            }
        }
        if let Err(transient) = self.drive_groups().await {
            tracing::warn!("the groups are left to the sweep: {transient}");
        }
    }

    async fn submit_all(&self, taking: Dispatch, tried: &mut BTreeSet<String>) -> Result<Swept, Transient> {
        let mut swept = Swept::default();
        for key in self.store().keys(ASKED).await? {
            if !self.has_time_for_another() {
                break;
            }
            if !tried.insert(key.clone()) {
                continue;
            }
            let mut one = Swept::one();
            let Some((name, function)) = AskedFor::place(&key) else {
                tracing::warn!(key, "nothing that this deployer has asked for: delete it");
                continue;
            };
            let submitted = match FunctionRef::find(&self.config, &name, &function) {
                Ok(at) => Box::pin(self.submit_asked(&at, &key, taking)).await.map(drop),
                Err(_) => self.keep_for_missing(&key, &name).await,
            };
            if let Err(error) = submitted {
                tracing::error!(key, "not put into its head: {error}");
                one = one.failing(&key, Failing::of(&error), &error.to_string());
            }
            swept = swept.and(one);
        }
        Ok(swept)
    }

    /// deployer.json does not have the environment: what was asked for is kept for a day.
    async fn keep_for_missing(&self, key: &str, name: &EnvironmentName) -> Result<(), Transient> {
        let Some((asked, _)) = self.store().object::<AskedFor>(key).await? else { return Ok(()) };
        if self.passed(asked.request.accepted_at) > KEPT_FOR_MISSING {
            tracing::warn!(key, "a promotion to {name} is dropped: deployer.json has not had it for a day");
            self.store().delete(key).await;
        }
        Ok(())
    }
}

/// The artifact of an ended deployment.
fn brought(record: &DeploymentRecord) -> Option<ResolvedArtifact> {
    let (release, artifact) = (record.release.as_ref()?, record.artifact.as_ref()?);
    let chosen = ResolvedArtifact::of(release.clone(), artifact.reference());
    Some(ResolvedArtifact { sha256: artifact.sha256, size: artifact.size, ..chosen })
}
