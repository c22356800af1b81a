//! Draws a scenario from a seed.
//!
//! Must not know how a scenario is played or judged.

use std::time::Duration;

use deployer_engine::port::CallErrorKind;

use super::closed_accounts;
use super::commands;
use super::focus::{Focus, Odds};
use super::incidents;
use super::promotion_rules::Rules;
use super::requests;
use super::rollouts;
use super::scenario::{
    Channel, Delivery, Environment, Fault, FaultKind, ForeignAct, ForeignChange, PlannedUpload, ProvisionedAlias,
    Scenario, When, ZipKind, ZipSpec,
};
use fixtures::random::Random;
use world::Op;
use world::newer::Raises;

impl Scenario {
    /// Draws the scenario of a seed.
    #[must_use]
    pub fn of(random: &mut Random, focus: Focus) -> Self {
        let odds = Odds::of(focus);
        let environments = match odds.promotes {
            true => row(random, &odds),
            false => environments(random, &odds),
        };
        let functions: Vec<String> = ["orders", "users", "stock"]
            [..random.one_of(if odds.groups { &[2, 2, 3] } else { &[1, 1, 1, 2, 2, 3] })]
            .iter()
            .map(|&f| f.to_owned())
            .collect();
        let mut existing = Vec::new();
        for place in environments.iter().flat_map(|environment| &environment.targets) {
            for function in &functions {
                if random.percent(if odds.promotes { 92 } else { 75 }) {
                    existing.push((place.clone(), function.clone()));
                }
            }
        }
        let uploads = uploads(random, &odds, &environments, &functions);
        let commands = match odds.promotes {
            true => commands::draw_where_promoted(random, &odds, &uploads, &environments),
            false => {
                let mut all = commands::draw(random, &odds, &uploads);
                all.extend(incidents::draw(random, &odds, &uploads));
                all.sort_by_key(|command| command.at);
                all
            }
        };
        let requests = match odds.promotes {
            true => requests::draw(random, &odds, &environments, &functions, &uploads),
            false => vec![],
        };
        let given = commands.last().map_or(Duration::ZERO, |command| command.at);
        let asked = requests.last().map_or(Duration::ZERO, |request| request.at);
        let last = uploads.last().map_or(Duration::ZERO, |upload| upload.at).max(given).max(asked);
        let provisioned = provisioned(random, &odds, &existing);
        let raises = [Raises::Never, Raises::WhileActive];
        let versions = random.percent(odds.newer).then(|| random.one_of(&raises));
        let closed = closed_accounts::draw(random, &odds, &environments, last);
        let foreign_changes = foreign_changes(random, &odds, &environments, &functions, last);
        let outage =
            random.percent(odds.outage).then(|| (random.milliseconds(0, 40_000), random.milliseconds(1_000, 90_000)));
        let mut scenario = Self {
            has_bus: odds.promotes && random.percent(85),
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
            existing,
            uploads,
            commands,
            requests,
            foreign_changes,
            closed,
            taken_out: None,
            versions,
            provisioned,
            outage,
        };
        if odds.rollouts {
            rollouts::add(random, &mut scenario);
        }
        scenario
    }
}

fn environments(random: &mut Random, odds: &Odds) -> Vec<Environment> {
    let all = [
        ("dev", ["111111111111", "222222222222", "777777777777"]),
        ("prod", ["333333333333", "444444444444", "888888888888"]),
    ];
    let environment = |(name, accounts): &(&str, [&str; 3]), random: &mut Random| {
        let region = |random: &mut Random| if random.percent(85) { "eu-west-1" } else { "us-east-1" };
        let count = match random.percent(70) {
            // Another account of the environment must stay open where one closes.
            _ if random.percent(odds.closed) => random.count(2, 3),
            true => 1,
            false => 2,
        };
        Environment {
            name: (*name).to_owned(),
            targets: accounts[..count].iter().map(|account| format!("{account}/{}", region(random))).collect(),
            accepts: *name == "dev" || random.percent(60),
            immutable: random.percent(8),
            keep_versions: if random.percent(20) { 2 } else { 10 },
            rollout: None,
            rules: None,
        }
    };
    let count = if random.percent(70) { 1 } else { 2 };
    all[..count].iter().map(|one| environment(one, random)).collect()
}

