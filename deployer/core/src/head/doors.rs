//! Doors: writes to an alias that were sent, or may have been, and may still take effect when nobody waits for them.
//!
//! Lambda carries a write to an alias out only while the alias has the RevisionId that the write names. So the head says on
//! which one an alias is about to be written, and whoever comes later knows: as long as the alias has it the door is open.
//! Must not know: who sends the writes, or how a door is shut.

use jiff::{SignedDuration, Timestamp};

use super::active::Active;
use super::door::{Door, Opening, ServedBefore};
use super::live::Live;
use super::state::Head;
use crate::config::Target;
use crate::id::{FunctionName, Sha256, Token, Version};
use crate::observed::{ObservedAlias, RevisionId};

/// How long after it was sent at the latest a write may take effect.
pub const TAKES_EFFECT_WITHIN: SignedDuration = SignedDuration::from_mins(15);

/// The step in which a door is shut, in records.
pub const SHUT_DOOR: &str = "shut door";

impl Door {
    /// The door by which the active deployment writes an alias: on this RevisionId (none: it creates it), to this version.
    #[must_use]
    pub fn of(active: &Active, target: &Target, to: (Option<&RevisionId>, &Version), now: Timestamp) -> Self {
        let (revision, version) = (to.0.cloned(), Some(to.1.clone()));
        let until = active.lease_until.checked_add(TAKES_EFFECT_WITHIN).unwrap_or(Timestamp::MAX);
        let (target, deployment) = (target.clone(), active.request.id);
        Self { target, revision, version, deployment, since: now, until }
    }

    /// The door that an owner may have left who did not know of doors.
    #[must_use]
    pub fn unsaid(active: &Active, target: &Target, revision: &RevisionId, now: Timestamp) -> Self {
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
        let serves = |alias: &ObservedAlias| alias.serves_alone() == self.version.as_ref();
        self.version.is_some() && !self.is_shut_by(before) && after.is_some_and(serves)
    }

    /// Whether both are writes of one alias, on one RevisionId, to one version.
    #[must_use]
    pub fn is_the_same_as(&self, other: &Self) -> bool {
        (&self.target, &self.revision, &self.version) == (&other.target, &other.revision, &other.version)
    }
}

impl Head {
    /// The code of a version of a function in a target, where it was live.
    #[must_use]
    pub fn code_of(&self, function_name: &FunctionName, target: &Target, version: &Version) -> Option<Sha256> {
        let serves = self.target(target).filter(|live| live.is_of_function(function_name));
        let serves = serves.filter(|live| live.version.as_ref() == Some(version));
        let place = target.to_string();
        let is_its = |live: &&Live| live.function_name.as_ref().is_none_or(|name| name == function_name);
        let mut lives = self.history.iter().chain(&self.left).filter(is_its);
        let mut live = || lives.find(|live| live.versions.get(&place) == Some(version));
        serves.and_then(|serves| serves.sha256).or_else(|| live()?.sha256)
    }

    /// The doors that deployments have left open which have ended.
    #[must_use]
    pub fn doors(&self) -> &[Door] {
        &self.doors
    }

    /// Every door that may be open: those that ended deployments have left, and those of the active one but where it is known
    /// to have arrived.
    #[must_use]
    pub fn open_doors(&self, now: Timestamp) -> Vec<Door> {
        let arrived = |target: &Target| {
            let done = self.active.iter().flat_map(|active| &active.done);
            done.filter(|outcome| outcome.error.is_none()).any(|outcome| outcome.target() == *target)
        };
        let of_active = self.active.iter().flat_map(|active| active.doors.iter().flatten());
        // That a write of the active deployment cannot come any more does not tell that it has not come.
        let open = self.doors.iter().filter(|door| now < door.until);
        open.chain(of_active.filter(|door| !arrived(&door.target))).cloned().collect()
    }

    /// Before aliases are written: on what, and what they serve until then. `None`: the claim is not this one, or the head
    /// says all of it already.
    #[must_use]
    pub fn with_doors(&self, claim: Token, openings: &[Opening]) -> Option<Self> {
        let mut head = self.next();
        let active = head.active.as_mut().filter(|active| active.claim == claim)?;
        active.doors_unsaid |= active.doors.is_none();
        let doors = active.doors.get_or_insert_default();
        for Opening { door, previous } in openings {
            if let Some(known) = doors.iter_mut().find(|known| known.is_the_same_as(door)) {
                // Another owner sends it once more, and later.
                known.until = known.until.max(door.until);
            } else {
                // An alias that has another RevisionId by now has shut the doors of before.
                doors.retain(|known| known.target != door.target || known.revision == door.revision);
                doors.push(door.clone());
            }
            if !active.previous.iter().any(|known| known.target == door.target) {
                active.previous.push(ServedBefore { target: door.target.clone(), previous: previous.clone() });
            }
        }
        (head.active != self.active).then_some(head)
    }

    /// The doors that are open still stay; those whose time is over are forgotten.
    pub(super) fn keep_doors(&mut self, open: &[Door], now: Timestamp) {
        self.doors = open.iter().filter(|door| now < door.until).cloned().collect();
    }

    /// What aliases served before the deployer first moved them is known from now on.
    pub(super) fn remember_served_before(&mut self, before: &[ServedBefore]) {
        for ServedBefore { target, previous } in before {
            let Some(previous) = previous else { continue };
            let there = self.target_mut(target);
            if there.version.is_none() {
                (there.version, there.sha256) = (Some(previous.version.clone()), previous.sha256);
            }
        }
    }
}

/// The aliases that may move without anybody's doing, and until when.
pub(super) fn still_open(doors: &[Door], now: Option<Timestamp>) -> Option<String> {
    let may_move = |door: &Door| {
        let to = door.version.as_ref().map_or(String::new(), |version| format!(" to version {version}"));
        format!(
            "the alias in {} may still move{to} until {}, for an earlier write of it got no answer",
            door.target, door.until
        )
    };
    let open = doors.iter().filter(|door| now.is_none_or(|now| now < door.until));
    let doors: Vec<String> = open.map(may_move).collect();
    (!doors.is_empty()).then(|| doors.join("; "))
}

/// The longest description that an alias may have (Lambda API Reference, UpdateAlias).
const LONGEST_DESCRIPTION: usize = 256;
/// What the last word of a description begins with that has shut a door.
const TURNED: &str = "turned:";

/// The description of an alias with another last word: writing it is never an identical update, and gives the alias another
/// RevisionId.
#[must_use]
pub fn turned(description: &str, token: Token) -> String {
    let last = format!("{TURNED}{token}");
    let room = LONGEST_DESCRIPTION - last.len() - 1;
    let kept: String = untouched(description).chars().take(room).collect();
    format!("{kept} {last}").trim_start().to_owned()
}

/// The description without the word that shuts doors.
#[must_use]
pub fn untouched(description: &str) -> &str {
    match description.rsplit_once(' ') {
        Some((before, last)) if last.starts_with(TURNED) => before,
        None if description.starts_with(TURNED) => "",
        _ => description,
    }
}
