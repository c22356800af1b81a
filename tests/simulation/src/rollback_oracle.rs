//! Checks the destination of rollbacks, redeploys and recalls: when they are accepted, when they resolve their
//! artifact, and when an alias moves for them.
//!
//! Must not know how the deployer resolves it.

use std::collections::BTreeMap;

use deployer_core::head::{Active, Head, Request, ResolvedArtifact, Source};
use deployer_core::id::{DeploymentId, Release};
use deployer_core::record::{Code, DeploymentRecord};
use deployer_core::rejects::Rejects;

use super::live_oracle::{LiveOracle, Report};
use super::precondition_oracle;
use super::rule::Rule;
use super::timeline::{Completeness, LiveEntry};
use super::zips;

/// Whether a rollback without `to` met a deployment that brought another artifact than the live one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UnderWay {
    Deployment,
    None,
    /// A deployment was under way, but its artifact was not known yet, or it had done nothing yet.
    Unknown,
}

/// A rollback without `to`, as it was accepted.
struct Accepted {
    under_way: UnderWay,
    /// The artifact that was live then.
    base: Option<LiveEntry>,
    /// The artifact before it, if the live one was rejected then.
    instead: Option<LiveEntry>,
}

#[derive(Default)]
pub(super) struct RollbackOracle {
    accepted: BTreeMap<DeploymentId, Accepted>,
    /// The deployment that each rollback met, including rollbacks with a release.
    under_way: BTreeMap<DeploymentId, UnderWay>,
}

fn is_plain(request: &Request) -> bool {
    request.rollback().is_some_and(deployer_core::head::Rollback::is_bare)
}

/// Returns the active request of a head and its pending ones.
pub(super) fn open(head: &Head) -> impl Iterator<Item = &Request> {
    head.active().map(|active| &active.request).into_iter().chain(head.all_pending())
}

impl RollbackOracle {
    /// A head was written. The requests that are new in it were accepted by that write.
    pub fn on_accepted(
        &mut self,
        live: &LiveOracle<'_, '_>,
        rejects: &Rejects,
        (before, after): (&Head, &Head),
        report: Report<'_>,
    ) {
        let known: Vec<DeploymentId> = open(before).map(|request| request.id).collect();
        for request in open(after).filter(|request| !known.contains(&request.id)) {
            if request.rollback().is_some() {
                self.under_way.insert(request.id, under_way_in(live, before));
            }
            if is_plain(request) {
                self.accept_plain_rollback(live, rejects, (before, request), report);
            }
            precondition_oracle::on_accepted(live, before, request, report);
            if matches!(request.source, Source::Live { .. }) {
                check_redeploy_yields(before, after, request, report);
            }
        }
    }

    /// Whether a rollback met no deployment. Its preconditions must then hold once more when it is claimed.
    fn means_no_deployment(&self, request: &Request) -> bool {
        request.rollback().is_some()
            && self.under_way.get(&request.id).is_none_or(|under_way| *under_way == UnderWay::None)
    }

    fn accept_plain_rollback(
        &mut self,
        live: &LiveOracle<'_, '_>,
        rejects: &Rejects,
        (before, request): (&Head, &Request),
        report: Report<'_>,
    ) {
        if let Some(other) = open(before).find(|other| is_plain(other)) {
            report(Rule::RollbacksJoin, format!("{} did not join {}, which was there before", request.id, other.id));
        }
        let base = live.history.first().cloned();
        let under_way = under_way_in(live, before);
        let instead = base.as_ref().filter(|base| is_rejected(base, rejects));
        let instead = instead.and_then(|_| before_live(&live.history, rejects).cloned());
        self.accepted.insert(request.id, Accepted { under_way, base, instead });
    }

