//! The rollout that is under way, as `status` shows it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Target;
use crate::function_ref::{FunctionRef, gone_of};
use crate::head::Active;
use crate::id::{DeploymentId, FunctionName, Release, Version};
use crate::record::Exception;
use crate::rollout::guard::{Judgement, Verdict};
use crate::rollout::{PauseReason, Phase, RolloutAction, RolloutState, RolloutTarget, Shift, VersionCounts, WayBack};
use crate::text::{Person, PlainText};

/// A rollout that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RolloutStatus {
    /// The deployment that is rolled out.
    pub deployment: DeploymentId,
    /// The release that it brings.
    pub release: Option<Release>,
    /// The phase.
    pub phase: Phase,
    /// The wave that it is in, from 1 on.
    pub wave: usize,
    /// The number of waves.
    pub waves: usize,
    /// The step of the wave, from 1 on; one more than `steps` while all traffic is watched.
    pub step: usize,
    /// The number of steps before all traffic.
    pub steps: usize,
    /// The new version's share of the traffic that is meant in the wave, in percent.
    pub weight: u8,
    /// The time since which all targets of the wave serve it; null until then.
    pub since: Option<Timestamp>,
    /// The time at which the step ends, or at which a pause takes the rollout back; null while nothing waits.
    pub due: Option<Timestamp>,
    /// The pause, while it waits for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<PausedRollout>,
    /// Whether a person has asked to wait no more.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub finishes: bool,
    /// The time since which it has passed its last watch and waits for the others of its group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed_at: Option<Timestamp>,
    /// The functions of its group that had not passed by the last look.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<FunctionName>,
    /// The reason why it goes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<PlainText>,
    /// The part of its plan that deployer.json does not have any more, in a sentence: its environment, or some of its
    /// targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<PlainText>,
    /// The exception by which a person has it skip the steps and waves of its environment's rollout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<Exception>,
    /// The alarms that fired before it began. Each counts again once it has been OK.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub disarmed: BTreeSet<String>,
    /// The findings of a look now; absent where none was asked for, or none could be made (`not_looked_at`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<RolloutVerdict>,
    /// The reason why no look was made although one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_looked_at: Option<PlainText>,
    /// The targets, in the order of the waves.
    pub targets: Vec<RolloutTargetStatus>,
}

/// The findings of a look at a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RolloutVerdict {
    /// The verdict about all targets that have begun.
    pub verdict: Verdict,
    /// The reason in a sentence.
    pub because: PlainText,
}

/// The pause of a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PausedRollout {
    /// The time since which it is paused.
    pub since: Timestamp,
    /// The kind of its reason.
    pub reason: PauseReason,
    /// The person who asked for it; absent where the deployer has paused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Person>,
    /// The reason in a sentence.
    pub because: PlainText,
}

/// A target of a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RolloutTargetStatus {
    /// The target.
    #[serde(flatten)]
    pub target: Target,
    /// The version that the alias served before; null where the rollout makes the alias.
    pub old: Option<Version>,
    /// The new version.
    pub new: Option<Version>,
    /// The new version's share of the traffic that is meant, in percent. The alias serves it from `at` on.
    pub weight: u8,
    /// The time since which the alias is known to serve it; null until then.
    pub at: Option<Timestamp>,
    /// The new version's share that the alias was last seen to give it, in percent; absent where somebody else has
    /// changed the alias, and in the answer of an older deployer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serves: Option<u8>,
    /// The share that the alias may give the new version by now, in percent, where a move is not confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub perhaps: Option<u8>,
    /// The version that gets all traffic of an alias which somebody else has changed, and which was left so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Version>,
    /// Whether its traffic moves at once, because it cannot be shared.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub at_once: bool,
    /// Whether it is to serve the old version again and was not seen to yet.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub goes_back: bool,
    /// The reason why it has not gone back yet, or stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<PlainText>,
    /// The findings of a look there now; absent where none was made, or nothing can be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look: Option<RolloutTargetLook>,
}

