//! Reads everything of a function that can be lost: its configuration, and everything attached to it and to its
//! aliases.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::types::AliasConfiguration;
use local_aws::{Doing as _, Error, Result};

use super::tools::ToolFunction;

/// Values as text, by owner (`$LATEST`, an alias, `function`) and field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionState(BTreeMap<String, String>);

impl FunctionState {
    /// Reads a function, its versions and aliases.
    pub async fn of(made: &ToolFunction) -> Result<Self> {
        let mut seen = Self(BTreeMap::new());
        let (lambda, name) = (&made.lambda, made.name.as_str());
        seen.function(lambda, name).await?;
        seen.attached(lambda, name, None).await?;
        let aliases = lambda.list_aliases().function_name(name).send().await.doing("listing aliases")?.aliases;
        for alias in aliases.unwrap_or_default() {
            seen.alias(lambda, name, &alias).await?;
        }
        Ok(seen)
    }

    /// Returns the names of the values that differ in `later`.
    pub fn changed(&self, later: &Self) -> BTreeSet<String> {
        let whats = self.0.keys().chain(later.0.keys());
        whats.filter(|what| self.0.get(*what) != later.0.get(*what)).cloned().collect()
    }

    /// Returns a value, or an empty text if there is none.
    pub fn get(&self, what: &str) -> &str {
        self.0.get(what).map_or("", String::as_str)
    }

    /// Whether there is a value that can be lost.
    pub fn has(&self, what: &str) -> bool {
        !["", "None", "[]", "{}"].contains(&self.get(what))
    }

    /// Returns the published versions.
    pub fn versions(&self) -> Vec<&str> {
        let mut versions: Vec<&str> = self.0.keys().filter_map(|what| what.strip_prefix("version ")).collect();
        versions.sort_by_key(|version| version.parse::<u64>().unwrap_or_default());
        versions
    }

    fn put(&mut self, whose: &str, what: &str, value: impl Debug) {
        self.0.insert(format!("{whose} {what}").trim().to_owned(), format!("{value:?}"));
    }

    async fn function(&mut self, lambda: &Client, name: &str) -> Result<()> {
        self.configuration(lambda, name, "$LATEST").await?;
        let found = lambda.get_function().function_name(name).send().await.doing("reading tags")?;
        self.put("", "tags", sorted(found.tags));
        let found = lambda.get_function_concurrency().function_name(name).send().await.doing("reading concurrency")?;
        self.put("", "concurrency", found.reserved_concurrent_executions);
        let found = lambda.list_event_source_mappings().send().await.doing("listing mappings")?;
        for mapping in found.event_source_mappings.unwrap_or_default() {
            let shown = (&mapping.function_arn, &mapping.event_source_arn, mapping.batch_size, &mapping.state);
            self.put("mapping", mapping.uuid().unwrap_or_default(), shown);
        }
        let found = lambda.list_versions_by_function().function_name(name).send().await.doing("listing versions")?;
        for version in found.versions.unwrap_or_default().iter().filter(|one| one.version() != Some("$LATEST")) {
            self.put("version", version.version().unwrap_or_default(), version.code_sha256());
        }
        Ok(())
    }

    async fn alias(&mut self, lambda: &Client, name: &str, alias: &AliasConfiguration) -> Result<()> {
        let whose = alias.name().unwrap_or_default();
        self.put(whose, "version", alias.function_version());
        self.put(whose, "alias description", alias.description());
        let weights = alias.routing_config().and_then(|routing| routing.additional_version_weights.clone());
        self.put(whose, "weights", sorted(weights));
        self.configuration(lambda, name, whose).await?;
        self.attached(lambda, name, Some(whose)).await
    }

    async fn configuration(&mut self, lambda: &Client, name: &str, whose: &str) -> Result<()> {
        let call = lambda.get_function_configuration().function_name(name).qualifier(whose);
        let seen = call.send().await.doing(format!("reading the configuration of {whose}"))?;
        self.put(whose, "code", &seen.code_sha256);
        self.put(whose, "runtime", &seen.runtime);
        self.put(whose, "handler", &seen.handler);
        self.put(whose, "role", &seen.role);
        self.put(whose, "memory_size", seen.memory_size);
        self.put(whose, "timeout", seen.timeout);
        self.put(whose, "description", &seen.description);
        self.put(whose, "architectures", &seen.architectures);
        self.put(whose, "layers", &seen.layers);
        self.put(whose, "variables", sorted(seen.environment.and_then(|environment| environment.variables)));
        self.put(whose, "vpc_config", seen.vpc_config.map(|vpc| (vpc.subnet_ids, vpc.security_group_ids)));
        self.put(whose, "dead_letter_config", &seen.dead_letter_config);
        self.put(whose, "tracing_config", &seen.tracing_config);
        self.put(whose, "ephemeral_storage", &seen.ephemeral_storage);
        self.put(whose, "kms_key_arn", &seen.kms_key_arn);
        self.put(whose, "logging_config", &seen.logging_config);
        self.put(whose, "snap_start", &seen.snap_start);
        self.put(whose, "file_system_configs", &seen.file_system_configs);
        Ok(())
    }

    /// Reads permissions, URL and asynchronous invocations of the function, or of an alias.
    async fn attached(&mut self, lambda: &Client, name: &str, alias: Option<&str>) -> Result<()> {
        let (whose, qualifier) = (alias.unwrap_or("function"), alias.map(str::to_owned));
        let found = lambda.get_policy().function_name(name).set_qualifier(qualifier.clone()).send().await;
        self.put(whose, "permissions", there(found)?.map(|found| found.policy));
        let found = lambda.get_function_url_config().function_name(name).set_qualifier(qualifier.clone()).send().await;
        self.put(whose, "url", there(found)?.map(|url| (url.function_url, url.function_arn, url.auth_type, url.cors)));
        let call = lambda.get_function_event_invoke_config().function_name(name).set_qualifier(qualifier);
        let shown = there(call.send().await)?.map(|found| (found.maximum_retry_attempts, found.destination_config));
        self.put(whose, "asynchronous", shown);
        Ok(())
    }
}

/// Turns an answer that something does not exist into `None`.
fn there<T, E, R>(answer: std::result::Result<T, SdkError<E, R>>) -> Result<Option<T>>
where
    E: ProvideErrorMetadata + Debug,
    R: Debug,
{
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) => match error.as_service_error().and_then(|service| service.code()) {
            Some("ResourceNotFoundException") => Ok(None),
            _ => Err(Error::Unexpected(format!("looking at what is attached: {error:?}"))),
        },
    }
}

fn sorted<V>(map: Option<std::collections::HashMap<String, V>>) -> BTreeMap<String, V> {
    map.unwrap_or_default().into_iter().collect()
}
