//! What a schedule begins with and what is going to happen in it, all drawn from the seed before anything happens.
//!
//! Must not know: how it is played, and how it is judged.

use std::time::Duration;

use deployer::port::CallErrorKind;

use super::random::Random;
use crate::world::Op;

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
}

impl Focus {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Mixed,
        Self::Order,
        Self::Deaths,
        Self::Foreigners,
        Self::Slow,
        Self::Ledger,
        Self::Losses,
        Self::Answers,
    ];

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
    pub foreigners: usize,
    /// How many faults of the ledger there are at most.
    pub ledger_faults: usize,
    /// How many faults of the targets there are at most.
    pub lambda_faults: usize,
    /// The ledger is away for a while.
    pub outage: u64,
}

impl Odds {
    fn of(focus: Focus) -> Self {
        let calm = Self {
            burst: 40,
            late: 15,
            death: 8,
            loss: 3,
            bad_tick: 10,
            freeze: 1,
            slow: 5,
            foreigners: 0,
            ledger_faults: 1,
            lambda_faults: 1,
            outage: 2,
        };
        match focus {
            Focus::Mixed => Self { death: 15, freeze: 3, foreigners: 1, lambda_faults: 3, ledger_faults: 2, ..calm },
            Focus::Order => Self { burst: 80, late: 40, ..calm },
            Focus::Deaths => Self { death: 45, burst: 60, loss: 10, ..calm },
            Focus::Foreigners => Self { foreigners: 5, ..calm },
            Focus::Slow => Self { slow: 70, freeze: 20, burst: 60, ..calm },
            Focus::Ledger => Self { ledger_faults: 6, outage: 40, burst: 60, ..calm },
            Focus::Losses => Self { loss: 50, bad_tick: 60, death: 25, burst: 60, ..calm },
            Focus::Answers => Self { lambda_faults: 7, ..calm },
        }
    }
}

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
}

/// What a zip is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
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
pub struct Bytes {
    /// Its kind.
    pub kind: Kind,
    /// Which.
    pub label: u64,
}

/// A door through which the deployer hears of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Door {
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
    /// Through which door.
    pub door: Door,
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
    pub bytes: Bytes,
    /// By how much EventBridge's time is later.
    pub skew: Duration,
    /// Its events.
    pub deliveries: Vec<Delivery>,
}

/// What somebody else does to a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
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
pub struct Foreign {
    /// When.
    pub when: When,
    /// Where.
    pub place: String,
    /// To which function.
    pub function: String,
    /// What.
    pub act: Act,
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy)]
pub enum Mishap {
    /// It is not carried out.
    Fails(CallErrorKind),
    /// It is carried out, and its answer is lost.
    LosesAnswer,
    /// It is carried out, its answer is lost, and it is sent again.
    Twice,
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
    pub mishap: Mishap,
}

/// All that is known before the first event.
#[derive(Debug, Clone)]
pub struct Scene {
    /// Its odds.
    pub odds: Odds,
    /// The environments.
    pub environments: Vec<Environment>,
    /// The functions.
    pub functions: Vec<String>,
    /// The functions that are there already, by place.
    pub there: Vec<(String, String)>,
    /// The uploads, in their order.
    pub uploads: Vec<Upload>,
    /// What somebody else does.
    pub foreigners: Vec<Foreign>,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// The ledger is away from then, for so long.
    pub outage: Option<(Duration, Duration)>,
    /// How long an invocation may take.
    pub time: Duration,
    /// How long an update takes.
    pub settling: Duration,
    /// When the world heals.
    pub heals: Duration,
}

