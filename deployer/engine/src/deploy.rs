//! One deployment, from its claim to its end: what begins at once, what waits for what, and what stops it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use deployer_core::config::Target;
use deployer_core::destination::FunctionRef;
use deployer_core::head::{ATTEMPTS, EXTENSIONS, GivenUp, Next, Request, ResolvedArtifact, Rules};
use deployer_core::id::{Release, Sha256, Version};
use deployer_core::observed::ObservedAlias;
use deployer_core::record::{Code, DeploymentRecord, Ending, RecordedArtifact, TargetError, TargetErrorCode};
use deployer_core::rejects::Rejects;
use futures::future::{self, FutureExt as _};
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use tokio::sync::SetOnce;

use super::claim::{ObservedAt, SubmitOutcome, locked};
use super::commit::{FinishDetails, Finished};
use super::waiting::timed_out;
use super::{Claim, Engine, TARGETS_AT_ONCE, Transient, fared, inline, target};

/// A deployment under way: what was asked for, and where to.
pub(super) struct Job<'a> {
    pub request: Request,
    /// The artifact that it is about.
    pub chosen: ResolvedArtifact,
    pub at: &'a FunctionRef<'a>,
    /// Its zip, for targets in other regions.
    pub inline: inline::InlineBody,
    /// The targets that were written to, or may have been.
    written: Mutex<BTreeSet<Target>>,
    /// The targets whose alias was pointed to what is deployed.
    moved: Mutex<BTreeSet<Target>>,
    /// The targets whose alias was put back after that.
    put_back: Mutex<BTreeSet<Target>>,
    /// The targets that went back to a version as it was.
    kept: Mutex<BTreeSet<Target>>,
    /// The targets whose aliases were seen to have provisioned concurrency, or to have none.
    provisioned: Mutex<BTreeMap<Target, bool>>,
    /// A rollback reads the artifact only for targets that do not have its version any more.
    artifact_needed: SetOnce<()>,
}

impl<'a> Job<'a> {
    pub fn new(at: &'a FunctionRef<'a>, request: Request, chosen: ResolvedArtifact) -> Self {
        Self {
            request,
            chosen,
            at,
            inline: Default::default(),
            written: Mutex::default(),
            moved: Mutex::default(),
            put_back: Mutex::default(),
            kept: Mutex::default(),
            provisioned: Mutex::default(),
            artifact_needed: SetOnce::new(),
        }
    }

    /// A write was carried out, or may have been.
    pub fn has_written_to(&self, target: &Target) {
        locked(&self.written).insert(target.clone());
    }

    /// An alias was pointed to what is deployed.
    pub fn has_moved(&self, target: &Target) {
        locked(&self.moved).insert(target.clone());
    }

    /// The alias was read.
    pub fn observes(&self, claim: &Claim, target: &Target, alias: Option<&ObservedAlias>, now: Timestamp) {
        if claim.observes(target, alias, now) {
            self.has_moved(target);
        }
    }

    /// It was put back.
    pub fn is_put_back(&self, target: &Target) {
        locked(&self.put_back).insert(target.clone());
    }

    /// Whether an alias was pointed to what is deployed, by this owner or one before it, and may be so still: its traffic
    /// comes over by itself.
    pub fn has_left_moved(&self, claim: &Claim, target: &Target) -> bool {
        let moved = locked(&self.moved).contains(target) || claim.active().awaits(target).is_some();
        moved && !locked(&self.put_back).contains(target)
    }

    pub fn written(&self) -> BTreeSet<Target> {
        locked(&self.written).clone()
    }

    /// Only the alias moves there.
    pub fn keeps(&self, target: &Target) {
        locked(&self.kept).insert(target.clone());
    }

    pub fn kept(&self) -> BTreeSet<Target> {
        locked(&self.kept).clone()
    }

    /// Whether a target's alias has provisioned concurrency.
    pub fn is_provisioned(&self, target: &Target, is_provisioned: bool) {
        locked(&self.provisioned).insert(target.clone(), is_provisioned);
    }

