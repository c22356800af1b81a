//! The rollout of one function in one environment: the environment's, made stricter by the manifest.

use crate::config::rollout::{AlarmName, MOST_ALARMS, Rollout, SmokeTest, WhenQuiet};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::id::EnvironmentName;
use crate::manifest::{SmokeTestRule, StricterRollout};

/// The rollout of one function in one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectiveRollout {
    /// The rollout, with what the manifest asks for in it.
    pub rollout: Rollout,
    /// Whether a release without a smoke test is refused.
    pub smoke_test: Option<SmokeTestRule>,
}

impl EffectiveRollout {
    /// Combines an environment's rollout with the table `rollout` of a manifest; `targets` is the environment's number of
    /// targets.
    ///
    /// # Errors
    /// [`Diagnostics`] with the fields of the manifest that are looser than the environment's, and both values. The
    /// deployment is refused with `InvalidManifest`.
    pub fn combine(
        rollout: &Rollout,
        asked: &StricterRollout,
        environment: &EnvironmentName,
        targets: usize,
    ) -> Result<Self, Diagnostics> {
        let mut found = Vec::new();
        let mut rollout = rollout.clone();
        found.extend(add_alarms(&mut rollout, asked.alarms.as_deref().unwrap_or_default(), environment));
        found.extend(asked.first_weight.and_then(|weight| lower_first_step(&mut rollout, weight, environment)));
        found.extend(asked.when_quiet.and_then(|asked| raise_when_quiet(&mut rollout, asked, environment)));
        if let Some(factor) = asked.slower {
            for step in &mut rollout.steps {
                step.lasts = step.lasts.times(factor);
            }
            found.extend(rollout.length_diagnostic(targets).map(|too_long| {
                let sentence = format_args!("{factor} is too slow: the rollout of {environment} {}", too_long.sentence);
                Diagnostic::new("rollout.slower", sentence)
            }));
        }
        Diagnostics::error_if_any(found)?;
        Ok(Self { rollout, smoke_test: asked.smoke_test })
    }

    /// Returns the smoke tests of a release: its own, else the environment's.
    ///
    /// # Errors
    /// [`Diagnostics`] if the manifest requires one and there is none.
    pub fn smoke_tests(&self, of_release: Vec<SmokeTest>) -> Result<Vec<SmokeTest>, Diagnostics> {
        let tests = if of_release.is_empty() { self.rollout.smoke_tests.clone() } else { of_release };
        match self.smoke_test {
            Some(rule @ SmokeTestRule::Required) if tests.is_empty() => Err(Diagnostic::new(
                "rollout.smoke_test",
                format_args!("is {rule}, and neither the zip has a smoke.json nor the environment a smoke_test"),
            )
            .into()),
            _ => Ok(tests),
        }
    }
}

fn add_alarms(rollout: &mut Rollout, asked: &[AlarmName], environment: &EnvironmentName) -> Option<Diagnostic> {
    let there = rollout.alarms.len();
    for alarm in asked {
        if !rollout.alarms.contains(alarm) {
            rollout.alarms.push(alarm.clone());
        }
    }
    let all = rollout.alarms.len();
    (all > MOST_ALARMS).then(|| {
        let sentence = format_args!(
            "{} more than the {there} of {environment} are {all} alarms; at most {MOST_ALARMS}",
            all - there
        );
        Diagnostic::new("rollout.alarms", sentence)
    })
}

fn lower_first_step(rollout: &mut Rollout, asked: u32, environment: &EnvironmentName) -> Option<Diagnostic> {
    let sentence = match rollout.steps.first_mut() {
        None => format!("{asked} needs a first step, and {environment} moves all traffic at once"),
        Some(first) => match u8::try_from(asked) {
            Ok(weight) if weight <= first.weight => {
                first.weight = weight;
                return None;
            }
            _ => format!("{asked} is looser than {}, the weight of the first step in {environment}", first.weight),
        },
    };
    Some(Diagnostic::new("rollout.first_weight", sentence))
}