impl Scene {
    /// The scene of a seed.
    #[must_use]
    pub fn of(random: &mut Random, focus: Focus) -> Self {
        let odds = Odds::of(focus);
        let environments = environments(random);
        let functions: Vec<String> =
            ["orders", "users", "stock"][..random.one_of(&[1, 1, 1, 2, 2, 3])].iter().map(|&f| f.to_owned()).collect();
        let mut there = Vec::new();
        for place in environments.iter().flat_map(|environment| &environment.targets) {
            for function in &functions {
                if random.percent(75) {
                    there.push((place.clone(), function.clone()));
                }
            }
        }
        let uploads = uploads(random, &odds, &environments, &functions);
        let last = uploads.last().map_or(Duration::ZERO, |upload| upload.at);
        let foreigners = foreigners(random, &odds, &environments, &functions, last);
        let outage =
            random.percent(odds.outage).then(|| (random.milliseconds(0, 40_000), random.milliseconds(1_000, 90_000)));
        Self {
            faults: faults(random, &odds),
            time: Duration::from_secs(random.one_of(&[120, 120, 300, 300, 900])),
            settling: match random.percent(odds.slow) {
                true => random.milliseconds(20_000, 400_000),
                false => random.milliseconds(50, 4_000),
            },
            heals: last + random.milliseconds(30_000, 200_000),
            odds,
            environments,
            functions,
            there,
            uploads,
            foreigners,
            outage,
        }
    }
}

fn environments(random: &mut Random) -> Vec<Environment> {
    let all = [("dev", ["111111111111", "222222222222"]), ("prod", ["333333333333", "444444444444"])];
    let environment = |(name, accounts): &(&str, [&str; 2]), random: &mut Random| {
        let region = |random: &mut Random| if random.percent(85) { "eu-west-1" } else { "us-east-1" };
        let count = if random.percent(70) { 1 } else { 2 };
        Environment {
            name: (*name).to_owned(),
            targets: accounts[..count].iter().map(|account| format!("{account}/{}", region(random))).collect(),
            accepts: *name == "dev" || random.percent(60),
            immutable: random.percent(8),
            keep_versions: if random.percent(20) { 2 } else { 10 },
        }
    };
    let count = if random.percent(70) { 1 } else { 2 };
    all[..count].iter().map(|one| environment(one, random)).collect()
}

fn uploads(random: &mut Random, odds: &Odds, environments: &[Environment], functions: &[String]) -> Vec<Upload> {
    let mut at = Duration::ZERO;
    let mut uploads: Vec<Upload> = Vec::new();
    for label in 1..=random.between(2, 6) {
        at += match random.percent(odds.burst) {
            true => random.milliseconds(1, 3_000),
            false => random.milliseconds(2_000, 60_000),
        };
        let environment = if random.percent(75) { 0 } else { random.index(environments.len()) };
        let function = if random.percent(70) { functions[0].clone() } else { random.one_of(functions) };
        let kind = match random.below(100) {
            0..8 => Kind::Bad,
            8..30 => Kind::Code,
            30..75 => Kind::Whole,
            _ => Kind::Configured,
        };
        let earlier = |random: &mut Random| random.index(uploads.len());
        let mut bytes = Bytes { kind, label };
        let mut release = format!("1.{label}.0");
        if !uploads.is_empty() && random.percent(10) {
            bytes = uploads[earlier(random)].bytes;
        }
        if !uploads.is_empty() && random.percent(25) {
            release.clone_from(&uploads[earlier(random)].release);
        }
        let skew = random.milliseconds(0, 2_000);
        let deliveries = deliveries(random, odds);
        uploads.push(Upload { at, environment, function, release, bytes, skew, deliveries });
    }
    uploads
}

fn deliveries(random: &mut Random, odds: &Odds) -> Vec<Delivery> {
    let mut all: Vec<Delivery> = Vec::new();
    for _ in 0..random.one_of(&[1, 1, 2, 2, 3]) {
        let after = match all.last() {
            // Two pollers may get the same message at the same time.
            Some(last) if random.percent(30) => last.after,
            _ if random.percent(odds.late) => random.milliseconds(1_000, 120_000),
            _ => random.milliseconds(1, 2_500),
        };
        let door = if random.percent(60) { Door::S3 } else { Door::EventBridge };
        all.push(Delivery { after, door, is_lost: random.percent(odds.loss) });
    }
    all
}

