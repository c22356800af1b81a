//! The part of a status that was asked for: functions by a pattern of names, and by their states.

use clap::ValueEnum;
use deployer_core::group::GroupStatus;
use deployer_core::id::{EnvironmentName, FunctionName, FunctionPattern};
use deployer_core::known_functions::{FunctionNames, UnmatchedPattern};
use deployer_core::status::{FunctionStatus, StatusReport};
use jiff::Timestamp;

use crate::answer::CliError;

/// A state of a function in an environment. A function may be in several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum State {
    /// A deployment is under way.
    Deploying,
    /// A rollout is paused, and waits for a person.
    Paused,
    /// A release was taken back, by the guard, an alarm or a person, and nothing else is live since.
    TakenBack,
    /// A deployment waits for the one that is under way.
    Pending,
    /// A promotion waits for its soak, for approvals or for the end of a freeze.
    Waiting,
    /// The environment takes nothing new for the function.
    Held,
    /// The last deployment has failed.
    Failed,
    /// The live release, or one that a target serves, was rejected.
    Rejected,
    /// A target does not serve the live release.
    Incomplete,
    /// Targets serve different releases.
    Split,
    /// An environment that it is promoted from has another release live.
    Behind,
    /// A write without an answer may still move an alias.
    Late,
}

impl State {
    /// Whether a function is in this state.
    fn is_of(self, status: &FunctionStatus, now: Timestamp) -> bool {
        match self {
            Self::Deploying => status.active.is_some(),
            Self::Paused => status.rollout.as_ref().is_some_and(|rollout| rollout.paused.is_some()),
            Self::TakenBack => status.taken_back.is_some(),
            Self::Pending => status.pending.is_some(),
            Self::Waiting => !status.waiting.is_empty(),
            Self::Held => status.hold.is_some(),
            Self::Failed => status.last_failed.is_some(),
            Self::Rejected => status.rejected || status.targets.iter().any(|target| target.rejected),
            Self::Incomplete => status.live.as_ref().is_some_and(|live| !live.complete),
            Self::Split => status.split().is_some(),
            Self::Behind => !status.behind.is_empty(),
            Self::Late => status.doors.iter().any(|door| now < door.until),
        }
    }

    fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// Whether a function waits as a member of a group.
fn waits_in_group(groups: &[GroupStatus], status: &FunctionStatus) -> bool {
    let is_its = |group: &GroupStatus| group.environment == status.environment && group.has(&status.function);
    groups.iter().any(|group| group.is_undecided() && is_its(group))
}

/// The conditions under which a part of a status is shown.
pub(super) struct Filter<'a> {
    /// The pattern that the functions' names match.
    pub names: Option<&'a FunctionPattern>,
    /// The states of which a function is in one; empty: any.
    pub states: &'a [State],
}

impl Filter<'_> {
    /// Keeps the functions that match, each where it is in one of the states, and the groups with one of them.
    pub fn keep(&self, report: &mut StatusReport, now: Timestamp) {
        let Self { names, states } = self;
        let is_named = |function: &FunctionName| names.is_none_or(|names| names.matches(function));
        report.functions.retain(|status| {
            let waits = states.contains(&State::Waiting) && waits_in_group(&report.groups, status);
            let is_in_one = states.is_empty() || waits || states.iter().any(|state| state.is_of(status, now));
            is_named(&status.function) && is_in_one
        });
        let functions = &report.functions;
        report.groups.retain(|group| {
            // Its members wait with it, and none of them by itself.
            let is_waiting = group.decided_at.is_none() && states.contains(&State::Waiting);
            group.functions.iter().any(|member| {
                let is_shown = |status: &FunctionStatus| {
                    (&status.function, &status.environment) == (&member.function, &group.environment)
                };
                is_named(&member.function) && (states.is_empty() || is_waiting || functions.iter().any(is_shown))
            })
        });
    }

    /// Refuses a pattern of names that matches nothing of the environment, or of all. `*` stands for all that there is.
    pub fn ensure_any(&self, report: &StatusReport, environment: Option<&EnvironmentName>) -> Result<(), CliError> {
        let is_name = |names: &&FunctionPattern| FunctionName::parse(names.as_str()).is_ok();
        let Some(pattern) = self.names.filter(|names| names.as_str() != "*" && !is_name(names)) else { return Ok(()) };
        let members = report.groups.iter().flat_map(|group| &group.functions).map(|member| &member.function);
        let names: FunctionNames =
            report.functions.iter().map(|status| &status.function).chain(members).cloned().collect();
        // A head that cannot be read may match.
        if !report.unreadable.is_empty() || names.any_matches(pattern) {
            return Ok(());
        }
        let hint = names.hint_of_pattern(pattern);
        let unmatched = UnmatchedPattern { environment: environment.cloned(), pattern: pattern.clone(), hint };
        Err(CliError::unknown_function(unmatched))
    }

    /// Returns what to say if nothing of this environment, or of all, is in one of the states; none if any state was asked
    /// for.
    pub fn nothing(&self, environment: Option<&EnvironmentName>) -> Option<String> {
        let in_ = environment.map_or(String::new(), |environment| format!(" in {environment}"));
        let names = self.names.map_or_else(|| "no function".to_owned(), |names| format!("no function {names}"));
        let states: Vec<String> = self.states.iter().map(|state| state.name()).collect();
        let nothing = || format!("{names}{in_} is in one of these states: {}\n", states.join(", "));
        (!states.is_empty()).then(nothing)
    }
}
