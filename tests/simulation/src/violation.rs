//! The rules, and how one is broken.

use std::fmt;

/// A rule, and how it was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// What was found.
    pub found: String,
}

/// What must be so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Everything ends.
    Ends,
    /// No upload is acked without a trace.
    NoneIsLost,
    /// An alias serves the newest upload that arrived there.
    ServesTheNewest,
    /// An upload that was accepted has one record, which has ended, and an equal result.
    OneRecord,
    /// Superseded only by a newer one, and never an older one after a newer one.
    Order,
    /// No version is published twice without need.
    PublishedOnce,
    /// The head, the records and Lambda agree.
    HeadAgrees,
    /// What did not succeed says why, and there is a reason.
    SaysWhy,
    /// An alias points to nothing that is not active.
    ActiveOnly,
    /// Only the owner of the claim writes, and nobody comes between.
    OneAtATime,
    /// Nobody's change is overwritten unseen.
    Foreign,
    /// The same again changes nothing.
    SameAgain,
    /// The record of every command ends.
    CommandsEnd,
    /// The same command, however often it is given, acts once.
    ActsOnce,
    /// What is older than a command whose deployment is live never becomes live after it.
    NotUndone,
    /// No alias moves to what was rejected when the deployer last looked.
    Rejected,
    /// No alias moves for a deployment that was asked to stop when the deployer last looked.
    Stops,
    /// Nothing that a hold refuses is claimed or kept while it holds.
    Held,
    /// A rollback goes to what was live before, and to nothing that is rejected.
    WalksBack,
    /// What the head says was live, and was left, is what really served.
    HistoryIsTrue,
    /// Nothing comes into an environment that did not satisfy its rules at that moment.
    Admitted,
    /// Every promotion ends, and says why it did not get there.
    PromotionsEnd,
    /// A success calls for its promotion, and what nothing stands against arrives.
    NotForgotten,
    /// The same request for a promotion, however often it comes, has one record.
    AskedOnce,
    /// What is played again from an archive promotes nothing.
    Replays,
    /// Whatever starts and ends is told, and nothing else.
    Told,
    /// Live is what the last deployment to reach a target brought, complete or not.
    WhatIsLive,
    /// A rollback without `to` that meets no deployment never brings what is live.
    LeavesLive,
    /// A rollback without `to` that meets a deployment brings back what was live when it was accepted.
    MeansWhatIsUnderWay,
    /// A rollback without `to` joins another one.
    RollbacksJoin,
    /// A redeploy takes nothing's place, stops nothing, and goes behind what waits.
    RedeployGivesWay,
    /// A rollback that says what its person has seen goes on only where that still is so, and is refused only where it is not.
    AsSeen,
    /// What a newer deployer says of something stays, whoever rewrites it.
    NothingForgotten,
    /// An object of a newer format is written by newer deployers only.
    NewerLeftAlone,
    /// A group is decided once, when each of its members holds its place, and no member moves before that.
    DecidedOnce,
    /// Either all members of a group arrive, or none stays.
    AllOrNone,
    /// What is newer waits behind the member of a group that holds its place.
    BehindMembers,
    /// A target has succeeded only when all traffic is on the new version.
    TrafficMoved,
    /// No late write moves an alias away from what a deployment has said since that it serves.
    ClosedDoors,
    /// A deployment that was asked to stop ends as superseded, and calls for nothing.
    StoppedEndsSuperseded,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.found)
    }
}
