//! Rollbacks. The write that accepts a rollback evaluates what it means, before it stops or displaces anything; its
//! claim finds out what it goes back to.

use super::active::Active;
use super::live_artifact::{LiveArtifact, Renamed};
use super::live_state::LiveState;
use super::queue::Queue;
use super::read_older_head::unrecovered_refusal;
use super::request::Request;
use super::resolved_artifact::ResolvedArtifact;
use super::source::{Rollback, Source};
use super::state::Head;
use crate::artifact::ArtifactRef;
use crate::config::Target;
use crate::id::{DeploymentId, Release};
use crate::record::{CauseKind, Code, DeploymentRecord, Ending};
use crate::rejects::Rejects;
use crate::rollout::{how_far, went_back};
use crate::text::PlainText;

/// The outcome of evaluating a request that is not refused.
pub(super) enum Evaluated {
    /// The same was asked for before and is not done yet: that deployment is the answer.
    Joins(DeploymentId),
    /// The request is admitted in this form.
    Admitted(Box<Request>),
}

/// Evaluates a rollback on this head.
///
/// # Errors
/// The refusal: something else is live than the person saw, there is nothing to go back to, or it is rejected.
pub(super) fn evaluate_rollback(
    head: &Head,
    request: &Request,
    rollback: &Rollback,
    targets: &[Target],
    rejects: &Rejects,
) -> Result<Evaluated, Ending> {
    Ok(match rollback_meaning(head, rollback, targets, rejects)? {
        RollbackMeaning::Joins(id) => Evaluated::Joins(id),
        RollbackMeaning::Means(rollback) => Evaluated::Admitted(Box::new(request.with_rollback(rollback))),
    })
}

/// The meaning of a rollback on a head, if nothing refuses it.
pub(super) enum RollbackMeaning {
    /// An open rollback means the same.
    Joins(DeploymentId),
    /// The rollback, completed by what only the head knows.
    Means(Rollback),
}

/// Finds out what a rollback means on this head.
///
/// # Errors
/// As for [`evaluate_rollback`].
pub(super) fn rollback_meaning(
    head: &Head,
    rollback: &Rollback,
    targets: &[Target],
    rejects: &Rejects,
) -> Result<RollbackMeaning, Ending> {
    check_as_seen(head, rollback)?;
    if let Some(release) = &rollback.to {
        let newest = head.live_state.newest_of(release);
        if newest.is_none() && !head.queue.names(release) {
            return Err(never_live(&head.live_state, release));
        }
        newest.and_then(|live| rejects.refusal(&live.release, live.sha256)).map_or(Ok(()), Err)?;
        return Ok(RollbackMeaning::Means(rollback.clone()));
    }
    let under_way = head.queue.claimed_and_next().next();
    let meant = under_way.filter(|open| !brings_live(head, open));
    if let Some(same) = same_rollback(head, meant) {
        return Ok(RollbackMeaning::Joins(same.id));
    }
    let rollback = match meant {
        Some(open) => {
            let base = base(&head.live_state, rejects).map(ResolvedArtifact::for_restore).map(Box::new);
            Rollback { undoes: Some(open.id), base, ..rollback.clone() }
        }
        None => {
            check_under_way(head, rollback, targets)?;
            artifact_before_live(&head.live_state, targets, rejects)?;
            rollback.clone()
        }
    };
    Ok(RollbackMeaning::Means(rollback))
}

/// Resolves the artifact that a rollback goes back to, when its turn has come.
///
/// # Errors
/// The ending: it is refused, or has nothing to bring back.
pub(super) fn artifact_to_roll_back_to(
    head: &Head,
    rollback: &Rollback,
    targets: &[Target],
    rejects: &Rejects,
) -> Result<ResolvedArtifact, Ending> {
    let state = &head.live_state;
    if let Some(undone) = rollback.undoes {
        return rollback.base.as_deref().cloned().ok_or_else(|| only_stopped(state, undone));
    }
    check_as_seen(head, rollback)?;
    match &rollback.to {
        Some(release) => {
            let newest = state.newest_of(release).ok_or_else(|| never_live(state, release))?;
            rejects
                .refusal(&newest.release, newest.sha256)
                .map_or_else(|| Ok(ResolvedArtifact::for_restore(newest)), Err)
        }
        None => artifact_before_live(state, targets, rejects),
    }
}

