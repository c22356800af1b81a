//! What a schedule is about, and how likely that makes what can happen in it.

/// What a schedule has more of than others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Focus {
    /// A little of everything.
    Mixed,
    /// Uploads close together whose events arrive reordered.
    Order,
    /// Invocations that die.
    Deaths,
    /// Somebody else who writes to the functions.
    Foreigners,
    /// Updates that take longer than an invocation may, and processes that freeze.
    Slow,
    /// A ledger that loses answers, meets its own echo, or cannot be reached.
    Ledger,
    /// Messages that are lost.
    Losses,
    /// Calls to Lambda that fail, or whose answers are lost.
    Answers,
    /// Commands by hand, one upon the other.
    Commands,
    /// Commands, and invocations that die over them.
    Upheaval,
    /// Promotions from environment to environment.
    Promotions,
    /// Promotions, and all that can go wrong meanwhile.
    Straits,
    /// Accounts that refuse everything, for good or until they are healed or taken out of the configuration.
    Suspended,
    /// Several people who roll back one incident.
    Incidents,
    /// Deployers of two versions on one ledger.
    Versions,
    /// Promotions of several functions together.
    Groups,
    /// Aliases with provisioned concurrency, whose traffic moves late or never.
    Provisioned,
    /// Writes that are held on their way, and processes that are frozen as they are about to send one.
    Held,
}

impl Focus {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Mixed,
        Self::Order,
        Self::Deaths,
        Self::Foreigners,
        Self::Slow,
        Self::Ledger,
        Self::Losses,
        Self::Answers,
        Self::Commands,
        Self::Upheaval,
        Self::Promotions,
        Self::Straits,
        Self::Suspended,
        Self::Incidents,
        Self::Versions,
        Self::Groups,
        Self::Provisioned,
        Self::Held,
    ];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    /// The focus of a seed, where none is asked for.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        Self::ALL[usize::try_from(seed % Self::ALL.len() as u64).unwrap_or_default()]
    }
}

/// How likely what is, in percent.
#[derive(Debug, Clone, Copy)]
pub struct Odds {
    /// An upload follows closely on the one before.
    pub burst: u64,
    /// An event takes long.
    pub late: u64,
    /// An invocation dies.
    pub death: u64,
    /// A message is lost after its first delivery.
    pub loss: u64,
    /// A tick is lost, doubled, or late.
    pub bad_tick: u64,
    /// A process freezes.
    pub freeze: u64,
    /// Updates take long.
    pub slow: u64,
    /// How many foreign acts there are at most.
    pub foreign_changes: usize,
    /// How many faults of the ledger there are at most.
    pub ledger_faults: usize,
    /// How many faults of the targets there are at most.
    pub lambda_faults: usize,
    /// The ledger is away for a while.
    pub outage: u64,
    /// Anything is commanded by hand.
    pub commanded: u64,
    /// How many commands there are at most.
    pub max_commands: usize,
    /// Artifacts go from environment to environment.
    pub promotes: bool,
    /// An account refuses everything from some time on.
    pub closed: u64,
    /// Several people roll back at once, each by what they have seen.
    pub incidents: u64,
    /// Some of the invocations are a newer deployer's.
    pub newer: u64,
    /// Most promotions are asked for several functions together.
    pub groups: bool,
    /// An alias has provisioned concurrency.
    pub provisioned: u64,
    /// How many writes are held on their way at most.
    pub held: usize,
    /// A process freezes as it is about to send a call.
    pub stops: u64,
}

impl Odds {
    pub(super) fn of(focus: Focus) -> Self {
        let calm = Self {
            burst: 40,
            late: 15,
            death: 8,
            loss: 3,
            bad_tick: 10,
            freeze: 1,
            slow: 5,
            foreign_changes: 0,
            ledger_faults: 1,
            lambda_faults: 1,
            outage: 2,
            commanded: 20,
            max_commands: 2,
            promotes: false,
            closed: 0,
            incidents: 0,
            newer: 0,
            groups: false,
            provisioned: 0,
            held: 0,
            stops: 0,
        };
        match focus {
            Focus::Mixed => {
                Self { death: 15, freeze: 3, foreign_changes: 1, lambda_faults: 3, ledger_faults: 2, ..calm }
            }
            Focus::Order => Self { burst: 80, late: 40, ..calm },
            Focus::Deaths => Self { death: 45, burst: 60, loss: 10, ..calm },
            Focus::Foreigners => Self { foreign_changes: 5, ..calm },
            Focus::Slow => Self { slow: 70, freeze: 20, burst: 60, ..calm },
            Focus::Ledger => Self { ledger_faults: 6, outage: 40, burst: 60, ..calm },
            Focus::Losses => Self { loss: 50, bad_tick: 60, death: 25, burst: 60, ..calm },
            Focus::Answers => Self { lambda_faults: 7, ..calm },
            Focus::Commands => Self { commanded: 100, max_commands: 6, burst: 50, late: 30, ..calm },
            Focus::Upheaval => Self {
                commanded: 100,
                max_commands: 5,
                death: 35,
                bad_tick: 25,
                foreign_changes: 1,
                slow: 20,
                ledger_faults: 3,
                ..calm
            },
            Focus::Promotions => Self { promotes: true, commanded: 60, max_commands: 4, late: 25, ..calm },
            Focus::Straits => Self {
                promotes: true,
                commanded: 60,
                max_commands: 4,
                death: 25,
                loss: 10,
                bad_tick: 25,
                freeze: 3,
                slow: 8,
                foreign_changes: 1,
                ledger_faults: 4,
                lambda_faults: 2,
                outage: 10,
                ..calm
            },
            Focus::Suspended => Self {
                closed: 95,
                commanded: 75,
                max_commands: 5,
                lambda_faults: 2,
                foreign_changes: 1,
                slow: 8,
                ..calm
            },
            Focus::Incidents => Self {
                incidents: 90,
                commanded: 40,
                max_commands: 3,
                death: 15,
                bad_tick: 15,
                slow: 15,
                ledger_faults: 2,
                closed: 10,
                ..calm
            },
            Focus::Versions => {
                Self { newer: 100, commanded: 75, max_commands: 5, death: 20, burst: 60, ledger_faults: 2, ..calm }
            }
            Focus::Groups => Self {
                promotes: true,
                groups: true,
                newer: 12,
                commanded: 55,
                max_commands: 3,
                death: 12,
                bad_tick: 15,
                slow: 10,
                foreign_changes: 1,
                ledger_faults: 2,
                ..calm
            },
            Focus::Provisioned => Self {
                provisioned: 85,
                commanded: 50,
                max_commands: 4,
                death: 12,
                bad_tick: 15,
                ledger_faults: 2,
                ..calm
            },
            Focus::Held => Self { held: 4, stops: 20, commanded: 60, max_commands: 4, death: 12, burst: 60, ..calm },
        }
    }
}

impl std::str::FromStr for Focus {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|focus| focus.name() == text).ok_or_else(|| {
            let names: Vec<String> = Self::ALL.iter().map(|focus| focus.name()).collect();
            format!("nothing of this name; there are {}", names.join(", "))
        })
    }
}