fn foreigners(
    random: &mut Random,
    odds: &Odds,
    environments: &[Environment],
    functions: &[String],
    last: Duration,
) -> Vec<Foreign> {
    let places: Vec<String> = environments.iter().flat_map(|environment| environment.targets.clone()).collect();
    let ops = [Op::UpdateAlias, Op::UpdateAlias, Op::UpdateFunctionCode, Op::PublishVersion, Op::GetFunction];
    (0..random.count(0, odds.foreigners))
        .map(|_| Foreign {
            when: match random.percent(50) {
                true => When::Before(random.one_of(&ops), random.count(1, 4)),
                false => When::At(random.milliseconds(0, u64::try_from(last.as_millis()).unwrap_or(0) + 10_000)),
            },
            place: if random.percent(70) { places[0].clone() } else { random.one_of(&places) },
            function: if random.percent(70) { functions[0].clone() } else { random.one_of(functions) },
            act: random.one_of(&[Act::Permit, Act::Permit, Act::Code, Act::Configure, Act::Point]),
        })
        .collect()
}

fn faults(random: &mut Random, odds: &Odds) -> Vec<Fault> {
    use CallErrorKind::{Busy, Throttled, Unknown};
    use Mishap::{EndsFailed, Fails, LosesAnswer, Twice};
    let ledger = [
        (Op::WriteLedger, Twice),
        (Op::WriteLedger, Twice),
        (Op::WriteLedger, LosesAnswer),
        (Op::WriteLedger, Fails(Unknown)),
        (Op::ReadLedger, Fails(Unknown)),
        (Op::DeleteLedger, LosesAnswer),
        (Op::ListLedger, Fails(Unknown)),
        (Op::SendMessage, LosesAnswer),
        (Op::SendMessage, Fails(Unknown)),
    ];
    let lambda = [
        (Op::UpdateFunctionCode, LosesAnswer),
        (Op::UpdateFunctionCode, Twice),
        (Op::UpdateFunctionCode, Fails(Busy)),
        (Op::UpdateFunctionCode, Fails(Throttled)),
        (Op::UpdateFunctionCode, EndsFailed),
        (Op::UpdateFunctionConfiguration, LosesAnswer),
        (Op::UpdateFunctionConfiguration, Fails(Busy)),
        (Op::CreateFunction, LosesAnswer),
        (Op::CreateFunction, Twice),
        (Op::CreateAlias, LosesAnswer),
        (Op::CreateAlias, Twice),
        (Op::PublishVersion, LosesAnswer),
        (Op::PublishVersion, EndsFailed),
        (Op::UpdateAlias, LosesAnswer),
        (Op::UpdateAlias, Twice),
        (Op::UpdateAlias, Fails(Busy)),
        (Op::UpdateAlias, Fails(Unknown)),
        (Op::GetFunction, Fails(Throttled)),
        (Op::GetFunction, Fails(Unknown)),
        (Op::GetAlias, Fails(Throttled)),
        (Op::AssumeRole, Fails(Throttled)),
        (Op::AssumeRole, Fails(Unknown)),
        (Op::ReadTail, Fails(Unknown)),
    ];
    let mut all = Vec::new();
    let mut draw = |random: &mut Random, from: &[(Op, Mishap)], most: usize| {
        for _ in 0..random.count(0, most) {
            let (op, mishap) = random.one_of(from);
            let reach = if op.is_lambda_write() { 4 } else { 20 };
            all.push(Fault { op, call: random.count(1, reach), times: random.one_of(&[1, 1, 1, 2, 3]), mishap });
        }
    };
    draw(random, &ledger, odds.ledger_faults);
    draw(random, &lambda, odds.lambda_faults);
    all
}