/// Lets the rollbacks that meant an ended deployment go by history, if it turns out that the deployment has brought
/// what was live already: its bytes are known only now.
pub(super) fn retarget_rollbacks_to_history(
    queue: &mut Queue,
    undone: &DeploymentRecord,
    was_live: Option<&LiveArtifact>,
) {
    let artifact = undone.artifact.as_ref();
    let brought = artifact.map(|artifact| (artifact.reference(), artifact.sha256));
    let is_live =
        |live: &LiveArtifact| brought.as_ref().is_some_and(|(artifact, sha256)| live.is_same_as(artifact, *sha256));
    if !was_live.is_some_and(is_live) {
        return;
    }
    for request in &mut queue.pending {
        if request.undoes() == Some(undone.id)
            && let Some(rollback) = request.rollback().cloned()
        {
            let rollback = Rollback { undoes: None, base: None, ..rollback };
            *request = request.with_rollback(rollback.verified());
        }
    }
}

/// Tells the rollbacks that meant a rollout which has gone back, or have stopped it, what they have taken back.
pub(super) fn note_taken_back(queue: &mut Queue, undone: &Active, live: Option<&LiveArtifact>) {
    let Some(state) = undone.rollout.as_ref().filter(|state| went_back(state)) else { return };
    let release = undone.artifact.as_ref().map_or("the release", |artifact| artifact.release.as_str());
    let is_live = |live: &LiveArtifact| format!("; {} is live", live.release);
    for request in &mut queue.pending {
        let (is_meant, is_by_it) = (request.undoes() == Some(undone.request.id), undone.stop == Some(request.id));
        let Some(rollback) = request.rollback().filter(|_| is_meant || is_by_it).cloned() else { continue };
        // One that names a release goes on to it: what is live now stays only where that is it.
        let stays = live.filter(|live| rollback.to.as_ref().is_none_or(|to| *to == live.release));
        let stays = stays.map_or(String::new(), is_live);
        let sentence = PlainText::of(format_args!("{release} taken back {}{stays}", how_far(state)));
        let by_plan = undone.frozen_place().filter(|_| is_meant).map(Box::new);
        *request = request.with_rollback(Rollback { took_back: Some(sentence), by_plan, ..rollback });
    }
}

/// Refuses a rollback if the state that the person saw has changed.
fn check_as_seen(head: &Head, rollback: &Rollback) -> Result<(), Ending> {
    let Rollback { if_live, if_active, .. } = rollback;
    if if_live.is_none() && if_active.is_none() {
        return Ok(());
    }
    let live = head.live();
    let is_known_as = |live: &LiveArtifact, seen: &str| {
        live.release.as_str() == seen || has_become(live, DeploymentId::parse(seen).ok())
    };
    let live_holds = if_live.as_ref().is_some_and(|seen| live.is_some_and(|live| is_known_as(live, seen)));
    if live_holds || if_active.is_some_and(|seen| is_there(head, seen)) {
        return Ok(());
    }
    let seen = if_live.clone().or(if_active.map(|id| id.to_string())).unwrap_or_default();
    let seen = describe_seen(head, &seen);
    let is = live.map_or("nothing is live here".to_owned(), origin);
    let because =
        format!("{is}, and you meant to leave {seen}: look at the status, and ask again if it is still needed");
    Err(Ending::Refused { code: Code::LiveChanged, because })
}

/// Refuses a rollback that goes back from what is live, if the person saw a deployment under way that is over and has not
/// become live, or a rollback that has brought what is live: that is what they wanted to go back to, and one more step would
/// be one too far.
fn check_under_way(head: &Head, rollback: &Rollback, targets: &[Target]) -> Result<(), Ending> {
    let Some(seen) = rollback.if_active.filter(|_| rollback.is_bare()) else { return Ok(()) };
    let is_open = head.queue.claimed_and_next().any(|open| open.id == seen);
    // A rollback that has not reached every target is completed.
    let is_done_rollback = |live: &LiveArtifact| {
        let has_brought = live.cause == Some(CauseKind::Rollback) && live.deployment == seen;
        (has_brought || live.restored_by == Some(seen)) && !live.is_half_rolled_back(targets)
    };
    let has_arrived = head.live().is_some_and(|live| has_become(live, Some(seen)) && !is_done_rollback(live));
    if is_open || has_arrived {
        return Ok(());
    }
    let is = head.live().map_or("nothing is live here".to_owned(), origin);
    let seen = describe_seen(head, &seen.to_string());
    let because = format!(
        "{is}, and you saw {seen} under way, which is over: look at the status, and ask again if it is still needed"
    );
    Err(Ending::Refused { code: Code::LiveChanged, because })
}