/// Draws environments in a row, each promoted to from the one before it; the last one sometimes from both others.
fn row(random: &mut Random, odds: &Odds) -> Vec<Environment> {
    let all = [("dev", ["111111111111", "222222222222"]), ("stage", ["333333333333", "444444444444"])];
    let all = [all[0], all[1], ("prod", ["555555555555", "666666666666"])];
    let count = if random.percent(30) { 2 } else { 3 };
    let mut environments = Vec::new();
    for (at, (name, accounts)) in all[..count].iter().enumerate() {
        let targets = if random.percent(80) { 1 } else { 2 };
        let rules = match at {
            0 => None,
            1 => Some(Rules::draw(random, &["dev"])),
            _ if random.percent(30) => Some(Rules::draw(random, &["dev", "stage"])),
            _ => Some(Rules::draw(random, &["stage"])),
        };
        // An automatic promotion has mostly arrived before a group asks for the same artifact.
        let by_hand = |rules: Rules| Rules { automatic: false, ..rules };
        let rules = if odds.groups && random.percent(75) { rules.map(by_hand) } else { rules };
        environments.push(Environment {
            name: (*name).to_owned(),
            targets: accounts[..targets].iter().map(|account| format!("{account}/eu-west-1")).collect(),
            accepts: at == 0 || random.percent(12),
            immutable: false,
            keep_versions: if random.percent(20) { 2 } else { 10 },
            rollout: None,
            rules,
        });
    }
    environments
}

fn uploads(random: &mut Random, odds: &Odds, environments: &[Environment], functions: &[String]) -> Vec<PlannedUpload> {
    let mut at = Duration::ZERO;
    let mut uploads: Vec<PlannedUpload> = Vec::new();
    let most = if odds.promotes { 4 } else { 6 };
    let covers = if odds.groups { functions.len() } else { 0 };
    for label in 1..=random.between(2, most).max(covers as u64) {
        at += match random.percent(odds.burst) {
            true => random.milliseconds(1, 3_000),
            false if odds.promotes => random.milliseconds(2_000, 600_000),
            false => random.milliseconds(2_000, 60_000),
        };
        let first = if odds.promotes { 92 } else { 75 };
        // Each function has an artifact that can be promoted from the first environment.
        let first = if uploads.len() < covers { 100 } else { first };
        let environment = if random.percent(first) { 0 } else { random.index(environments.len()) };
        let function = if random.percent(70) { functions[0].clone() } else { random.one_of(functions) };
        let function = functions.get(uploads.len()).filter(|_| uploads.len() < covers).cloned().unwrap_or(function);
        let kind = match random.below(100) {
            _ if uploads.len() < covers => ZipKind::Whole,
            0..8 => ZipKind::Bad,
            8..30 => ZipKind::Code,
            30..75 => ZipKind::Whole,
            _ => ZipKind::Configured,
        };
        let earlier = |random: &mut Random| random.index(uploads.len());
        let mut zip = ZipSpec { kind, label };
        let mut release = format!("1.{label}.0");
        if !uploads.is_empty() && random.percent(10) {
            zip = uploads[earlier(random)].zip;
        }
        if !uploads.is_empty() && random.percent(25) {
            release.clone_from(&uploads[earlier(random)].release);
        }
        let skew = random.milliseconds(0, 2_000);
        let deliveries = deliveries(random, odds);
        uploads.push(PlannedUpload { at, environment, function, release, zip, skew, deliveries });
    }
    uploads
}

