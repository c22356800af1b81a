//! The alarms of a rollout: which of them take it back.
//!
//! An alarm that fires before the rollout begins is disarmed: it counts again once it has been OK. Otherwise nobody could
//! deploy the fix.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The state of an alarm (CloudWatch API Reference, MetricAlarm and CompositeAlarm, StateValue).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AlarmState {
    /// It does not fire.
    Ok,
    /// It fires.
    Alarm,
    /// It has too little data.
    InsufficientData,
}

/// The alarms of a target, as they are now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlarmStates {
    /// Those that exist, by name.
    pub found: BTreeMap<String, AlarmState>,
    /// The names that no alarm has.
    pub missing: BTreeSet<String>,
}

/// An alarm that went to another state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmChange {
    /// The time.
    pub at: Timestamp,
    /// The state that it went to.
    pub to: AlarmState,
}

/// The state of a target's alarms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlarmFindings {
    /// Those that fired since the rollout began, also where they are OK again.
    pub fired: BTreeSet<String>,
    /// Those that have fired since before it began, and were not OK since.
    pub disarmed: BTreeSet<String>,
    /// Those with too little data.
    pub insufficient: BTreeSet<String>,
    /// Those that are gone.
    pub missing: BTreeSet<String>,
}

impl AlarmState {
    /// Parses CloudWatch's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "OK" => Some(Self::Ok),
            "ALARM" => Some(Self::Alarm),
            "INSUFFICIENT_DATA" => Some(Self::InsufficientData),
            _ => None,
        }
    }

    /// Returns CloudWatch's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
        }
    }
}

impl AlarmStates {
    /// Makes the states of these names from what was found of them.
    #[must_use]
    pub fn of(names: &[String], found: BTreeMap<String, AlarmState>) -> Self {
        let missing = names.iter().filter(|name| !found.contains_key(*name)).cloned().collect();
        Self { found, missing }
    }

    /// Returns the alarms that fire now: before the rollout begins, these are disarmed, or refuse it.
    #[must_use]
    pub fn firing(&self) -> BTreeSet<String> {
        self.in_state(AlarmState::Alarm)
    }

    /// Judges the alarms of a target whose rollout has begun. `disarmed` are those that fired before it began, and
    /// `changes` what each alarm did since then; an alarm without changes stayed as it is. What could not be read is left
    /// out: an alarm is judged by its state, by its changes, or by both.
    #[must_use]
    pub fn judge(&self, disarmed: &BTreeSet<String>, changes: &BTreeMap<String, Vec<AlarmChange>>) -> AlarmFindings {
        let mut findings = AlarmFindings {
            insufficient: self.in_state(AlarmState::InsufficientData),
            missing: self.missing.clone(),
            ..AlarmFindings::default()
        };
        let names: BTreeSet<&String> = self.found.keys().chain(changes.keys()).collect();
        for name in names {
            let mut changes: Vec<_> = changes.get(name).into_iter().flatten().collect();
            changes.sort_by_key(|change| change.at);
            let mut is_disarmed = disarmed.contains(name);
            for to in changes.iter().map(|change| change.to).chain(self.found.get(name).copied()) {
                is_disarmed &= to != AlarmState::Ok;
                if to == AlarmState::Alarm && !is_disarmed {
                    findings.fired.insert(name.clone());
                }
            }
            if is_disarmed {
                findings.disarmed.insert(name.clone());
            }
        }
        findings
    }

    fn in_state(&self, wanted: AlarmState) -> BTreeSet<String> {
        self.found.iter().filter(|(_, state)| **state == wanted).map(|(name, _)| name.clone()).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::AlarmState::{Alarm, InsufficientData, Ok};
    use super::*;

    /// Judges one alarm in this state, which was disarmed or not, after these changes.
    fn judged(state: AlarmState, is_disarmed: bool, changes: &[AlarmState]) -> AlarmFindings {
        let states = AlarmStates::of(&["a".to_owned()], [("a".to_owned(), state)].into());
        let change = |(number, to): (usize, &AlarmState)| AlarmChange {
            at: Timestamp::from_second(60 * i64::try_from(number).unwrap()).unwrap(),
            to: *to,
        };
        // CloudWatch answers the newest first.
        let changes = changes.iter().enumerate().map(change).rev().collect();
        let disarmed = if is_disarmed { BTreeSet::from(["a".to_owned()]) } else { BTreeSet::new() };
        states.judge(&disarmed, &[("a".to_owned(), changes)].into())
    }

    #[test]
    fn alarm_that_fires_or_has_fired_since_takes_the_rollout_back() {
        for (state, changes, fired) in [
            (Ok, &[][..], false),
            (Alarm, &[Alarm], true),
            (Alarm, &[], true),
            (Ok, &[Alarm, Ok], true),
            (InsufficientData, &[InsufficientData], false),
            (Ok, &[InsufficientData, Ok], false),
        ] {
            assert_eq!(!judged(state, false, changes).fired.is_empty(), fired, "{state:?} {changes:?}");
        }
    }

    #[test]
    fn disarmed_alarm_counts_again_once_it_has_been_ok() {
        for (state, changes, fired, disarmed) in [
            (Alarm, &[][..], false, true),
            (InsufficientData, &[InsufficientData], false, true),
            (Alarm, &[InsufficientData, Alarm], false, true),
            (Ok, &[Ok], false, false),
            (Alarm, &[Ok, Alarm], true, false),
            (Ok, &[Ok, Alarm, Ok], true, false),
        ] {
            let findings = judged(state, true, changes);
            assert_eq!(
                (!findings.fired.is_empty(), !findings.disarmed.is_empty()),
                (fired, disarmed),
                "{state:?} {changes:?}"
            );
        }
    }

    #[test]
    fn alarm_without_data_or_existence_is_named() {
        assert_eq!(judged(InsufficientData, false, &[]).insufficient, BTreeSet::from(["a".to_owned()]));
        let states = AlarmStates::of(&["a".into(), "b".into()], [("a".to_owned(), Ok)].into());
        assert_eq!(states.judge(&BTreeSet::new(), &BTreeMap::new()).missing, BTreeSet::from(["b".to_owned()]));
    }

    #[test]
    fn alarm_that_is_known_by_its_state_or_by_its_changes_alone_is_judged() {
        let fired = |states: AlarmStates, changes: &[(String, Vec<AlarmChange>)]| {
            !states.judge(&BTreeSet::new(), &changes.iter().cloned().collect()).fired.is_empty()
        };
        let fires = AlarmChange { at: Timestamp::from_second(60).unwrap(), to: Alarm };
        assert!(fired(AlarmStates::of(&["a".into()], [("a".to_owned(), Alarm)].into()), &[]));
        assert!(fired(AlarmStates::default(), &[("a".to_owned(), vec![fires])]));
        assert!(!fired(AlarmStates::default(), &[("a".to_owned(), vec![])]));
    }

    #[test]
    fn alarm_that_fires_before_is_firing() {
        let states = AlarmStates::of(&["a".into(), "b".into()], [("a".into(), Alarm), ("b".into(), Ok)].into());
        assert_eq!(states.firing(), BTreeSet::from(["a".to_owned()]));
    }

    #[test]
    fn states_are_cloudwatchs_words() {
        for state in [Ok, Alarm, InsufficientData] {
            assert_eq!(AlarmState::parse(state.as_str()), Some(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
        assert_eq!(AlarmState::parse("ok"), None);
    }
}
