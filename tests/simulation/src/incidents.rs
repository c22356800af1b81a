//! Incidents, drawn from a schedule's seed: something bad was rolled out, and several people roll it back, each by what they
//! have seen.
//!
//! Must not know: how it is played, and how it is judged.

use super::commands::{CommandKind, Look, PlannedCommand};
use super::focus::Odds;
use super::scenario::Upload;
use fixtures::random::Random;

/// Two or three people about the same function, soon after one another.
pub(super) fn draw(random: &mut Random, odds: &Odds, uploads: &[Upload]) -> Vec<PlannedCommand> {
    let mut all = Vec::new();
    if uploads.is_empty() || !random.percent(odds.incidents) {
        return all;
    }
    for _ in 0..random.count(1, 2) {
        // There is something to go back to only after the first.
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
                ask: CommandKind::Rollback { to: random.percent(10).then(|| random.one_of(uploads).release) },
                again: if random.percent(25) { vec![random.milliseconds(10, 5_000)] } else { vec![] },
                is_lost: random.percent(odds.loss),
                look: random.percent(90).then_some(look),
            });
        }
    }
    // Somebody mends what the account has missed meanwhile.
    if random.percent(20) {
        let Some(last) = all.last() else { return all };
        let at = last.at + random.milliseconds(1_000, 60_000);
        all.push(PlannedCommand { at, ask: CommandKind::Redeploy, again: vec![], look: None, ..last.clone() });
    }
    all
}
