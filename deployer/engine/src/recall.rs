//! Recalling a release: it is rejected, and rolled back wherever it is live.

use deployer_core::artifact::ArtifactRef;
use deployer_core::commanded::CommandEffect;
use deployer_core::function_ref::FunctionRef;
use deployer_core::head::{Head, Live, Request, ResolvedArtifact};
use deployer_core::id::{EnvironmentName, FunctionName, Release};
use deployer_core::promotion::Decision;
use deployer_core::record::{Cause, CauseKind, DeploymentRecord};
use deployer_core::text::PlainText;
use futures::future::join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::claim::SubmitOutcome;
use super::commands::Caller;
use super::error::CommandError;
use super::handle::FunctionCommands;
use super::{Engine, Transient};
use crate::reject::Rejecting;

/// What has come of recalling a release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recalled {
    /// The function.
    pub function: FunctionName,
    /// The release, which is rejected now.
    pub release: Release,
    /// Each environment where it was live, that where it came last first.
    pub environments: Vec<RecalledFrom>,
}

/// What has come of it in one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RecalledFrom {
    /// The environment.
    pub environment: EnvironmentName,
    /// The rollback; null where none could be begun.
    pub deployment: Option<DeploymentRecord>,
    /// Why none could be begun.
    pub because: Option<String>,
}

impl Engine {
    /// Rejects a release and rolls it back wherever it is live, where it came last first. The same id again tells how far it
    /// is, and begins what was not begun.
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
        let reason = reason.unwrap_or_else(|| "recalled".into());
        // Where the same command comes again after somebody has ended the reject, it tells how far it is and begins nothing.
        let is_over = matches!(
            Rejecting::of(self).mark_as_rejected(function, release, reason, &caller).await?,
            CommandEffect::Reused { .. }
        );
        let may = |request: &Request, head: &Head| !is_over || head.id_of(request).is_some();
        let rejects = self.store().rejects(function).await?;
        // Somebody may have ended the reject since this was asked for first.
        let is_rejected = rejects.all().any(|reject| reject.release == *release);
        let mut places = Vec::new();
        for name in self.config.environments.keys() {
            let Ok(at) = FunctionRef::find(&self.config, name, function) else { continue };
            let seen = self.store().head(&at).await.map_err(Transient::from);
            let is_bad = |live: &&Live| rejects.find(&live.release, live.sha256).is_some_and(|r| r.release == *release);
            match seen.map(|seen| (seen.head.live().filter(is_bad).cloned(), seen.head)) {
                Ok((Some(live), head)) => {
                    let request =
                        self.on(&at).commands().request_to_undo((&live.release, Some(&live.artifact)), &caller);
                    places.extend(may(&request, &head).then_some((live.since, at, Ok(request))));
                }
                // It may be past its last look at what is rejected, and about to be live.
                Ok((None, head)) if is_rejected && is_on_its_way(&head, release).is_some() => {
                    let on_its_way = is_on_its_way(&head, release);
                    let request = on_its_way.map(|chosen| {
                        self.on(&at).commands().request_to_undo((&chosen.release, Some(&chosen.artifact)), &caller)
                    });
                    let request = request.filter(|request| may(request, &head));
                    places.extend(request.map(|request| (self.now(), at, Ok(request))));
                }
                // A deployment of it has got to some targets only.
                Ok((None, head)) if is_rejected && serves_somewhere(&head, release) => {
                    let request = self.on(&at).commands().request_to_undo((release, None), &caller);
                    places.extend(may(&request, &head).then_some((self.now(), at, Ok(request))));
                }
                // What was gone back from before, by this very command.
                Ok((None, head)) => {
                    let left = head.left().iter().find(is_bad);
                    let known = left.map(|left| {
                        (
                            left.since,
                            self.on(&at).commands().request_to_undo((&left.release, Some(&left.artifact)), &caller),
                        )
                    });
                    if let Some((since, request)) = known.filter(|(_, request)| head.id_of(request).is_some()) {
                        places.push((since, at, Ok(request)));
                    }
                }
                Err(error) => places.push((self.now(), at, Err(error.to_string()))),
            }
            // A soak of it ends now, not when the sweep comes by.
            Recalling::of(self).look_at_waiting(name, function).await;
        }
        places.sort_by_key(|(since, ..)| std::cmp::Reverse(*since));
        let mut begun = Vec::new();
        for (_, at, request) in places {
            // All are taken in before any is waited for: whoever dies over one leaves the others to the sweep.
            let standing = match request {
                Ok(request) => {
                    self.on(&at).commands().begin_to_undo(&request).await.map(|standing| (request, standing))
                }
                Err(because) => Err(because),
            };
            begun.push((at, standing));
        }
        let environments = begun.into_iter().map(|(at, standing)| async move {
            let outcome = match standing {
                Ok((request, standing)) => match Box::pin(self.on(&at).answer(&request, standing)).await {
                    Ok(record) => Ok(record),
                    Err(transient) => match self.on(&at).commands().progress(&request).await {
                        Some(record) => Ok(Some(record)),
                        None => Err(transient.to_string()),
                    },
                },
                Err(because) => Err(because),
            };
            let (deployment, because) = match outcome {
                Ok(record) => (record, None),
                Err(because) => (None, Some(because)),
            };
            RecalledFrom { environment: at.name.clone(), deployment, because }
        });
        let environments = join_all(environments).await;
        Ok(Recalled { function: function.clone(), release: release.clone(), environments })
    }
}

