//! The rollout of a deployment in its record: what its aliases were seen to serve, and the verdicts of its steps.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rollout::{AskedInRollout, RolloutState, RolloutTarget, StepVerdict, WayBack};

/// The most moves that a record has.
const MOST_MOVES: usize = 30;

/// The rollout of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordedRollout {
    /// The planned time of all its waves, in seconds. Pauses and lengthened steps come on top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_seconds: Option<u32>,
    /// The traffic that the aliases of each wave were seen to serve, in the order of the times.
    pub moves: Vec<RecordedMove>,
    /// The last verdict of each step that has ended or paused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verdicts: Vec<StepVerdict>,
    /// Whether a step was passed with too few invocations.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unproven: bool,
    /// The words that people have given, the newest last; at most the last 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<AskedInRollout>,
}

/// A share of the traffic that the targets of a wave were seen to give the new version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct RecordedMove {
    /// The time at which the last of the targets was seen to serve it.
    pub at: Timestamp,
    /// The wave, from 1 on.
    pub wave: usize,
    /// The new version's share in percent; 0: the old version serves alone again.
    pub weight: u8,
    /// The number of targets.
    pub targets: usize,
}

impl RecordedRollout {
    /// Makes the record of a rollout as far as it has come.
    #[must_use]
    pub fn of(state: &RolloutState) -> Self {
        let mut begun = 0;
        let mut moves = Vec::new();
        for (wave, targets) in (1..).zip(&state.plan.waves) {
            let of_wave = state.targets.get(begun..begun + targets.len()).unwrap_or_default();
            begun += targets.len();
            moves.extend(moves_of(wave, of_wave));
        }
        moves.sort();
        moves.truncate(MOST_MOVES);
        let planned_seconds = u32::try_from(state.plan.length().as_secs()).ok();
        let (verdicts, asked) = (state.verdicts.clone(), state.asked.clone());
        Self { planned_seconds, moves, verdicts, unproven: state.unproven, asked }
    }
}

/// Returns the moves of a wave, one for each share.
fn moves_of(wave: usize, targets: &[RolloutTarget]) -> Vec<RecordedMove> {
    let mut moves: Vec<RecordedMove> = Vec::new();
    let served = targets.iter().flat_map(|one| one.served.iter().map(|served| (served.weight, served.at)));
    let back = targets.iter().filter_map(|one| match one.way_back {
        Some(WayBack::Done(at)) => Some((0, at)),
        _ => None,
    });
    for (weight, at) in served.chain(back) {
        match moves.iter_mut().find(|known| known.weight == weight) {
            Some(known) => (known.at, known.targets) = (known.at.max(at), known.targets + 1),
            None => moves.push(RecordedMove { at, wave, weight, targets: 1 }),
        }
    }
    moves
}
