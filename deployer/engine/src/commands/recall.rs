//! `recall`: a release is rejected, and rolled back wherever it is live.

use deployer_core::artifact::ArtifactRef;
use deployer_core::config::ProvenCommand;
use deployer_core::function_ref::FunctionRef;
use deployer_core::head::{CommandKind, Head, LiveArtifact, Request, ResolvedArtifact};
use deployer_core::hold_and_reject::{CommandEffect, Reject};
use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName, Release};
use deployer_core::identity::Identity;
use deployer_core::record::{DeploymentRecord, EndedWaiting, RecallCause, Status};
use deployer_core::rejects::{RejectVerb, Rejects};
use deployer_core::status::CameWith;
use deployer_core::text::PlainText;
use futures::future::{self, join_all};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::caller::Caller;
use super::change_head::reused_id;
use super::ended_waiting::end_rejected;
use super::progress::{progress, record_if_in_head};
use super::recalled_rollouts::recalled_rollouts;
use super::reject::{Rejected, mark_as_rejected};
use super::rejected_rollouts::{AbortedRollouts, abort_rejected, go_back};
use super::status_companions::came_with;
use super::undo::{submit_undo, undo_request};
use super::used_id::ensure_unused_anywhere;
use crate::claim::SubmitOutcome;
use crate::prove_identity::{Giver, ProofDemand};
use crate::{CommandError, Engine, Transient};

/// The answer to a recall.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recalled {
    /// The function.
    pub function: FunctionName,
    /// The release, which is rejected now.
    pub release: Release,
    /// The environments where it was live, the latest first, and then those where it rolled out.
    pub environments: Vec<RecalledFrom>,
    /// The promotions of it that waited, and that this very call of the recall has ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ended_waiting: Vec<EndedWaiting>,
    /// The reject of the release that this very call of the recall has replaced by another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_reject: Option<Reject>,
}

/// The recall's part in one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RecalledFrom {
    /// The environment.
    pub environment: EnvironmentName,
    /// The release that is left there: the recalled one, or another label of the same code; absent where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Release>,
    /// The functions that came with it in one group and stay live; only present once the rollback has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub came_with: Option<CameWith>,
    /// The rollback; null where none could be begun.
    pub deployment: Option<DeploymentRecord>,
    /// The reason why none could be begun.
    pub because: Option<String>,
    /// Whether the release was not live there but rolled out, and is taken back: `deployment` is that rollout.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub taken_back: bool,
    /// The release that is live there, where a rollout is taken back; absent where nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Release>,
}

impl RecalledFrom {
    /// An environment in which nobody could look.
    fn unseen(environment: EnvironmentName, because: String) -> Self {
        Self {
            environment,
            left: None,
            came_with: None,
            deployment: None,
            because: Some(because),
            taken_back: false,
            live: None,
        }
    }
}

impl Engine {
    /// Rejects a release and rolls it back wherever it is live, the latest environment first. The same id again reports
    /// the progress, and begins what was not begun.
    ///
    /// # Errors
    /// [`CommandError`]: there is no such release, or another try can help.
    pub async fn recall(
        &self,
        function: &FunctionName,
        release: &Release,
        reason: Option<PlainText>,
        caller: Caller,
    ) -> Result<Recalled, CommandError> {
        let giver = Giver::new(self, &caller.identity, demand(self))?;
        let rejected = (release, RejectVerb::Recall);
        let Rejected { effect, replaced: replaced_reject } =
            mark_as_rejected(self, function, rejected, reason, (&caller, &giver)).await?;
        let rejects = self.store().rejects(function).await?;
        ensure_own_id(&rejects, function, release, &caller.id)?;
        // A person may have ended the reject since the command was given first.
        let reject = rejects.all().find(|reject| reject.release == *release);
        // A recall without a reason keeps that of the reject.
        let has_replaced = |former: &Reject| reject.is_some_and(|reject| reject.reason != former.reason);
        let replaced_reject = replaced_reject.filter(has_replaced);
        let recall = Recall {
            engine: self,
            release,
            reject,
            caller: &Caller { identity: Identity::None, ..caller },
            // If the same command comes again after a person has ended the reject, it begins nothing.
            only_known: matches!(effect, CommandEffect::Reused { .. }),
            rejects: &rejects,
        };
        // A release that rolls out is not live: it is taken back, and needs no rollback.
        let AbortedRollouts { aborted, unseen } = abort_rejected(self, function).await;
        let mut rollbacks = Vec::new();
        for name in self.config.environments.keys() {
            let Ok(at) = FunctionRef::find(&self.config, name, function) else { continue };
            match self.store().head(&at).await {
                Ok(seen) => {
                    if let Some((leaving, mut request)) = recall.rollback_from(&at, &seen.head) {
                        // Somebody else may have rejected the release: whoever asks for the rollback now proves it.
                        if seen.head.id_of(&request).is_none() {
                            request.cause = request.cause.by(&giver.identity().await?);
                        }
                        rollbacks.push((leaving.since, at, Ok((leaving, request))));
                    }
                }
                Err(error) => rollbacks.push((self.now(), at, Err(Transient::from(error).to_string()))),
            }
        }
        rollbacks.sort_by_key(|(since, ..)| std::cmp::Reverse(*since));
        let mut submitted = Vec::new();
        for (_, at, request) in rollbacks {
            // All are submitted before any is worked on: if this invocation dies over one, the sweep finds the others.
            let outcome = match request {
                Ok((leaving, request)) => match submit_undo(self, &at, &request).await {
                    Ok(outcome) => (Some(leaving), Ok((request, outcome))),
                    Err(transient) => (Some(leaving), Err(transient.to_string())),
                },
                Err(because) => (None, Err(because)),
            };
            submitted.push((at, outcome));
        }
        // The release goes first where it is live; what waits is refused already.
        let ended_waiting = match reject {
            Some(reject) => end_rejected(self, function, (reject, &rejects)).await,
            None => vec![],
        };
        let environments = submitted.into_iter().map(|(at, (leaving, outcome))| async move {
            let rolled_back = match outcome {
                Ok((request, outcome)) => roll_back(self, &at, &request, outcome).await,
                Err(because) => Err(because),
            };
            let (deployment, because) = match rolled_back {
                Ok(record) => (record, None),
                Err(because) => (None, Some(because)),
            };
            recalled_from(self, &at, leaving, (deployment, because)).await
        });
        let (mut environments, ()) = future::join(join_all(environments), go_back(self, aborted)).await;
        for (environment, because) in unseen {
            if !environments.iter().any(|one| one.environment == environment) {
                environments.push(RecalledFrom::unseen(environment, because));
            }
        }
        if let Some(reject) = reject {
            environments.extend(recalled_rollouts(self, function, (reject, &rejects)).await?);
        }
        let (function, release) = (function.clone(), release.clone());
        Ok(Recalled { function, release, environments, ended_waiting, replaced_reject })
    }
}

