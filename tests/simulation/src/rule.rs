//! The rules that every schedule must keep, and the report of a broken one.

use std::fmt;

/// A rule, and the finding that it was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// The finding, in words.
    pub found: String,
}

/// A rule that every schedule must keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Everything ends.
    EverythingEnds,
    /// No upload is acked without a trace in the ledger.
    NoUploadLost,
    /// An alias serves the newest upload that arrived there.
    ServesNewest,
    /// An accepted upload has exactly one record. The record has ended, and the result equals it.
    OneRecord,
    /// An upload is superseded only by a newer one, and no alias goes from a newer upload to an older one.
    UploadOrder,
    /// No version is published twice without need.
    PublishedOnce,
    /// The head, the records and Lambda agree.
    HeadAgrees,
    /// A deployment that did not succeed gives a reason, and the scenario contains that reason.
    GivesReason,
    /// An alias never points to a version that is not active.
    ActiveOnly,
    /// Only the owner of the claim writes, and no other invocation writes in between.
    OneAtATime,
    /// The deployer never overwrites a change that it has not seen.
    ForeignChangesKept,
    /// Repeating everything changes nothing.
    RepeatChangesNothing,
    /// The record of every command ends.
    CommandsEnd,
    /// A command acts once, however often it is given.
    ActsOnce,
    /// An upload that is older than a live command's deployment never becomes live after it.
    CommandsNotUndone,
    /// No alias moves to an artifact that was rejected when the deployer last looked.
    RejectObeyed,
    /// No alias moves for a deployment that was asked to stop when the deployer last looked.
    StopObeyed,
    /// While a hold lasts, no request that it refuses is claimed or kept.
    HoldObeyed,
    /// A rollback goes to a release that was live before and is not rejected.
    RollbackDestination,
    /// The head's `history` and `left` agree with what the aliases really served.
    HistoryMatches,
    /// No promotion comes in that does not satisfy the environment's rules at that moment.
    PromotionRules,
    /// Every promotion ends, and says why it did not arrive.
    PromotionsEnd,
    /// A success requests its promotion, and a promotion that nothing stands against arrives.
    PromotionsArrive,
    /// A request for a promotion has one record, however often its event arrives.
    OneRecordPerRequest,
    /// An event that is replayed from an archive promotes nothing.
    ReplaysPromoteNothing,
    /// The bus gets an event for every start and every end, and no other.
    EventsSent,
    /// The live artifact is that of the last deployment that reached a target, complete or not.
    LiveIsLastReached,
    /// A rollback without `to` that meets no deployment never brings what is live.
    RollbackLeavesLive,
    /// A rollback without `to` that meets a deployment brings back what was live when it was accepted.
    RollbackKeepsBase,
    /// A rollback without `to` joins another one.
    RollbacksJoin,
    /// A redeploy displaces nothing, stops nothing, and goes behind what waits.
    RedeployGivesWay,
    /// A rollback with preconditions goes on only if one still holds, and is refused for them only if none holds.
    PreconditionsHold,
    /// Fields that a newer deployer has written stay, whoever rewrites the object.
    NewerFieldsKept,
    /// Only newer deployers write to an object of a newer format.
    NewerLeftAlone,
    /// A group is decided once, when each of its members holds its place. No member moves before that.
    DecidedOnce,
    /// Either all members of a group arrive, or none stays.
    AllOrNone,
    /// A member of a group becomes live by its rollout only once each of the others is live or has passed its own, and not
    /// while another one is known to go back.
    LiveTogether,
    /// A newer request waits behind the group member that holds its place.
    WaitsBehindMembers,
    /// A target succeeds only when all traffic is on the new version.
    TrafficMoved,
    /// No late write moves an alias away from the version that a later deployment has reported for it.
    DoorsShut,
    /// No alias shares its traffic when nothing rolls out.
    NoSharesLeft,
    /// An alias serves nothing but the old and the new version of the rollout.
    OldAndNewOnly,
    /// Where a rollout ends, every target serves what the record says, or is named as failed.
    EndServesWhatItSays,
    /// Every share lasts for the time of its step, unless a person wants to wait no more.
    ShareHeld,
    /// No step is left out or taken twice.
    StepsInOrder,
    /// No share rises once the deployer has read that the rollout goes back.
    NoRiseAfterAbort,
    /// No traffic moves before all targets have published.
    AllPublishFirst,
    /// No step is begun by a deployer that does not find the environment, or a target, in the configuration.
    NoStepWhereGone,
    /// A rollout whose abort was accepted never becomes live.
    AbortObeyed,
    /// No step is taken, no wave begins and nothing becomes live without reading how the version does at the share that it
    /// has.
    LookBeforeStep,
    /// No step is taken by a version that always fails, once enough of its invocations were counted, where the old one
    /// does not fail.
    BadReleaseStopped,
    /// A smoke test is sent once by each invocation of the deployer, unless the version has not run.
    SmokeTestedOnce,
    /// A deployment that was asked to stop ends as superseded, and requests no promotion.
    StoppedEndsSuperseded,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.found)
    }
}