    pub fn provisioned(&self) -> BTreeMap<Target, bool> {
        locked(&self.provisioned).clone()
    }

    /// The version that a target goes back to, and its code.
    pub fn goes_back_to(&self, target: &Target) -> Option<(&Version, Sha256)> {
        self.chosen.version_of(&self.at.function_name, target).zip(self.chosen.sha256)
    }

    /// Whether some target may go back without the artifact.
    pub fn goes_back(&self) -> bool {
        self.at.environment.targets.iter().any(|target| self.goes_back_to(target).is_some())
    }

    /// A target cannot do without it.
    pub fn needs_artifact(&self) {
        // Whoever was first has said so.
        let _ = self.artifact_needed.set(());
    }

    pub fn span(&self) -> tracing::Span {
        span(self.at, &self.request, Some(&self.chosen.release))
    }
}

/// What every line of a deployment carries.
pub(super) fn span(at: &FunctionRef<'_>, request: &Request, release: Option<&Release>) -> tracing::Span {
    tracing::info_span!(
        "deployment",
        deployment = %request.id,
        environment = %at.name,
        function = %at.function,
        release = release.map(Release::as_str),
    )
}

/// Why a deployment has not ended here.
#[derive(Clone)]
pub(super) enum Unfinished {
    /// The head says otherwise.
    SubmitOutcome(SubmitOutcome),
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

impl Unfit {
    /// The same as one target's error: others can do without the artifact.
    pub fn in_target(self) -> TargetError {
        let (code, because) = match self {
            Self::Ending(Ending::Refused { code, because }, _) => (Some(code), because),
            Self::Ending(Ending::Tried(targets), _) => {
                let first = targets.into_iter().find_map(|target| target.error);
                (None, first.map_or_else(String::new, |error| error.message.into()))
            }
            Self::Ending(..) => (None, "the artifact cannot be deployed".to_owned()),
            // Another invocation goes on with it.
            Self::Transient(transient) => return timed_out("verify", &transient.to_string()),
        };
        let code = match code {
            Some(Code::InvalidManifest | Code::Rejected) => TargetErrorCode::InvalidConfiguration,
            _ => TargetErrorCode::ArtifactUnreadable,
        };
        TargetError::new(code, "verify", because)
    }
}

impl Engine {
    /// Begins everything at once, in the hope that the request is new and nothing stands in its way.
    pub(super) async fn begin(&self, job: &Job<'_>) -> Result<Finished, Unfinished> {
        let (at, request) = (job.at, &job.request);
        let head = async { Ok::<_, Unfinished>(self.store().head(at).await?) }.shared();
        let rejects = async { Ok::<_, Transient>(self.store().rejects(&at.function).await?) }.shared();
        let ours = |id| id == request.id;
        // By its label; by its code once that is known.
        let refusal = || async {
            let rejects = rejects.clone().await?;
            let refusal = rejects.refusal(&job.chosen.release, None);
            Ok::<_, Transient>((rejects, refusal))
        };
        let known = async {
            let (seen, refusal) = future::join(head.clone(), refusal()).await;
            let (seen, (rejects, refusal)) = (seen?, refusal?);
            let rules = Rules { refusal: refusal.as_ref(), rejects: &rejects };
            match seen.head.accept(request, at, rules, &self.claimant()).then {
                Next::Work(active) if ours(active.request.id) => Ok(ObservedAt::Read(seen.etag)),
                // The claim tells what else it is.
                _ => Err(Unfinished::SubmitOutcome(SubmitOutcome::Nothing)),
            }
        };
        let claim = async {
            // The marker stands before the head says that work is open.
            let (seen, marked) = future::join(head.clone(), self.store().mark_open(at, request)).await;
            marked?;
            let refusal = refusal().await;
            if seen.is_err() || refusal.is_err() {
                // Nothing was opened.
                self.store().unmark(at, request).await;
            }
            let (rejects, refusal) = refusal?;
            let rules = Rules { refusal: refusal.as_ref(), rejects: &rejects };
            match self.on(at).accept(request, rules, Some(seen?)).await? {
                // What an owner of before has begun goes on where that one began it.
                SubmitOutcome::Claimed(claim) if ours(claim.request().id) && claim.is_for(at) => Ok(claim),
                otherwise => Err(Unfinished::SubmitOutcome(otherwise)),
            }
        };
        // A deployment holds a lot at once: it does not lie on the stack of whoever waits for it.
        Box::pin(self.deploy(job, known, claim, rejects.clone())).await
    }

