//! Bugs that are planted to prove that the simulator would find them. Each breaks one rule of the ledger's protocol from
//! outside, between the engine and its ports: the product has no switch for any of them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use deployer_engine::Ports;
use deployer_engine::port::Events;

use super::faulty_functions::BadGate;
use super::faulty_heads::FaultyHeads;
use super::focus::Focus;
use super::misleading::{BadEvents, Past, mislead};
use super::sabotage::{BadChance, BadClock, BadLedger};

macro_rules! planted {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal, $focus:expr;)*) => {
        /// A planted bug, named by what it breaks.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Planted {
            $($(#[doc = $doc])* $name,)*
        }

        impl Planted {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name on the command line.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What the schedules must have more of for it to show soon.
            #[must_use]
            pub fn focus(self) -> Option<Focus> {
                match self { $(Self::$name => $focus,)* }
            }

            /// Which rule it breaks, in a line.
            #[must_use]
            pub fn description(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),*).trim_ascii(),)* }
            }
        }
    };
}

planted! {
    /// Heads are replaced whatever is there: no If-Match.
    HeadsReplacedBlindly = "heads-replaced-blindly", None;
    /// Heads are created whatever is there: no If-None-Match.
    HeadsCreatedBlindly = "heads-created-blindly", Some(Focus::Order);
    /// Records are created whatever is there: no If-None-Match, so an ended record is changed.
    RecordsCreatedBlindly = "records-created-blindly", Some(Focus::Order);
    /// After a lost race the same head is sent again with the new ETag, and nothing is decided again.
    SameHeadAgain = "same-head-again", None;
    /// A lease counts as over at once.
    LeasesIgnored = "leases-ignored", None;
    /// A lease never ends.
    LeasesForEver = "leases-for-ever", None;
    /// Claims and markers draw the same token at the same time.
    TokensRepeat = "tokens-repeat", Some(Focus::Order);
    /// Uploads are ordered by when their event arrives.
    OrderByArrival = "order-by-arrival", None;
    /// The head forgets its mark.
    MarkForgotten = "mark-forgotten", None;
    /// The head forgets which requests it knows.
    RequestsForgotten = "requests-forgotten", None;
    /// The outbox is emptied as the head is written: what follows from an end is lost with the process.
    OutboxEmptied = "outbox-emptied", Some(Focus::Deaths);
    /// What waits is not written down.
    PendingDropped = "pending-dropped", None;
    /// No markers are put down, so the sweep finds nothing.
    MarkersForgotten = "markers-forgotten", Some(Focus::Losses);
    /// Results are not written.
    ResultsForgotten = "results-forgotten", None;
    /// The wall clock stands still within an invocation: a process that was frozen writes late.
    ClockStandsStill = "clock-stands-still", Some(Focus::Slow);
    /// A version is taken for active at once.
    ActiveAtOnce = "active-at-once", None;
    /// Writes are sent on whatever revision is the newest.
    NewestRevision = "newest-revision", Some(Focus::Foreigners);
    /// A write to Lambda that got no answer is sent again, and nobody looks.
    SentAgainUnseen = "sent-again-unseen", Some(Focus::Answers);
    /// Some messages about uploads are acked, and nobody has seen them.
    UploadsDropped = "uploads-dropped", None;
    /// Some uploads are taken for none of ours, although others know them.
    UploadsIgnored = "uploads-ignored", None;
    /// At one time the sequencer counts for nothing.
    SequencersIgnored = "sequencers-ignored", Some(Focus::Order);
    /// The marker is put down after the head that it shall lead to.
    MarkersAfterHeads = "markers-after-heads", Some(Focus::Losses);
    /// The head is neither read nor written a second time before an alias moves.
    NoSecondReading = "no-second-reading", None;
    /// Every time that a command is given it has another id.
    IdsRedrawn = "ids-redrawn", Some(Focus::Commands);
    /// Some commands are taken for done, and nobody has seen them.
    CommandsDropped = "commands-dropped", Some(Focus::Commands);
    /// The head forgets which holds were carried out.
    ObeyedForgotten = "obeyed-forgotten", Some(Focus::Commands);
    /// A command that waits is not written down.
    CommandsNotKept = "commands-not-kept", Some(Focus::Commands);
    /// A command leaves no mark in the order of uploads.
    CommandsUnmarked = "commands-unmarked", Some(Focus::Commands);
    /// What is rejected is not looked at.
    RejectsIgnored = "rejects-ignored", Some(Focus::Commands);
    /// What is rejected is read once, and never again.
    RejectsReadOnce = "rejects-read-once", Some(Focus::Commands);
    /// A deployment never hears that it shall stop.
    StopsUnheard = "stops-unheard", Some(Focus::Commands);
    /// A head reads as if it were not held.
    HoldsIgnored = "holds-ignored", Some(Focus::Commands);
    /// What was live before is read in another order.
    HistoryTurned = "history-turned", Some(Focus::Commands);
    /// What was rolled back from is forgotten.
    LeftForgotten = "left-forgotten", Some(Focus::Commands);
    /// Who takes a command over finds out anew what it is about.
    ChosenForgotten = "chosen-forgotten", Some(Focus::Upheaval);
    /// The sweep does nothing.
    SweepDoesNothing = "sweep-does-nothing", Some(Focus::Losses);
    /// An event that is played again from an archive does not say so.
    ReplaysUnmarked = "replays-unmarked", Some(Focus::Promotions);
    /// Every time that a promotion is asked for by an event, that has another id.
    EventsRenamed = "events-renamed", Some(Focus::Promotions);
    /// Whoever judges a promotion under its claim sees the source as it was before the last deployment there.
    SourcesAsTheyWere = "sources-as-they-were", Some(Focus::Promotions);
    /// Whoever judges a promotion does not see what is rejected; whoever looks again before an alias moves does.
    RejectsHidden = "rejects-hidden", Some(Focus::Promotions);
    /// Promotions that wait for approvals read as if somebody had approved them.
    ApprovalsInvented = "approvals-invented", Some(Focus::Promotions);
    /// Promotions that wait read as if somebody had given a reason to override a freeze.
    OverridesInvented = "overrides-invented", Some(Focus::Promotions);
    /// The clock runs ahead while promotions are judged.
    ClockRunsAhead = "clock-runs-ahead", Some(Focus::Promotions);
    /// Promotions that wait are not written down.
    WaitingDropped = "waiting-dropped", Some(Focus::Promotions);
    /// A success calls for nothing.
    PromotionsUncalled = "promotions-uncalled", Some(Focus::Promotions);
    /// Some events are taken for sent, and never were.
    EventsSwallowed = "events-swallowed", Some(Focus::Promotions);
    /// What was rolled back is not seen by whoever judges a promotion.
    RolledBackUnseen = "rolled-back-unseen", Some(Focus::Promotions);
    /// What reached some targets only does not become live.
    LiveFrozen = "live-frozen", Some(Focus::Answers);
    /// A rollback forgets which deployment it met.
    UndoesForgotten = "undoes-forgotten", Some(Focus::Commands);
    /// A redeploy that waits takes the place of what waited before it.
    RedeploysDisplace = "redeploys-displace", Some(Focus::Commands);
    /// A rollback takes what is live, and did not reach every target, for what was live before.
    LiveBroughtBack = "live-brought-back", Some(Focus::Suspended);
    /// What people say that they have seen is lost on its way.
    PreconditionsIgnored = "preconditions-ignored", Some(Focus::Incidents);
    /// A rollback does not see that another one is open.
    RollbacksApart = "rollbacks-apart", Some(Focus::Incidents);
    /// What a newer deployer has said is dropped from what is rewritten.
    FieldsDropped = "fields-dropped", Some(Focus::Versions);
    /// A newer format counts for nothing.
    NewerActedOn = "newer-acted-on", Some(Focus::Versions);
    /// A group that is decided reads as if it were not.
    GroupDecidedTwice = "group-decided-twice", Some(Focus::Groups);
    /// A group whose members take their places reads as decided: whoever has its place goes.
    MembersDecide = "members-decide", Some(Focus::Groups);
    /// The part of the traffic that stays behind goes unseen.
    TrafficUnwatched = "traffic-unwatched", Some(Focus::Provisioned);
    /// A door is taken for shut, and is not.
    DoorsLeftOpen = "doors-left-open", Some(Focus::Held);
}