fn provisioned(random: &mut Random, odds: &Odds, existing: &[(String, String)]) -> Vec<ProvisionedAlias> {
    let mut all = Vec::new();
    for (place, function) in existing {
        if random.percent(odds.provisioned) {
            let takes = random.within(&[3_000, 60_000, 300_000, 1_200_000]);
            let fails = random.percent(15);
            all.push(ProvisionedAlias { place: place.clone(), function: function.clone(), takes, fails });
        }
    }
    all
}

fn deliveries(random: &mut Random, odds: &Odds) -> Vec<Delivery> {
    let mut all: Vec<Delivery> = Vec::new();
    for _ in 0..random.one_of(&[1, 1, 2, 2, 3]) {
        let after = match all.last() {
            // Two pollers may receive the same message at the same time.
            Some(last) if random.percent(30) => last.after,
            _ if random.percent(odds.late) => random.milliseconds(1_000, 120_000),
            _ => random.milliseconds(1, 2_500),
        };
        let channel = if random.percent(60) { Channel::S3 } else { Channel::EventBridge };
        all.push(Delivery { after, channel, is_lost: random.percent(odds.loss) });
    }
    all
}

fn foreign_changes(
    random: &mut Random,
    odds: &Odds,
    environments: &[Environment],
    functions: &[String],
    last: Duration,
) -> Vec<ForeignChange> {
    let places: Vec<String> = environments.iter().flat_map(|environment| environment.targets.clone()).collect();
    let ops = [Op::UpdateAlias, Op::UpdateAlias, Op::UpdateFunctionCode, Op::PublishVersion, Op::GetFunction];
    (0..random.count(0, odds.foreign_changes))
        .map(|_| ForeignChange {
            when: match random.percent(50) {
                true => When::Before(random.one_of(&ops), random.count(1, 4)),
                false => When::At(random.milliseconds(0, u64::try_from(last.as_millis()).unwrap_or(0) + 10_000)),
            },
            place: if random.percent(70) { places[0].clone() } else { random.one_of(&places) },
            function: if random.percent(70) { functions[0].clone() } else { random.one_of(functions) },
            act: random.one_of(&[
                ForeignAct::Permit,
                ForeignAct::Permit,
                ForeignAct::Code,
                ForeignAct::Configure,
                ForeignAct::Point,
            ]),
        })
        .collect()
}

fn faults(random: &mut Random, odds: &Odds) -> Vec<Fault> {
    use CallErrorKind::{Busy, Throttled, Unknown};
    use FaultKind::{EndsFailed, Fails, LosesAnswer, Twice};
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
    let bus = [(Op::PutEvents, Fails(Unknown)), (Op::PutEvents, Fails(Throttled)), (Op::PutEvents, LosesAnswer)];
    let mut all = Vec::new();
    let mut draw = |random: &mut Random, from: &[(Op, FaultKind)], most: usize| {
        for _ in 0..random.count(0, most) {
            let (op, kind) = random.one_of(from);
            let reach = if op.is_lambda_write() { 4 } else { 20 };
            all.push(Fault { op, call: random.count(1, reach), times: random.one_of(&[1, 1, 1, 2, 3]), kind });
        }
    };
    draw(random, &ledger, odds.ledger_faults);
    draw(random, &lambda, odds.lambda_faults);
    if odds.promotes {
        draw(random, &bus, 3);
    }
    for _ in 0..random.count(0, odds.held) {
        let ops = [Op::UpdateAlias, Op::UpdateAlias, Op::UpdateAlias, Op::CreateAlias, Op::UpdateFunctionCode];
        let op = random.one_of(&[&ops[..], &[Op::PublishVersion, Op::UpdateFunctionConfiguration]].concat());
        let kind = FaultKind::Held(random.within(&[4_000, 30_000, 200_000, 500_000]));
        all.push(Fault { op, call: random.count(1, 4), times: random.one_of(&[1, 1, 2, 3]), kind });
    }
    all
}
