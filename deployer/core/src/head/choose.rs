//! Which artifact a request is about, where it does not say so itself: what is live, or what was.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Active, Head, Live, Request, Subject};
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
            Subject::Promoted(promoting) => {
                let nothing = || nothing(Code::NotLive, format!("nothing is live in {}", promoting.from));
                let chosen = promoting.artifact.clone().ok_or_else(nothing)?;
                rejects.refusal(&chosen.release, chosen.sha256).map_or(Ok(chosen), Err)
            }
            Subject::Live => {
                let live = self.live().ok_or_else(nothing_live)?;
                rejected(live).map_or_else(|| Ok(Chosen::from(live)), Err)
            }
            Subject::Earlier { to: Some(release) } => {
                let all = self.history.iter().chain(&self.left).filter(|live| live.release == *release);
                let newest = all.max_by_key(|live| live.since).ok_or_else(|| self.never_live(release))?;
                rejected(newest).map_or_else(|| Ok(Chosen::again(newest)), Err)
            }
            Subject::Undo { release, artifact } => {
                let is_it = |live: &Live| artifact.as_ref().map_or(live.release == *release, |a| live.artifact == *a);
                let is_live = self.live().is_some_and(is_it);
                let is_somewhere = self.targets.iter().any(|target| target.release.as_ref() == Some(release));
                if let Some(live) = self.live().filter(|_| !is_live && is_somewhere) {
                    return rejected(live).map_or_else(|| Ok(Chosen::again(live)), Err);
                }
                let gone = || nothing(Code::NotLive, format!("release {release} is not live here any more"));
                is_live.then(|| self.choose(&Subject::Earlier { to: None }, rejects, false)).ok_or_else(gone)?
            }
            Subject::Unknown => Err(nothing(Code::NotLive, "this deployer does not know what is asked for".to_owned())),
            Subject::Earlier { to: None } => {
                self.not_recovered().map_or(Ok(()), Err)?;
                // What was deployed once more later is there twice, and would lead nowhere.
                let serves = self.live().filter(|_| !astray).map(|live| &live.artifact);
                let earlier = self.history.iter().filter(|live| Some(&live.artifact) != serves);
                let good = earlier.clone().find(|live| rejected(live).is_none());
                good.map(Chosen::again).ok_or_else(|| self.nothing_earlier(earlier.count()))
            }
        }
    }

    /// What a command asks for that can lead nowhere, whatever the targets serve: nothing gives way to it.
    pub(super) fn pointless(&self, request: &Request) -> Option<Ending> {
        let open = || self.active.iter().map(|active| &active.request).chain(&self.pending);
        let is_open = |release: &Release| open().any(|open| open.subject.release() == Some(release));
        match &request.subject {
            Subject::Earlier { to: Some(release) } => {
                let was_live = self.history.iter().chain(&self.left).any(|live| live.release == *release);
                (!was_live && !is_open(release)).then(|| self.never_live(release))
            }
            Subject::Earlier { to: None } if self.not_recovered().is_some() => self.not_recovered(),
            Subject::Earlier { to: None } if self.history.is_empty() && open().next().is_none() => {
                Some(self.nothing_earlier(0))
            }
            Subject::Live if self.history.is_empty() && open().next().is_none() => Some(nothing_live()),
            _ => None,
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
            (Some(live), 0) => format!("nothing was live here before release {}{}", live.release, self.before_us()),
            (Some(live), _) => format!("whatever was live here before release {} is rejected", live.release),
        };
        nothing(Code::NothingToRollBack, because)
    }

    /// What aliases served before the deployer came: nobody knows its artifact, so only a person can go back to it.
    fn before_us(&self) -> String {
        let seen = self
            .targets
            .iter()
            .filter_map(|target| Some(format!("version {} in {}", target.before.as_ref()?, target.target)));
        let seen: Vec<String> = seen.collect();
        if seen.is_empty() {
            return String::new();
        }
        let seen = seen.join(", ");
        format!("; before the deployer came, the alias served {seen}: aws lambda update-alias moves it there by hand")
    }

    /// Writes down which artifact the active deployment is about. `None`: it is not ours any more, or known already.
    #[must_use]
    pub fn with_chosen(&self, claim: Token, chosen: &Chosen) -> Option<Self> {
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