    pub(super) async fn deploy(
        &self,
        job: &Job<'_>,
        known: impl Future<Output = Result<ObservedAt, Unfinished>>,
        claim: impl Future<Output = Result<Arc<Claim>, Unfinished>>,
        rejects: impl Future<Output = Result<Rejects, Transient>>,
    ) -> Result<Finished, Unfinished> {
        let (at, known, claim) = (job.at, known.shared(), claim.shared());
        if let Some(refusal) = at.refusal(job.request.cause.kind) {
            let claim = claim.await?;
            let facts = FinishDetails { unseen: true, ..FinishDetails::of(job, None) };
            return Ok(self.on(at).commit(&claim, refusal, facts).await?);
        }
        let artifact = async {
            if job.goes_back() {
                job.artifact_needed.wait().await;
            }
            let (verified, rejects) = future::join(self.verify(at, &job.chosen.artifact), rejects).await;
            let (verified, rejects) = (verified?, rejects.map_err(Unfit::Transient)?);
            // Only who has the claim knows that nobody else is about to take the release.
            if let Some(refusal) = rejects.refusal(&job.chosen.release, Some(verified.sha256)) {
                target::yes(claim.clone()).await.refuse(refusal, &verified)?;
            }
            if at.environment.immutable_releases && job.request.is_new_here() {
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
                let facts = FinishDetails { unseen: true, ..FinishDetails::of(job, None) };
                return Ok((claim, at.all_failed(&given_up(UNSEEN)), facts));
            }
            tokio::select! {
                biased;
                because = claim.stopped() => Err(because.into()),
                // What goes back without the artifact goes back.
                unfit = artifact.clone(), if !job.goes_back() => match unfit {
                    Err(Unfit::Ending(ending, facts)) => {
                        let facts = FinishDetails { artifact: Some(*facts), unseen: true, ..FinishDetails::of(job, None) };
                        Ok((claim.clone(), ending, facts))
                    }
                    Err(Unfit::Transient(transient)) => {
                        // Nothing was written without the artifact, so nothing of ours is in flight.
                        self.on(at).release(&claim, GivenUp::Untouched).await;
                        Err(transient.into())
                    }
                    Ok(_) => Err(claim.stopped().await.into()),
                },
            }
        };
        let noted = async {
            if let Ok(claim) = claim.clone().await {
                self.on(at).record_start(&claim).await;
            }
        };
        let tried = async {
            let (outcomes, ()) = future::join(targets, noted).await;
            let outcomes: Vec<_> = outcomes.into_values().collect();
            let verified = match job.goes_back() && job.artifact_needed.get().is_none() {
                true => None,
                false => match artifact.clone().await {
                    Ok(verified) => Some(verified),
                    Err(_) if job.goes_back() => None,
                    Err(_) => future::pending().await,
                },
            };
            let claim = claim.clone().await?;
            // A wait for Lambda has an end of its own.
            let may_go_on = claim.extensions() < EXTENSIONS || claim.waits.is_any();
            let goes_on = !claim.only_looks() && claim.halted().is_none();
            if goes_on && may_go_on && fared::ran_out_of_time(&outcomes) {
                return Err(self.save(job, &claim, outcomes).await);
            }
            if goes_on && fared::wait(&outcomes) {
                return Err(self.park(job, &claim, outcomes).await);
            }
            let halted = claim.halted();
            Ok((claim, fared::ending(outcomes, halted), FinishDetails::of(job, verified.as_deref())))
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
        Ok(self.on(at).commit(&claim, ending, facts).await?)
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
             each of them stopped; try again when that is mended"
        ),
    )
}
