//! The rollout in a plan: how the targets would get their traffic.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PlanReport, RefusedPlan, TargetPlan};
use crate::config::rollout::{Rollout, SHORTEST_STEP, SHORTEST_WATCH, Step, Then, in_words};
use crate::config::{Span, Target};
use crate::function_ref::FunctionRef;
use crate::manifest::FunctionConfig;
use crate::record::{CauseKind, Code};

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
    /// The time of all waves where each step and each watch is lengthened once, because it has too few invocations;
    /// pauses come on top.
    #[serde(default)]
    pub longest: Span,
    /// The number of smoke tests of the environment. Those of a release take their place.
    pub smoke_tests: usize,
    /// The alarms in each target that take it back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<String>,
}

impl PlannedRollout {
    /// Plans the rollout of a function whose invocations may take this long. Nothing is lengthened where no target has
    /// an alias yet: no two versions can be compared there.
    #[must_use]
    pub fn of(at: &FunctionRef<'_>, rollout: &Rollout, timeout: Duration, is_new: IsNew) -> Self {
        let targets = at.environment.targets.len();
        let begun = rollout.begun_by_wave(targets);
        let before = [0].into_iter().chain(begun.iter().copied());
        let lasts = |span: Span, shortest: Duration| {
            Span::of_seconds(span.as_duration().max(shortest.saturating_add(timeout)).as_secs())
        };
        let steps: Vec<Step> =
            rollout.steps.iter().map(|step| Step { lasts: lasts(step.lasts, SHORTEST_STEP), ..step.clone() }).collect();
        let planned = Rollout { steps: steps.clone(), watch: lasts(rollout.watch, SHORTEST_WATCH), ..rollout.clone() };
        let length = Span::of_seconds(planned.planned_length(targets).as_secs());
        Self {
            waves: begun.iter().zip(before).map(|(end, begin)| end - begin).collect(),
            steps,
            watch: planned.watch,
            length,
            longest: if is_new == IsNew::Everywhere { length } else { length.times(2) },
            smoke_tests: rollout.smoke_tests.len(),
            alarms: rollout.alarms.iter().map(|alarm| alarm.fill_in(&at.name, &at.function)).collect(),
        }
    }
}

/// The targets in which the alias would be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IsNew {
    /// All of them.
    Everywhere,
    /// These.
    In(Vec<Target>),
}

impl IsNew {
    /// Tells it by the plans of the targets. Nothing is known of one without a plan.
    fn of(targets: &[TargetPlan]) -> Self {
        let known = || targets.iter().filter(|plan| plan.error.is_none());
        let new: Vec<Target> =
            known().filter(|plan| plan.version_from.is_none()).map(|plan| plan.target.clone()).collect();
        if !new.is_empty() && new.len() == known().count() { Self::Everywhere } else { Self::In(new) }
    }

    fn warning(&self) -> Option<String> {
        let Self::In(new) = self else { return None };
        let new: Vec<String> = new.iter().map(Target::to_string).collect();
        (!new.is_empty()).then(|| {
            format!(
                "all traffic moves at once where the alias is made, and what is made cannot be taken back: {}",
                new.join(", ")
            )
        })
    }
}

/// Says that the rollout takes longer than the configuration says, and why. A difference of seconds is not worth a
/// warning: the plan has the times that count.
fn lengthened(rollout: &Rollout, timeout: Duration) -> Option<String> {
    const NOTABLE: Duration = Duration::from_secs(60);
    let is_short = |lasts: Span, shortest: Duration| {
        shortest.saturating_add(timeout).saturating_sub(lasts.as_duration()) >= NOTABLE
    };
    let has_short_step = rollout.steps.iter().any(|step| is_short(step.lasts, SHORTEST_STEP));
    let what = match (has_short_step, is_short(rollout.watch, SHORTEST_WATCH)) {
        (true, true) => "steps and the watch of the rollout last",
        (true, false) => "steps of the rollout last",
        (false, true) => "the watch of the rollout lasts",
        (false, false) => return None,
    };
    Some(format!(
        "{what} longer than deployer.json says: an invocation may take {}, CloudWatch counts its error in the minute in \
         which it began, and the guard needs {} beyond that for a step, and {} for the watch",
        in_words(timeout),
        in_words(SHORTEST_STEP),
        in_words(SHORTEST_WATCH)
    ))
}

