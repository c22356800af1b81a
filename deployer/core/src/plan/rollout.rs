//! The rollout in a plan: how the targets would get their traffic.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PlanReport, RefusedPlan};
use crate::config::Span;
use crate::config::rollout::{MINUTES_ALONE, Rollout, SHORTEST_STEP, SHORTEST_WATCH, Step, Then, in_minutes};
use crate::function_ref::FunctionRef;
use crate::manifest::FunctionConfig;
use crate::record::{CauseKind, Code};
use crate::rollout::EffectiveRollout;

/// The rollout that a deployment would make: the environment's, made stricter by the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedRollout {
    /// The numbers of targets that begin with each wave.
    pub waves: Vec<usize>,
    /// The steps of each wave before all traffic; none: all traffic moves at once.
    pub steps: Vec<Step>,
    /// The time for which each wave is watched with all traffic on the new version.
    pub watch: Span,
    /// The time of all waves; pauses and lengthened steps come on top.
    pub length: Span,
    /// The number of smoke tests of the environment. Those of a release take their place.
    pub smoke_tests: usize,
    /// The alarms in each target that take it back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<String>,
}

impl PlannedRollout {
    /// Plans the rollout of a function whose invocations may take this long.
    #[must_use]
    pub fn of(at: &FunctionRef<'_>, effective: &EffectiveRollout, timeout: Duration) -> Self {
        let rollout = &effective.rollout;
        let targets = at.environment.targets.len();
        let begun = rollout.begun_by_wave(targets);
        let before = [0].into_iter().chain(begun.iter().copied());
        let lasts = |span: Span, shortest: Duration| {
            Span::of_seconds(span.as_duration().max(shortest.saturating_add(timeout)).as_secs())
        };
        let steps: Vec<Step> =
            rollout.steps.iter().map(|step| Step { lasts: lasts(step.lasts, SHORTEST_STEP), ..step.clone() }).collect();
        let planned = Rollout { steps: steps.clone(), watch: lasts(rollout.watch, SHORTEST_WATCH), ..rollout.clone() };
        Self {
            waves: begun.iter().zip(before).map(|(end, begin)| end - begin).collect(),
            steps,
            watch: planned.watch,
            length: Span::of_seconds(planned.planned_length(targets).as_secs()),
            smoke_tests: rollout.smoke_tests.len(),
            alarms: rollout.alarms.iter().map(|alarm| alarm.fill_in(&at.name, &at.function)).collect(),
        }
    }
}

/// Says which of the rollout's times are longer than the configuration says.
fn lengthened(rollout: &Rollout, timeout: Duration) -> Vec<String> {
    let least = |shortest: Duration| shortest.saturating_add(timeout);
    let words = |lasts: Duration| Span::of_seconds(lasts.as_secs()).to_string();
    let takes = words(timeout);
    let has_short_step = rollout.steps.iter().any(|step| step.lasts.as_duration() < least(SHORTEST_STEP));
    let step = has_short_step.then(|| {
        format!(
            "each step of the rollout lasts at least {}: an invocation may take {takes}, and CloudWatch counts its error \
             in the minute in which it began",
            words(least(SHORTEST_STEP))
        )
    });
    let has_short_watch = rollout.watch.as_duration() < least(SHORTEST_WATCH);
    let watch = has_short_watch.then(|| {
        format!(
            "the watch of the rollout lasts {}: an invocation may take {takes}, and the guard needs {MINUTES_ALONE} minutes \
             with all traffic on the new version",
            words(least(SHORTEST_WATCH))
        )
    });
    step.into_iter().chain(watch).collect()
}

impl PlanReport {
    /// Adds the rollout by which a deployment of this kind would bring a manifest's function to its targets; `timeout` is
    /// the longest time of an invocation. A manifest that is looser than the environment would be refused, and one that
    /// is ignored is warned of.
    #[must_use]
    pub fn with_rollout(
        mut self,
        at: &FunctionRef<'_>,
        kind: CauseKind,
        manifest: &FunctionConfig,
        timeout: Duration,
    ) -> Self {
        if !kind.rolls_out() {
            return self;
        }
        self.warnings.extend(at.ignored_rollout(manifest));
        match at.effective_rollout(manifest) {
            Ok(Some(effective)) if self.refused.is_none() && !self.unchanged => {
                self.warnings.extend(lengthened(&effective.rollout, timeout));
                self.rollout = Some(PlannedRollout::of(at, &effective, timeout));
            }
            Ok(_) => {}
            Err(error) => {
                let refused = RefusedPlan { code: Code::InvalidManifest, because: error.to_string() };
                self.refused.get_or_insert(refused);
                self.unchanged = false;
            }
        }
        self
    }
}