impl Planted {
    /// Puts it between an invocation's engine and its ports.
    #[must_use]
    pub(super) fn between(self, mut ports: Ports, past: &Past) -> Ports {
        match self {
            Self::SourcesAsTheyWere
            | Self::RejectsHidden
            | Self::ApprovalsInvented
            | Self::OverridesInvented
            | Self::ClockRunsAhead
            | Self::WaitingDropped
            | Self::RolledBackUnseen
            | Self::PromotionsUncalled => return mislead(ports, Some(self), past),
            Self::EventsSwallowed => {
                ports.events = ports.events.map(|events| Arc::new(BadEvents::new(events, past)) as Arc<dyn Events>);
            }
            Self::OrderByArrival
            | Self::SweepDoesNothing
            | Self::UploadsDropped
            | Self::UploadsIgnored
            | Self::IdsRedrawn
            | Self::PreconditionsIgnored
            | Self::ReplaysUnmarked
            | Self::EventsRenamed
            | Self::CommandsDropped => {}
            Self::TokensRepeat => ports.rng = Arc::new(BadChance),
            Self::ClockStandsStill => ports.clock = Arc::new(BadClock::stopped(ports.clock)),
            Self::ActiveAtOnce
            | Self::NewestRevision
            | Self::SentAgainUnseen
            | Self::TrafficUnwatched
            | Self::DoorsLeftOpen => {
                ports.sessions = Arc::new(BadGate::new(ports.sessions, Some(self)));
            }
            Self::LiveBroughtBack
            | Self::RollbacksApart
            | Self::FieldsDropped
            | Self::NewerActedOn
            | Self::GroupDecidedTwice
            | Self::MembersDecide => {
                ports.ledger = Arc::new(FaultyHeads::new(ports.ledger, Some(self), past));
            }
            _ => ports.ledger = Arc::new(BadLedger::new(ports.ledger, Some(self))),
        }
        ports
    }
}

/// Puts between an engine and its ports what the planted bugs are made with, and no bug.
#[must_use]
pub(super) fn none(mut ports: Ports, past: &Past) -> Ports {
    ports.sessions = Arc::new(BadGate::new(ports.sessions, None));
    ports.ledger = Arc::new(BadLedger::new(ports.ledger, None));
    ports.ledger = Arc::new(FaultyHeads::new(ports.ledger, None, past));
    mislead(ports, None, past)
}

impl fmt::Display for Planted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Planted {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|planted| planted.name() == text).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|planted| planted.name()).collect();
            format!("no bug of this name; there are {}", names.join(", "))
        })
    }
}