/// Recalls a release.
#[derive(Clone, Copy)]
pub(crate) struct Recalling<'e> {
    engine: &'e Engine,
}

impl<'e> Recalling<'e> {
    pub(crate) fn of(engine: &'e Engine) -> Self {
        Self { engine }
    }

    /// Judges anew what waits in an environment. Best effort: the sweep does it otherwise.
    async fn look_at_waiting(self, name: &EnvironmentName, function: &FunctionName) {
        let Ok(at) = FunctionRef::find(&self.engine.config, name, function) else { return };
        let looked = async {
            let seen = self.engine.store().head(&at).await?;
            for (id, verdict) in self.engine.on(&at).promotions().movable(&seen.head).await? {
                if let Decision::Deny(_) = verdict {
                    self.engine.on(&at).promotions().resume(id).await?;
                }
            }
            Ok::<_, Transient>(())
        };
        if let Err(error) = looked.await {
            tracing::warn!(environment = %name, "what waits there is left to the sweep: {error}");
        }
    }
}

impl FunctionCommands<'_> {
    pub(crate) fn request_to_undo(
        self,
        (release, artifact): (&Release, Option<&ArtifactRef>),
        caller: &Caller,
    ) -> Request {
        let cause = Cause {
            kind: CauseKind::Rollback,
            requested_by: caller.requested_by.clone(),
            event_id: Some(caller.id.clone().into()),
        };
        let what = (release.clone(), artifact.cloned(), None);
        Request::undo(
            (&self.at.name, &self.at.function),
            what,
            cause,
            self.engine.now(),
            (self.engine.now(), self.engine.token()),
        )
    }

    pub(crate) async fn begin_to_undo(self, request: &Request) -> Result<SubmitOutcome, String> {
        self.engine.store().mark_open(self.at, request).await.map_err(|error| error.to_string())?;
        self.reconciler().accept_unrefused(request).await.map_err(|error| error.to_string())
    }
}

/// What is being deployed, where that is the release.
fn is_on_its_way<'h>(head: &'h Head, release: &Release) -> Option<&'h ResolvedArtifact> {
    head.active().and_then(|active| active.chosen.as_ref()).filter(|chosen| chosen.release == *release)
}

/// Whether a target serves the release.
fn serves_somewhere(head: &Head, release: &Release) -> bool {
    head.targets().iter().any(|target| target.release.as_ref() == Some(release))
}
