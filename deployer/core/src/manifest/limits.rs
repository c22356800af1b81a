//! The known maximums of Lambda's numbers. AWS raises them from time to time, so a larger number is only a warning.

use super::fields::FunctionConfig;

/// A field and its known maximum.
struct Limit {
    field: &'static str,
    max: u32,
    /// The maximum on a capacity provider (Lambda Managed Instances).
    managed: u32,
    named: fn(&FunctionConfig) -> Option<u32>,
}

/// The known maximums (AWS Lambda Developer Guide, "Lambda quotas").
const KNOWN_LIMITS: [Limit; 5] = [
    Limit { field: "timeout", max: 900, managed: 5_400, named: |config| config.timeout },
    Limit { field: "memory_size", max: 10_240, managed: 32_768, named: |config| config.memory_size },
    Limit {
        field: "ephemeral_storage.size",
        max: 10_240,
        managed: 32_768,
        named: |config| config.ephemeral_storage.as_ref().map(|storage| storage.size),
    },
    Limit {
        field: "durable_config.execution_timeout",
        max: 31_622_400,
        managed: 31_622_400,
        named: |config| config.durable_config.as_ref().map(|durable| durable.execution_timeout),
    },
    Limit {
        field: "durable_config.retention_period",
        max: 90,
        managed: 90,
        named: |config| config.durable_config.as_ref().and_then(|durable| durable.retention_period),
    },
];

impl FunctionConfig {
    /// Returns a sentence for each number above its known maximum.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let is_managed = self.capacity_provider_config.is_some();
        let above = KNOWN_LIMITS.iter().filter_map(|Limit { field, max, managed, named }| {
            let max = if is_managed { managed } else { max };
            let found = named(self).filter(|found| found > max)?;
            Some(format!("{field} is {found}, more than the {max} that this deployer knows of; Lambda decides"))
        });
        above.collect()
    }
}
