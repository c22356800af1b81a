//! The state of one rollout, as the head keeps it. Transitions are in the files beside this one, one a function.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::abort::Abort;
use super::asked::AskedInRollout;
use super::foreign_alias::ForeignAlias;
use super::function_settings::{FunctionSettings, LateSettings};
use super::passed::Passed;
use super::plan::RolloutPlan;
use super::step_verdict::StepVerdict;
use crate::config::Target;
use crate::id::Version;
use crate::text::{Person, PlainText};

/// The phase of a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Each target gets its new version. No alias moves before all targets have theirs.
    Publishing,
    /// The new versions of a wave are invoked by their numbers.
    Smoke,
    /// A wave's new versions get a part of the traffic.
    Shifting,
    /// A wave's new versions get all traffic.
    Watching,
    /// All traffic goes back to the old versions.
    GoingBack,
}

/// The state of one rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutState {
    /// Its waves and steps.
    pub plan: RolloutPlan,
    /// Its phase.
    pub phase: Phase,
    /// The wave that it is in, from 0 on.
    pub wave: usize,
    /// The step of the wave; the number of steps in the plan while it watches.
    pub step: usize,
    /// All targets, in the order of the waves.
    pub targets: Vec<RolloutTarget>,
    /// The time at which the step ends; none until all targets of the wave serve its weight.
    pub due: Option<Timestamp>,
    /// The time at which the wave's tests, or its moves, began; none while nothing is to be done but to look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_since: Option<Timestamp>,
    /// Whether the step was lengthened already.
    pub lengthened: bool,
    /// Whether a step was passed with too few invocations.
    pub unproven: bool,
    /// The time since which no look could be judged.
    pub unreadable_since: Option<Timestamp>,
    /// The settings of the release on functions as a whole, while one of them does not take them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings_late: Option<LateSettings>,
    /// The pause, while it waits for a person.
    pub paused: Option<Pause>,
    /// Whether a person has continued it after the step had ended: the next look that finds nothing bad takes the next
    /// one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accepted: bool,
    /// Whether a person has asked to wait no more.
    pub finish: bool,
    /// Set once it has passed its last watch and waits for the others of its group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed: Option<Passed>,
    /// The reason why it goes back.
    pub abort: Option<Abort>,
    /// The time at which it began to go back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_since: Option<Timestamp>,
    /// The verdicts with which its steps ended, or paused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verdicts: Vec<StepVerdict>,
    /// The words that people have given, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<AskedInRollout>,
}

/// A target of a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutTarget {
    /// The target.
    pub target: Target,
    /// Whether its traffic can be shared; else it moves at once.
    pub shift: Shift,
    /// The version that its alias served before; none: the rollout makes the alias.
    pub old: Option<Version>,
    /// The version that its alias serves before the move, and that nobody wants back: it was taken back once, and nothing
    /// is live to go back to. There is no old version then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Version>,
    /// The new version; none until it is published.
    pub new: Option<Version>,
    /// The new version's share of the traffic that is meant, in percent. The alias may serve it already, or not yet.
    pub weight: u8,
    /// The time from which on the alias may serve this weight: before the first attempt to move it. None while it serves
    /// the old version alone.
    pub meant_at: Option<Timestamp>,
    /// The time at which the alias was seen to serve this weight; none until then.
    pub at: Option<Timestamp>,
    /// The weights that the alias was seen to serve, one after the other. The first is the beginning of its rollout.
    pub served: Vec<Served>,
    /// Whether the new version has passed its smoke tests.
    pub smoked: bool,
    /// The reason why it has failed a smoke test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smoke_failure: Option<PlainText>,
    /// The way back, once the rollout goes back and this target may serve the new version.
    pub way_back: Option<WayBack>,
    /// The reason why its alias could not be moved back yet. It is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_up: Option<PlainText>,
    /// The time of the first try to move its alias back that failed, and after which the tries went on without a break.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_up_since: Option<Timestamp>,
    /// The time of the last try to move its alias back that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_try: Option<Timestamp>,
    /// The share of its last move, where nobody had confirmed that when the way back began: the alias may serve it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unconfirmed: Option<u8>,
    /// The change of somebody else because of which the alias was left as it was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<ForeignAlias>,
    /// The settings of the release on the function as a whole, once it is to become live.
    #[serde(default, skip_serializing_if = "FunctionSettings::is_empty")]
    pub settings: FunctionSettings,
    /// The values that the function had in place of `settings`, from before the first of them was written: the way back sets it
    /// again. None: nothing was written, or it is set back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former_settings: Option<FunctionSettings>,
    /// The alarms that fired before the rollout began. Each counts again once it has been OK.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub disarmed: BTreeSet<String>,
}

