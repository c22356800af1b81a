//! A look at a rollout that waits. It needs no claim; only if something must be moved, or the rollout has succeeded, one
//! write of the head takes it.

use std::pin::pin;
use std::time::Duration;

use deployer_core::function_ref::gone_of;
use deployer_core::head::{self, Active, Head, LookEffect};
use deployer_core::record::{DeploymentRecord, Ending};
use deployer_core::rollout::guard::{Judgement, Releases, judge};
use deployer_core::rollout::{
    Abort, AbortReason, Gone, GroupWord, Phase, Progress, RolloutEnd, RolloutState, awaits_look, heard, is_look_due,
    is_released, judged, looked_in_group, pause_where_gone,
};
use futures::future::{Either, select};
use jiff::Timestamp;
use tracing::Instrument as _;

use super::super::Deployment;
use super::super::error::Unfinished;
use super::announce::{tell_of_change, tell_of_pause};
use super::evidence::{Found, RolloutLook};
use super::group::group_word;
use super::state_now::rollout_now;
use super::{PERSISTENCE, RolloutOwner};
use crate::Transient;
use crate::claim::{Claim, ObservationBasis, claimant, now_as};
use crate::commit::Finished;
use crate::function_handles::Reconciler;
use crate::reconcile::Ordinal;
use crate::store::{Change, Versioned};

/// The time between two looks of an owner who is at work.
const LOOK_EACH: Duration = Duration::from_secs(60);

/// The state that a look has written.
enum Written {
    Nothing,
    Waits,
    Claimed(Box<Active>, Option<RolloutEnd>),
}

impl Reconciler<'_> {
    /// Looks at the rollout of this head, and goes on with it if something must be moved. Returns the records of the
    /// deployments that have ended or gone on by that.
    pub(crate) async fn look(self, seen: Versioned) -> Result<Vec<DeploymentRecord>, Transient> {
        let Some(active) = seen.head.active().cloned() else { return Ok(vec![]) };
        let (Some(state), Some(artifact)) = (active.rollout.clone(), active.artifact.clone()) else {
            return Ok(vec![]);
        };
        let at = &self.at.as_claimed(&active);
        let deployment = Deployment::new(self.engine, at, active.request.clone(), artifact);
        let span = deployment.span();
        async {
            // The ledger is asked first: no target and no CloudWatch holds it up.
            let rejects = self.engine.store().rejects(&at.function).await?;
            let rejected = rejects.refusal(&deployment.resolved.release, deployment.resolved.sha256);
            let (gone, word) = (gone_of(self.at, &active), group_word(self.engine, at, &active.request).await);
            let found = match (&rejected, &word) {
                (Some(Ending::Refused { .. }), _) | (_, Some(GroupWord::GoBack(_))) => Found::default(),
                _ => RolloutLook(&deployment).look_around(&state, head::alone_since(&seen.head)).await,
            };
            let view = View { state: &state, found: &found, rejected, gone, word };
            let old = release_before(&seen.head);
            let releases = Releases { new: deployment.resolved.release.as_str(), old: &old };
            match RolloutLook(&deployment).write_look(seen, &view, releases).await? {
                (seen, Written::Nothing) => {
                    tell_of_pause(&deployment, seen).await;
                    Ok(vec![])
                }
                (seen, Written::Waits) => {
                    tell_of_change(&deployment, seen).await;
                    Ok(vec![])
                }
                (seen, Written::Claimed(active, end)) => {
                    let claim = Claim::new(*active, seen, ObservationBasis::OwnClaim, self.engine.now());
                    match Box::pin(RolloutOwner { deployment: &deployment, claim: &claim }.resume(end)).await {
                        Ok(Finished { record, next, .. }) => {
                            let mut records = vec![record];
                            records.extend(self.reconcile(next, Ordinal::Later).await?);
                            Ok(records)
                        }
                        Err(Unfinished::Saved(record)) => Ok(vec![*record]),
                        Err(Unfinished::Transient(transient)) => Err(transient),
                        Err(Unfinished::NotClaimed(_)) => Ok(vec![]),
                    }
                }
            }
        }
        .instrument(span)
        .await
    }
}

/// Returns the release that the new one is compared with, as records name it.
pub(super) fn release_before(head: &Head) -> String {
    head.live().map_or_else(|| "before".to_owned(), |live| live.release.to_string())
}

/// Looks at the targets that serve the new version, where a move or a test has been open for a while. What is bad
/// takes the release back; the claim is ours already.
pub(super) async fn look_meanwhile(owner: RolloutOwner<'_>) -> Result<(), Transient> {
    let (state, deployment) = (rollout_now(owner.claim)?, owner.deployment);
    if !is_look_due(&state, deployment.engine.now()) {
        return Ok(());
    }
    let head = owner.claim.seen().head;
    let found = RolloutLook(deployment).look_around(&state, head::alone_since(&head)).await;
    let view = View { state: &state, found: &found, rejected: None, gone: None, word: None };
    let old = release_before(&head);
    let releases = Releases { new: deployment.resolved.release.as_str(), old: &old };
    let judge = |state| view.judge(state, releases, deployment.engine.now());
    if judge(state.clone()).into_state() == state { Ok(()) } else { owner.advance(judge).await }
}

