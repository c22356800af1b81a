//! Which artifact a request is about, where it does not say so itself: what is live, or what was.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Active, Head, Live, Subject};
use crate::artifact::ArtifactRef;
use crate::config::Target;
use crate::id::{Release, Sha256, Token, Version};
use crate::record::{Code, Ending, RecordedArtifact};
use crate::rejects::Rejects;

/// The artifact that a deployment is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    /// The release.
    pub release: Release,
    /// The object version.
    pub artifact: ArtifactRef,
    /// Its code, where that was live before.
    #[serde(default)]
    pub sha256: Option<Sha256>,
    /// Its bytes, where they were read before.
    #[serde(default)]
    pub size: Option<u64>,
    /// The versions that have served it, by target: a rollback goes back to them as long as Lambda has them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub versions: BTreeMap<String, Version>,
}

impl Chosen {
    /// An artifact that nothing more is known of yet.
    #[must_use]
    pub fn of(release: Release, artifact: ArtifactRef) -> Self {
        Self { release, artifact, sha256: None, size: None, versions: BTreeMap::new() }
    }

    /// As the record tells of it.
    #[must_use]
    pub fn recorded(&self) -> RecordedArtifact {
        RecordedArtifact { size: self.size, sha256: self.sha256, ..(&self.artifact).into() }
    }

    fn again(live: &Live) -> Self {
        let Live { release, artifact, sha256, size, versions, .. } = live.clone();
        Self { release, artifact, sha256, size, versions }
    }
}

impl From<&Live> for Chosen {
    /// What is live once more, by what its manifest names.
    fn from(live: &Live) -> Self {
        Self { versions: BTreeMap::new(), ..Self::again(live) }
    }
}

impl Head {
    /// Whether some target serves something else than what is live: `serves` tells what the alias of each serves, where
    /// it could be looked at.
    #[must_use]
    pub fn is_astray(&self, serves: &[(Target, Option<Version>)]) -> bool {
        let Some(live) = self.live() else { return false };
        serves.iter().any(|(target, version)| live.versions.get(&target.to_string()) != version.as_ref())
    }

    /// The artifact that a request is about, where the head knows it.
    ///
    /// # Errors
    /// The refusal: there is nothing to go back to, nothing is live, or it was rejected.
    pub fn choose(&self, subject: &Subject, rejects: &Rejects, astray: bool) -> Result<Chosen, Ending> {
        let rejected = |live: &Live| rejects.refusal(&live.release, live.sha256);
        match subject {
            Subject::Artifact { release, artifact, .. } => Ok(Chosen::of(release.clone(), artifact.clone())),
            Subject::Newest { release } => {
                Err(nothing(Code::ArtifactGone, format!("release {release} was not looked for")))
            }
            Subject::Live => {
                let live = self.live().ok_or_else(|| {
                    let because = "nothing is live here that could be deployed again: upload a release first";
                    nothing(Code::NotLive, because.to_owned())
                })?;
                rejected(live).map_or_else(|| Ok(Chosen::from(live)), Err)
            }
            Subject::Earlier { to: Some(release) } => {
                let all = self.history.iter().chain(&self.left).filter(|live| live.release == *release);
                let newest = all.max_by_key(|live| live.since).ok_or_else(|| self.never_live(release))?;
                rejected(newest).map_or_else(|| Ok(Chosen::again(newest)), Err)
            }
            Subject::Earlier { to: None } => {
                // What is live may have been live before as well: that is no way back.
                let live = self.live().filter(|_| !astray).map(|live| &live.artifact);
                let earlier = self.history.iter().filter(|earlier| Some(&earlier.artifact) != live);
                let good = earlier.clone().find(|live| rejected(live).is_none());
                good.map(Chosen::again).ok_or_else(|| self.nothing_earlier(earlier.count()))
            }
        }
    }

    fn never_live(&self, release: &Release) -> Ending {
        let mut known: Vec<&str> = self.history.iter().chain(&self.left).map(|live| live.release.as_str()).collect();
        known.dedup();
        let known = if known.is_empty() { "nothing was".to_owned() } else { known.join(", ") };
        let because = format!("release {release} is not among the last that were live here ({known})");
        nothing(Code::NothingToRollBack, because)
    }

    fn nothing_earlier(&self, rejected: usize) -> Ending {
        let because = match (self.live(), rejected) {
            (None, _) => "nothing was ever live here".to_owned(),
            (Some(live), 0) => format!("nothing was live here before release {}", live.release),
            (Some(live), _) => format!("whatever was live here before release {} is rejected", live.release),
        };
        nothing(Code::NothingToRollBack, because)
    }

    /// Writes down which artifact the active deployment is about. `None`: it is not ours any more, or known already.
    #[must_use]
    pub fn with_chosen(&self, claim: Token, chosen: &Chosen) -> Option<Self> {
        let active = self.active.as_ref().filter(|active| active.claim == claim && active.chosen.is_none())?;
        let active = Active { chosen: Some(chosen.clone()), ..active.clone() };
        Some(Self { active: Some(active), ..self.next() })
    }
}

fn nothing(code: Code, because: String) -> Ending {
    Ending::Refused { code, because }
}
