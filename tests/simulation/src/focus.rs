//! The focus of a schedule, and the odds that it gives to each kind of event.

/// The kind of event that a schedule has more of than others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Focus {
    /// A little of everything.
    Mixed,
    /// Uploads close together whose events arrive out of order.
    Order,
    /// Invocations that die.
    Deaths,
    /// Foreign changes to the functions.
    ForeignChanges,
    /// Updates that take longer than an invocation may run, and processes that freeze.
    Slow,
    /// A ledger that loses answers, answers a second try with 412, or is unavailable.
    Ledger,
    /// Messages that are lost.
    LostMessages,
    /// Calls to Lambda that fail, or whose answers are lost.
    LostAnswers,
    /// Many commands by hand, close together.
    Commands,
    /// Commands, and invocations that die while carrying them out.
    CommandDeaths,
    /// Promotions from environment to environment.
    Promotions,
    /// Promotions together with every kind of fault.
    PromotionFaults,
    /// Accounts that refuse every call, for good or until they open again or leave the configuration.
    ClosedAccounts,
    /// Several people who roll back one incident.
    Incidents,
    /// Deployers of two versions on one ledger.
    Versions,
    /// Promotions of several functions together.
    Groups,
    /// Aliases with provisioned concurrency, whose traffic moves late or never.
    Provisioned,
    /// Writes that are held on their way, and processes that freeze just before they send one.
    Held,
    /// Rollouts, with every kind of fault. No seed has this focus by itself.
    Rollouts,
    /// Rollouts of several functions that are promoted together. No seed has this focus by itself.
    RolloutGroups,
}

impl Focus {
    /// The focuses that seeds have.
    pub const ALL: [Self; 18] = [
        Self::Mixed,
        Self::Order,
        Self::Deaths,
        Self::ForeignChanges,
        Self::Slow,
        Self::Ledger,
        Self::LostMessages,
        Self::LostAnswers,
        Self::Commands,
        Self::CommandDeaths,
        Self::Promotions,
        Self::PromotionFaults,
        Self::ClosedAccounts,
        Self::Incidents,
        Self::Versions,
        Self::Groups,
        Self::Provisioned,
        Self::Held,
    ];

    /// Returns its name on the command line, such as `lost-messages`.
    #[must_use]
    pub fn name(self) -> String {
        let mut name = String::new();
        for letter in format!("{self:?}").chars() {
            if letter.is_ascii_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.push(letter.to_ascii_lowercase());
        }
        name
    }

    /// Returns the focus of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        Self::ALL[usize::try_from(seed % Self::ALL.len() as u64).unwrap_or_default()]
    }
}

/// The odds of each kind of event: percentages, maximal counts and switches.
#[derive(Debug, Clone, Copy)]
pub struct Odds {
    /// An upload closely follows the one before.
    pub burst: u64,
    /// An event arrives late.
    pub late: u64,
    /// An invocation dies.
    pub death: u64,
    /// A message is lost after its first delivery.
    pub loss: u64,
    /// A tick is lost, doubled, or late.
    pub bad_tick: u64,
    /// A process freezes while it waits for an answer.
    pub freeze: u64,
    /// Updates take long.
    pub slow: u64,
    /// The maximal number of foreign changes.
    pub foreign_changes: usize,
    /// The maximal number of faults of the ledger.
    pub ledger_faults: usize,
    /// The maximal number of faults in target accounts.
    pub lambda_faults: usize,
    /// The ledger is unavailable for a while.
    pub outage: u64,
    /// There are commands by hand.
    pub commanded: u64,
    /// The maximal number of commands.
    pub max_commands: usize,
    /// True if artifacts are promoted from environment to environment.
    pub promotes: bool,
    /// An account begins to refuse every call.
    pub closed: u64,
    /// Several people roll back at once, each with preconditions.
    pub incidents: u64,
    /// Some of the invocations are a newer deployer's.
    pub newer: u64,
    /// True if most requests ask for several functions together.
    pub groups: bool,
    /// An alias has provisioned concurrency.
    pub provisioned: u64,
    /// True if every environment has a rollout.
    pub rollouts: bool,
    /// The maximal number of writes that are held on their way.
    pub held: usize,
    /// A process freezes just before it sends a call.
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
            rollouts: false,
            held: 0,
            stops: 0,
        };
        match focus {
            Focus::Mixed => {
                Self { death: 15, freeze: 3, foreign_changes: 1, lambda_faults: 3, ledger_faults: 2, ..calm }
            }
            Focus::Order => Self { burst: 80, late: 40, ..calm },
            Focus::Deaths => Self { death: 45, burst: 60, loss: 10, ..calm },
            Focus::ForeignChanges => Self { foreign_changes: 5, ..calm },
            Focus::Slow => Self { slow: 70, freeze: 20, burst: 60, ..calm },
            Focus::Ledger => Self { ledger_faults: 6, outage: 40, burst: 60, ..calm },
            Focus::LostMessages => Self { loss: 50, bad_tick: 60, death: 25, burst: 60, ..calm },
            Focus::LostAnswers => Self { lambda_faults: 7, ..calm },
            Focus::Commands => Self { commanded: 100, max_commands: 6, burst: 50, late: 30, ..calm },
            Focus::CommandDeaths => Self {
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
            Focus::PromotionFaults => Self {
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
            Focus::ClosedAccounts => Self {
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
            Focus::Rollouts => Self {
                rollouts: true,
                commanded: 80,
                max_commands: 4,
                death: 12,
                loss: 8,
                bad_tick: 25,
                freeze: 2,
                ledger_faults: 4,
                lambda_faults: 3,
                outage: 5,
                held: 1,
                stops: 2,
                ..calm
            },
            Focus::RolloutGroups => {
                Self { promotes: true, groups: true, held: 0, stops: 0, ..Self::of(Focus::Rollouts) }
            }
            Focus::Held => Self { held: 4, stops: 20, commanded: 60, max_commands: 4, death: 12, burst: 60, ..calm },
        }
    }
}

impl std::str::FromStr for Focus {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let all = || Self::ALL.iter().copied().chain([Self::Rollouts, Self::RolloutGroups]);
        all().find(|focus| focus.name() == text).ok_or_else(|| {
            let names: Vec<String> = all().map(Self::name).collect();
            format!("nothing of this name; there are {}", names.join(", "))
        })
    }
}
