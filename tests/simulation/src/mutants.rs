//! Mutants: bugs that are planted to prove that the simulator would find them. Each breaks one rule of the ledger's
//! protocol from outside, between the engine and its ports. The product has no switch for any of them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use deployer_engine::Ports;
use deployer_engine::port::Events;

use super::faulty_functions::FaultySessions;
use super::faulty_heads::FaultyHeads;
use super::faulty_ports::{ConstantRng, FaultyLedger, StoppedClock};
use super::faulty_readers::{LossyEvents, SharedPast, wrap};
use super::faulty_rollouts::FaultyRollouts;
use super::faulty_watches::FaultyWatches;
use super::focus::Focus;

macro_rules! mutants {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal, $focus:expr;)*) => {
        /// A planted bug, named by what it breaks.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Mutant {
            $($(#[doc = $doc])* $name,)*
        }

        impl Mutant {
            /// All mutants.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Returns its name on the command line.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Returns the focus of the schedules that find it soon.
            #[must_use]
            pub fn focus(self) -> Option<Focus> {
                match self { $(Self::$name => $focus,)* }
            }

            /// Returns the rule that it breaks, in a line.
            #[must_use]
            pub fn description(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),*).trim_ascii(),)* }
            }
        }
    };
}

mutants! {
    /// Heads are replaced whatever is there: no If-Match.
    HeadsReplacedBlindly = "heads-replaced-blindly", None;
    /// Heads are created whatever is there: no If-None-Match.
    HeadsCreatedBlindly = "heads-created-blindly", Some(Focus::Order);
    /// Records are created whatever is there: no If-None-Match, so an ended record is changed.
    RecordsCreatedBlindly = "records-created-blindly", Some(Focus::Order);
    /// After a lost race the same head is sent again with the new ETag, without a new decision.
    SameHeadAgain = "same-head-again", None;
    /// Every lease counts as expired.
    LeasesIgnored = "leases-ignored", None;
    /// A lease never expires.
    LeasesForEver = "leases-for-ever", None;
    /// Every random token is the same.
    TokensRepeat = "tokens-repeat", Some(Focus::Order);
    /// Uploads are ordered by the arrival of their events.
    OrderByArrival = "order-by-arrival", None;
    /// The head forgets its mark.
    MarkForgotten = "mark-forgotten", None;
    /// The head forgets the requests that it knows.
    RequestsForgotten = "requests-forgotten", None;
    /// The outbox is emptied as the head is written: what an end calls for is lost if the process dies.
    OutboxEmptied = "outbox-emptied", Some(Focus::Deaths);
    /// Pending requests are not written.
    PendingDropped = "pending-dropped", None;
    /// No markers are written, so the sweep finds nothing.
    MarkersForgotten = "markers-forgotten", Some(Focus::LostMessages);
    /// Results are not written.
    ResultsForgotten = "results-forgotten", None;
    /// The wall clock stands still within an invocation: a process that was frozen writes late.
    ClockStandsStill = "clock-stands-still", Some(Focus::Slow);
    /// A version counts as active at once.
    ActiveAtOnce = "active-at-once", None;
    /// Writes name the newest revision instead of the one that was read.
    NewestRevision = "newest-revision", Some(Focus::ForeignChanges);
    /// A write to Lambda without an answer is sent again without looking.
    SentAgainUnseen = "sent-again-unseen", Some(Focus::LostAnswers);
    /// Some messages about uploads are acked unhandled.
    UploadsDropped = "uploads-dropped", None;
    /// Some uploads are ignored as none of ours.
    UploadsIgnored = "uploads-ignored", None;
    /// Sequencers do not count where two uploads have the same time.
    SequencersIgnored = "sequencers-ignored", Some(Focus::Order);
    /// The marker is written after the head that it must lead to.
    MarkersAfterHeads = "markers-after-heads", Some(Focus::LostMessages);
    /// The head is neither read nor written again before an alias moves.
    NoSecondReading = "no-second-reading", None;
    /// A command gets another id each time that it is given.
    IdsRedrawn = "ids-redrawn", Some(Focus::Commands);
    /// Some commands count as done unhandled.
    CommandsDropped = "commands-dropped", Some(Focus::Commands);
    /// The head forgets the holds that were carried out.
    ObeyedForgotten = "obeyed-forgotten", Some(Focus::CommandDeaths);
    /// Pending commands are not written.
    CommandsNotKept = "commands-not-kept", Some(Focus::Commands);
    /// A command leaves no floor in the order of uploads.
    CommandsUnmarked = "commands-unmarked", Some(Focus::Commands);
    /// Rejects are ignored.
    RejectsIgnored = "rejects-ignored", Some(Focus::Commands);
    /// Rejects are read once, and never again.
    RejectsReadOnce = "rejects-read-once", Some(Focus::Commands);
    /// A deployment never learns that it was asked to stop.
    StopsUnheard = "stops-unheard", Some(Focus::Commands);
    /// A head reads as if it were not held.
    HoldsIgnored = "holds-ignored", Some(Focus::Commands);
    /// The history is read in another order.
    HistoryTurned = "history-turned", Some(Focus::Commands);
    /// The `left` entries are forgotten.
    LeftForgotten = "left-forgotten", Some(Focus::Commands);
    /// An invocation that resumes a command resolves its artifact again.
    ResolvedForgotten = "resolved-forgotten", Some(Focus::CommandDeaths);
    /// The sweep does nothing.
    SweepDoesNothing = "sweep-does-nothing", Some(Focus::LostMessages);
    /// A replay from an archive is not marked as one.
    ReplaysUnmarked = "replays-unmarked", Some(Focus::Promotions);
    /// A promotion event gets another id each time that it arrives.
    EventsRenamed = "events-renamed", Some(Focus::Promotions);
    /// Under the claim of a promotion the source reads as it was before its last deployment.
    SourcesAsTheyWere = "sources-as-they-were", Some(Focus::Promotions);
    /// The evaluation of a promotion does not see rejects; the check before an alias moves does.
    RejectsHidden = "rejects-hidden", Some(Focus::PromotionFaults);
    /// Promotions that wait for approvals read as if somebody had approved them.
    ApprovalsInvented = "approvals-invented", Some(Focus::Promotions);
    /// Promotions that wait read as if somebody had given a reason to override a freeze.
    OverridesInvented = "overrides-invented", Some(Focus::Promotions);
    /// The clock runs ahead while promotions are judged.
    ClockRunsAhead = "clock-runs-ahead", Some(Focus::Promotions);
    /// Waiting promotions are not written.
    WaitingDropped = "waiting-dropped", Some(Focus::Promotions);
    /// Some promotion events are ignored, as if nobody knew their function.
    KnownRequestsIgnored = "known-requests-ignored", Some(Focus::Promotions);
    /// A success requests no promotion.
    PromotionsUncalled = "promotions-uncalled", Some(Focus::Promotions);
    /// Some events count as sent unsent.
    EventsSwallowed = "events-swallowed", Some(Focus::Promotions);
    /// The evaluation of a promotion does not see rollbacks.
    RolledBackUnseen = "rolled-back-unseen", Some(Focus::Promotions);
    /// An artifact that reached only some targets does not become live.
    LiveFrozen = "live-frozen", Some(Focus::LostAnswers);
    /// A rollback forgets which deployment it met.
    UndoesForgotten = "undoes-forgotten", Some(Focus::Incidents);
    /// A pending redeploy displaces the requests that were pending before it.
    RedeploysDisplace = "redeploys-displace", Some(Focus::Commands);
    /// A rollback takes a live release that did not reach every target for the one before.
    LiveBroughtBack = "live-brought-back", Some(Focus::ClosedAccounts);
    /// Preconditions of rollbacks are lost on their way.
    PreconditionsIgnored = "preconditions-ignored", Some(Focus::Incidents);
    /// A rollback does not see another open rollback.
    RollbacksApart = "rollbacks-apart", Some(Focus::Incidents);
    /// The fields of a newer deployer are dropped when an object is rewritten.
    FieldsDropped = "fields-dropped", Some(Focus::Versions);
    /// A newer format is ignored.
    NewerActedOn = "newer-acted-on", Some(Focus::Versions);
    /// A decided group reads as undecided.
    GroupDecidedTwice = "group-decided-twice", Some(Focus::Groups);
    /// A group whose members take their places reads as decided, so each member moves once it has its place.
    MembersDecide = "members-decide", Some(Focus::Groups);
    /// A group whose members roll out reads as if all had passed.
    MembersLiveAlone = "members-live-alone", Some(Focus::RolloutGroups);
    /// The traffic that stays on the former version is hidden.
    TrafficUnwatched = "traffic-unwatched", Some(Focus::Provisioned);
    /// A door counts as shut while it is open.
    DoorsLeftOpen = "doors-left-open", Some(Focus::Held);
    /// A target that has left the configuration counts as if it were there.
    GoneUnnoticed = "gone-unnoticed", Some(Focus::Rollouts);
    /// A rollout that goes back reads as if its aliases served the old version.
    WayBackAssumed = "way-back-assumed", Some(Focus::Rollouts);
    /// The time of a step runs from its intent.
    StepsFromIntent = "steps-from-intent", Some(Focus::Rollouts);
    /// A rollout that waits no more does not hear an abort.
    FinishDeaf = "finish-deaf", Some(Focus::Rollouts);
    /// A step that nobody has confirmed is taken once more.
    StepTakenTwice = "step-taken-twice", Some(Focus::Rollouts);
    /// The time of a step reads as over.
    StepsCutShort = "steps-cut-short", Some(Focus::Rollouts);
    /// A look reads no metrics.
    LooksSkipped = "looks-skipped", Some(Focus::Rollouts);
    /// Metrics that cannot be read count as none.
    MissingCountsAsNone = "missing-counts-as-none", Some(Focus::Rollouts);
    /// A look reads no metrics of a version that has all traffic.
    WatchesSkipped = "watches-skipped", Some(Focus::Rollouts);
    /// The errors of the new version count as none.
    ErrorsUnseen = "errors-unseen", Some(Focus::Rollouts);
    /// A smoke test without an answer is sent again, as an SDK does by itself.
    SmokeSentTwice = "smoke-sent-twice", Some(Focus::Rollouts);
}