/// The findings of a look at a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RolloutTargetLook {
    /// The verdict.
    pub verdict: Verdict,
    /// The new version's counts; absent where they could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<VersionCounts>,
    /// The old version's counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<VersionCounts>,
}

impl RolloutStatus {
    /// Makes the status of the active deployment's rollout; none if it has no rollout, or has not begun it yet.
    pub(super) fn of(active: &Active, at: &FunctionRef<'_>) -> Option<Self> {
        let state = active.rollout.as_ref()?;
        let resolved = active.artifact.as_ref().map(|artifact| &artifact.release);
        let all_since = |wave: &[RolloutTarget]| wave.iter().map(|one| one.at).collect::<Option<Vec<_>>>();
        let due = match state.next_action() {
            RolloutAction::Look { due } => due,
            _ => None,
        };
        Some(Self {
            deployment: active.request.id,
            release: resolved.or_else(|| active.request.source.release()).cloned(),
            phase: state.phase,
            wave: state.wave + 1,
            waves: state.plan.waves.len(),
            step: state.step + 1,
            steps: state.plan.steps.len(),
            weight: meant(state),
            since: all_since(state.in_wave()).and_then(|all| all.into_iter().max()),
            due,
            paused: state.paused.clone().map(|pause| PausedRollout {
                since: pause.since,
                reason: pause.reason,
                by: pause.by.filter(|by| !by.is_empty()),
                because: pause.because,
            }),
            finishes: state.finish,
            passed_at: state.passed.as_ref().map(|passed| passed.at),
            waits_for: state.passed.as_ref().map_or(Vec::new(), |passed| passed.waits_for.clone()),
            because: state.abort.as_ref().map(|abort| abort.because.clone()),
            gone: gone_of(at, active).map(|gone| PlainText::of(format_args!("{gone}"))),
            skipped: active.request.cause.rollout_skipped(),
            disarmed: state.targets.iter().flat_map(|one| one.disarmed.iter().cloned()).collect(),
            verdict: None,
            not_looked_at: None,
            targets: state.targets.iter().map(RolloutTargetStatus::of).collect(),
        })
    }
}

impl RolloutStatus {
    /// Returns it with what a look has found. What takes a rollout back beside the guard (an alarm, somebody else's change)
    /// comes first.
    #[must_use]
    pub fn with_look(mut self, judgement: &Judgement, takes_back: Option<&str>) -> Self {
        let verdict = if takes_back.is_some() { Verdict::Bad } else { judgement.verdict };
        let because = takes_back.map_or_else(|| judgement.because.clone(), PlainText::from);
        self.verdict = Some(RolloutVerdict { verdict, because });
        for one in &mut self.targets {
            let found = judgement.targets.iter().find(|found| found.target == one.target);
            one.look = found.map(|found| {
                let counts = found.finding.map(|finding| finding.counts);
                let (new, old) = (counts.map(|both| both.new.into()), counts.map(|both| both.old.into()));
                RolloutTargetLook { verdict: found.verdict, new, old }
            });
        }
        self
    }
}

impl RolloutTargetStatus {
    fn of(one: &RolloutTarget) -> Self {
        Self {
            target: one.target.clone(),
            old: one.old.clone(),
            new: one.new.clone(),
            weight: one.weight,
            at: one.at,
            serves: one.share_seen(),
            perhaps: one.share_perhaps(),
            found: one.changed.as_ref().and_then(|changed| changed.alone.clone()),
            at_once: one.shift == Shift::AtOnce,
            look: None,
            goes_back: one.way_back == Some(WayBack::Open),
            because: match &one.way_back {
                Some(WayBack::Stays { because }) => Some(because.clone()),
                _ => one.held_up_until(),
            },
        }
    }
}

/// Returns the share that is meant in the wave: none before its smoke tests have passed, and on the way back.
fn meant(state: &RolloutState) -> u8 {
    match state.phase {
        Phase::Shifting | Phase::Watching => state.plan.weight(state.step),
        Phase::Publishing | Phase::Smoke | Phase::GoingBack => 0,
    }
}