/// A weight that an alias was seen to serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Served {
    /// The new version's share of the traffic, in percent.
    pub weight: u8,
    /// The time from which on the alias may have served it.
    pub meant_at: Timestamp,
    /// The time at which the alias was seen to serve it.
    pub at: Timestamp,
}

/// Whether a target's traffic can be shared between two versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shift {
    /// It moves in steps.
    InSteps,
    /// It moves at once: a new alias, or one that takes no weights.
    AtOnce,
}

/// The way of a target's traffic back to the old version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WayBack {
    /// The alias must go back.
    Open,
    /// The alias was seen to serve the old version.
    Done(Timestamp),
    /// The alias stays as it is.
    Stays {
        /// The reason.
        because: PlainText,
    },
}

/// A pause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// The time of its beginning.
    pub since: Timestamp,
    /// Its reason.
    pub reason: PauseReason,
    /// The person who asked for it; none: the deployer.
    pub by: Option<Person>,
    /// The reason in a sentence.
    pub because: PlainText,
    /// Whether its event was sent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub announced: bool,
}

/// The reason of a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PauseReason {
    /// A person asked for it.
    Asked,
    /// The plan has a pause after the step.
    StepEnd,
    /// The step had too few invocations.
    Quiet,
    /// No look could be judged for too long.
    Unreadable,
    /// A target of it is in the configuration no more.
    NotConfigured,
}

/// The state after a transition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The rollout continues.
    Continues(Box<RolloutState>),
    /// The rollout has ended, and the deployment commits.
    Ended {
        /// The last state. The head keeps it until the commit.
        state: Box<RolloutState>,
        /// The end.
        end: RolloutEnd,
    },
}

impl Progress {
    /// Returns the state that the head keeps.
    #[must_use]
    pub fn into_state(self) -> RolloutState {
        match self {
            Self::Continues(state) | Self::Ended { state, .. } => *state,
        }
    }
}

/// The end of a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RolloutEnd {
    /// All targets serve the new version.
    Succeeded {
        /// Whether a step was passed with too few invocations.
        unproven: bool,
    },
    /// It ended before any traffic moved.
    Stopped(Abort),
    /// Each target that served the new version serves the old one again.
    RolledBack(Abort),
    /// Some targets could not go back.
    Failed {
        /// The reason why it went back.
        abort: Abort,
        /// These targets, with the reasons.
        left: Vec<(Target, PlainText)>,
    },
}

/// The next action of the deployer for a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RolloutAction {
    /// It publishes the new version in these targets.
    Publish(Vec<Target>),
    /// It invokes the new versions of these targets.
    Smoke(Vec<Target>),
    /// It moves the aliases of these targets to the weights that are meant.
    Move(Vec<Target>),
    /// It moves the aliases of these targets back, in this order.
    GoBack(Vec<Target>),
    /// It looks at the rollout each minute. Without a due time only a bad verdict or a person ends the wait.
    Look {
        /// The end of the step or of the pause.
        due: Option<Timestamp>,
    },
}

impl RolloutTarget {
    /// Makes a target whose rollout has not begun.
    pub(super) fn at_rest(target: Target, shift: Shift, old: Option<Version>) -> Self {
        Self {
            target,
            shift,
            old,
            replaces: None,
            new: None,
            weight: 0,
            meant_at: None,
            at: None,
            served: Vec::new(),
            smoked: false,
            smoke_failure: None,
            way_back: None,
            held_up: None,
            held_up_since: None,
            last_try: None,
            unconfirmed: None,
            changed: None,
            settings: FunctionSettings::default(),
            former_settings: None,
            disarmed: BTreeSet::new(),
        }
    }

