//! The moves of a rollout's aliases: side by side, each arrival is written down as it comes, and what has become of the
//! others once the try is over. A try is short where targets serve the new version: the owner looks between two.

use std::mem::take;
use std::pin::pin;
use std::sync::Mutex;
use std::time::Duration;

use deployer_core::config::Target;
use deployer_core::function_ref::FunctionRef;
use deployer_core::head::{EXTENSIONS, RolloutLeave};
use deployer_core::rollout::{Phase, Progress, RolloutState, RolloutTarget, awaits_look, end_of_way_back, set_back_in};
use futures::channel::oneshot;
use futures::future::{Either, select};
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;

use super::super::error::Unfinished;
use super::RolloutOwner;
use super::announce::tell_of_way_back;
use super::move_alias::Moved;
use super::run::continues;
use super::settings::set_back_meanwhile;
use super::state_now::rollout_now;
use crate::mutex::locked;
use crate::{TARGETS_AT_ONCE, Transient};

/// The time of one try of moves to the new version. Then the owner looks at the targets that serve it, and tries again.
const TRY: Duration = Duration::from_secs(60);
/// The time after which an arrival is written down that the other moves have not followed.
const WRITTEN_AFTER: Duration = Duration::from_secs(5);
/// The longest pause before somebody looks at a rollout that waits for Lambda to move traffic.
const LOOKED_AT_AFTER: Duration = Duration::from_secs(60);

impl RolloutOwner<'_> {
    /// Moves the aliases of these targets side by side, in their order, and writes down what has become of each.
    pub(super) async fn move_aliases(&self, state: &RolloutState, targets: &[Target]) -> Result<(), Unfinished> {
        let (engine, at) = (self.deployment.engine, self.deployment.at);
        let began = engine.now();
        let ones = targets.iter().filter_map(|target| state.targets.iter().find(|one| one.target == *target));
        let ones = ones.collect::<Vec<_>>();
        let moves = try_to_move(*self, &ones);
        // Those whose aliases are back already wait for no other target.
        let back_already = set_back_meanwhile(*self, state, |target| !targets.contains(target));
        let (moved, set_back) = futures::join!(moves, back_already);
        // The try was over before the invocation: its next one comes after a look.
        let has_tried = engine.timer().passed(began) >= TRY / 2;
        let tries_again = has_tried && engine.timer().allows_write();
        let mut outcomes = Vec::new();
        let (mut is_late, mut awaits_traffic) = (false, false);
        for (one, moved) in moved? {
            let may_go_on = tries_again || self.claim.extensions() < EXTENSIONS;
            match moved {
                // The rollout has changed meanwhile: its state says what is to be done now.
                Moved::Overtaken => {}
                Moved::Lost(transient) => return Err(transient.into()),
                Moved::Late(error) if is_given_up(at, one) && !has_tried => {
                    is_late |= may_go_on && one.held_up_since.is_none();
                    outcomes.push((one.clone(), Moved::NotTried(error)));
                }
                moved @ (Moved::Late(_) | Moved::AwaitsTraffic) if is_given_up(at, one) => {
                    outcomes.push((one.clone(), moved));
                }
                Moved::Late(_) if may_go_on && one.way_back.is_none() => is_late = true,
                Moved::AwaitsTraffic => awaits_traffic = true,
                moved => {
                    // The first late try of a way back is followed at once. The sweep sends for all others, as often as it
                    // takes.
                    is_late |= matches!(moved, Moved::Late(_)) && may_go_on && one.held_up_since.is_none();
                    outcomes.push((one.clone(), moved));
                }
            }
        }
        let is_held_up = outcomes.iter().any(|(one, moved)| {
            one.way_back.is_some() && matches!(moved, Moved::Failed(_) | Moved::Late(_) | Moved::NotTried(_))
        });
        // Arrivals are told before failures: the way back counts them.
        outcomes.sort_by_key(|(_, moved)| !matches!(moved, Moved::Arrived(_)));
        let now = engine.now();
        self.advance(|state| {
            let apply = |progress, (one, moved): &(RolloutTarget, Moved)| apply(at, progress, (one, moved), now);
            outcomes.iter().fold(continues(set_back_in(state, &set_back)), apply)
        })
        .await?;
        let state = rollout_now(self.claim)?;
        if awaits_look(&state) || end_of_way_back(&state).is_some() {
            return Ok(());
        }
        let set_back = set_back_meanwhile(*self, &state, |target| targets.contains(target)).await;
        if !set_back.is_empty() {
            self.advance(|state| continues(set_back_in(state, &set_back))).await?;
        }
        let how = if is_late {
            if tries_again {
                return Ok(());
            }
            RolloutLeave::OutOfTime
        } else if awaits_traffic {
            let now = engine.now();
            let look_by = now.checked_add(LOOKED_AT_AFTER).ok().filter(|_| state.phase != Phase::GoingBack);
            RolloutLeave::AwaitsTraffic(self.claim.active_now().next_look(now, look_by))
        } else if is_held_up {
            RolloutLeave::HeldUp
        } else {
            return Ok(());
        };
        let left = self.leave_rollout(how).await;
        if is_held_up {
            tell_of_way_back(self.deployment, self.claim).await;
        }
        Err(left)
    }
}