/// Whether a deployment has brought what is live, restored it, or given it its name.
fn has_become(live: &LiveArtifact, deployment: Option<DeploymentId>) -> bool {
    let by = [Some(live.id()), live.renamed().map(|renamed| renamed.deployment)];
    deployment.is_some_and(|id| by.contains(&Some(id)))
}

/// Whether a deployment that the person saw under way is so still, or is what is live by now.
fn is_there(head: &Head, seen: DeploymentId) -> bool {
    let has_arrived = head.live().is_some_and(|live| has_become(live, Some(seen)));
    has_arrived || head.queue.claimed_and_next().any(|open| open.id == seen || open.undoes() == Some(seen))
}

/// Names what the person saw, a release or the id of a deployment: people know releases, so the release that the
/// deployment brought is named beside its id, as far as the head knows it. Where the same code has another release now,
/// both are named.
fn describe_seen(head: &Head, seen: &str) -> String {
    let Ok(id) = DeploymentId::parse(seen) else { return format!("release {seen}") };
    let of_renamed = |live: &LiveArtifact| live.renamed().is_some_and(|renamed| renamed.deployment == id);
    let is_it = |live: &&LiveArtifact| live.id() == id || live.deployment == id || of_renamed(live);
    let live = head.live_state.all_that_were_live().find(is_it);
    let ended = head.ended_record(id).and_then(|record| record.release.as_ref());
    let open = || head.queue.open().find(|open| open.id == id).and_then(|open| open.source.release());
    match (ended, live) {
        (Some(release), Some(live)) if live.release != *release => {
            format!("release {release} (deployment {id}), whose code is release {} now", live.release)
        }
        // The name that the code had before the present one is not kept.
        (None, Some(live)) if live.renamed().is_some() && !of_renamed(live) => {
            format!("deployment {id}, whose code is release {} now", live.release)
        }
        _ => match ended.or(live.map(|live| &live.release)).or_else(open) {
            Some(release) => format!("release {release} (deployment {id})"),
            None => format!("deployment {id}"),
        },
    }
}

/// Describes since when an artifact is live, and by what: by the newest of the deployments that have brought it, given
/// it its name and restored it.
fn origin(live: &LiveArtifact) -> String {
    let by = live.by.as_deref().map_or(String::new(), |who| format!(" by {who}"));
    let LiveArtifact { release, deployment, since, .. } = live;
    let renamed = live.renamed();
    if let Some(rollback) = live.restored_by.filter(|id| renamed.is_none_or(|renamed| renamed.deployment < *id)) {
        return format!("release {release} is live since {since:.0}: rollback {rollback} has restored it");
    }
    if let Some(Renamed { deployment, since: renamed_at, by, .. }) = renamed {
        let by = by.as_deref().map_or(String::new(), |who| format!(" by {who}"));
        return format!(
            "release {release} is live since {renamed_at:.0}: deployment {deployment}{by} has given this name to the code \
             that is live since {since:.0}"
        );
    }
    let what = match live.cause {
        Some(CauseKind::Rollback) => format!("rollback {deployment}{by} has gone back to it"),
        _ => format!("deployment {deployment}{by} has brought it"),
    };
    format!("release {release} is live since {since:.0}: {what}")
}

/// Resolves the newest artifact before what is live that is not rejected and has other bytes. A rollback that has not
/// reached every target yet is completed first.
fn artifact_before_live(state: &LiveState, targets: &[Target], rejects: &Rejects) -> Result<ResolvedArtifact, Ending> {
    let is_good = |live: &LiveArtifact| rejects.refusal(&live.release, live.sha256).is_none();
    if let Some(live) = state.live().filter(|live| live.is_half_rolled_back(targets) && is_good(live)) {
        let because = format!(
            "it completes rollback {} to release {}, which was on {}; to go back further, name the release",
            live.id(),
            live.release,
            live.extent(targets)
        );
        return Ok(ResolvedArtifact { because: Some(because.into()), ..ResolvedArtifact::for_restore(live) });
    }
    unrecovered_refusal(state).map_or(Ok(()), Err)?;
    let live = state.live();
    let is_other =
        |earlier: &&LiveArtifact| !live.is_some_and(|live| live.is_same_as(&earlier.artifact, earlier.sha256));
    let earlier: Vec<&LiveArtifact> = state.history.iter().filter(is_other).collect();
    let good = earlier.iter().find(|earlier| is_good(earlier));
    good.map(|live| ResolvedArtifact::for_restore(live)).ok_or_else(|| nothing_earlier(state, earlier.len()))
}

