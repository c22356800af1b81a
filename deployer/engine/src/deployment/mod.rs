//! One deployment: from a request and its artifact to what every target serves.
//!
//! `run` begins what can go on side by side, joins it, and ends the deployment. `target_run` carries one target through
//! its steps: enter (`sessions`), `observe`, then `converge` (plan and `executor`) or `restore` (an alias goes back to
//! an existing version), and `prune`. Only `lambda_writer` calls a writing API of Lambda. An event that must stop a
//! deployment travels up as an error value (`error::Interrupted`): the parts that go on side by side are joined, and the
//! first such error ends them all.

pub(crate) mod error;
pub(crate) mod function_reader;
pub(crate) mod open_doors;
pub(crate) mod sessions;
pub(crate) mod shared_ownership_check;
pub(crate) mod target_waits;
pub(crate) mod verify;

mod await_provisioned_traffic;
mod claimed_target;
mod converge;
mod executor;
mod immutable_release;
mod inline_zip;
mod lambda_writer;
mod observe;
mod ownership;
mod park;
mod prerequisites;
mod progress;
mod prune;
mod restore;
mod results;
pub(crate) mod rollout;
mod run;
mod send_write;
mod shut_doors;
mod step_context;
mod target_run;
mod tell_retries;
mod wait_for_lambda;
mod wait_until_stable;

use deployer_core::config::Target;
use deployer_core::function_ref::FunctionRef;
use deployer_core::head::{Request, ResolvedArtifact};
use deployer_core::id::{Release, Sha256, Version};

use self::inline_zip::InlineZip;
use self::progress::Progress;
use crate::Engine;
use crate::claim::Claim;
use crate::new_functions::Creation;
use crate::retried_calls::RetriedCalls;

/// One deployment that is carried out: its request, its artifact, and the progress of its targets.
pub(crate) struct Deployment<'a> {
    engine: &'a Engine,
    at: &'a FunctionRef<'a>,
    request: Request,
    resolved: ResolvedArtifact,
    /// The zip, for targets that cannot copy it from the artifact bucket.
    inline: InlineZip,
    progress: Progress,
    /// The calls that are tried again now.
    retried: RetriedCalls,
    /// Whether the function may be made in targets that do not have it.
    creation: Creation,
}

impl<'a> Deployment<'a> {
    /// Makes the deployment of an artifact.
    pub fn new(engine: &'a Engine, at: &'a FunctionRef<'a>, request: Request, resolved: ResolvedArtifact) -> Self {
        let (inline, progress, creation) = (InlineZip::default(), Progress::default(), Creation::default());
        Self { engine, at, request, resolved, inline, progress, retried: RetriedCalls::default(), creation }
    }

    /// Returns the span of its log lines.
    pub fn span(&self) -> tracing::Span {
        span(self.at, &self.request, Some(&self.resolved.release))
    }

    /// Returns the version that a target goes back to, and its code.
    fn version_to_restore(&self, target: &Target) -> Option<(&Version, Sha256)> {
        self.resolved.version_of(&self.at.function_name, target).zip(self.resolved.sha256)
    }

    /// Whether some target may go back without the artifact.
    fn may_restore(&self) -> bool {
        self.at.environment.targets.iter().any(|target| self.version_to_restore(target).is_some())
    }

    /// Whether the alias was pointed to the new version, by this owner or an earlier one, and may still point to it:
    /// its traffic comes over by itself.
    fn has_left_moved(&self, claim: &Claim, target: &Target) -> bool {
        let moved = self.progress.is_moved(target) || claim.active().awaits(target).is_some();
        moved && !self.progress.is_restored(target)
    }
}

/// Returns the span of a deployment's log lines.
pub(crate) fn span(at: &FunctionRef<'_>, request: &Request, release: Option<&Release>) -> tracing::Span {
    tracing::info_span!(
        "deployment",
        deployment = %request.id,
        environment = %at.name,
        function = %at.function,
        release = release.map(Release::as_str),
    )
}