impl Engine {
    /// Tells what became of a recall, and begins nothing. None: its id is not known.
    ///
    /// # Errors
    /// [`CommandError`]: the id was a reject's, or the ledger cannot be read.
    pub(super) async fn recalled(
        &self,
        function: &FunctionName,
        release: &Release,
        caller: &Caller,
    ) -> Result<Option<Recalled>, CommandError> {
        let rejects = self.store().rejects(function).await?;
        ensure_own_id(&rejects, function, release, &caller.id)?;
        let is_remembered = rejects.knows_recall(release, function, &caller.id);
        let reject = rejects.all().find(|reject| reject.release == *release);
        let recall = Recall { engine: self, release, reject, caller, only_known: !is_remembered, rejects: &rejects };
        let mut rollbacks = Vec::new();
        for name in self.config.environments.keys() {
            let Ok(at) = FunctionRef::find(&self.config, name, function) else { continue };
            let head = self.store().head(&at).await?.head;
            let Some((leaving, request)) = recall.rollback_from(&at, &head) else { continue };
            let deployment = record_if_in_head(self, &at, &head, &request).await?;
            let not_begun = || "it is not begun yet: the same recall again begins it".to_owned();
            let because = deployment.is_none().then(not_begun);
            let since = leaving.since;
            rollbacks.push((since, recalled_from(self, &at, Some(leaving), (deployment, because)).await));
        }
        if !is_remembered && rollbacks.is_empty() {
            ensure_unused_anywhere(self, function, &caller.id, CommandKind::Recall).await?;
            return Ok(None);
        }
        rollbacks.sort_by_key(|(since, _)| std::cmp::Reverse(*since));
        let mut environments: Vec<RecalledFrom> = rollbacks.into_iter().map(|(_, rollback)| rollback).collect();
        if let Some(reject) = reject.filter(|_| is_remembered) {
            environments.extend(recalled_rollouts(self, function, (reject, &rejects)).await?);
        }
        let (function, release, ended_waiting) = (function.clone(), release.clone(), vec![]);
        Ok(Some(Recalled { function, release, environments, ended_waiting, replaced_reject: None }))
    }
}

/// Checks that the id was neither a reject's before nor that of the recall of another release.
fn ensure_own_id(rejects: &Rejects, function: &FunctionName, release: &Release, id: &str) -> Result<(), CommandError> {
    let is_anothers =
        rejects.knows_only_reject(release, function, id) || rejects.knows_recall_of_another(release, function, id);
    if is_anothers { Err(reused_id(id)) } else { Ok(()) }
}

/// Returns what a recall needs of its giver's identity. It rejects as well.
fn demand(engine: &Engine) -> ProofDemand {
    match ProofDemand::of(engine, ProvenCommand::Recall, None) {
        ProofDemand::Optional => ProofDemand::of(engine, ProvenCommand::Reject, None),
        required => required,
    }
}

/// The release that an environment leaves.
struct Leaving {
    /// The time since which it is live there.
    since: Timestamp,
    release: Release,
    /// The deployment that brought it under this release, where that is known.
    deployment: Option<DeploymentId>,
}

