//! The doors to aliases that a claim's owner knows to be open: writes that were sent, or may have been, and may still
//! take effect.
//!
//! This module sends nothing and decides nothing: `send_write.rs` notes doors here as open, `shut_doors.rs` shuts them.

use std::sync::Mutex;

use deployer_core::config::Target;
use deployer_core::head::{self, Active, Door, Head};
use deployer_core::observed::ObservedAlias;
use jiff::Timestamp;

use crate::mutex::locked;
use crate::port::{Answer, CallError, CallErrorKind};

/// The open doors: those that the owner found in the head, and its own.
pub(crate) struct OpenDoors(Mutex<State>);

struct State {
    open: Vec<Door>,
    /// An earlier owner did not know of doors: it may have written any alias without declaring it.
    may_be_unrecorded: bool,
    observed: Vec<Target>,
}

impl OpenDoors {
    /// Makes the open doors of a head.
    pub fn of(head: &Head, resumed: bool, now: Timestamp) -> Self {
        let may_be_unrecorded =
            resumed && head.active().is_some_and(|active| active.doors.is_none() || active.doors_unrecorded);
        Self(Mutex::new(State { open: head::list_open_doors(head, now), may_be_unrecorded, observed: Vec::new() }))
    }

    /// Whether an earlier owner, who did not know of doors, may have written aliases without declaring it.
    pub fn may_be_unrecorded(&self) -> bool {
        locked(&self.0).may_be_unrecorded
    }

    /// Notes how an alias was read, which shuts the doors to its earlier states. Returns whether a write of this
    /// deployment has moved it.
    pub fn observe(&self, active: &Active, target: &Target, alias: Option<&ObservedAlias>, now: Timestamp) -> bool {
        let serves = alias.and_then(ObservedAlias::sole_version);
        // An alias that was put back serves the version of that door, and has not moved.
        let is_restored = active.awaits(target).is_some_and(|awaited| awaited.before.as_ref() == serves);
        let mut doors = locked(&self.0);
        let shut = |door: &Door| door.target == *target && door.is_shut_by(alias);
        let of_ours = |door: &Door| door.deployment == active.request.id && door.version.as_ref() == serves;
        let has_moved = serves.is_some() && !is_restored && doors.open.iter().any(|door| shut(door) && of_ours(door));
        doors.open.retain(|door| !shut(door));
        if doors.may_be_unrecorded && !doors.observed.contains(target) {
            doors.observed.push(target.clone());
            doors.open.extend(alias.map(|alias| Door::unrecorded(active, target, &alias.revision, now)));
        }
        has_moved
    }

    /// Notes that a write of the alias is about to be sent.
    pub fn note_opened(&self, door: &Door) {
        let mut doors = locked(&self.0);
        match doors.open.iter_mut().find(|open| open.is_the_same_as(door)) {
            Some(open) => open.until = open.until.max(door.until),
            None => doors.open.push(door.clone()),
        }
    }

    /// Notes that no write that was sent earlier can take effect at this target.
    pub fn note_shut(&self, target: &Target) {
        locked(&self.0).open.retain(|door| door.target != *target);
    }

    /// Notes Lambda's answer to a write of the alias. A write that is done has shut every door. A refused write has
    /// opened none, because the client sends it once. After any other answer the write may have been carried out, or
    /// will be, and the alias must be read.
    pub fn note_answer(&self, door: &Door, answer: &Result<Answer, CallError>) {
        use CallErrorKind::{Conflict, Unknown};
        match answer {
            Ok(_) => self.note_shut(&door.target),
            Err(CallError { kind: Conflict | Unknown, .. }) => {}
            // A door of an earlier write stays open.
            Err(_) => locked(&self.0).open.retain(|open| open != door),
        }
    }

    /// Whether an earlier write may still take effect at this target.
    pub fn is_open(&self, target: &Target) -> bool {
        locked(&self.0).open.iter().any(|door| door.target == *target)
    }

    /// Whether the alias has changed only because an earlier write of ours took effect between two readings.
    pub fn explain(&self, target: &Target, before: Option<&ObservedAlias>, after: Option<&ObservedAlias>) -> bool {
        locked(&self.0).open.iter().any(|door| door.target == *target && door.explains(before, after))
    }

    /// Returns all open doors.
    pub fn all(&self) -> Vec<Door> {
        locked(&self.0).open.clone()
    }
}
