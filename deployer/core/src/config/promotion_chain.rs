//! The chain of promotions that leads to an environment.

use std::collections::BTreeSet;

use super::Config;
use crate::id::EnvironmentName;

impl Config {
    /// Returns the environments where a release is uploaded that shall get to this one: this one if it takes uploads,
    /// else those at the beginning of its promotions, the nearest first. None: no upload leads there.
    #[must_use]
    pub fn uploads_to(&self, name: &EnvironmentName) -> Vec<EnvironmentName> {
        let (mut next, mut seen, mut found) = (vec![name], BTreeSet::from([name]), Vec::new());
        while !next.is_empty() {
            let mut sources = Vec::new();
            for name in next {
                let Some((name, environment)) = self.environments.get_key_value(name) else { continue };
                if environment.accept_uploads {
                    found.push(name.clone());
                    continue;
                }
                let from = environment.promotion.iter().flat_map(|promotion| promotion.from.iter());
                sources.extend(from.filter(|from| seen.insert(from)));
            }
            next = sources;
        }
        found
    }
}
