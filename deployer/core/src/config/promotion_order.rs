//! The order in which artifacts pass the environments.

use std::collections::BTreeMap;

use super::Config;
use crate::diagnostics::did_you_mean;
use crate::id::EnvironmentName;

impl Config {
    /// Returns the environments in the order of promotion: those that nothing is promoted to first, then each after all
    /// that it is promoted from. Environments that are equally far from the beginning are ordered by name.
    #[must_use]
    pub fn in_order_of_promotion(&self) -> Vec<&EnvironmentName> {
        let mut steps: BTreeMap<&EnvironmentName, usize> = self.environments.keys().map(|name| (name, 0)).collect();
        // A chain has fewer steps than there are environments, so this ends even if the rules let a circle pass.
        for _ in 0..self.environments.len() {
            for (name, environment) in &self.environments {
                let sources = environment.promotion.iter().flat_map(|promotion| promotion.from.iter());
                let before = sources.filter_map(|source| steps.get(source)).max();
                if let Some(step) = before.map(|before| before + 1) {
                    steps.insert(name, step);
                }
            }
        }
        let mut names: Vec<&EnvironmentName> = self.environments.keys().collect();
        names.sort_by_key(|name| steps.get(name).copied());
        names
    }

    /// Names the environments in the order of promotion, for a sentence.
    #[must_use]
    pub fn environment_list(&self) -> String {
        self.in_order_of_promotion().into_iter().map(EnvironmentName::as_str).collect::<Vec<_>>().join(", ")
    }

    /// Says that there is no environment of this name, which there are, and which one may be meant.
    #[must_use]
    pub fn unknown_environment(&self, name: &EnvironmentName) -> String {
        let hint = did_you_mean(name.as_str(), self.environments.keys().map(EnvironmentName::as_str));
        format!("deployer.json has no environment {name} (it has {}){hint}", self.environment_list())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn order(environments: &[(&str, Value)]) -> Vec<String> {
        let environments: serde_json::Map<String, Value> = environments
            .iter()
            .map(|(name, from)| {
                let mut environment = json!({"targets": [{"account": "111111111111", "region": "eu-west-1"}],
                    "function_name": "{environment}_{function}"});
                if !from.is_null() {
                    environment["promotion"] = json!({ "from": from });
                }
                ((*name).to_owned(), environment)
            })
            .collect();
        let config = json!({"artifact_bucket": "acme-artifacts", "ledger_bucket": "acme-ledger",
            "environments": environments});
        let config = Config::parse(&config.to_string()).unwrap();
        config.in_order_of_promotion().into_iter().map(ToString::to_string).collect()
    }

    #[test]
    fn environments_follow_those_that_they_are_promoted_from() {
        let chain = [("prod", json!("stage")), ("dev", Value::Null), ("stage", json!("dev"))];
        assert_eq!(order(&chain), ["dev", "stage", "prod"]);
        let fork = [
            ("a-prod", json!(["qa", "stage"])),
            ("qa", json!("dev")),
            ("stage", json!("qa")),
            ("dev", Value::Null),
            ("sandbox", Value::Null),
            ("b-prod", json!("stage")),
        ];
        assert_eq!(order(&fork), ["dev", "sandbox", "qa", "stage", "a-prod", "b-prod"]);
        assert_eq!(order(&[("prod", Value::Null), ("dev", Value::Null)]), ["dev", "prod"], "no promotions");
    }
}