impl PlanReport {
    /// Adds the rollout by which a deployment of this kind would bring a manifest's function to its targets; `timeout` is
    /// the longest time of an invocation. A manifest that is looser than the environment would be refused, and one that
    /// is ignored is warned of. A rollout that a person skips, or whose aliases are all new, has no steps.
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
                let is_new = IsNew::of(&self.targets);
                let rollout = match (&self.rollout_skipped, &is_new) {
                    (Some(_), _) => effective.rollout.all_at_once(),
                    (None, IsNew::Everywhere) => Rollout { steps: vec![], ..effective.rollout },
                    (None, IsNew::In(_)) => effective.rollout,
                };
                self.warnings.extend(lengthened(&rollout, timeout));
                self.warnings.extend(is_new.warning().filter(|_| !rollout.steps.is_empty()));
                self.rollout = Some(PlannedRollout::of(at, &rollout, timeout, is_new));
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
            write!(f, "{weight} % for {}{pause}, ", in_words(lasts.as_duration()))?;
        }
        let all = if self.steps.is_empty() { "all traffic at once" } else { "then all traffic" };
        let (watch, length) = (in_words(self.watch.as_duration()), in_words(self.length.as_duration()));
        write!(f, "{all}, watched for {watch}; {length} in all")?;
        if self.longest > self.length {
            let longest = in_words(self.longest.as_duration());
            write!(f, ", and up to {longest} where too few invocations lengthen each step once")?;
        }
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

    /// Returns a configuration whose prod has two targets and this rollout.
    fn config(rollout: Value) -> Config {
        let targets = json!([
            { "account": "222222222222", "region": "eu-west-1" }, { "account": "222222222222", "region": "us-east-1" },
        ]);
        let file = json!({
            "artifact_bucket": "a-bucket", "ledger_bucket": "l-bucket", "queue_url": "https://sqs.example/q",
            "environments": { "prod": { "targets": targets, "rollout": rollout } }
        });
        Config::parse(&file.to_string()).unwrap()
    }

    /// Plans targets whose alias serves these versions, or is made.
    fn plans(serving: &[Option<&str>]) -> Vec<TargetPlan> {
        let plan = |(number, version): (usize, &Option<&str>)| {
            let account = format!("{:012}", number + 1);
            let moves = json!({ "account": account, "region": "eu-west-1", "changes": [], "version_from": version,
                                "steps": [{ "step": "move alias", "detail": "" }] });
            serde_json::from_value(moves).unwrap()
        };
        serving.iter().enumerate().map(plan).collect()
    }

    /// Plans a deployment of this kind to two targets, with this rollout and manifest.
    fn planned(rollout: Value, kind: CauseKind, toml: &str, timeout: u64) -> PlanReport {
        let config = config(rollout);
        let (prod, orders) = (EnvironmentName::parse("prod").unwrap(), FunctionName::parse("orders").unwrap());
        let at = FunctionRef::find(&config, &prod, &orders).unwrap();
        let manifest = Manifest::parse(ManifestFormat::Toml, toml.as_bytes()).unwrap().for_environment(&prod);
        let report = PlanReport::new(prod.clone(), orders.clone(), None).with_targets(plans(&[Some("1")]), None);
        report.with_rollout(&at, kind, &manifest, Duration::from_secs(timeout))
    }

    fn sentence(rollout: Value, toml: &str) -> String {
        planned(rollout, CauseKind::Deploy, toml, 3).rollout.unwrap().to_string()
    }

    #[test]
    fn plan_names_waves_steps_watch_length_and_alarms() {
        assert_eq!(
            sentence(json!({}), ""),
            "10 % for 10m, then all traffic, watched for 10m; 20m in all, and up to 40m where too few invocations lengthen each step once"
        );
        assert_eq!(
            sentence(json!({ "steps": [] }), ""),
            "all traffic at once, watched for 10m; 10m in all, and up to 20m where too few invocations lengthen each step once"
        );
        let whole = json!({
            "steps": [{ "weight": 10, "for": "5m" }, { "weight": 50, "for": "1h", "then": "pause" }],
            "waves": ["1", "100%"], "alarms": ["{function}-5xx"], "smoke_test": { "event": 1 }
        });
        assert_eq!(
            sentence(whole.clone(), "[rollout]\nalarms = ['{environment}-queue']\n"),
            "in 2 waves of 1 and 1 targets, each: smoke test, 10 % for 5m, 50 % for 1h and until a person continues it, then \
             all traffic, watched for 10m; 2h 30m in all, and up to 5h where too few invocations lengthen each step once; the alarms orders-5xx, prod-queue take it back"
        );
        assert!(sentence(whole, "").ends_with("; the alarm orders-5xx takes it back"));
    }

    #[test]
    fn step_is_planned_at_least_as_long_as_an_invocation_and_the_report_says_why() {
        let report = planned(json!({ "watch": "30m" }), CauseKind::Promotion, "", 900);
        let rollout = report.rollout.unwrap();
        let words = rollout.to_string();
        assert!(
            words.starts_with("10 % for 18m, then all traffic, watched for 30m; 48m in all, and up to 1h 36m"),
            "{words}"
        );
        assert_eq!(
            report.warnings,
            [
                "steps of the rollout last longer than deployer.json says: an invocation may take 15m, CloudWatch counts its \
              error in the minute in which it began, and the guard needs 3m beyond that for a step, and 8m for the watch"
            ]
        );
    }

    #[test]
    fn seconds_are_written_like_minutes_and_warned_of_by_nobody() {
        let steps = json!({ "steps": [{ "weight": 10, "for": "3m" }], "watch": "8m" });
        let report = planned(steps, CauseKind::Deploy, "", 10);
        assert_eq!(report.warnings, [""; 0]);
        let words = report.rollout.unwrap().to_string();
        assert!(
            words.starts_with("10 % for 3m 10s, then all traffic, watched for 8m 10s; 11m 20s in all, and"),
            "{words}"
        );
    }

    #[test]
    fn rollout_that_a_person_skips_or_whose_aliases_are_new_has_no_steps() {
        let waves = json!({ "waves": ["1", "100%"], "watch": "10m" });
        let report = |exception: Value, serving: &[Option<&str>]| {
            let mut planned = serde_json::to_value(planned(waves.clone(), CauseKind::Redeploy, "", 3)).unwrap();
            planned["rollout_skipped"] = exception;
            planned["targets"] = serde_json::to_value(plans(serving)).unwrap();
            let config = config(waves.clone());
            let (prod, orders) = (EnvironmentName::parse("prod").unwrap(), FunctionName::parse("orders").unwrap());
            let at = FunctionRef::find(&config, &prod, &orders).unwrap();
            let manifest = Manifest::parse(ManifestFormat::Toml, b"").unwrap().for_environment(&prod);
            let planned: PlanReport = serde_json::from_value(planned).unwrap();
            planned.with_rollout(&at, CauseKind::Deploy, &manifest, Duration::from_secs(3))
        };
        let words = |report: &PlanReport| report.rollout.as_ref().unwrap().to_string();
        let skipped = report(json!({ "by": "ada", "because": "INC-9" }), &[Some("1"), Some("1")]);
        assert!(words(&skipped).starts_with("all traffic at once, watched for 10m; 10m in all"), "{skipped:?}");
        let new = report(Value::Null, &[None, None]);
        assert_eq!(
            words(&new),
            "in 2 waves of 1 and 1 targets, each: all traffic at once, watched for 10m; 20m in all"
        );
        let half = report(Value::Null, &[Some("1"), None]);
        assert!(words(&half).contains("each: 10 % for 10m"), "{half:?}");
        assert!(half.warnings[0].ends_with("cannot be taken back: 000000000002/eu-west-1"), "{half:?}");
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
