//! The scenario of a schedule: the state at its beginning and everything that is going to happen in it. All of it is
//! drawn from the seed before anything happens.
//!
//! Must not know how a scenario is played or judged.

use std::time::Duration;

use deployer_engine::port::CallErrorKind;

use super::closed_accounts::ClosedAccount;
use super::commands::PlannedCommand;
use super::focus::Odds;
use super::promotion_rules::Rules;
use super::requests::PlannedRequest;
use super::rollouts::PlannedRollout;
use super::taken_out::TakenOut;
use world::Op;
use world::newer::Raises;

/// An environment and its targets.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// Its targets: `111111111111/eu-west-1`.
    pub targets: Vec<String>,
    /// True if it accepts uploads.
    pub accepts: bool,
    /// True if its releases are immutable.
    pub immutable: bool,
    /// The number of versions that pruning keeps.
    pub keep_versions: u32,
    /// The rollout; none if all traffic moves at once.
    pub rollout: Option<PlannedRollout>,
    /// The promotion rules; none if nothing is promoted to this environment.
    pub rules: Option<Rules>,
}

/// The content of a zip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ZipKind {
    /// Code alone.
    Code,
    /// Code and a manifest that a function can be created from.
    Whole,
    /// Code and some configuration.
    Configured,
    /// Bytes that are no zip.
    Bad,
}

/// The specification of a zip. The same kind and label make the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ZipSpec {
    /// Its kind.
    pub kind: ZipKind,
    /// The number that makes its bytes differ from other zips.
    pub label: u64,
}

/// The channel by which the deployer hears of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// S3's notification.
    S3,
    /// EventBridge's event, which carries another time.
    EventBridge,
}

/// The delivery of one event of an upload.
#[derive(Debug, Clone, Copy)]
pub struct Delivery {
    /// The time from the upload to the delivery.
    pub after: Duration,
    /// The channel of the event.
    pub channel: Channel,
    /// True if the event is lost when its first handling fails.
    pub is_lost: bool,
}

/// An upload that is going to happen.
#[derive(Debug, Clone)]
pub struct PlannedUpload {
    /// The time of the upload.
    pub at: Duration,
    /// The index of its environment.
    pub environment: usize,
    /// The function.
    pub function: String,
    /// The release.
    pub release: String,
    /// The content.
    pub zip: ZipSpec,
    /// The time by which EventBridge's event is later than S3's notification.
    pub skew: Duration,
    /// The deliveries of its events.
    pub deliveries: Vec<Delivery>,
}

/// A change that somebody other than the deployer makes to a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForeignAct {
    /// Adds a permission to invoke it, which changes revisions only.
    Permit,
    /// Updates the code of `$LATEST`.
    Code,
    /// Changes the configuration of `$LATEST`.
    Configure,
    /// Points the alias to another version.
    Point,
}

/// The time of a foreign change.
#[derive(Debug, Clone, Copy)]
pub enum When {
    /// This long after the beginning.
    At(Duration),
    /// Just before the n-th call of this operation is carried out.
    Before(Op, usize),
}

/// A change that somebody other than the deployer is going to make.
#[derive(Debug, Clone)]
pub struct ForeignChange {
    /// The time.
    pub when: When,
    /// The target.
    pub place: String,
    /// The function.
    pub function: String,
    /// The change.
    pub act: ForeignAct,
}

/// A fault of a call.
#[derive(Debug, Clone, Copy)]
pub enum FaultKind {
    /// The call is not carried out and fails.
    Fails(CallErrorKind),
    /// The call is carried out, and its answer is lost.
    LosesAnswer,
    /// The call is carried out, its answer is lost, and the SDK sends it again.
    Twice,
    /// The answer is lost at once, and the call is carried out after this time, even if its sender is dead by then.
    Held(Duration),
    /// The update that the call begins ends in state Failed.
    EndsFailed,
}

/// A fault that is going to happen.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// The operation that it meets.
    pub op: Op,
    /// The first call of the operation that it meets, counted from 1.
    pub call: usize,
    /// The number of calls in a row that it meets.
    pub times: usize,
    /// The kind of fault.
    pub kind: FaultKind,
}

/// An alias `live` with provisioned concurrency.
#[derive(Debug, Clone)]
pub struct ProvisionedAlias {
    /// The target.
    pub place: String,
    /// The function.
    pub function: String,
    /// The time for which Lambda keeps the traffic on the former version.
    pub takes: Duration,
    /// True if the traffic never moves, because the new version cannot be started.
    pub fails: bool,
}

/// Everything that is known before the first event.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The odds that it was drawn with.
    pub odds: Odds,
    /// The environments.
    pub environments: Vec<Environment>,
    /// The functions.
    pub functions: Vec<String>,
    /// The functions that exist at the beginning, each with its target.
    pub existing: Vec<(String, String)>,
    /// The uploads, in order of time.
    pub uploads: Vec<PlannedUpload>,
    /// The commands given by hand, in order of time.
    pub commands: Vec<PlannedCommand>,
    /// The promotions requested by events, in order of time.
    pub requests: Vec<PlannedRequest>,
    /// True if the deployer has an event bus.
    pub has_bus: bool,
    /// The changes that somebody other than the deployer makes.
    pub foreign_changes: Vec<ForeignChange>,
    /// The faults.
    pub faults: Vec<Fault>,
    /// The newer deployer's way of raising the format of heads; none if all invocations are this version's.
    pub versions: Option<Raises>,
    /// The aliases with provisioned concurrency.
    pub provisioned: Vec<ProvisionedAlias>,
    /// The accounts that refuse every call for a time.
    pub closed: Vec<ClosedAccount>,
    /// The part that is out of the configuration for a while.
    pub taken_out: Option<TakenOut>,
    /// The time from which the ledger is unavailable, and for how long.
    pub outage: Option<(Duration, Duration)>,
    /// The time limit of an invocation.
    pub time: Duration,
    /// The time that an update of Lambda takes.
    pub settling: Duration,
    /// The time at which all faults end.
    pub heals: Duration,
}

impl Scenario {
    /// Whether a write can take effect after another invocation has taken over from its sender.
    #[must_use]
    pub fn has_late_writes(&self) -> bool {
        self.odds.stops > 0 || self.faults.iter().any(|fault| matches!(fault.kind, FaultKind::Held(_)))
    }

    /// Whether any environment takes promotions.
    #[must_use]
    pub fn promotes(&self) -> bool {
        self.environments.iter().any(|environment| environment.rules.is_some())
    }

    /// Whether traffic moves in steps.
    #[must_use]
    pub fn rolls_out(&self) -> bool {
        self.environments.iter().any(|environment| environment.rollout.is_some())
    }
}