impl Mutant {
    /// Puts the mutant between an invocation's engine and its ports.
    #[must_use]
    pub(super) fn decorate(self, mut ports: Ports, past: &SharedPast) -> Ports {
        match self {
            Self::SourcesAsTheyWere
            | Self::RejectsHidden
            | Self::ApprovalsInvented
            | Self::OverridesInvented
            | Self::ClockRunsAhead
            | Self::WaitingDropped
            | Self::RolledBackUnseen
            | Self::PromotionsUncalled => return wrap(ports, Some(self), past),
            Self::EventsSwallowed => {
                ports.events = ports.events.map(|events| Arc::new(LossyEvents::new(events, past)) as Arc<dyn Events>);
            }
            Self::OrderByArrival
            | Self::SweepDoesNothing
            | Self::GoneUnnoticed
            | Self::UploadsDropped
            | Self::UploadsIgnored
            | Self::IdsRedrawn
            | Self::PreconditionsIgnored
            | Self::ReplaysUnmarked
            | Self::EventsRenamed
            | Self::KnownRequestsIgnored
            | Self::CommandsDropped => {}
            Self::TokensRepeat => ports.rng = Arc::new(ConstantRng),
            Self::ClockStandsStill => ports.clock = Arc::new(StoppedClock::stopped(ports.clock)),
            Self::ActiveAtOnce
            | Self::NewestRevision
            | Self::SentAgainUnseen
            | Self::TrafficUnwatched
            | Self::DoorsLeftOpen => {
                ports.sessions = Arc::new(FaultySessions::new(ports.sessions, Some(self)));
            }
            Self::LiveBroughtBack
            | Self::RollbacksApart
            | Self::FieldsDropped
            | Self::NewerActedOn
            | Self::GroupDecidedTwice
            | Self::MembersDecide
            | Self::MembersLiveAlone => {
                ports.ledger = Arc::new(FaultyHeads::new(ports.ledger, Some(self), past));
            }
            Self::WayBackAssumed
            | Self::StepsFromIntent
            | Self::FinishDeaf
            | Self::StepTakenTwice
            | Self::StepsCutShort => {
                ports.ledger = Arc::new(FaultyRollouts::new(ports.ledger, Some(self)));
            }
            Self::LooksSkipped
            | Self::MissingCountsAsNone
            | Self::WatchesSkipped
            | Self::ErrorsUnseen
            | Self::SmokeSentTwice => {
                ports.rollouts = ports.rollouts.map(|gate| Arc::new(FaultyWatches::new(gate, Some(self))) as _);
            }
            _ => ports.ledger = Arc::new(FaultyLedger::new(ports.ledger, Some(self))),
        }
        ports
    }
}

/// Puts all faulty ports between an engine and its ports, without a mutant.
#[must_use]
pub(super) fn decorate_neutrally(mut ports: Ports, past: &SharedPast) -> Ports {
    ports.sessions = Arc::new(FaultySessions::new(ports.sessions, None));
    ports.ledger = Arc::new(FaultyLedger::new(ports.ledger, None));
    ports.ledger = Arc::new(FaultyHeads::new(ports.ledger, None, past));
    ports.ledger = Arc::new(FaultyRollouts::new(ports.ledger, None));
    ports.rollouts = ports.rollouts.map(|gate| Arc::new(FaultyWatches::new(gate, None)) as _);
    wrap(ports, None, past)
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Mutant {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|mutant| mutant.name() == text).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|mutant| mutant.name()).collect();
            format!("no bug of this name; there are {}", names.join(", "))
        })
    }
}
