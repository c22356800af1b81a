//! One deployment, from its claim to its end: what begins at once, what waits for what, and what stops it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use deployer_core::config::Target;
use deployer_core::destination::Destination;
use deployer_core::head::{ATTEMPTS, EXTENSIONS, GivenUp, Request, Then};
use deployer_core::record::{DeploymentRecord, Ending, RecordedArtifact, Status, TargetError, TargetErrorCode};
use futures::future::{self, FutureExt as _};
use futures::stream::{self, StreamExt as _};

use super::claim::{Ground, Standing};
use super::finish::{Facts, Finished};
use super::{Claim, Engine, TARGETS_AT_ONCE, Transient, apply, target};

/// A deployment under way: what was asked for, and where to.
pub(super) struct Job<'a> {
    pub request: Request,
    pub at: &'a Destination<'a>,
    /// Its zip, for targets in other regions.
    pub inline: apply::InlineBody,
    /// The targets that were written to, or may have been.
    written: Mutex<BTreeSet<Target>>,
}

impl<'a> Job<'a> {
    pub fn new(at: &'a Destination<'a>, request: Request) -> Self {
        Self { request, at, inline: Default::default(), written: Mutex::default() }
    }

    /// A write was carried out, or may have been.
    pub fn has_written_to(&self, target: &Target) {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).insert(target.clone());
    }

    pub fn written(&self) -> BTreeSet<Target> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn span(&self) -> tracing::Span {
        tracing::info_span!(
            "deployment",
            deployment = %self.request.id,
            environment = %self.at.name,
            function = %self.at.function,
            release = %self.request.release,
        )
    }
}

/// Why a deployment has not ended here.
#[derive(Clone)]
pub(super) enum Unfinished {
    /// The head says otherwise.
    Standing(Standing),
    /// The time was up: another invocation goes on with it.
    Saved(Box<DeploymentRecord>),
    /// Another try can mend it.
    Transient(Transient),
}

impl<T: Into<Transient>> From<T> for Unfinished {
    fn from(transient: T) -> Self {
        Self::Transient(transient.into())
    }
}

/// Why the artifact cannot be deployed.
#[derive(Clone)]
pub(super) enum Unfit {
    /// A rule says no, or it cannot be read: the deployment ends, with what is known of the artifact.
    Ending(Ending, Box<RecordedArtifact>),
    /// Another try can mend it.
    Transient(Transient),
}

impl Engine {
    /// Begins everything at once, in the hope that the request is new and nothing stands in its way.
    pub(super) async fn begin(&self, job: &Job<'_>) -> Result<Finished, Unfinished> {
        let (at, request) = (job.at, &job.request);
        let head = async { Ok::<_, Unfinished>(self.read_head(at).await?) }.shared();
        let ours = |id| id == request.id;
        let known = async {
            let seen = head.clone().await?;
            match seen.head.accept(request, at, None, &self.claimant()).then {
                Then::Work(active) if ours(active.request.id) => Ok(Ground::Read(seen.etag)),
                // The claim tells what else it is.
                _ => Err(Unfinished::Standing(Standing::Nothing)),
            }
        };
        let claim = async {
            // The marker stands before the head says that work is open.
            let (seen, marked) = future::join(head.clone(), self.mark_open(at, request)).await;
            marked?;
            if seen.is_err() {
                // Nothing was opened.
                self.unmark(job).await;
            }
            match self.accept(at, request, None, Some(seen?)).await? {
                Standing::Claimed(claim) if ours(claim.request().id) => Ok(claim),
                otherwise => Err(Unfinished::Standing(otherwise)),
            }
        };
        // A deployment holds a lot at once: it does not lie on the stack of whoever waits for it.
        Box::pin(self.deploy(job, known, claim)).await
    }

