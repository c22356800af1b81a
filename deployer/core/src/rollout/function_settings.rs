//! What a release sets on a function as a whole: it has no versions, so the old version has it too.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::observed::FunctionMetadata;
use crate::plan::{Plan, Step};

/// The settings of a function as a whole. They are set when the release is about to become live, and never on the way
/// back: what was live keeps its own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FunctionSettings {
    /// The tags to set.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The keys of the tags to take away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub untag: Vec<String>,
    /// The change of the reserved concurrency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<ReservedConcurrency>,
}

/// A change of the reserved concurrency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReservedConcurrency {
    /// So much is reserved.
    Reserve(i32),
    /// None is reserved.
    Free,
}

impl FunctionSettings {
    /// Whether nothing is to be set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns what sets a function back that has these tags and this reserved concurrency. Tags that Lambda does not show
    /// stay as they will be.
    #[must_use]
    pub fn former(&self, metadata: &FunctionMetadata) -> Self {
        let mut former = Self::default();
        if let Some(had) = &metadata.tags {
            for key in self.tags.keys().chain(&self.untag) {
                match had.get(key) {
                    Some(value) => drop(former.tags.insert(key.clone(), value.clone())),
                    None => former.untag.push(key.clone()),
                }
            }
        }
        former.concurrency = self
            .concurrency
            .map(|_| metadata.reserved_concurrency.map_or(ReservedConcurrency::Free, ReservedConcurrency::Reserve));
        former
    }

    /// Returns what the steps of a plan set. A function that the plan creates serves nobody yet: there it is set at
    /// once.
    fn of(plan: &Plan) -> Self {
        let mut settings = Self::default();
        if plan.steps.iter().any(|step| matches!(step, Step::Create(_))) {
            return settings;
        }
        for step in &plan.steps {
            match step {
                Step::Tag(tags) => settings.tags.clone_from(tags),
                Step::Untag(keys) => settings.untag.clone_from(keys),
                Step::ReserveConcurrency(number) => {
                    settings.concurrency = Some(ReservedConcurrency::Reserve(*number));
                }
                Step::FreeConcurrency => settings.concurrency = Some(ReservedConcurrency::Free),
                _ => {}
            }
        }
        settings
    }
}

impl Plan {
    /// Divides a plan that publishes a version for a rollout: the steps up to the version, and what is set on the
    /// function when the release is about to become live. The rollout moves the alias.
    #[must_use]
    pub fn up_to_the_version(&self) -> Option<(Self, FunctionSettings)> {
        let settings = FunctionSettings::of(self);
        let is_later = |step: &Step| match step {
            Step::CreateAlias | Step::MoveAlias { .. } | Step::AwaitTraffic { .. } => true,
            step => step.is_function_metadata() && !settings.is_empty(),
        };
        let steps = self.steps.iter().filter(|step| !is_later(step)).cloned().collect();
        self.steps.iter().any(Step::publishes).then(|| (Self { steps, ..self.clone() }, settings))
    }
}
