//! Groups in an environment with a rollout: each function is uploaded where all traffic moves at once, and all of them are
//! promoted together to where they roll out.
//!
//! Must not know how a group is played or judged.

use std::time::Duration;

use super::promotion_rules::Rules;
use super::requests::{Arrival, PlannedRequest};
use super::scenario::{Channel, Delivery, PlannedUpload, Scenario, ZipKind, ZipSpec};
use fixtures::random::Random;

/// The groups that are asked for, one after the other. The first leaves something to go back to.
const ROUNDS: u64 = 2;

/// Gives a scenario its functions in two environments, their uploads to the first one, and the groups.
pub(super) fn add(random: &mut Random, scenario: &mut Scenario) {
    scenario.environments.truncate(2);
    let [from, to] = scenario.environments.as_mut_slice() else { return };
    (from.rollout, from.accepts, to.accepts) = (None, true, false);
    to.rules = Some(Rules::by_hand(&from.name));
    let (from, to) = (from.name.clone(), to.name.clone());
    let places = scenario.environments.iter().flat_map(|environment| environment.targets.clone());
    let of_place = |place: String| scenario.functions.iter().map(move |function| (place.clone(), function.clone()));
    scenario.existing = places.flat_map(of_place).collect();
    (scenario.uploads, scenario.requests, scenario.outage) = (vec![], vec![], None);
    let mut at = Duration::from_secs(1);
    for round in 1..=ROUNDS {
        for (number, function) in (1..).zip(&scenario.functions) {
            at += random.milliseconds(1, 3_000);
            scenario.uploads.push(PlannedUpload {
                at,
                environment: 0,
                function: function.clone(),
                release: format!("{round}.0.0"),
                zip: ZipSpec { kind: ZipKind::Code, label: 10 * round + number },
                skew: Duration::ZERO,
                deliveries: vec![Delivery { after: Duration::from_millis(100), channel: Channel::S3, is_lost: false }],
            });
        }
        at += random.milliseconds(60_000, 300_000);
        scenario.requests.push(PlannedRequest {
            at,
            functions: scenario.functions.clone(),
            each: false,
            from: from.clone(),
            to: to.clone(),
            release: None,
            by: "release-bot".to_owned(),
            not_after: None,
            ahead: 0,
            arrivals: vec![Arrival { after: Duration::from_millis(100), is_lost: false, is_replay: false }],
        });
        at += random.milliseconds(5_400_000, 9_000_000);
    }
}