    pub(super) async fn deploy(
        &self,
        job: &Job<'_>,
        known: impl Future<Output = Result<Ground, Unfinished>>,
        claim: impl Future<Output = Result<Arc<Claim>, Unfinished>>,
    ) -> Result<Finished, Unfinished> {
        let (at, known, claim) = (job.at, known.shared(), claim.shared());
        if let Some(refusal) = at.refusal() {
            let claim = claim.await?;
            let artifact = RecordedArtifact::from(&job.request.artifact);
            return Ok(self.finish(job, &claim, refusal, artifact.into()).await?);
        }
        let artifact = async {
            let verified = self.verify(job).await?;
            // Only who has the claim knows that nobody else is about to take the release.
            if at.environment.immutable_releases {
                let claim = target::yes(claim.clone()).await;
                self.refuse_if_taken(job, &claim, &verified).await?;
            }
            Ok(verified)
        };
        let artifact = artifact.shared();
        // In the order in which they end: a slow target holds no other's place.
        let targets = stream::iter(at.environment.targets.iter().enumerate())
            .map(|(number, target)| {
                let outcome = self.deploy_to(job, target, known.clone(), claim.clone(), artifact.clone());
                outcome.map(move |outcome| (number, outcome))
            })
            .buffer_unordered(TARGETS_AT_ONCE)
            .collect::<BTreeMap<_, _>>();

        let stopped = async {
            let claim = claim.clone().await?;
            if claim.attempts() > ATTEMPTS + 1 {
                // Who only looked has died too, or could not.
                let facts = RecordedArtifact::from(&job.request.artifact).into();
                return Ok((claim, at.all_failed(&given_up(UNSEEN)), facts));
            }
            tokio::select! {
                biased;
                because = claim.stopped() => Err(because.into()),
                unfit = artifact.clone() => match unfit {
                    Err(Unfit::Ending(ending, facts)) => Ok((claim.clone(), ending, (*facts).into())),
                    Err(Unfit::Transient(transient)) => {
                        // Nothing was written without the artifact, so nothing of ours is in flight.
                        self.release(at, &claim, GivenUp::Untouched).await;
                        Err(transient.into())
                    }
                    Ok(_) => Err(claim.stopped().await.into()),
                },
            }
        };
        let noted = async {
            if let Ok(claim) = claim.clone().await {
                self.note(at, &claim).await;
            }
        };
        let tried = async {
            let (outcomes, ()) = future::join(targets, noted).await;
            let outcomes: Vec<_> = outcomes.into_values().collect();
            match artifact.clone().await {
                Ok(verified) => {
                    let claim = claim.clone().await?;
                    let goes_on = !claim.only_looks() && claim.extensions() < EXTENSIONS;
                    if goes_on && target::ran_out_of_time(&outcomes) {
                        return Err(self.save(job, &claim, outcomes).await);
                    }
                    let facts = Facts { artifact: verified.as_ref().into(), named: verified.named() };
                    Ok((claim, target::ending(outcomes), facts))
                }
                Err(_) => future::pending().await,
            }
        };
        // A shared future runs only while somebody polls it, and everybody above waits for the claim first.
        let reading = async {
            drop(artifact.clone().await);
            future::pending().await
        };
        // A target writes only after both the claim and the artifact said yes. What is dropped because the claim is
        // ours no more, or the ledger is away, ends within its lease.
        let end = tokio::select! { biased; end = stopped => end, end = tried => end, end = reading => end };
        let (claim, ending, facts) = end?;
        Ok(self.finish(job, &claim, ending, facts).await?)
    }

    /// The time is up, and every target has stopped: the claim is given up, and another invocation goes on.
    async fn save(&self, job: &Job<'_>, claim: &Claim, fared: Vec<target::Fared>) -> Unfinished {
        let (at, done, written) = (job.at, target::done(fared), job.written());
        self.release(at, claim, GivenUp::TimeIsUp { done: &done, written: &written }).await;
        if self.ports.queue.is_none() {
            return Transient::Deadline.into();
        }
        tracing::warn!(extension = claim.extensions() + 1, "not done before the deadline: another invocation goes on");
        match self.tick_at(at, claim.request().id, Some(claim.token()), self.now()).await {
            Ok(()) => Unfinished::Saved(Box::new(at.record(claim.request(), Status::InProgress))),
            Err(transient) => transient.into(),
        }
    }
}

/// The step in which a deployment is given up.
pub(super) const GIVEN_UP: &str = "claim";

/// Of a target that nobody could look at.
pub(super) const UNSEEN: &str = "what this target serves was not looked at";

/// The error of a target that this deployment is given up on, with what is known of it.
pub(super) fn given_up(seen: &str) -> TargetError {
    TargetError::new(
        TargetErrorCode::TimedOut,
        GIVEN_UP,
        format!(
            "this deployment was taken up {ATTEMPTS} times and never ended, and {seen}: the deployer's log says where \
             each of them stopped; upload again when that is mended"
        ),
    )
}
