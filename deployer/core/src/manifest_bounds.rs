//! The rules of an environment about what a manifest may name: execution roles, log groups and dead-letter targets.

use crate::config::{DeadLetterPattern, Environment, ExecutionRolePattern, LogGroupPattern};
use crate::function_ref::FunctionRef;
use crate::id::{EnvironmentName, FunctionName};
use crate::manifest::{ExecutionRole, ForeignRole, FunctionConfig};

/// A manifest names an execution role that it may not use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoleNotAllowed {
    /// The role belongs to another account or partition.
    #[error(transparent)]
    Foreign(#[from] ForeignRole),
    /// The environment's `execution_role` pattern does not match it.
    #[error(
        "the role {found} is not one that {function} may have in {environment}: deployer.json's execution_role takes \
         {allowed}"
    )]
    Other {
        /// The role that was named.
        found: String,
        /// The function.
        function: FunctionName,
        /// The environment.
        environment: EnvironmentName,
        /// The path and name that the pattern asks for; a `*` at the end stands for any characters but `/`.
        allowed: String,
    },
}

/// A manifest names a log group or a dead-letter target that the environment's patterns do not match.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{field}: {found} is not one that {function} may have in {environment}: deployer.json's {setting} takes {}",
    taken(allowed)
)]
pub struct ResourceNotAllowed {
    field: &'static str,
    found: String,
    function: FunctionName,
    environment: EnvironmentName,
    setting: &'static str,
    allowed: Vec<String>,
}

/// A manifest names what the environment does not allow it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestNotAllowed {
    /// Its execution role.
    #[error("role: {0}")]
    Role(#[from] RoleNotAllowed),
    /// Its log group or its dead-letter target.
    #[error(transparent)]
    Resource(#[from] Box<ResourceNotAllowed>),
}

impl ManifestNotAllowed {
    /// Whether the function's name is in the environment's patterns that refuse it. They may allow it for another one.
    #[must_use]
    pub fn depends_on_function(&self, environment: &Environment) -> bool {
        let Environment { execution_role, log_groups, dead_letter_targets, .. } = environment;
        match self {
            Self::Role(RoleNotAllowed::Foreign(_)) => false,
            Self::Role(RoleNotAllowed::Other { .. }) => execution_role.iter().any(ExecutionRolePattern::names_function),
            Self::Resource(error) if error.setting == LOG_GROUPS => {
                log_groups.iter().flatten().any(LogGroupPattern::names_function)
            }
            Self::Resource(_) => dead_letter_targets.iter().flatten().any(DeadLetterPattern::names_function),
        }
    }
}

const LOG_GROUPS: &str = "log_groups";

fn taken(allowed: &[String]) -> String {
    if allowed.is_empty() { "none".to_owned() } else { allowed.join(", ") }
}

impl FunctionRef<'_> {
    /// Checks that the environment allows a manifest its role and its resources.
    ///
    /// # Errors
    /// [`ManifestNotAllowed`].
    pub fn check_manifest(&self, manifest: &FunctionConfig) -> Result<(), ManifestNotAllowed> {
        manifest.role.as_ref().map_or(Ok(()), |role| self.check_role(role))?;
        Ok(self.check_resources(manifest)?)
    }

    /// Checks that a manifest may name this role: it belongs to each target's account, and the environment's
    /// `execution_role` pattern matches it.
    ///
    /// # Errors
    /// [`RoleNotAllowed`], which names the roles that are allowed.
    pub fn check_role(&self, role: &ExecutionRole) -> Result<(), RoleNotAllowed> {
        for target in &self.environment.targets {
            role.in_account(target.region.partition(), &target.account)?;
        }
        let allowed = self.environment.execution_role.as_ref();
        match allowed.filter(|allowed| !allowed.matches(&self.name, &self.function, role.path_and_name())) {
            None => Ok(()),
            Some(allowed) => Err(RoleNotAllowed::Other {
                found: role.as_str().to_owned(),
                function: self.function.clone(),
                environment: self.name.clone(),
                allowed: allowed.fill_in(&self.name, &self.function),
            }),
        }
    }

    /// Checks that a manifest may name these resources: the environment's `log_groups` and `dead_letter_targets` match
    /// them. An empty dead-letter target takes the function's own away.
    ///
    /// # Errors
    /// [`ResourceNotAllowed`], which names the field and the patterns.
    pub fn check_resources(&self, manifest: &FunctionConfig) -> Result<(), Box<ResourceNotAllowed>> {
        let (environment, function) = (&self.name, &self.function);
        let refused = |field, found: &str, setting, allowed| {
            let (environment, function) = (environment.clone(), function.clone());
            Err(Box::new(ResourceNotAllowed {
                field,
                found: found.to_owned(),
                function,
                environment,
                setting,
                allowed,
            }))
        };
        let group = manifest.logging_config.as_ref().and_then(|logging| logging.log_group.as_deref());
        if let (Some(group), Some(allowed)) = (group, &self.environment.log_groups)
            && !allowed.iter().any(|pattern| pattern.matches(environment, function, group))
        {
            let allowed = allowed.iter().map(|pattern| pattern.fill_in(environment, function)).collect();
            return refused("logging_config.log_group", group, LOG_GROUPS, allowed);
        }
        let letters = manifest.dead_letter_config.as_ref().map(|letters| letters.target_arn.as_str());
        if let (Some(arn), Some(allowed)) =
            (letters.filter(|arn| !arn.is_empty()), &self.environment.dead_letter_targets)
            && !allowed.iter().any(|pattern| pattern.matches(environment, function, arn))
        {
            let allowed = allowed.iter().map(|pattern| pattern.fill_in(environment, function)).collect();
            return refused("dead_letter_config.target_arn", arn, "dead_letter_targets", allowed);
        }
        Ok(())
    }
}