/// Writes it as a sentence.
impl fmt::Display for PlannedRollout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [first @ .., last] = self.waves.as_slice()
            && !first.is_empty()
        {
            let first: Vec<String> = first.iter().map(usize::to_string).collect();
            write!(f, "in {} waves of {} and {last} targets, each: ", self.waves.len(), first.join(", "))?;
        }
        if self.smoke_tests > 0 {
            f.write_str("smoke test, ")?;
        }
        for Step { weight, lasts, then } in &self.steps {
            let pause = match then {
                Some(Then::Pause) => " and until a person continues it",
                None => "",
            };
            write!(f, "{weight} % for {lasts}{pause}, ")?;
        }
        let (all, length) =
            (if self.steps.is_empty() { "all traffic at once" } else { "then all traffic" }, self.length);
        write!(f, "{all}, watched for {}; {} in all", self.watch, in_minutes(length.as_duration()))?;
        match self.alarms.as_slice() {
            [] => Ok(()),
            [one] => write!(f, "; the alarm {one} takes it back"),
            several => write!(f, "; the alarms {} take it back", several.join(", ")),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::config::Config;
    use crate::id::{EnvironmentName, FunctionName};
    use crate::manifest::{Manifest, ManifestFormat};
    use crate::plan::TargetPlan;

    /// Plans a deployment of this kind to two targets, with this rollout and manifest.
    fn planned(rollout: Value, kind: CauseKind, toml: &str, timeout: u64) -> PlanReport {
        let targets = json!([
            { "account": "222222222222", "region": "eu-west-1" }, { "account": "222222222222", "region": "us-east-1" },
        ]);
        let file = json!({
            "artifact_bucket": "a-bucket", "ledger_bucket": "l-bucket", "queue_url": "https://sqs.example/q",
            "environments": { "prod": { "targets": targets, "rollout": rollout } }
        });
        let config = Config::parse(&file.to_string()).unwrap();
        let (prod, orders) = (EnvironmentName::parse("prod").unwrap(), FunctionName::parse("orders").unwrap());
        let at = FunctionRef::find(&config, &prod, &orders).unwrap();
        let manifest = Manifest::parse(ManifestFormat::Toml, toml.as_bytes()).unwrap().for_environment(&prod);
        let moves = json!({ "account": "222222222222", "region": "eu-west-1", "changes": [],
                            "steps": [{ "step": "move alias", "detail": "" }] });
        let moves: TargetPlan = serde_json::from_value(moves).unwrap();
        let report = PlanReport::new(prod.clone(), orders.clone(), None).with_targets(vec![moves], None);
        report.with_rollout(&at, kind, &manifest, Duration::from_secs(timeout))
    }

    fn sentence(rollout: Value, toml: &str) -> String {
        planned(rollout, CauseKind::Deploy, toml, 3).rollout.unwrap().to_string()
    }

    #[test]
    fn plan_names_waves_steps_watch_length_and_alarms() {
        assert_eq!(sentence(json!({}), ""), "10 % for 10m, then all traffic, watched for 10m; 20m in all");
        assert_eq!(sentence(json!({ "steps": [] }), ""), "all traffic at once, watched for 10m; 10m in all");
        let whole = json!({
            "steps": [{ "weight": 10, "for": "5m" }, { "weight": 50, "for": "1h", "then": "pause" }],
            "waves": ["1", "100%"], "alarms": ["{function}-5xx"], "smoke_test": { "event": 1 }
        });
        assert_eq!(
            sentence(whole.clone(), "[rollout]\nalarms = ['{environment}-queue']\n"),
            "in 2 waves of 1 and 1 targets, each: smoke test, 10 % for 5m, 50 % for 1h and until a person continues it, then \
             all traffic, watched for 10m; 2h 30m in all; the alarms orders-5xx, prod-queue take it back"
        );
        assert!(sentence(whole, "").ends_with("; the alarm orders-5xx takes it back"));
    }

    #[test]
    fn step_is_planned_at_least_as_long_as_an_invocation_and_the_report_says_why() {
        let report = planned(json!({ "watch": "30m" }), CauseKind::Promotion, "", 900);
        let rollout = report.rollout.unwrap();
        assert_eq!(rollout.to_string(), "10 % for 18m, then all traffic, watched for 30m; 48m in all");
        assert_eq!(
            report.warnings,
            [
                "each step of the rollout lasts at least 18m: an invocation may take 15m, and CloudWatch counts its error in the \
              minute in which it began"
            ]
        );
    }

    #[test]
    fn looser_manifest_is_refused_in_the_plan_of_what_rolls_out_only() {
        let report = |kind| planned(json!({}), kind, "[rollout]\nfirst_weight = 20\n", 3);
        let refused = report(CauseKind::Deploy);
        assert_eq!(refused.rollout, None);
        let RefusedPlan { code, because } = refused.refused.unwrap();
        assert_eq!(code, Code::InvalidManifest);
        assert_eq!(because, "rollout.first_weight: 20 is looser than 10, the weight of the first step in prod");
        let redeploy = report(CauseKind::Redeploy);
        assert_eq!((redeploy.rollout, redeploy.refused), (None, None));
    }

    #[test]
    fn ignored_rollout_of_a_manifest_is_a_warning_of_the_plan() {
        let report = planned(Value::Null, CauseKind::Upload, "[rollout]\nslower = 2\n", 3);
        assert_eq!(report.warnings, ["rollout: ignored in prod, which has none, so all traffic moves at once there"]);
        assert_eq!((report.rollout, report.refused), (None, None));
    }
}