    /// A deployment has resolved its artifact.
    pub fn on_resolved(
        &self,
        live: &LiveOracle<'_, '_>,
        rejects: &Rejects,
        request: &Request,
        resolved: &ResolvedArtifact,
        report: Report<'_>,
    ) {
        if self.means_no_deployment(request) {
            precondition_oracle::on_claimed(live, request, report);
        }
        let history = &live.history;
        let by_history = || before_live(history, rejects);
        let mut rule = Rule::RollbackDestination;
        let fits: Vec<Option<&LiveEntry>> = match &request.source {
            Source::Artifact { .. } | Source::Newest { .. } | Source::Promoted(_) | Source::Unknown => return,
            Source::Undo { release, artifact, .. } => {
                let is_it = |live: &&LiveEntry| match artifact {
                    Some(artifact) => (&live.artifact.0, &live.artifact.1) == (&artifact.key, &artifact.version_id),
                    None => live.release == release.as_str(),
                };
                match history.first() {
                    Some(live) if is_it(&live) => vec![by_history()],
                    // Only some targets serve it: those go back to the live artifact.
                    live => vec![live],
                }
            }
            Source::Live { .. } => vec![history.first()],
            Source::Earlier(rollback) if !rollback.is_bare() => {
                let named = |one: &&LiveEntry| rollback.to.as_ref().is_some_and(|to| to.as_str() == one.release);
                let all = history.iter().chain(live.left.iter().filter(|left| left.was_live)).filter(named);
                vec![all.max_by_key(|one| one.since).filter(|one| !is_rejected(one, rejects))]
            }
            Source::Earlier(_) => {
                let half = history.first().filter(|first| first.by_rollback && first.is_complete != Completeness::Yes);
                // A rejected artifact is not completed.
                let half = half.filter(|half| !is_rejected(half, rejects));
                let back = half.filter(|half| half.is_complete == Completeness::No).or_else(by_history);
                match self.accepted.get(&request.id) {
                    Some(Accepted { under_way: UnderWay::Deployment, base, instead }) => {
                        rule = Rule::RollbackKeepsBase;
                        // A base that was rejected before the rollback was accepted gives way to the artifact that was
                        // live before it. A base that was rejected later stays the destination.
                        vec![
                            base.as_ref(),
                            instead.as_ref(),
                            base.as_ref().filter(|base| !is_rejected(base, rejects)).or_else(by_history),
                        ]
                    }
                    Some(Accepted { under_way: UnderWay::Unknown, base, instead }) => {
                        vec![base.as_ref(), instead.as_ref(), back, half]
                    }
                    _ => vec![back, half],
                }
            }
        };
        let chose = (&resolved.artifact.key, &resolved.artifact.version_id);
        if !fits.iter().flatten().any(|one| (&one.artifact.0, &one.artifact.1) == chose) {
            let fits: Vec<_> = fits.iter().map(|one| one.map(|one| &one.artifact)).collect();
            report(rule, format!("{} should go to {fits:?}, and goes to {chose:?}", request.id));
        }
        let leaves = history.first().filter(|first| !completes(first));
        if let Some(first) =
            leaves.filter(|first| is_plain(request) && self.means_no_deployment(request) && first.is(resolved))
        {
            report(
                Rule::RollbackLeavesLive,
                format!("{} shall go back from {}, and goes to it", request.id, first.release),
            );
        }
    }

    /// The owner of a rollback without `to` has pointed an alias to a version. That must not be the live artifact,
    /// unless the rollback met a deployment or completes a rollback.
    pub fn on_alias_move(
        &self,
        live: &LiveOracle<'_, '_>,
        active: &Active,
        place: &str,
        version: u64,
        report: Report<'_>,
    ) {
        let Some(first) = live.history.first().filter(|first| !completes(first)) else { return };
        let Some(accepted) = self.accepted.get(&active.request.id) else { return };
        let code = live.code.get(&(place.to_owned(), version));
        if accepted.under_way == UnderWay::None && code.is_some() && code == first.sha256.as_ref() {
            let id = active.request.id;
            report(
                Rule::RollbackLeavesLive,
                format!("{id} shall go back from {}, and brings it to {place}", first.release),
            );
        }
    }

