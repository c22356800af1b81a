//! A function as its head knows it, where the configuration is not known.

use std::borrow::Cow;

use super::FunctionRef;
use crate::config::{Environment, Target};
use crate::head::Head;

impl FunctionRef<'_> {
    /// Returns this function with the targets, the alias and the name by which its head knows it, if the configuration
    /// has no targets. Otherwise it stays as it is configured.
    #[must_use]
    pub fn or_as_recorded(self, head: &Head) -> Self {
        if !self.environment.targets.is_empty() {
            return self;
        }
        let live = head.live();
        // Targets that the environment has no more keep their entry, and what is live now does not name them.
        let is_present = |target: &Target| {
            let place = target.to_string();
            live.is_none_or(|live| live.versions.contains_key(&place) || live.missing.contains(&place))
        };
        let targets = head.targets().iter().map(|seen| seen.target.clone()).filter(is_present).collect();
        let alias = live.and_then(|live| live.alias.clone()).unwrap_or_else(|| self.environment.alias.clone());
        let name = live.and_then(|live| live.function_name.clone()).unwrap_or_else(|| self.function_name.clone());
        let environment = Environment { targets, alias, ..self.environment.into_owned() };
        Self { environment: Cow::Owned(environment), function_name: name, ..self }
    }
}
