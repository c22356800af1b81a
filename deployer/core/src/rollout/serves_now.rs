//! The traffic that the alias of a target serves now, as far as it was seen: whoever shows it asks here.

use super::state::{RolloutTarget, WayBack};

impl RolloutTarget {
    /// Returns the new version's share of the traffic that its alias was last seen to give it, in percent; none where
    /// somebody else has changed the alias, and the target was left as it was found.
    #[must_use]
    pub fn share_seen(&self) -> Option<u8> {
        let served = self.served.last().map_or(0, |served| served.weight);
        match &self.way_back {
            Some(WayBack::Done(_)) => Some(0),
            Some(WayBack::Stays { .. }) if self.changed.is_some() => None,
            Some(_) => Some(served),
            None => Some(if self.at.is_some() { self.weight } else { served }),
        }
    }

    /// Returns the share that its alias may give the new version by now, where a move is not confirmed; none if only one
    /// share can be.
    #[must_use]
    pub fn share_perhaps(&self) -> Option<u8> {
        let perhaps = match &self.way_back {
            Some(WayBack::Done(_)) => None,
            Some(_) => self.unconfirmed,
            None => self.moving_since().map(|_| self.weight),
        };
        perhaps.filter(|perhaps| self.share_seen().is_some_and(|seen| seen != *perhaps))
    }
}
