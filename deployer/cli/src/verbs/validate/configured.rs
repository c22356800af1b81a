//! Checks manifests against a deployer.json as the deployer does, in the same words.

use std::collections::BTreeSet;
use std::path::Path;

use deployer_core::config::Config;
use deployer_core::function_ref::FunctionRef;
use deployer_core::id::{EnvironmentName, FunctionName};
use deployer_core::manifest::{Manifest, ManifestFormat};

use crate::zips::Finding;
use crate::zips::sources;

/// The judgement of all configurations about one manifest.
#[derive(Debug, Default)]
pub(crate) struct Judgement {
    /// The mistakes.
    pub findings: Vec<Finding>,
    /// The mistakes of uploads that may not be meant.
    pub warnings: BTreeSet<String>,
}

/// The uploads that a manifest is checked for.
pub(crate) struct Uploads<'a> {
    /// The valid deployer.json.
    pub configs: &'a [Config],
    /// The one environment to upload to.
    pub environment: Option<&'a EnvironmentName>,
    /// The function's name.
    pub function: Option<&'a FunctionName>,
}

impl Uploads<'_> {
    /// Checks the manifest that a file is or contains: its environments, and in each the role, the log group, the
    /// dead-letter target and the rollout.
    pub fn judge(&self, file: &Path, format: ManifestFormat, manifest: &Manifest) -> Judgement {
        let mut judgement = Judgement::default();
        if self.configs.is_empty() {
            return judgement;
        }
        let known = self.configs.iter().flat_map(|config| config.environments.keys());
        let unknown = manifest.unknown_environments(known);
        judgement.findings.extend(unknown.iter().map(|diagnostic| Finding::from(diagnostic).of(format)));
        let Some((function, is_guessed)) = self.function_of(file) else { return judgement };
        let mut refusals = Vec::new();
        let (mut checked, mut refusing) = (0_usize, 0_usize);
        for (config, name) in self
            .configs
            .iter()
            .flat_map(|config| config.in_order_of_promotion().into_iter().map(move |name| (config, name)))
        {
            let Ok(at) = FunctionRef::find(config, name, &function) else { continue };
            if self.environment.is_some_and(|only| only != name) {
                continue;
            }
            checked += 1;
            let wanted = manifest.for_environment(name);
            if let Some(ignored) = at.ignored_rollout(&wanted) {
                judgement.warnings.insert(Finding::whole(ignored).of(format).to_string());
            }
            let not_allowed = at.check_manifest(&wanted).err();
            let by_guess =
                not_allowed.as_ref().is_some_and(|error| is_guessed && error.depends_on_function(&at.environment));
            let looser = at.effective_rollout(&wanted).err().map(|error| (error.to_string(), false));
            let found: Vec<_> =
                not_allowed.map(|error| (error.to_string(), by_guess)).into_iter().chain(looser).collect();
            refusing += usize::from(!found.is_empty());
            let is_meant = self.environment.is_some() || manifest.environments().any(|named| named == name);
            refusals.extend(found.into_iter().map(|(message, by_guess)| (message, is_meant, by_guess)));
        }
        // A manifest that every environment refuses is of no use, even if it names none of them.
        let nowhere = refusing == checked;
        for (message, is_meant, by_guess) in refusals {
            let finding = Finding::whole(message).of(format);
            if by_guess {
                let guess = format!("{finding} (the function's name is taken from the file's: --function names it)");
                judgement.warnings.insert(guess);
            } else if is_meant || nowhere {
                judgement.findings.push(finding);
            } else {
                judgement.warnings.insert(finding.to_string());
            }
        }
        judgement
    }

    /// Returns the function's name, and whether only its file says so; `None` if no function can be called like that
    /// file.
    fn function_of(&self, file: &Path) -> Option<(FunctionName, bool)> {
        if let Some(function) = self.function {
            return Some((function.clone(), false));
        }
        let is_manifest =
            [ManifestFormat::Toml, ManifestFormat::Json].iter().any(|kind| file.ends_with(kind.file_name()));
        let whole = file.canonicalize().ok()?;
        let named = if is_manifest { whole.parent()? } else { &whole };
        Some((sources::function_name(named).ok()?, true))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"{
        "artifact_bucket": "acme-artifacts", "ledger_bucket": "acme-ledger", "queue_url": "https://sqs.example/q",
        "environments": {
            "stage": {"targets": [{"account": "333333333333", "region": "eu-west-1"}], "rollout": {}},
            "dev": {"targets": [{"account": "111111111111", "region": "eu-west-1"}]},
            "prod": {"targets": [{"account": "222222222222", "region": "eu-west-1"}],
                "execution_role": "lambda/{function}", "log_groups": ["/acme/{environment}/*"],
                "dead_letter_targets": ["arn:aws:sqs:*:*:{function}-dead-letters"]}
        }
    }"#;

    /// Judges the manifest of the folder `orders`, and returns its mistakes and warnings.
    fn judged(manifest: &str, environment: Option<&str>, function: Option<&str>) -> (Vec<String>, Vec<String>) {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("orders/function.toml");
        std::fs::create_dir(place.path().join("orders")).unwrap();
        std::fs::write(&file, manifest).unwrap();
        let parsed = Manifest::parse(ManifestFormat::Toml, manifest.as_bytes()).unwrap();
        let configs = [Config::read(CONFIG.as_bytes()).unwrap()];
        let environment = environment.map(|name| EnvironmentName::parse(name).unwrap());
        let function = function.map(|name| FunctionName::parse(name).unwrap());
        let uploads = Uploads { configs: &configs, environment: environment.as_ref(), function: function.as_ref() };
        let Judgement { findings, warnings } = uploads.judge(&file, ManifestFormat::Toml, &parsed);
        (findings.iter().map(ToString::to_string).collect(), warnings.into_iter().collect())
    }

    const GROUP: &str = "function.toml: logging_config.log_group: /else is not one that orders may have in prod: \
                         deployer.json's log_groups takes /acme/prod/*";
    const ROLE: &str = "function.toml: role: the role lambda/other is not one that orders may have in prod: \
                        deployer.json's execution_role takes lambda/orders";
    const GUESSED: &str = " (the function's name is taken from the file's: --function names it)";

    #[test]
    fn environment_of_the_manifest_that_refuses_it_is_a_mistake() {
        let manifest = "[environments.prod.logging_config]\nlog_group = '/else'\n";
        assert_eq!(judged(manifest, None, None), (vec![GROUP.to_owned()], vec![]));
        assert_eq!(judged(manifest, Some("prod"), None), (vec![GROUP.to_owned()], vec![]));
        assert_eq!(judged(manifest, Some("dev"), None), (vec![], vec![]));
        let good = "[environments.prod.logging_config]\nlog_group = '/acme/prod/orders'\n";
        assert_eq!(judged(good, None, None), (vec![], vec![]));
    }

    #[test]
    fn environment_that_the_manifest_does_not_name_is_a_warning() {
        let manifest = "[logging_config]\nlog_group = '/else'\n";
        assert_eq!(judged(manifest, None, None), (vec![], vec![GROUP.to_owned()]));
        assert_eq!(judged(manifest, Some("prod"), None), (vec![GROUP.to_owned()], vec![]));
    }

    #[test]
    fn pattern_with_the_functions_name_is_a_mistake_only_where_the_name_is_known() {
        let manifest = "[environments.prod]\nrole = 'lambda/other'\n";
        assert_eq!(judged(manifest, None, Some("orders")), (vec![ROLE.to_owned()], vec![]));
        assert_eq!(judged(manifest, None, None), (vec![], vec![format!("{ROLE}{GUESSED}")]));
        assert_eq!(judged(manifest, None, Some("other")), (vec![], vec![]));
    }

    #[test]
    fn rollout_that_is_looser_than_the_environments_is_a_mistake_there_and_ignored_without_one() {
        let manifest = "[rollout]\nfirst_weight = 20\n";
        let looser = "function.toml: rollout.first_weight: 20 is looser than 10, the weight of the first step in stage";
        let ignored = |name: &str| {
            format!("function.toml: rollout: ignored in {name}, which has none, so all traffic moves at once there")
        };
        assert_eq!(judged(manifest, Some("stage"), None), (vec![looser.to_owned()], vec![]));
        assert_eq!(judged(manifest, Some("dev"), None), (vec![], vec![ignored("dev")]));
        let (findings, warnings) = judged(manifest, None, None);
        assert_eq!((findings, warnings), (vec![], vec![looser.to_owned(), ignored("dev"), ignored("prod")]));
        let stricter = "[environments.stage.rollout]\nfirst_weight = 5\n";
        assert_eq!(judged(stricter, None, None), (vec![], vec![]));
    }

    #[test]
    fn role_of_an_account_without_targets_is_a_mistake_everywhere() {
        let (findings, warnings) = judged("role = 'arn:aws:iam::444444444444:role/lambda/orders'\n", None, None);
        assert!(findings.len() == 3 && findings[0].starts_with("function.toml: role: "), "{findings:?}");
        assert_eq!(warnings, Vec::<String>::new());
    }
}
