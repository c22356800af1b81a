//! Incidents, drawn from a schedule's seed: a bad release was deployed, and several people roll it back, each with
//! preconditions.
//!
//! Must not know how a scenario is played or judged.

use super::commands::{CommandKind, Look, PlannedCommand};
use super::focus::Odds;
use super::scenario::PlannedUpload;
use fixtures::random::Random;

/// Draws rollbacks of the same function by two or three people within a short time.
pub(super) fn draw(random: &mut Random, odds: &Odds, uploads: &[PlannedUpload]) -> Vec<PlannedCommand> {
    let mut all = Vec::new();
    if uploads.is_empty() || !random.percent(odds.incidents) {
        return all;
    }
    for _ in 0..random.count(1, 2) {
        // A rollback has a target only after the first uploads.
        let bad = &uploads[random.count(uploads.len() / 2, uploads.len() - 1)];
        let noticed = bad.at + random.within(&[3_000, 20_000, 90_000]);
        for _ in 0..random.count(2, 3) {
            let before = random.within(&[1_000, 10_000, 60_000]);
            let at = noticed + before + random.within(&[500, 8_000]);
            let look = Look { before, by_release: random.percent(20) };
            all.push(PlannedCommand {
                at,
                environment: bad.environment,
                function: bad.function.clone(),
                kind: CommandKind::Rollback { to: random.percent(10).then(|| random.one_of(uploads).release) },
                again: if random.percent(25) { vec![random.milliseconds(10, 5_000)] } else { vec![] },
                is_lost: random.percent(odds.loss),
                look: random.percent(90).then_some(look),
            });
        }
    }
    // A redeploy brings the live release to an account that missed it meanwhile.
    if random.percent(20) {
        let Some(last) = all.last() else { return all };
        let at = last.at + random.milliseconds(1_000, 60_000);
        all.push(PlannedCommand { at, kind: CommandKind::Redeploy, again: vec![], look: None, ..last.clone() });
    }
    all
}