impl Leaving {
    fn live(live: &LiveArtifact) -> Self {
        Self { since: live.since, release: live.release.clone(), deployment: Some(live.named_by()) }
    }
}

/// Makes the answer of one environment. Once the rollback has ended, it has what came with the release and stays; where
/// that cannot be read, only the log says so.
async fn recalled_from(
    engine: &Engine,
    at: &FunctionRef<'_>,
    leaving: Option<Leaving>,
    (deployment, because): (Option<DeploymentRecord>, Option<String>),
) -> RecalledFrom {
    let has_moved = deployment
        .as_ref()
        .is_some_and(|record| matches!(record.status, Status::Succeeded | Status::Unchanged | Status::Failed));
    let brought_by = leaving.as_ref().and_then(|leaving| leaving.deployment).filter(|_| has_moved);
    let came_with = match brought_by {
        Some(id) => came_with(engine, at, id).await.unwrap_or_else(|error| {
            tracing::warn!(function = %at.function, "what came with the recalled release in {}: {error}", at.name);
            None
        }),
        None => None,
    };
    let left = leaving.map(|leaving| leaving.release);
    RecalledFrom { environment: at.name.clone(), left, came_with, deployment, because, taken_back: false, live: None }
}

/// A recall as each environment's head is asked for it.
struct Recall<'a> {
    engine: &'a Engine,
    release: &'a Release,
    caller: &'a Caller,
    rejects: &'a Rejects,
    /// The reject of the release; none if a person has ended it since.
    reject: Option<&'a Reject>,
    /// Rollbacks that no head knows yet are not begun.
    only_known: bool,
}

impl Recall<'_> {
    /// Returns the rollback that an environment needs, and the release that it leaves.
    fn rollback_from(&self, at: &FunctionRef<'_>, head: &Head) -> Option<(Leaving, Request)> {
        let request = |(release, artifact): (&Release, Option<&ArtifactRef>)| {
            let mut request = undo_request(self.engine, at, (release, artifact), self.caller);
            request.cause.recall = self
                .reject
                .map(|reject| RecallCause { release: reject.release.clone(), reason: reject.reason.clone() });
            request
        };
        let may_begin = |request: &Request| !self.only_known || head.id_of(request).is_some();
        let is_recalled = |live: &&LiveArtifact| {
            self.rejects.find(&live.release, live.sha256).is_some_and(|reject| reject.release == *self.release)
        };
        if let Some(live) = head.live().filter(is_recalled) {
            let request = request((&live.release, Some(&live.artifact)));
            return may_begin(&request).then(|| (Leaving::live(live), request));
        }
        // A rollout is taken back as a whole.
        let is_rollout = head.active().is_some_and(|active| active.rollout.is_some());
        if is_rollout && let Some(active) = active_artifact(head, self.release) {
            let request = request((&active.release, Some(&active.artifact)));
            let (since, release) = (self.engine.now(), active.release.clone());
            return head.id_of(&request).map(|_| (Leaving { since, release, deployment: None }, request));
        }
        // The deployment may be past its last look at the rejects, and about to be live.
        if let Some(active) = active_artifact(head, self.release).filter(|_| self.reject.is_some()) {
            let request = request((&active.release, Some(&active.artifact)));
            let (since, release) = (self.engine.now(), active.release.clone());
            let deployment = head.active().map(|active| active.request.id);
            return may_begin(&request).then_some((Leaving { since, release, deployment }, request));
        }
        // A deployment of the release has reached some targets only.
        if self.reject.is_some() && is_on_some_target(head, self.release) {
            let request = request((self.release, None));
            let (since, release) = (self.engine.now(), self.release.clone());
            return may_begin(&request).then_some((Leaving { since, release, deployment: None }, request));
        }
        // This very command has rolled the release back before.
        let left = head.left().iter().find(is_recalled)?;
        let request = request((&left.release, Some(&left.artifact)));
        head.id_of(&request).is_some().then(|| (Leaving::live(left), request))
    }
}

/// Works on a rollback that was submitted. If that fails, the answer is its progress.
async fn roll_back(
    engine: &Engine,
    at: &FunctionRef<'_>,
    request: &Request,
    outcome: SubmitOutcome,
) -> Result<Option<DeploymentRecord>, String> {
    match Box::pin(engine.reconciler(at).handle_outcome(request, outcome)).await {
        Ok(record) => Ok(record),
        Err(transient) => match progress(engine, at, request).await {
            Some(record) => Ok(Some(record)),
            None => Err(transient.to_string()),
        },
    }
}

/// Returns the artifact that is being deployed, if it is of the release.
fn active_artifact<'h>(head: &'h Head, release: &Release) -> Option<&'h ResolvedArtifact> {
    head.active().and_then(|active| active.artifact.as_ref()).filter(|resolved| resolved.release == *release)
}

/// Whether a target serves the release.
fn is_on_some_target(head: &Head, release: &Release) -> bool {
    head.targets().iter().any(|target| target.release.as_ref() == Some(release))
}
