//! The write that accepts a rollback judges what it means, before it stops or displaces anything; its claim finds out what
//! it goes back to.

use super::live::Live;
use super::request::Request;
use super::resolved::ResolvedArtifact;
use super::source::{Rollback, Source};
use super::state::Head;
use crate::artifact::ArtifactRef;
use crate::config::Target;
use crate::id::{DeploymentId, Release};
use crate::record::{CauseKind, Code, DeploymentRecord, Ending};
use crate::rejects::Rejects;

/// The outcome of judging a request on a head.
pub(super) enum Judged {
    /// Somebody has asked for the same before, and it is not done yet: that deployment is the answer.
    Joins(DeploymentId),
    /// The head lets it in, as this request.
    Goes(Box<Request>),
}

impl Head {
    /// Judges a rollback on this head.
    ///
    /// # Errors
    /// The refusal: something else is live than the person saw, there is nothing to go back to, or it is rejected.
    pub(super) fn judge_rollback(
        &self,
        request: &Request,
        rollback: &Rollback,
        targets: &[Target],
        rejects: &Rejects,
    ) -> Result<Judged, Ending> {
        self.is_as_seen(rollback)?;
        let goes = |rollback| Ok(Judged::Goes(Box::new(request.with_rollback(rollback))));
        if let Some(release) = &rollback.to {
            let named = self.named(release);
            if named.is_none() && !self.is_open(release) {
                return Err(self.never_live(release));
            }
            named.and_then(|live| rejects.refusal(&live.release, live.sha256)).map_or(Ok(()), Err)?;
            return goes(rollback.clone());
        }
        let meant = self.under_way().filter(|open| !self.brings_live(open));
        if let Some(same) = self.same_rollback(meant) {
            return Ok(Judged::Joins(same.id));
        }
        match meant {
            Some(open) => {
                let base = self.base(rejects).map(ResolvedArtifact::again).map(Box::new);
                goes(Rollback { undoes: Some(open.id), base, ..rollback.clone() })
            }
            None => {
                self.before_live(targets, rejects)?;
                goes(rollback.clone())
            }
        }
    }

    /// The artifact that a rollback goes back to, when its turn has come.
    ///
    /// # Errors
    /// The ending: it is refused, or has nothing to bring back.
    pub(super) fn goes_back_to(
        &self,
        rollback: &Rollback,
        targets: &[Target],
        rejects: &Rejects,
    ) -> Result<ResolvedArtifact, Ending> {
        if let Some(undone) = rollback.undoes {
            return rollback.base.as_deref().cloned().ok_or_else(|| self.only_stopped(undone));
        }
        self.is_as_seen(rollback)?;
        match &rollback.to {
            Some(release) => {
                let named = self.named(release).ok_or_else(|| self.never_live(release))?;
                rejects.refusal(&named.release, named.sha256).map_or_else(|| Ok(ResolvedArtifact::again(named)), Err)
            }
            None => self.before_live(targets, rejects),
        }
    }

    /// A deployment that a rollback meant has ended, and has brought what was live already: its bytes are known only now. The
    /// rollback goes by history then.
    pub(super) fn goes_by_history(&mut self, undone: &DeploymentRecord, was_live: Option<&Live>) {
        let artifact = undone.artifact.as_ref();
        let brought = artifact.map(|artifact| (artifact.reference(), artifact.sha256));
        let is_live =
            |live: &Live| brought.as_ref().is_some_and(|(artifact, sha256)| live.is_same_as(artifact, *sha256));
        if !was_live.is_some_and(is_live) {
            return;
        }
        for request in &mut self.pending {
            if request.undoes() == Some(undone.id)
                && let Some(rollback) = request.rollback().cloned()
            {
                let rollback = Rollback { undoes: None, base: None, ..rollback };
                *request = request.with_rollback(rollback.judged());
            }
        }
    }

    /// Whether what the person saw still is so.
    fn is_as_seen(&self, rollback: &Rollback) -> Result<(), Ending> {
        let Rollback { if_live, if_active, .. } = rollback;
        if if_live.is_none() && if_active.is_none() {
            return Ok(());
        }
        let live = self.live();
        let live_holds = if_live.as_ref().is_some_and(|seen| {
            live.is_some_and(|live| live.release.as_str() == seen || live.id().to_string() == *seen)
        });
        let active_holds = if_active.is_some_and(|seen| {
            let has_arrived = live.is_some_and(|live| live.id() == seen);
            has_arrived || self.claimed_and_next().any(|open| open.id == seen || open.undoes() == Some(seen))
        });
        if live_holds || active_holds {
            return Ok(());
        }
        let seen = if_live.clone().or(if_active.map(|id| format!("deployment {id}"))).unwrap_or_default();
        let is = match live {
            None => "nothing is live here".to_owned(),
            Some(live) => {
                let by = live.by.as_deref().map_or(String::new(), |who| format!(" by {who}"));
                let Live { release, deployment, since, .. } = live;
                match live.cause {
                    _ if live.restored_by.is_some() => {
                        format!("release {release} is live since {since}: rollback {} has restored it", live.id())
                    }
                    Some(CauseKind::Rollback) => format!(
                        "release {release} is live since {since}: rollback {deployment}{by} has gone back to it"
                    ),
                    _ => format!("release {release} is live since {since}: deployment {deployment}{by} has brought it"),
                }
            }
        };
        let because =
            format!("{is}, and you meant to leave {seen}: look at the status, and ask again if it is still needed");
        Err(Ending::Refused { code: Code::LiveChanged, because })
    }