/// Finds the artifact that every target ends at when a deployment is undone: what is live, or what was live before if
/// that is rejected.
fn base<'a>(state: &'a LiveState, rejects: &Rejects) -> Option<&'a LiveArtifact> {
    state.history.iter().find(|live| rejects.refusal(&live.release, live.sha256).is_none())
}

/// Whether an open request brings what is live already.
pub(super) fn brings_live(head: &Head, open: &Request) -> bool {
    let is_live = |artifact: &ArtifactRef, sha256| head.live().is_some_and(|live| live.is_same_as(artifact, sha256));
    let resolved = head.active().filter(|active| active.request.id == open.id).and_then(|a| a.artifact.as_ref());
    if let Some(resolved) = resolved {
        return is_live(&resolved.artifact, resolved.sha256);
    }
    match &open.source {
        Source::Live { .. } => true,
        Source::Artifact { artifact, .. } => is_live(artifact, None),
        Source::Promoted(promoting) => {
            promoting.artifact.as_ref().is_some_and(|resolved| is_live(&resolved.artifact, resolved.sha256))
        }
        Source::Newest { .. } | Source::Undo { .. } | Source::Earlier(_) | Source::Unknown => false,
    }
}

/// Finds an open rollback that means the same as one that names no release. Either it names none itself, or it takes
/// back what is live; the latter only if no other deployment is under way, for that one is meant then.
fn same_rollback<'a>(head: &'a Head, meant: Option<&Request>) -> Option<&'a Request> {
    head.queue.claimed_and_next().find(|open| match &open.source {
        Source::Earlier(rollback) => rollback.is_bare(),
        Source::Undo { release, artifact, .. } if meant.is_none_or(|meant| meant.id == open.id) => head
            .live()
            .is_some_and(|live| artifact.as_ref().map_or(live.release == *release, |it| live.artifact == *it)),
        _ => false,
    })
}

fn only_stopped(state: &LiveState, undone: DeploymentId) -> Ending {
    let is_its = |live: &&LiveArtifact| live.deployment == undone;
    let made = state.live().filter(is_its).map_or(String::new(), |live| {
        let made: Vec<String> =
            live.versions.iter().map(|(target, version)| format!("version {version} in {target}")).collect();
        match made.is_empty() {
            true => String::new(),
            false => format!("; the aliases that it had made stay, and serve {}", made.join(", ")),
        }
    });
    Ending::OnlyStopped { because: format!("it stopped deployment {undone}, before which nothing was live here{made}") }
}

fn never_live(state: &LiveState, release: &Release) -> Ending {
    let mut known: Vec<&str> = state.all_that_were_live().map(|live| live.release.as_str()).collect();
    known.dedup();
    let known = if known.is_empty() { "nothing was".to_owned() } else { known.join(", ") };
    let because = format!("release {release} is not among the last that were live here ({known})");
    nothing_to_roll_back(because)
}

fn nothing_earlier(state: &LiveState, rejected: usize) -> Ending {
    nothing_to_roll_back(match (state.live(), rejected) {
        (None, _) => "nothing was ever live here".to_owned(),
        (Some(live), 0) => {
            format!("nothing was live here before release {}{}", live.release, served_before_us(state))
        }
        (Some(live), _) => format!("whatever was live here before release {} is rejected", live.release),
    })
}

/// Lists the versions that aliases served before the deployer came: their artifacts are not known, so only a person can
/// go back to them.
fn served_before_us(state: &LiveState) -> String {
    let seen = state.targets.iter().filter_map(|it| Some(format!("version {} in {}", it.before.as_ref()?, it.target)));
    let seen: Vec<String> = seen.collect();
    if seen.is_empty() {
        return String::new();
    }
    let seen = seen.join(", ");
    format!("; before the deployer came, the alias served {seen}: aws lambda update-alias moves it there by hand")
}

fn nothing_to_roll_back(because: String) -> Ending {
    Ending::Refused { code: Code::NothingToRollBack, because }
}
