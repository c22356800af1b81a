//! What the owner of a claim does to the head: remember, give up, finish.

use jiff::Timestamp;

use super::accept::Claimant;
use super::{Active, HISTORY, Head, Live, LiveTarget, Named};
use crate::config::Target;
use crate::id::{DeploymentId, Sha256, Token, Version};
use crate::record::{DeploymentRecord, Status, TargetOutcome};

/// How a deployment ends.
#[derive(Debug, Clone, PartialEq)]
pub struct End {
    /// The ended record.
    pub record: DeploymentRecord,
    /// What it has set beside the code, or may have; none: it has left that alone.
    pub named: Option<Named>,
}

/// What comes of finishing.
#[derive(Debug, Clone, PartialEq)]
pub enum Finish {
    /// To be written: the one write that ends the deployment, and may claim the one that waited.
    Commit {
        /// The head.
        head: Box<Head>,
        /// The next deployment, which is ours to work on.
        next: Option<Active>,
    },
    /// It has ended already: our own echo, or somebody who took it over.
    Over {
        /// The next deployment, if it is ours to work on.
        next: Option<Active>,
    },
    /// Somebody else has taken it over.
    Lost,
}

impl Head {
    /// The commit: sets what is live, frees the claim, puts the ended record into the outbox, and claims what waits if
    /// there is a claimant for it.
    #[must_use]
    pub fn finish(&self, claim: Token, end: &End, next: Option<&Claimant>) -> Finish {
        let Some(active) = self.active.as_ref().filter(|active| active.claim == claim) else {
            let ours = |active: &&Active| next.is_some_and(|next| active.claim == next.token);
            let next = self.active.as_ref().filter(ours).cloned();
            let over = self.ended.contains(&end.record.id);
            return if over { Finish::Over { next } } else { Finish::Lost };
        };
        let mut head = self.next();
        head.active = None;
        for outcome in &end.record.targets {
            head.set_target(outcome, end);
        }
        head.set_live(end);
        head.end(&active.request, end.record.clone());
        let next = next.zip(head.pending.take_if(|_| next.is_some()));
        let next = next.map(|(me, request)| Active::first(request, me));
        head.active.clone_from(&next);
        Finish::Commit { head: Box::new(head), next }
    }

    /// Before aliases move for the first time: what they served before the deployer came. `None`: all of it is known
    /// already.
    #[must_use]
    pub fn with_seen(&self, serves: &[(Target, Version, Option<Sha256>)]) -> Option<Self> {
        let mut head = self.next();
        for (target, version, sha256) in serves {
            if head.target(target).is_none() {
                head.targets.push(LiveTarget {
                    target: target.clone(),
                    release: None,
                    deployment: None,
                    version: version.clone(),
                    sha256: *sha256,
                    named: Named::default(),
                });
            }
        }
        (head.targets.len() > self.targets.len()).then_some(head)
    }

    /// Gives the claim up before its lease ends, so that somebody else need not wait for that; what was `done` by then
    /// is kept. `None`: it is not ours any more, or given up already.
    #[must_use]
    pub fn released(&self, claim: Token, done: &[TargetOutcome], now: Timestamp) -> Option<Self> {
        self.active.as_ref().filter(|active| active.claim == claim && active.lease_until > now)?;
        let mut head = self.next();
        if let Some(active) = &mut head.active {
            active.lease_until = now;
            active.done = done.to_vec();
        }
        Some(head)
    }

    /// All that follows from these deployments' ends is written. `None`: the head knows already.
    #[must_use]
    pub fn without(&self, written: &[DeploymentId]) -> Option<Self> {
        if !self.outbox.iter().any(|entry| written.contains(&entry.record.id)) {
            return None;
        }
        let mut head = self.next();
        head.outbox.retain(|entry| !written.contains(&entry.record.id));
        Some(head)
    }

    fn set_target(&mut self, outcome: &TargetOutcome, end: &End) {
        let target = Target { account: outcome.account.clone(), region: outcome.region.clone() };
        let there = self.targets.iter_mut().find(|live| live.target == target);
        let arrived = matches!(outcome.status, Status::Succeeded | Status::Unchanged);
        let Some(version) = outcome.version.clone().filter(|_| arrived) else {
            // What a failed deployment may have set is remembered too, so that a later one can take it away.
            if let (Some(live), Some(named)) = (there, &end.named) {
                live.named = live.named.with(named);
            }
            return;
        };
        let named = end.named.clone().or_else(|| there.as_ref().map(|there| there.named.clone())).unwrap_or_default();
        let live = LiveTarget {
            target,
            release: end.record.release.clone(),
            deployment: Some(end.record.id),
            version,
            sha256: end.record.artifact.as_ref().and_then(|artifact| artifact.sha256),
            named,
        };
        match there {
            Some(there) => *there = live,
            None => self.targets.push(live),
        }
    }

    fn set_live(&mut self, end: &End) {
        let DeploymentRecord { id, release, status, artifact, targets, finished_at, .. } = &end.record;
        if !matches!(status, Status::Succeeded | Status::Unchanged) {
            return;
        }
        let (Some(release), Some(artifact), Some(since)) = (release, artifact, finished_at) else { return };
        let versions = targets
            .iter()
            .filter_map(|t| t.version.clone().map(|version| (format!("{}/{}", t.account, t.region), version)))
            .collect();
        let live = Live {
            release: release.clone(),
            deployment: *id,
            artifact: artifact.reference(),
            sha256: artifact.sha256,
            since: *since,
            versions,
        };
        match self.history.first_mut() {
            Some(first) if first.artifact == live.artifact => {
                *first = Live { since: first.since, ..live };
            }
            _ => self.history.insert(0, live),
        }
        self.history.truncate(HISTORY);
    }
}