/// Tries to move each of these aliases, and writes down those that have arrived while others have not: whoever looks,
/// or takes over, must know what serves the new version.
async fn try_to_move<'o>(
    owner: RolloutOwner<'_>,
    ones: &[&'o RolloutTarget],
) -> Result<Vec<(&'o RolloutTarget, Moved)>, Transient> {
    let timer = owner.deployment.engine.timer();
    let ends = timer.now().checked_add(TRY).unwrap_or(Timestamp::MAX);
    let ends = |one: &RolloutTarget| if one.way_back.is_none() { ends } else { Timestamp::MAX };
    let (count, arrived) = (ones.len(), Mutex::new(Vec::new()));
    let (over, mut is_over) = oneshot::channel::<()>();
    let (arrived, ends) = (&arrived, &ends);
    let moves = async move {
        let moves = stream::iter(ones.iter().copied()).map(|one| async move {
            let moved = owner.move_alias(one, ends(one)).await;
            if let Moved::Arrived(at) = moved {
                locked(arrived).push((one, at));
            }
            (one, moved)
        });
        let moved = moves.buffered(TARGETS_AT_ONCE).collect::<Vec<_>>().await;
        drop(over);
        moved
    };
    let notes = async {
        let mut noted = 0;
        loop {
            if let Either::Right(_) = select(pin!(timer.sleep(WRITTEN_AFTER)), &mut is_over).await {
                return Ok(());
            }
            let new = take(&mut *locked(arrived));
            noted += new.len();
            // The last of them ends the step, and is written with all that is left to be said.
            if !new.is_empty() && noted < count {
                note_arrivals(owner, &new).await?;
            }
        }
    };
    let (moved, noted) = futures::join!(moves, notes);
    noted.map(|()| moved)
}

/// Writes down that these aliases were seen to serve what is meant.
async fn note_arrivals(owner: RolloutOwner<'_>, arrived: &[(&RolloutTarget, Timestamp)]) -> Result<(), Transient> {
    let (at, now) = (owner.deployment.at, owner.deployment.engine.now());
    owner
        .advance(|state| {
            let apply = |progress, (one, seen): &(&RolloutTarget, Timestamp)| {
                apply(at, progress, (*one, &Moved::Arrived(*seen)), now)
            };
            arrived.iter().fold(continues(state), apply)
        })
        .await
}

/// Whether a target that goes back is in the configuration no more: whoever took it out has given it up, so that its
/// alias stays as it is unless it is back with this try.
fn is_given_up(at: &FunctionRef<'_>, one: &RolloutTarget) -> bool {
    one.way_back.is_some() && !at.as_configured().environment.targets.contains(&one.target)
}

/// Applies what has become of one target's move.
pub(super) fn apply(
    at: &FunctionRef<'_>,
    progress: Progress,
    (one, moved): (&RolloutTarget, &Moved),
    now: Timestamp,
) -> Progress {
    let state = progress.into_state();
    let target = &one.target;
    let give_up = |state: RolloutState, because: &dyn std::fmt::Display| {
        state.cannot_return(target, format!("{target}, which deployer.json does not have any more: {because}"))
    };
    match moved {
        Moved::Arrived(at) if one.way_back.is_some() => state.returned(target, *at),
        Moved::Arrived(at) => state.moved(target, one.weight, Timestamp::max(*at, one.meant_at.unwrap_or(*at))),
        Moved::Foreign(found) => state.changed_by_others(target, found),
        Moved::Gone(because) => state.cannot_return(target, format!("{target}: {because}")),
        // All go back already, because of another target.
        Moved::Failed(_) | Moved::Late(_) if one.way_back.is_none() && state.phase == Phase::GoingBack => {
            continues(state)
        }
        Moved::Failed(error) | Moved::Late(error) if is_given_up(at, one) => give_up(state, error),
        Moved::AwaitsTraffic if is_given_up(at, one) => {
            give_up(state, &"Lambda has not moved its traffic back to the old version yet")
        }
        Moved::Failed(error) | Moved::Late(error) | Moved::NotTried(error) => {
            state.move_failed(target, format!("{target}: {error}"), now)
        }
        Moved::AwaitsTraffic | Moved::Overtaken | Moved::Lost(_) => continues(state),
    }
}
