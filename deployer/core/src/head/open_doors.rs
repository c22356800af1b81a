//! Doors: writes to an alias that were sent, or may have been, and may still take effect when nobody waits for them.
//!
//! Lambda carries a write to an alias out only while the alias has the RevisionId that the write names. So the head
//! says on which RevisionId an alias is about to be written. As long as the alias has that RevisionId, the door is
//! open. This module sends nothing: the engine writes the aliases. It shuts a door by writing the alias as it is, with
//! the description that [`with_shut_token`] makes.

use jiff::{SignedDuration, Timestamp};

use super::active::Active;
use super::door::{Door, Opening, ServedBefore};
use super::live_state::LiveState;
use super::state::Head;
use crate::config::Target;
use crate::id::{Token, Version};
use crate::moment::not_before;
use crate::observed::{ObservedAlias, RevisionId};

/// The time within which a write takes effect after it was sent, or never does.
pub const TAKES_EFFECT_WITHIN: SignedDuration = SignedDuration::from_mins(15);

/// The step in which a door is shut, in records.
pub const SHUT_DOOR: &str = "shut door";

impl Door {
    /// Makes the door by which the active deployment writes an alias: on this RevisionId (none: it creates the alias),
    /// to this version.
    #[must_use]
    pub fn of(active: &Active, target: &Target, to: (Option<&RevisionId>, &Version), now: Timestamp) -> Self {
        let (revision, version) = (to.0.cloned(), Some(to.1.clone()));
        let until = active.lease_until.checked_add(TAKES_EFFECT_WITHIN).unwrap_or(Timestamp::MAX);
        let (target, deployment) = (target.clone(), active.request.id);
        Self { target, revision, version, deployment, since: now, until }
    }

    /// Makes the door that an owner may have left whose deployer did not know of doors.
    #[must_use]
    pub fn unrecorded(active: &Active, target: &Target, revision: &RevisionId, now: Timestamp) -> Self {
        let until = now.checked_add(TAKES_EFFECT_WITHIN).unwrap_or(Timestamp::MAX);
        let (target, revision, deployment) = (target.clone(), Some(revision.clone()), active.request.id);
        Self { target, revision, version: None, deployment, since: now, until }
    }

    /// Whether the write cannot take effect on an alias that was read like this.
    #[must_use]
    pub fn is_shut_by(&self, alias: Option<&ObservedAlias>) -> bool {
        match (&self.revision, alias) {
            (Some(revision), Some(alias)) => alias.revision != *revision,
            // An alias that is made anew gets another RevisionId.
            (Some(_), None) => true,
            (None, found) => found.is_some(),
        }
    }

    /// Whether the write took effect between two readings of the alias: then nobody foreign has moved it.
    #[must_use]
    pub fn explains(&self, before: Option<&ObservedAlias>, after: Option<&ObservedAlias>) -> bool {
        // Lambda itself may have put its weight beside it.
        let serves = |alias: &ObservedAlias| alias.sole_version() == self.version.as_ref();
        self.version.is_some() && !self.is_shut_by(before) && after.is_some_and(serves)
    }

    /// Whether both are writes of one alias, on one RevisionId, to one version.
    #[must_use]
    pub fn is_the_same_as(&self, other: &Self) -> bool {
        (&self.target, &self.revision, &self.version) == (&other.target, &other.revision, &other.version)
    }
}

/// Lists every door that may be open: those that ended deployments have left, and those of the active deployment but
/// where it is known to have arrived.
#[must_use]
pub fn list_open_doors(head: &Head, now: Timestamp) -> Vec<Door> {
    let arrived = |target: &Target| {
        let done = head.active().into_iter().flat_map(|active| &active.done);
        done.filter(|outcome| outcome.error.is_none()).any(|outcome| outcome.target() == *target)
    };
    let of_active = head.active().into_iter().flat_map(|active| active.doors.iter().flatten());
    // A write of the active deployment that cannot take effect any more may have taken effect, so its time does not
    // count.
    let left = head.doors.iter().filter(|door| now < door.until);
    left.chain(of_active.filter(|door| !arrived(&door.target))).cloned().collect()
}

/// Writes down the doors that are about to be opened, and what their aliases serve until then. `None`: the claim is not
/// this one, or the head says all of it already.
#[must_use]
pub fn with_doors(head: &Head, claim: Token, openings: &[Opening]) -> Option<Head> {
    let mut next = head.next();
    let active = next.queue.active.as_mut().filter(|active| active.claim == claim)?;
    active.doors_unrecorded |= active.doors.is_none();
    let doors = active.doors.get_or_insert_default();
    for Opening { door, previous } in openings {
        if let Some(known) = doors.iter_mut().find(|known| known.is_the_same_as(door)) {
            // Another owner sends the write once more, and later.
            known.until = known.until.max(door.until);
        } else {
            // An alias that has another RevisionId by now has shut its earlier doors.
            doors.retain(|known| known.target != door.target || known.revision == door.revision);
            doors.push(door.clone());
        }
        if !active.previous.iter().any(|known| known.target == door.target) {
            active.previous.push(ServedBefore { target: door.target.clone(), previous: previous.clone() });
        }
    }
    (next.queue.active != head.queue.active).then_some(next)
}

/// Keeps the doors that an ended deployment has left open, without those whose time is over.
pub(super) fn keep_doors(head: &mut Head, open: &[Door], now: Timestamp) {
    head.doors = open.iter().filter(|door| now < door.until).cloned().collect();
}

/// Remembers the versions that aliases served before the deployer first moved them, where nothing else is known of the
/// target.
pub(super) fn remember_served_before(state: &mut LiveState, before: &[ServedBefore]) {
    for ServedBefore { target, previous } in before {
        let Some(previous) = previous else { continue };
        let there = state.target_mut(target);
        if there.version.is_none() {
            (there.version, there.sha256) = (Some(previous.version.clone()), previous.sha256);
        }
    }
}

/// Describes the aliases that may move without anybody's doing, and until when they may.
pub(super) fn still_open(doors: &[Door], now: Option<Timestamp>) -> Option<String> {
    let may_move = |door: &Door| {
        let to = door.version.as_ref().map_or(String::new(), |version| format!(" to version {version}"));
        format!(
            "the alias in {} may still move{to} until {}, for an earlier write of it got no answer",
            door.target,
            not_before(door.until)
        )
    };
    let open = doors.iter().filter(|door| now.is_none_or(|now| now < door.until));
    let doors: Vec<String> = open.map(may_move).collect();
    (!doors.is_empty()).then(|| doors.join("; "))
}

/// The longest description that an alias may have (Lambda API Reference, UpdateAlias).
const LONGEST_DESCRIPTION: usize = 256;
/// The prefix of the last word of a description that has shut a door.
const TURNED: &str = "turned:";

/// Gives the description of an alias another last word. Writing the result is never an identical update, and gives the
/// alias another RevisionId.
#[must_use]
pub fn with_shut_token(description: &str, token: Token) -> String {
    let last = format!("{TURNED}{token}");
    let room = LONGEST_DESCRIPTION - last.len() - 1;
    let kept: String = without_shut_token(description).chars().take(room).collect();
    format!("{kept} {last}").trim_start().to_owned()
}

/// Removes the word that shuts doors from a description.
#[must_use]
pub fn without_shut_token(description: &str) -> &str {
    match description.rsplit_once(' ') {
        Some((before, last)) if last.starts_with(TURNED) => before,
        None if description.starts_with(TURNED) => "",
        _ => description,
    }
}
