//! Checks manifests against a deployer.json as the deployer does, in the same words.

use std::collections::BTreeSet;
use std::path::Path;

use deployer_core::config::Config;
use deployer_core::function_ref::FunctionRef;
use deployer_core::id::{EnvironmentName, FunctionName};
use deployer_core::manifest::{Manifest, ManifestFormat};

use super::sources;
use super::zips::Finding;

/// What the configurations say of one manifest.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    /// The mistakes.
    pub findings: Vec<Finding>,
    /// The mistakes of uploads that may not be meant.
    pub warnings: BTreeSet<String>,
}

/// The uploads that a manifest is checked for.
pub(super) struct Uploads<'a> {
    /// The valid deployer.json.
    pub configs: &'a [Config],
    /// The one environment to upload to.
    pub environment: Option<&'a EnvironmentName>,
    /// The function's name.
    pub function: Option<&'a FunctionName>,
}

impl Uploads<'_> {
    /// Checks the manifest that a file is or contains: its environments, and in each the role, the log group and the
    /// dead-letter target.
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
        let mut checked = 0_usize;
        for (config, name) in
            self.configs.iter().flat_map(|config| config.environments.keys().map(move |name| (config, name)))
        {
            let Ok(at) = FunctionRef::find(config, name, &function) else { continue };
            if self.environment.is_some_and(|only| only != name) {
                continue;
            }
            checked += 1;
            if let Err(error) = at.check_manifest(&manifest.for_environment(name)) {
                let is_meant = self.environment.is_some() || manifest.environments().any(|named| named == name);
                refusals.push((error.to_string(), is_meant, is_guessed && error.depends_on_function(&at.environment)));
            }
        }
        // A manifest that every environment refuses is of no use, even if it names none of them.
        let nowhere = refusals.len() == checked;
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