    /// Returns the time since which its alias may serve either of two weights, while a move is not confirmed.
    #[must_use]
    pub fn moving_since(&self) -> Option<Timestamp> {
        self.meant_at.filter(|_| self.at.is_none())
    }
}

impl RolloutState {
    /// Begins a rollout. Each target's [`Shift`] and old version are what was observed before.
    #[must_use]
    pub fn begin(plan: RolloutPlan, observed: impl Fn(&Target) -> (Shift, Option<Version>)) -> Self {
        let target = |target: &Target| {
            let (shift, old) = observed(target);
            let shift = if old.is_none() { Shift::AtOnce } else { shift };
            RolloutTarget::at_rest(target.clone(), shift, old)
        };
        let targets = plan.waves.iter().flatten().map(target).collect();
        Self {
            plan,
            phase: Phase::Publishing,
            wave: 0,
            step: 0,
            targets,
            due: None,
            open_since: None,
            lengthened: false,
            unproven: false,
            unreadable_since: None,
            settings_late: None,
            paused: None,
            accepted: false,
            finish: false,
            passed: None,
            abort: None,
            back_since: None,
            verdicts: Vec::new(),
            asked: Vec::new(),
        }
    }

    /// Returns what the deployer does next.
    #[must_use]
    pub fn next_action(&self) -> RolloutAction {
        let named = |of: &dyn Fn(&&RolloutTarget) -> bool, among: &[RolloutTarget]| -> Vec<Target> {
            among.iter().filter(of).map(|one| one.target.clone()).collect()
        };
        match self.phase {
            Phase::Publishing => RolloutAction::Publish(named(&|one| one.new.is_none(), &self.targets)),
            Phase::Smoke => RolloutAction::Smoke(named(&|one| !one.smoked, self.in_wave())),
            Phase::Shifting | Phase::Watching if self.due.is_none() => {
                RolloutAction::Move(named(&|one| one.at.is_none(), self.in_wave()))
            }
            Phase::Shifting | Phase::Watching => RolloutAction::Look {
                due: match &self.paused {
                    Some(pause) => self.pause_ends(pause),
                    None => self.due.filter(|_| self.passed.is_none()),
                },
            },
            Phase::GoingBack => {
                let mut open = named(&|one| one.way_back == Some(WayBack::Open), &self.targets);
                open.reverse();
                RolloutAction::GoBack(open)
            }
        }
    }

    /// Returns the targets of the wave that it is in.
    #[must_use]
    pub fn in_wave(&self) -> &[RolloutTarget] {
        let before: usize = self.plan.waves.iter().take(self.wave).map(Vec::len).sum();
        let count = self.plan.waves.get(self.wave).map_or(0, Vec::len);
        self.targets.get(before..before + count).unwrap_or_default()
    }

    /// Returns the targets of the wave that it is in, to change them.
    pub(super) fn in_wave_mut(&mut self) -> &mut [RolloutTarget] {
        let before: usize = self.plan.waves.iter().take(self.wave).map(Vec::len).sum();
        let count = self.plan.waves.get(self.wave).map_or(0, Vec::len);
        self.targets.get_mut(before..before + count).unwrap_or_default()
    }

    /// Returns the time at which a pause takes the rollout back.
    pub(super) fn pause_ends(&self, pause: &Pause) -> Option<Timestamp> {
        pause.since.checked_add(SignedDuration::from_secs(self.plan.pause_seconds.into())).ok()
    }

    /// Whether traffic may be on a new version somewhere.
    #[must_use]
    pub fn has_traffic(&self) -> bool {
        self.targets.iter().any(|one| one.weight > 0)
    }
}

/// Whether nothing is to be done for a rollout but to look.
#[must_use]
pub fn awaits_look(state: &RolloutState) -> bool {
    matches!(state.next_action(), RolloutAction::Look { .. })
}
