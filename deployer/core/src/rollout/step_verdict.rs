//! The verdict with which a step ended or paused, as the head and the record keep it.
//!
//! Each look reads the counts of all minutes anew. Only the last verdict of a step is kept, for people.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::guard::{Counts, Judgement, Verdict};
use super::state::{Phase, Progress, RolloutState};
use crate::config::Target;
use crate::text::PlainText;

/// The most verdicts that are kept: those of the last steps.
const MOST: usize = 30;

/// The verdict of the last look at a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepVerdict {
    /// The time of the look.
    pub at: Timestamp,
    /// The wave, from 1 on.
    pub wave: usize,
    /// The step of the wave, from 1 on; the one after the last is the watch.
    pub step: usize,
    /// The verdict.
    pub verdict: Verdict,
    /// The reason in a sentence, with the numbers.
    pub because: PlainText,
    /// The counts of the target that the verdict rests on; absent where they could not be read, or nothing is compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<StepCounts>,
}

/// The counts of a target, of both versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepCounts {
    /// The target.
    #[serde(flatten)]
    pub target: Target,
    /// The new version's.
    pub new: VersionCounts,
    /// The old version's.
    pub old: VersionCounts,
}

/// The counts of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VersionCounts {
    /// Its invocations.
    pub invocations: u64,
    /// The invocations that failed.
    pub errors: u64,
}

impl std::fmt::Display for VersionCounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Counts::of(self.invocations, self.errors).fmt(f)
    }
}

impl From<Counts> for VersionCounts {
    fn from(counts: Counts) -> Self {
        Self { invocations: counts.invocations(), errors: counts.errors() }
    }
}

impl StepVerdict {
    fn of(state: &RolloutState, judgement: &Judgement, at: Timestamp) -> Self {
        let worst = judgement.targets.iter().rev().max_by_key(|target| target.verdict);
        let counts = worst.and_then(|worst| {
            let counts = worst.finding?.counts;
            Some(StepCounts { target: worst.target.clone(), new: counts.new.into(), old: counts.old.into() })
        });
        Self {
            at,
            wave: state.wave + 1,
            step: state.step + 1,
            verdict: judgement.verdict,
            because: judgement.because.clone(),
            counts,
        }
    }
}

/// Decides what a look has found, and keeps its verdict where that ends the step or pauses it.
#[must_use]
pub fn judged(
    state: RolloutState,
    judgement: &Judgement,
    now: Timestamp,
    decide: impl FnOnce(RolloutState) -> Progress,
) -> Progress {
    let (verdict, before) = (StepVerdict::of(&state, judgement, now), place(&state));
    match decide(state) {
        Progress::Continues(state) if place(&state) == before => Progress::Continues(state),
        Progress::Continues(state) => Progress::Continues(Box::new(with_verdict(*state, verdict))),
        Progress::Ended { state, end } => Progress::Ended { state: Box::new(with_verdict(*state, verdict)), end },
    }
}

fn place(state: &RolloutState) -> (Phase, usize, usize, bool) {
    (state.phase, state.wave, state.step, state.paused.is_some())
}

fn with_verdict(mut state: RolloutState, verdict: StepVerdict) -> RolloutState {
    state.verdicts.retain(|known| (known.wave, known.step) != (verdict.wave, verdict.step));
    state.verdicts.push(verdict);
    let too_many = state.verdicts.len().saturating_sub(MOST);
    state.verdicts.drain(..too_many);
    state
}