/// Hears what people and its group say, and looks if a look is due.
async fn hear_and_look(owner: RolloutOwner<'_>) -> Result<(), Transient> {
    owner.heed_stop().await?;
    look_meanwhile(owner).await
}

/// Does work that nothing waits for once the release goes back. Meanwhile, each minute, hears what people and its group
/// say, and looks. `None`: it goes back, and the work was dropped.
pub(super) async fn looking_meanwhile<T>(
    owner: RolloutOwner<'_>,
    work: impl Future<Output = T>,
) -> Result<Option<T>, Transient> {
    let looks = async {
        loop {
            owner.deployment.engine.timer().sleep(LOOK_EACH).await;
            match hear_and_look(owner).await {
                Ok(()) => {}
                // The work may not be done twice, so it goes on where the ledger is away for a while.
                Err(Transient::Ledger(error)) => tracing::warn!("the next round hears and looks: {error}"),
                Err(transient) => return Err(transient),
            }
            if rollout_now(owner.claim)?.phase == Phase::GoingBack {
                return Ok(());
            }
        }
    };
    match select(pin!(work), pin!(looks)).await {
        Either::Left((done, _)) => Ok(Some(done)),
        Either::Right((ended, _)) => ended.map(|()| None),
    }
}

/// The state that a look sees.
struct View<'a> {
    state: &'a RolloutState,
    found: &'a Found,
    rejected: Option<Ending>,
    gone: Option<Gone>,
    /// The word of its group.
    word: Option<GroupWord>,
}

impl View<'_> {
    /// Judges what was seen, and keeps the guard's verdict where a step ends.
    fn judge(&self, state: RolloutState, releases: Releases<'_>, now: Timestamp) -> Progress {
        let judgement = judge(&self.found.looks, releases, &state.plan.guard);
        tracing::info!(verdict = ?judgement.verdict, "looked: {}", judgement.because);
        judged(state, &judgement, now, |state| self.decide(state, &judgement, now))
    }

    /// Decides what follows. A reject comes first, then a foreign change, an alarm, its group that goes back, and the guard.
    /// The wait for its group, and whether it becomes live with it, come last.
    fn decide(&self, state: RolloutState, judgement: &Judgement, now: Timestamp) -> Progress {
        if let Some(Ending::Refused { because, .. }) = &self.rejected {
            return state.aborted(Abort { reason: AbortReason::Rejected, by: None, because: because.as_str().into() });
        }
        if let Some((target, changed)) = self.found.foreign.first() {
            return state.changed_by_others(target, changed);
        }
        if let Some(because) = self.found.alarms.first() {
            return state.alarm_fired(because.as_str());
        }
        if let Some(word @ GroupWord::GoBack(_)) = &self.word {
            return heard(state, word);
        }
        // Others of its group may be live already, so no pause holds it up.
        if let Some(word) = self.word.as_ref().filter(|word| is_released(&state, word)) {
            return looked_in_group(state, word, (judgement.verdict, judgement.because.clone()), now);
        }
        // It takes no step, also not the one that is due.
        let state = match &self.gone {
            Some(gone) => pause_where_gone(state, gone, now).into_state(),
            None => state,
        };
        let state = match state.expired(now) {
            Progress::Continues(state) => *state,
            ended @ Progress::Ended { .. } => return ended,
        };
        match &self.word {
            Some(word) => looked_in_group(state, word, (judgement.verdict, judgement.because.clone()), now),
            None => state.looked(judgement.verdict, judgement.because.clone(), now),
        }
    }
}

impl RolloutLook<'_> {
    /// Writes what a look has changed. If another writer was first, the state that is there now is judged.
    async fn write_look(
        &self,
        seen: Versioned,
        view: &View<'_>,
        releases: Releases<'_>,
    ) -> Result<(Versioned, Written), Transient> {
        let (engine, me) = (self.0.engine, claimant(self.0.engine));
        let write = async |seen: &mut Versioned| {
            if let Some(active) = seen.head.active().filter(|active| active.claim == me.token) {
                // Our own write whose reply was lost. The state of what has succeeded is unchanged, so it is judged alike.
                let judged = active.rollout.clone().filter(awaits_look);
                let end = match judged.map(|state| view.judge(state, releases, engine.now())) {
                    Some(Progress::Ended { end, .. }) => Some(end),
                    _ => None,
                };
                return Ok(Change::Keep(Written::Claimed(Box::new(active.clone()), end)));
            }
            let me = now_as(engine, &me);
            let change = |state| view.judge(state, releases, me.now);
            Ok::<_, Transient>(match head::apply_look(&seen.head, (self.0.request.id, view.state), &me, change) {
                LookEffect::Nothing => Change::Keep(Written::Nothing),
                LookEffect::Write(head) => Change::Write(head, Written::Waits),
                LookEffect::Claim { head, active, end } => Change::Write(head, Written::Claimed(active, end)),
            })
        };
        engine.store().update_head_with(self.0.at, Some(seen), PERSISTENCE, write).await
    }
}
