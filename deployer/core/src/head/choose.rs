//! The head chooses the artifact of a request that does not name one itself: what is live, or what was.

use super::active::Active;
use super::live::Live;
use super::request::Request;
use super::resolved::ResolvedArtifact;
use super::source::{Rollback, Source};
use super::state::Head;
use crate::config::Target;
use crate::id::Token;
use crate::record::{Code, Ending};
use crate::rejects::Rejects;

impl Head {
    /// The artifact that a request is about, where the head knows it.
    ///
    /// # Errors
    /// The ending: there is nothing to go back to, nothing is live, it was rejected, or something newer came.
    pub fn choose(&self, subject: &Source, targets: &[Target], rejects: &Rejects) -> Result<ResolvedArtifact, Ending> {
        let rejected = |live: &Live| rejects.refusal(&live.release, live.sha256);
        match subject {
            Source::Artifact { release, artifact, .. } => Ok(ResolvedArtifact::of(release.clone(), artifact.clone())),
            Source::Newest { release } => {
                Err(nothing(Code::ArtifactGone, format!("release {release} was not looked for")))
            }
            Source::Promoted(promoting) => {
                let nothing = || nothing(Code::NotLive, format!("nothing is live in {}", promoting.from));
                let chosen = promoting.artifact.clone().ok_or_else(nothing)?;
                rejects.refusal(&chosen.release, chosen.sha256).map_or(Ok(chosen), Err)
            }
            Source::Live { of } => {
                let live = self.live().ok_or_else(nothing_live)?;
                if of.is_some_and(|of| of != live.deployment) {
                    let because = format!(
                        "release {} was rolled out after it was asked for: deployment {} has brought it",
                        live.release, live.deployment
                    );
                    return Err(Ending::Superseded { because });
                }
                self.can_be_redeployed(live, targets)?;
                rejected(live).map_or_else(|| Ok(ResolvedArtifact::from(live)), Err)
            }
            Source::Undo { release, artifact, of } => {
                let is_it = |live: &Live| artifact.as_ref().map_or(live.release == *release, |a| live.artifact == *a);
                let is_live = self.live().is_some_and(is_it);
                let is_somewhere = self.targets.iter().any(|target| target.release.as_ref() == Some(release));
                let is_of = |live: &&Live| of.is_none_or(|of| live.deployment == of);
                let is_anothers = is_live && !self.live().is_some_and(|live| is_of(&live));
                if let Some(live) = self.live().filter(|_| is_anothers || (!is_live && is_somewhere)) {
                    return rejected(live).map_or_else(|| Ok(ResolvedArtifact::again(live)), Err);
                }
                let gone = || nothing(Code::NotLive, format!("release {release} is not live here any more"));
                is_live.then(|| self.goes_back_to(&Rollback::default(), targets, rejects)).ok_or_else(gone)?
            }
            Source::Earlier(rollback) => self.goes_back_to(rollback, targets, rejects),
            Source::Unknown => Err(nothing(Code::NotLive, "this deployer does not know what is asked for".to_owned())),
        }
    }

    /// A redeploy of what was never complete, and is served by no target that there still is, would bring what may never
    /// have worked.
    fn can_be_redeployed(&self, live: &Live, targets: &[Target]) -> Result<(), Ending> {
        let is_served = live.lacking(targets).len() < targets.len();
        if live.complete || is_served {
            return Ok(());
        }
        let because = format!(
            "release {} was never on every target, and no present target serves it: roll back to what was live before, or \
             deploy a release",
            live.release
        );
        Err(nothing(Code::NotLive, because))
    }

    /// The reason why a redeploy can lead nowhere, whatever the targets serve: nothing gives way to it.
    pub(super) fn pointless(&self, request: &Request, targets: &[Target]) -> Option<Ending> {
        let is_open = || self.active.is_some() || !self.pending.is_empty();
        match (&request.subject, self.live()) {
            (Source::Live { .. }, None) if !is_open() => Some(nothing_live()),
            (Source::Live { .. }, Some(live)) if !is_open() => self.can_be_redeployed(live, targets).err(),
            _ => None,
        }
    }

    /// Writes down which artifact the active deployment is about. `None`: it is not ours any more, or known already.
    #[must_use]
    pub fn with_chosen(&self, claim: Token, chosen: &ResolvedArtifact) -> Option<Self> {
        let active = self.active.as_ref().filter(|active| active.claim == claim && active.chosen.is_none())?;
        let active = Active { chosen: Some(chosen.clone()), ..active.clone() };
        Some(Self { active: Some(active), ..self.next() })
    }
}

fn nothing_live() -> Ending {
    nothing(Code::NotLive, "nothing is live here that could be deployed again: upload a release first".to_owned())
}

fn nothing(code: Code, because: String) -> Ending {
    Ending::Refused { code, because }
}
