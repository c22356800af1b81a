//! The rollout of one function in one environment: the environment's, made stricter by the function's manifest.

use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::function_ref::FunctionRef;
use crate::manifest::FunctionConfig;
use crate::record::Cause;
use crate::rollout::EffectiveRollout;

impl FunctionRef<'_> {
    /// Returns the rollout of uploads, deploys and promotions of this function, with what its manifest asks for in it.
    /// None if the environment has none: what the manifest asks for is ignored there, because a manifest is one for all
    /// environments.
    ///
    /// # Errors
    /// [`Diagnostics`] with the fields of the manifest that are looser than the environment's, and both values, or that
    /// make the rollout longer than any gap between its freezes. The deployment is refused with `InvalidManifest`.
    pub fn effective_rollout(&self, manifest: &FunctionConfig) -> Result<Option<EffectiveRollout>, Diagnostics> {
        let Some(rollout) = &self.environment.rollout else { return Ok(None) };
        let asked = manifest.rollout.clone().unwrap_or_default();
        let effective = EffectiveRollout::combine(rollout, &asked, &self.name, self.environment.targets.len())?;
        // The environment's own rollout fits: the configuration was checked.
        match (asked.slower, self.environment.no_weekly_gap(&effective.rollout)) {
            (Some(factor), Some(sentence)) => {
                let sentence = format_args!("{factor} is too slow: the rollout of {} {sentence}", self.name);
                Err(Diagnostic::new("rollout.slower", sentence).into())
            }
            _ => Ok(Some(effective)),
        }
    }

    /// Returns the rollout of a deployment with this cause; none where it moves all traffic without one. Going back and
    /// bringing what is live never roll out. A person who skips the rollout skips its steps and waves.
    ///
    /// # Errors
    /// As [`effective_rollout`](Self::effective_rollout).
    pub fn rollout_for(
        &self,
        cause: &Cause,
        manifest: &FunctionConfig,
    ) -> Result<Option<EffectiveRollout>, Diagnostics> {
        if !cause.kind.rolls_out() {
            return Ok(None);
        }
        let effective = self.effective_rollout(manifest)?;
        Ok(effective.map(|effective| match cause.skip_rollout {
            Some(_) => EffectiveRollout { rollout: effective.rollout.all_at_once(), ..effective },
            None => effective,
        }))
    }

    /// Says that the environment ignores what a manifest asks for, if it does.
    #[must_use]
    pub fn ignored_rollout(&self, manifest: &FunctionConfig) -> Option<String> {
        let is_ignored = self.environment.rollout.is_none() && manifest.rollout.is_some();
        is_ignored
            .then(|| format!("rollout: ignored in {}, which has none, so all traffic moves at once there", self.name))
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
    use crate::record::CauseKind;

    /// A deployer.json whose prod has this rollout and these freezes, and whose dev has no rollout.
    fn config(rollout: Value, freeze: Value) -> Config {
        let targets = json!([{ "account": "222222222222", "region": "eu-west-1" }]);
        let file = json!({
            "artifact_bucket": "a-bucket", "ledger_bucket": "l-bucket", "queue_url": "https://sqs.example/q",
            "environments": {
                "dev": { "targets": [{ "account": "111111111111", "region": "eu-west-1" }] },
                "prod": { "targets": targets, "rollout": rollout, "promotion": { "from": "dev" }, "freeze": freeze },
            }
        });
        Config::parse(&file.to_string()).unwrap()
    }

    fn manifest(toml: &str, environment: &str) -> FunctionConfig {
        let manifest = Manifest::parse(ManifestFormat::Toml, toml.as_bytes()).unwrap();
        manifest.for_environment(&EnvironmentName::parse(environment).unwrap())
    }

    fn rollout(config: &Config, environment: &str, toml: &str) -> Result<Option<EffectiveRollout>, String> {
        let name = EnvironmentName::parse(environment).unwrap();
        let at = FunctionRef::find(config, &name, &FunctionName::parse("orders").unwrap()).unwrap();
        at.effective_rollout(&manifest(toml, environment)).map_err(|error| error.to_string())
    }

    #[test]
    fn rollout_of_the_environment_is_made_stricter_by_the_manifest() {
        let config = config(json!({}), json!([]));
        let plain = rollout(&config, "prod", "timeout = 3\n").unwrap().unwrap();
        assert_eq!(plain.rollout, crate::config::rollout::Rollout::default());
        let asked = "[rollout]\nslower = 3\n[environments.prod.rollout]\nfirst_weight = 5\n";
        let stricter = rollout(&config, "prod", asked).unwrap().unwrap().rollout;
        let steps: Vec<_> = stricter.steps.iter().map(|step| (step.weight, step.lasts.to_string())).collect();
        assert_eq!(steps, [(5, "30m".to_owned())], "tables merge");
    }

    #[test]
    fn looser_manifest_is_refused_with_both_values() {
        let config = config(json!({ "when_quiet": "pause" }), json!([]));
        assert_eq!(
            rollout(&config, "prod", "[rollout]\nfirst_weight = 20\nwhen_quiet = 'proceed'\n").unwrap_err(),
            "rollout.first_weight: 20 is looser than 10, the weight of the first step in prod | rollout.when_quiet: \
             proceed is looser than pause of prod"
        );
    }

    #[test]
    fn manifest_whose_rollout_fits_between_no_freezes_is_refused() {
        let nights = json!([{ "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "16:00", "to": "15:00",
                              "zone": "UTC" }]);
        let config = config(json!({}), nights);
        assert!(rollout(&config, "prod", "[rollout]\nslower = 5\n").is_ok(), "exactly an hour");
        assert_eq!(
            rollout(&config, "prod", "[rollout]\nslower = 6\n").unwrap_err(),
            "rollout.slower: 6 is too slow: the rollout of prod takes 1h 10m in all, and the freezes of each week leave no \
             gap of that length"
        );
    }

    #[test]
    fn only_what_is_new_rolls_out_and_a_person_may_skip_the_steps() {
        let config = config(json!({ "waves": ["1"], "smoke_test": { "event": 1 } }), json!([]));
        let name = EnvironmentName::parse("prod").unwrap();
        let at = FunctionRef::find(&config, &name, &FunctionName::parse("orders").unwrap()).unwrap();
        let rollout = |cause: &Cause, toml: &str| at.rollout_for(cause, &manifest(toml, "prod"));
        let looser = "[rollout]\nfirst_weight = 99\n";
        for (kind, rolls_out) in [
            (CauseKind::Upload, true),
            (CauseKind::Deploy, true),
            (CauseKind::Promotion, true),
            (CauseKind::AutomaticPromotion, true),
            (CauseKind::Redeploy, false),
            (CauseKind::Rollback, false),
            (CauseKind::Unknown, false),
        ] {
            let cause = Cause::new(kind, None, None);
            assert_eq!(rollout(&cause, "").unwrap().is_some(), rolls_out, "{kind:?}");
            assert_eq!(rollout(&cause, looser).is_err(), rolls_out, "{kind:?}: what goes back is not refused");
        }
        let hurry = Cause { skip_rollout: Some("down".into()), ..Cause::new(CauseKind::Deploy, None, None) };
        let skipped = rollout(&hurry, "").unwrap().unwrap().rollout;
        assert_eq!((skipped.steps.len(), skipped.begun_by_wave(20)), (0, vec![20]));
        assert_eq!((skipped.watch.to_string(), skipped.smoke_tests.len()), ("10m".to_owned(), 1), "these stay");
    }

    #[test]
    fn environment_without_rollout_ignores_the_manifests_and_says_so() {
        let config = config(json!({}), json!([]));
        let asked = "[rollout]\nfirst_weight = 99\n";
        assert_eq!(rollout(&config, "dev", asked), Ok(None));
        let sentence = |environment: &str, toml: &str| {
            let name = EnvironmentName::parse(environment).unwrap();
            let at = FunctionRef::find(&config, &name, &FunctionName::parse("orders").unwrap()).unwrap();
            at.ignored_rollout(&manifest(toml, environment))
        };
        assert_eq!(
            sentence("dev", asked).unwrap(),
            "rollout: ignored in dev, which has none, so all traffic moves at once there"
        );
        assert_eq!((sentence("prod", asked), sentence("dev", "timeout = 3\n")), (None, None));
    }
}