fn raise_when_quiet(rollout: &mut Rollout, asked: WhenQuiet, environment: &EnvironmentName) -> Option<Diagnostic> {
    if asked >= rollout.when_quiet {
        rollout.when_quiet = asked;
        return None;
    }
    let (asked, there) = (asked.as_str(), rollout.when_quiet.as_str());
    Some(Diagnostic::new("rollout.when_quiet", format_args!("{asked} is looser than {there} of {environment}")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::rollout::Placement;
    use serde_json::{Value, json};

    fn combine(rollout: Value, asked: Value) -> Result<EffectiveRollout, String> {
        let placement = Placement { targets: 1, queue_url: Some("https://queue") };
        let rollout = Rollout::parse(&rollout, placement).unwrap();
        let asked = StricterRollout::parse(&asked).unwrap();
        let prod = EnvironmentName::parse("prod").unwrap();
        EffectiveRollout::combine(&rollout, &asked, &prod, 1).map_err(|error| error.to_string())
    }

    fn effective(rollout: Value, asked: Value) -> Rollout {
        combine(rollout, asked).unwrap().rollout
    }

    #[test]
    fn manifest_that_asks_for_nothing_changes_nothing() {
        assert_eq!(effective(json!({}), json!({})), Rollout::default());
    }

    #[test]
    fn each_field_makes_the_rollout_stricter() {
        let there =
            json!({ "steps": [{ "weight": 10, "for": "10m" }, { "weight": 50, "for": "5m" }], "alarms": ["a"] });
        let asked = json!({ "alarms": ["a", "b"], "slower": 3, "first_weight": 2, "when_quiet": "fail" });
        let rollout = effective(there, asked);
        let steps: Vec<String> =
            rollout.steps.iter().map(|step| format!("{} for {}", step.weight, step.lasts)).collect();
        assert_eq!(steps, ["2 for 30m", "50 for 15m"]);
        assert_eq!(rollout.alarms.iter().map(AlarmName::as_str).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(rollout.when_quiet, WhenQuiet::Fail);
        assert_eq!(rollout.watch.to_string(), "10m", "slower is about steps");
    }

    #[test]
    fn equal_values_are_not_looser() {
        let rollout = effective(json!({ "when_quiet": "fail" }), json!({ "first_weight": 10, "when_quiet": "fail" }));
        assert_eq!((rollout.steps[0].weight, rollout.when_quiet), (10, WhenQuiet::Fail));
    }

    #[test]
    fn looser_manifest_is_refused_with_both_values() {
        let alarms = |count: usize, name: &str| (0..count).map(|n| format!("{name}{n}")).collect::<Vec<_>>();
        for (there, asked, message) in [
            (
                json!({}),
                json!({ "first_weight": 20 }),
                "rollout.first_weight: 20 is looser than 10, the weight of the first step in prod",
            ),
            (
                json!({ "steps": [] }),
                json!({ "first_weight": 5 }),
                "rollout.first_weight: 5 needs a first step, and prod moves all traffic at once",
            ),
            (
                json!({ "when_quiet": "fail" }),
                json!({ "when_quiet": "proceed" }),
                "rollout.when_quiet: proceed is looser than fail of prod",
            ),
            (
                json!({ "alarms": alarms(18, "a") }),
                json!({ "alarms": alarms(3, "b") }),
                "rollout.alarms: 3 more than the 18 of prod are 21 alarms; at most 20",
            ),
            (
                json!({ "steps": [{ "weight": 10, "for": "5h" }] }),
                json!({ "slower": 10 }),
                "rollout.slower: 10 is too slow: the rollout of prod takes 50h 10m in all (1 times 50h 10m of steps and \
                 watch); at most 48h",
            ),
            (
                json!({ "when_quiet": "pause" }),
                json!({ "when_quiet": "proceed", "first_weight": 11 }),
                "rollout.first_weight: 11 is looser than 10, the weight of the first step in prod | \
                 rollout.when_quiet: proceed is looser than pause of prod",
            ),
        ] {
            assert_eq!(combine(there, asked).unwrap_err(), message);
        }
    }

    #[test]
    fn required_smoke_test_must_be_there() {
        let test = json!({ "event": { "ping": true } });
        let of = |rollout, asked| combine(rollout, asked).unwrap();
        let required = json!({ "smoke_test": "required" });
        let own: SmokeTest = serde_json::from_value(test.clone()).unwrap();
        assert_eq!(
            of(json!({}), required.clone()).smoke_tests(Vec::new()).unwrap_err().to_string(),
            "rollout.smoke_test: is required, and neither the zip has a smoke.json nor the environment a smoke_test"
        );
        assert_eq!(of(json!({ "smoke_test": test }), required.clone()).smoke_tests(Vec::new()), Ok(vec![own.clone()]));
        assert_eq!(of(json!({}), required).smoke_tests(vec![own.clone()]), Ok(vec![own.clone()]));
        assert_eq!(of(json!({}), json!({})).smoke_tests(Vec::new()), Ok(Vec::new()));
        let other = json!({ "event": { "pong": true } });
        assert_eq!(
            of(json!({ "smoke_test": other }), json!({})).smoke_tests(vec![own.clone()]),
            Ok(vec![own]),
            "the release's own come first"
        );
    }

    #[test]
    fn invalid_table_is_refused_with_the_path_of_each_field() {
        for (asked, message) in [
            (json!({ "slower": 11 }), "slower: 11 is out of range: 1 to 10"),
            (json!({ "slower": 0 }), "slower: 0 is out of range: 1 to 10"),
            (json!({ "slower": "2" }), "slower: expected a whole number, found the string \"2\""),
            (json!({ "first_weight": 0 }), "first_weight: 0 is out of range: 1 to 99"),
            (json!({ "first_weight": 100 }), "first_weight: 100 is out of range: 1 to 99"),
            (json!({ "frist_weight": 5 }), "frist_weight: unknown field; did you mean first_weight?"),
            (
                json!({ "guard": {} }),
                "guard: unknown field; known here: alarms, first_weight, slower, smoke_test, when_quiet",
            ),
            (
                json!({ "when_quiet": "ignore" }),
                "when_quiet: expected proceed or pause or fail, found the string \"ignore\"",
            ),
            (json!({ "smoke_test": "optional" }), "smoke_test: expected required, found the string \"optional\""),
            (json!({ "alarms": ["a", "a"] }), "alarms[1]: a is there twice"),
            (json!([]), "expected a table, found a list"),
        ] {
            assert_eq!(StricterRollout::parse(&asked).unwrap_err().to_string(), message);
        }
    }
}