    /// A deployment has ended. If it found nothing to roll back to, there must have been nothing.
    pub fn on_deployment_end(
        &self,
        live: &LiveOracle<'_, '_>,
        request: &Request,
        record: &DeploymentRecord,
        report: Report<'_>,
    ) {
        let is_clear =
            live.case.rejects_elsewhere.is_empty() && !live.case.has_command(super::commands::CommandKind::rejects);
        let back = before_live(&live.history, &Rejects::default());
        if record.code == Some(Code::NothingToRollBack)
            && is_plain(request)
            && is_clear
            && let Some(back) = back
        {
            report(
                Rule::RollbackDestination,
                format!("{} went nowhere, and {} was live before", record.id, back.release),
            );
        }
    }
}

/// Whether a rollback without `to` brings the live artifact again, because a rollback has brought it to some targets
/// only.
fn completes(live: &LiveEntry) -> bool {
    live.by_rollback && live.is_complete != Completeness::Yes
}

/// Returns the newest earlier artifact with other bytes that is not rejected.
fn before_live<'l>(history: &'l [LiveEntry], rejects: &Rejects) -> Option<&'l LiveEntry> {
    let live = history.first()?;
    history.iter().skip(1).filter(|one| !one.is_same_artifact(live)).find(|one| !is_rejected(one, rejects))
}

fn is_rejected(one: &LiveEntry, rejects: &Rejects) -> bool {
    Release::parse(&one.release).is_ok_and(|release| rejects.find(&release, one.sha256).is_some())
}

/// Returns what a rollback meets that is accepted on this head.
fn under_way_in(live: &LiveOracle<'_, '_>, head: &Head) -> UnderWay {
    match (head.active(), head.pending()) {
        (Some(active), _) => under_way(live, active, live.history.first()),
        // The pending request was about to begin.
        (None, Some(_)) => UnderWay::Unknown,
        (None, None) => UnderWay::None,
    }
}

fn under_way(live: &LiveOracle<'_, '_>, active: &Active, base: Option<&LiveEntry>) -> UnderWay {
    if active.attempts == 0 && active.extensions == 0 {
        return UnderWay::Unknown;
    }
    match (&active.request.source, &active.artifact) {
        (Source::Live { .. }, _) => UnderWay::None,
        (Source::Undo { .. }, _) | (_, None) => UnderWay::Unknown,
        (_, Some(resolved)) => {
            let object = (&resolved.artifact.key, &resolved.artifact.version_id);
            let uploaded = live
                .case
                .uploads_anywhere
                .iter()
                .find(|upload| (&upload.s3.key, upload.s3.version_id.as_ref()) == (object.0, Some(object.1)));
            let sha256 = uploaded.map(|upload| zips::of(live.case.zip_of(upload)).1);
            match base {
                Some(base) if (&base.artifact.0, &base.artifact.1) == object => UnderWay::None,
                Some(base) if base.sha256.is_some() && base.sha256 == sha256 => UnderWay::Unknown,
                _ => UnderWay::Deployment,
            }
        }
    }
}

/// Checks that a redeploy displaces nothing, stops nothing and goes behind what waits.
fn check_redeploy_yields(before: &Head, after: &Head, redeploy: &Request, report: Report<'_>) {
    let is_open = |id: DeploymentId| open(after).any(|request| request.id == id);
    let ended = |id: DeploymentId| after.outbox().iter().any(|entry| entry.record.id == id);
    for waiting in before.all_pending() {
        if !is_open(waiting.id) || ended(waiting.id) {
            report(Rule::RedeployGivesWay, format!("{} took the place of {}", redeploy.id, waiting.id));
        }
    }
    if let Some(active) = before.active()
        && (after.active().is_some_and(|now| now.stop == Some(redeploy.id)) || ended(active.request.id))
    {
        report(Rule::RedeployGivesWay, format!("{} stopped {}", redeploy.id, active.request.id));
    }
    if after.active().is_some_and(|active| active.request.id == redeploy.id) && !before.all_pending().is_empty() {
        report(Rule::RedeployGivesWay, format!("{} went before what waited", redeploy.id));
    }
}
