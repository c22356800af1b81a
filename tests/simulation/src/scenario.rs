//! What a schedule begins with and what is going to happen in it, all drawn from the seed before anything happens.
//!
//! Must not know: how it is played, and how it is judged.

use std::time::Duration;

use deployer_engine::port::CallErrorKind;

use super::closed_accounts::ClosedAccount;
use super::commands::PlannedCommand;
use super::focus::Odds;
use super::requests::Request;
use super::rules::Rules;
use world::Op;
use world::newer::Raises;

/// An environment and where it leads to.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// Its targets: `111111111111/eu-west-1`.
    pub targets: Vec<String>,
    /// It takes uploads.
    pub accepts: bool,
    /// Its releases are immutable.
    pub immutable: bool,
    /// How many versions are kept.
    pub keep_versions: u32,
    /// How artifacts come here from other environments, if they do.
    pub rules: Option<Rules>,
}

/// What a zip is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ZipKind {
    /// Code alone.
    Code,
    /// All that a function is made from.
    Whole,
    /// Code and some configuration.
    Configured,
    /// No zip at all.
    Bad,
}

/// A zip: the same kind and label are the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ZipSpec {
    /// Its kind.
    pub kind: ZipKind,
    /// Which.
    pub label: u64,
}

/// A door through which the deployer hears of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// S3's notification.
    S3,
    /// EventBridge's event, whose time is another.
    EventBridge,
}

/// An event that is going to arrive.
#[derive(Debug, Clone, Copy)]
pub struct Delivery {
    /// How long after the upload.
    pub after: Duration,
    /// Through which channel.
    pub channel: Channel,
    /// It is lost if it cannot be handled the first time.
    pub is_lost: bool,
}

/// An upload that is going to happen.
#[derive(Debug, Clone)]
pub struct Upload {
    /// When.
    pub at: Duration,
    /// Which environment, by its number.
    pub environment: usize,
    /// Which function.
    pub function: String,
    /// Under which release.
    pub release: String,
    /// What.
    pub bytes: ZipSpec,
    /// By how much EventBridge's time is later.
    pub skew: Duration,
    /// Its events.
    pub deliveries: Vec<Delivery>,
}

/// What somebody else does to a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForeignAct {
    /// Lets somebody invoke it: only revisions change.
    Permit,
    /// Updates the code of `$LATEST`.
    Code,
    /// Changes the configuration of `$LATEST`.
    Configure,
    /// Points the alias to another version.
    Point,
}

/// When somebody else does something.
#[derive(Debug, Clone, Copy)]
pub enum When {
    /// So long after the beginning.
    At(Duration),
    /// Just before the so-many-th such call is carried out.
    Before(Op, usize),
}

/// What somebody else is going to do.
#[derive(Debug, Clone)]
pub struct ForeignChange {
    /// When.
    pub when: When,
    /// Where.
    pub place: String,
    /// To which function.
    pub function: String,
    /// What.
    pub act: ForeignAct,
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy)]
pub enum FaultKind {
    /// It is not carried out.
    Fails(CallErrorKind),
    /// It is carried out, and its answer is lost.
    LosesAnswer,
    /// It is carried out, its answer is lost, and it is sent again.
    Twice,
    /// Its answer is lost at once, and it is carried out after so long, whoever lives by then.
    Held(Duration),
    /// The update that it begins ends in state Failed.
    EndsFailed,
}

/// Something that is going to go wrong.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// At which operation.
    pub op: Op,
    /// At the so-many-th call of it.
    pub call: usize,
    /// So many times in a row.
    pub times: usize,
    /// How.
    pub kind: FaultKind,
}

/// An alias `live` with provisioned concurrency.
#[derive(Debug, Clone)]
pub struct ProvisionedAlias {
    /// Where.
    pub place: String,
    /// Of which function.
    pub function: String,
    /// How long Lambda keeps the traffic where it was.
    pub takes: Duration,
    /// The traffic never moves, for the new version cannot be started.
    pub fails: bool,
}

/// All that is known before the first event.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its odds.
    pub odds: Odds,
    /// The environments.
    pub environments: Vec<Environment>,
    /// The functions.
    pub functions: Vec<String>,
    /// The functions that are there already, by place.
    pub existing: Vec<(String, String)>,
    /// The uploads, in their order.
    pub uploads: Vec<Upload>,
    /// What is commanded by hand, in its order.
    pub commands: Vec<PlannedCommand>,
    /// The promotions that are asked for by events, in their order.
    pub requests: Vec<Request>,
    /// There is a bus that hears of what happens.
    pub has_bus: bool,
    /// What somebody else does.
    pub foreign_changes: Vec<ForeignChange>,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// Some invocations are a newer deployer's, which raises the format of heads so.
    pub versions: Option<Raises>,
    /// The aliases with provisioned concurrency.
    pub provisioned: Vec<ProvisionedAlias>,
    /// The accounts that refuse everything for a time.
    pub closed: Vec<ClosedAccount>,
    /// The ledger is away from then, for so long.
    pub outage: Option<(Duration, Duration)>,
    /// How long an invocation may take.
    pub time: Duration,
    /// How long an update takes.
    pub settling: Duration,
    /// When the world heals.
    pub heals: Duration,
}

impl Scenario {
    /// Whether a write can take effect after whoever sent it has been succeeded.
    #[must_use]
    pub fn has_late_writes(&self) -> bool {
        self.odds.stops > 0 || self.faults.iter().any(|fault| matches!(fault.kind, FaultKind::Held(_)))
    }

    /// Whether artifacts come from one environment into another.
    #[must_use]
    pub fn promotes(&self) -> bool {
        self.environments.iter().any(|environment| environment.rules.is_some())
    }
}