    /// The newest artifact of a release among the last that were live here.
    fn named(&self, release: &Release) -> Option<&Live> {
        let all = self.history.iter().chain(self.left.iter().filter(|left| left.was_live()));
        all.filter(|live| live.release == *release).max_by_key(|live| live.since)
    }

    /// The newest artifact before what is live that is not rejected and has other bytes. A rollback that has not reached every
    /// target yet is completed first.
    fn before_live(&self, targets: &[Target], rejects: &Rejects) -> Result<ResolvedArtifact, Ending> {
        let is_good = |live: &Live| rejects.refusal(&live.release, live.sha256).is_none();
        if let Some(live) = self.live().filter(|live| live.is_half_rolled_back(targets) && is_good(live)) {
            let because = format!(
                "it completes rollback {} to release {}, which was on {}; to go back further, name the release",
                live.id(),
                live.release,
                live.extent(targets)
            );
            return Ok(ResolvedArtifact { because: Some(because.into()), ..ResolvedArtifact::again(live) });
        }
        self.not_recovered().map_or(Ok(()), Err)?;
        let live = self.live();
        let is_other = |earlier: &&Live| !live.is_some_and(|live| live.is_same_as(&earlier.artifact, earlier.sha256));
        let earlier: Vec<&Live> = self.history.iter().filter(is_other).collect();
        let good = earlier.iter().find(|earlier| is_good(earlier));
        good.map(|live| ResolvedArtifact::again(live)).ok_or_else(|| self.nothing_earlier(earlier.len()))
    }

    /// The artifact that every target ends at when a deployment is undone: what is live, or what was live before if that is
    /// rejected.
    fn base(&self, rejects: &Rejects) -> Option<&Live> {
        self.history.iter().find(|live| rejects.refusal(&live.release, live.sha256).is_none())
    }

    /// The deployment that is worked on, or about to be.
    fn under_way(&self) -> Option<&Request> {
        self.claimed_and_next().next()
    }

    /// Whether what is under way brings what is live already.
    pub(super) fn brings_live(&self, open: &Request) -> bool {
        let is_live =
            |artifact: &ArtifactRef, sha256| self.live().is_some_and(|live| live.is_same_as(artifact, sha256));
        let chosen = self.active.as_ref().filter(|active| active.request.id == open.id).and_then(|a| a.chosen.as_ref());
        if let Some(chosen) = chosen {
            return is_live(&chosen.artifact, chosen.sha256);
        }
        match &open.subject {
            Source::Live { .. } => true,
            Source::Artifact { artifact, .. } => is_live(artifact, None),
            Source::Promoted(promoting) => {
                promoting.artifact.as_ref().is_some_and(|chosen| is_live(&chosen.artifact, chosen.sha256))
            }
            Source::Newest { .. } | Source::Undo { .. } | Source::Earlier(_) | Source::Unknown => false,
        }
    }

    /// A rollback that is open and means the same as one that names nothing: such a one, or one that takes back what is live,
    /// unless a deployment is under way, for that is meant then.
    fn same_rollback(&self, meant: Option<&Request>) -> Option<&Request> {
        self.claimed_and_next().find(|open| match &open.subject {
            Source::Earlier(rollback) => rollback.is_bare(),
            Source::Undo { release, artifact, .. } if meant.is_none_or(|meant| meant.id == open.id) => self
                .live()
                .is_some_and(|live| artifact.as_ref().map_or(live.release == *release, |it| live.artifact == *it)),
            _ => false,
        })
    }

    fn claimed_and_next(&self) -> impl Iterator<Item = &Request> {
        self.active.iter().map(|active| &active.request).chain(&self.pending)
    }

    fn is_open(&self, release: &Release) -> bool {
        self.claimed_and_next().any(|open| open.subject.release() == Some(release))
    }

    fn only_stopped(&self, undone: DeploymentId) -> Ending {
        let is_its = |live: &&Live| live.deployment == undone;
        let made = self.live().filter(is_its).map_or(String::new(), |live| {
            let made: Vec<String> =
                live.versions.iter().map(|(target, version)| format!("version {version} in {target}")).collect();
            match made.is_empty() {
                true => String::new(),
                false => format!("; the aliases that it had made stay, and serve {}", made.join(", ")),
            }
        });
        Ending::OnlyStopped {
            because: format!("it stopped deployment {undone}, before which nothing was live here{made}"),
        }
    }

    fn never_live(&self, release: &Release) -> Ending {
        let all = self.history.iter().chain(self.left.iter().filter(|left| left.was_live()));
        let mut known: Vec<&str> = all.map(|live| live.release.as_str()).collect();
        known.dedup();
        let known = if known.is_empty() { "nothing was".to_owned() } else { known.join(", ") };
        let because = format!("release {release} is not among the last that were live here ({known})");
        nothing_to_go_back_to(because)
    }

    fn nothing_earlier(&self, rejected: usize) -> Ending {
        nothing_to_go_back_to(match (self.live(), rejected) {
            (None, _) => "nothing was ever live here".to_owned(),
            (Some(live), 0) => format!("nothing was live here before release {}{}", live.release, self.before_us()),
            (Some(live), _) => format!("whatever was live here before release {} is rejected", live.release),
        })
    }

    /// The versions that aliases served before the deployer came: their artifacts are not known, so only a person can go
    /// back to them.
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
}

fn nothing_to_go_back_to(because: String) -> Ending {
    Ending::Refused { code: Code::NothingToRollBack, because }
}
