//! Lambda as one session may use it: each call is checked against the session's policy and the deploy role's own.
//!
//! Service Authorization Reference, "Actions, resources, and condition keys for AWS Lambda", with the dependent actions
//! that it lists.

use std::sync::Arc;

use async_trait::async_trait;
use deployer_core::config::Target;
use deployer_core::id::{AliasName, FunctionName, RoleName, Version};
use deployer_core::observed::{FunctionMetadata, ObservedAlias, ObservedCode, ProvisionedConcurrency, Variables};
use deployer_core::plan::Configuration;
use deployer_engine::port::{Answer, CallError, CallErrorKind, Code, Functions, PublishedVersions, Qualifier, Write};

use super::call::{CallContext, Connection, Op};
use super::held_calls::{DelayedWrite, OwnedWrite};
use super::journal::{Action, JournalEntry};
use super::lambda::WriteContext;
use super::policy::{Need, Policy};
use super::state::State;

/// A session in a target account.
#[derive(Clone)]
pub(super) struct Session {
    pub connection: Arc<Connection>,
    pub target: Target,
    pub role: RoleName,
    pub name: String,
    pub policy: Policy,
}

impl Session {
    pub(super) fn arn(&self, name: &str) -> String {
        let Target { account, region } = &self.target;
        format!("arn:{}:lambda:{region}:{account}:function:{name}", region.partition())
    }

    pub(super) fn allows(&self, state: &State, need: &Need) -> Result<(), &'static str> {
        if !self.policy.allows(need) {
            return Err("session");
        }
        if !state.sts.allows(&self.target.account, &self.role, need.action) {
            return Err("identity-based");
        }
        Ok(())
    }

    pub(super) fn check(&self, state: &State, op: Op, name: &str, needs: &[Need]) -> Result<(), CallError> {
        for need in needs {
            self.allows(state, need).map_err(|policy| CallError {
                kind: CallErrorKind::Denied,
                message: format!(
                    "{op} of {name}: AccessDeniedException: User: arn:aws:sts::{}:assumed-role/{}/{} is not \
                     authorized to perform: {} on resource: {} because no {policy} policy allows the {} action",
                    self.target.account, self.role, self.name, need.action, need.resource, need.action
                ),
            })?;
        }
        Ok(())
    }

    /// Returns the needs of a call on a function or its version or alias: AWS does not always document on which of the
    /// two it is authorized.
    pub(super) fn both(&self, action: &'static str, name: &str) -> Vec<Need> {
        vec![Need::new(action, self.arn(name)), Need::new(action, format!("{}:1", self.arn(name)))]
    }

    fn reads_code(&self, code: &Code<'_>, needs: &mut Vec<Need>) {
        if let Code::Reference(artifact) = code {
            let object = format!("arn:{}:s3:::{}/{}", self.target.region.partition(), artifact.bucket, artifact.key);
            needs.push(Need::new("s3:GetObject", &object));
            needs.push(Need::new("s3:GetObjectVersion", &object));
        }
    }

    fn configures(&self, sent: &Configuration, key_there: Option<&str>, needs: &mut Vec<Need>) {
        for layer in sent.layers.iter().flatten() {
            needs.push(Need::new("lambda:GetLayerVersion", layer));
        }
        let key = sent.kms_key_arn.as_deref().or(key_there.filter(|_| sent.variables.is_some()));
        if let Some(key) = key.filter(|key| !key.is_empty()) {
            for action in ["kms:CreateGrant", "kms:Encrypt", "kms:Decrypt"] {
                needs.push(self.through_lambda(action, key));
            }
        }
        if let Some(capacity) = &sent.capacity_provider_config {
            let provider = &capacity.lambda_managed_instances_capacity_provider_config.capacity_provider_arn;
            needs.push(Need::new("lambda:PassCapacityProvider", provider));
        }
        if sent.vpc_config.is_some() {
            for action in ["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"] {
                needs.push(Need::new(action, "*"));
            }
        }
        if sent.file_system_config.as_ref().is_some_and(|mounts| !mounts.is_empty()) {
            needs.push(Need::new("elasticfilesystem:DescribeMountTargets", "*"));
        }
    }

    fn through_lambda(&self, action: &'static str, key: &str) -> Need {
        let region = &self.target.region;
        Need::new(action, key).with("kms:ViaService", format!("lambda.{region}.{}", region.dns_suffix()))
    }

    fn passes(role: &str) -> Need {
        Need::new("iam:PassRole", role).with("iam:PassedToService", "lambda.amazonaws.com")
    }

    fn carry_out(
        &self,
        state: &mut State,
        here: &CallContext,
        name: &FunctionName,
        write: &Write<'_>,
    ) -> Result<Answer, CallError> {
        let op = op(write);
        let there = state.lambdas.get(&self.target).unwrap().functions.get(name.as_str());
        let key_there = there.and_then(|function| function.latest.settings.kms_key_arn.clone());
        self.check(state, op, name.as_str(), &self.needs(name.as_str(), write, key_there.as_deref()))?;
        let what = format!("{op} of {name}");
        let code = code(write).map(|code| state.artifacts.fetch(&self.target, &what, code)).transpose()?;
        let context = WriteContext { now: here.now, outcome: here.outcome.clone(), code };
        let lambda = state.lambdas.get_mut(&self.target).unwrap();
        let before = lambda.alias_before(name, write);
        let answer = lambda.write(name, write, &context)?;
        lambda.note_alias_before(name, before, here.now);
        let (place, object) = (self.target.to_string(), name.to_string());
        let action = Action::of(write, &answer);
        state.journal.push(JournalEntry {
            at: here.now,
            by: Some(here.invocation),
            place,
            object,
            action,
            late: here.late,
            call: Some(here.call),
        });
        Ok(answer)
    }

    fn needs(&self, name: &str, write: &Write<'_>, key_there: Option<&str>) -> Vec<Need> {
        let one = |action| vec![Need::new(action, self.arn(name))];
        match write {
            Write::Create { new, code } => {
                let mut needs = one("lambda:CreateFunction");
                needs.extend(one("lambda:PublishVersion"));
                needs.push(Self::passes(new.role.as_str()));
                if !new.tags.is_empty() {
                    needs.extend(one("lambda:TagResource"));
                }
                self.reads_code(code, &mut needs);
                needs.extend(new.source_key.as_deref().map(|key| self.through_lambda("kms:GenerateDataKey", key)));
                self.configures(&new.configuration, None, &mut needs);
                needs
            }
            Write::UpdateConfiguration { configuration, .. } => {
                let mut needs = one("lambda:UpdateFunctionConfiguration");
                needs.extend(configuration.role.as_ref().map(|role| Self::passes(role.as_str())));
                self.configures(configuration, key_there, &mut needs);
                needs
            }
            Write::UpdateCode { code, settings, .. } => {
                let mut needs = one("lambda:UpdateFunctionCode");
                needs.extend(one("lambda:PublishVersion"));
                needs.extend(settings.source_key.as_deref().map(|key| self.through_lambda("kms:GenerateDataKey", key)));
                self.reads_code(code, &mut needs);
                needs
            }
            Write::Publish { .. } => self.both("lambda:PublishVersion", name),
            Write::Tag(_) => one("lambda:TagResource"),
            Write::Untag(_) => one("lambda:UntagResource"),
            Write::ReserveConcurrency(_) => one("lambda:PutFunctionConcurrency"),
            Write::FreeConcurrency => one("lambda:DeleteFunctionConcurrency"),
            Write::CreateAlias { .. } => self.both("lambda:CreateAlias", name),
            Write::MoveAlias { .. } | Write::ShiftAlias { .. } | Write::RewriteAlias { .. } => {
                self.both("lambda:UpdateAlias", name)
            }
            Write::DeleteVersion(version) => {
                vec![Need::new("lambda:DeleteFunction", format!("{}:{version}", self.arn(name)))]
            }
        }
    }
}

fn version_numbers<'a>(numbers: impl Iterator<Item = &'a u64>) -> Vec<Version> {
    numbers.filter_map(|number| Version::parse(number.to_string()).ok()).collect()
}

fn op(write: &Write<'_>) -> Op {
    match write {
        Write::Create { .. } => Op::CreateFunction,
        Write::UpdateConfiguration { .. } => Op::UpdateFunctionConfiguration,
        Write::UpdateCode { .. } => Op::UpdateFunctionCode,
        Write::Publish { .. } => Op::PublishVersion,
        Write::Tag(_) => Op::TagResource,
        Write::Untag(_) => Op::UntagResource,
        Write::ReserveConcurrency(_) => Op::PutFunctionConcurrency,
        Write::FreeConcurrency => Op::DeleteFunctionConcurrency,
        Write::CreateAlias { .. } => Op::CreateAlias,
        Write::MoveAlias { .. } | Write::ShiftAlias { .. } | Write::RewriteAlias { .. } => Op::UpdateAlias,
        Write::DeleteVersion(_) => Op::DeleteFunction,
    }
}

fn code<'w>(write: &'w Write<'w>) -> Option<&'w Code<'w>> {
    match write {
        Write::Create { code, .. } | Write::UpdateCode { code, .. } => Some(code),
        _ => None,
    }
}

#[async_trait]
impl Functions for Session {
    async fn function(
        &self,
        name: &FunctionName,
        qualifier: Qualifier<'_>,
    ) -> Result<Option<(ObservedCode, FunctionMetadata)>, CallError> {
        let what = match &qualifier {
            Qualifier::Latest => name.to_string(),
            Qualifier::Version(version) => format!("{name}:{version}"),
            Qualifier::Alias(alias) => format!("{name}:{alias}"),
        };
        let look = |state: &mut State, here: &CallContext| {
            self.check(state, Op::GetFunction, name.as_str(), &self.both("lambda:GetFunction", name.as_str()))?;
            let may_see_tags = self.allows(state, &Need::new("lambda:ListTags", self.arn(name.as_str()))).is_ok();
            let lambda = state.lambdas.get_mut(&self.target).unwrap();
            lambda.settle(here.now);
            let Some(function) = lambda.functions.get_mut(name.as_str()) else { return Ok(None) };
            let number = match &qualifier {
                Qualifier::Latest => Some(0),
                Qualifier::Version(version) => version.as_str().parse().ok(),
                Qualifier::Alias(alias) => function.aliases.get(alias.as_str()).map(|alias| alias.version),
            };
            let Some(mut seen) = number.and_then(|number| function.look(number)) else { return Ok(None) };
            let metadata = FunctionMetadata {
                tags: may_see_tags.then(|| function.tags.clone()),
                reserved_concurrency: function.reserved,
            };
            // Lambda decrypts the variables for the caller, who must be able to use the customer key.
            if let Some(key) = &seen.settings.kms_key_arn
                && self.allows(state, &self.through_lambda("kms:Decrypt", key)).is_err()
            {
                let because =
                    "AccessDeniedException: Lambda was unable to decrypt the environment variables".to_owned();
                seen.settings.variables = Variables::Unreadable { because };
            }
            Ok(Some((seen, metadata)))
        };
        self.connection.call(Op::GetFunction, &self.target.to_string(), &what, look).await
    }

    async fn alias(&self, name: &FunctionName, alias: &AliasName) -> Result<Option<ObservedAlias>, CallError> {
        let what = format!("{name}:{alias}");
        let look = |state: &mut State, here: &CallContext| {
            self.check(state, Op::GetAlias, name.as_str(), &self.both("lambda:GetAlias", name.as_str()))?;
            let lambda = state.lambdas.get_mut(&self.target).unwrap();
            lambda.settle(here.now);
            Ok(lambda.read_alias(name, alias, here.now))
        };
        self.connection.call(Op::GetAlias, &self.target.to_string(), &what, look).await
    }

    async fn provisioned(
        &self,
        name: &FunctionName,
        alias: &AliasName,
    ) -> Result<Option<ProvisionedConcurrency>, CallError> {
        let op = Op::GetProvisionedConcurrencyConfig;
        let look = |state: &mut State, here: &CallContext| {
            let need =
                Need::new("lambda:GetProvisionedConcurrencyConfig", format!("{}:{alias}", self.arn(name.as_str())));
            self.check(state, op, name.as_str(), &[need])?;
            let lambda = state.lambdas.get_mut(&self.target).unwrap();
            lambda.settle(here.now);
            Ok(lambda.functions.get(name.as_str()).and_then(|function| function.look_at_concurrency(alias)))
        };
        self.connection.call(op, &self.target.to_string(), &format!("{name}:{alias}"), look).await
    }

    async fn versions(&self, name: &FunctionName) -> Result<PublishedVersions, CallError> {
        let op = Op::ListVersionsByFunction;
        let look = |state: &mut State, _: &CallContext| {
            let need = Need::new("lambda:ListVersionsByFunction", self.arn(name.as_str()));
            self.check(state, op, name.as_str(), &[need])?;
            let function = state.lambdas.get_mut(&self.target).unwrap().function(name.as_str());
            Ok(PublishedVersions {
                numbers: version_numbers(function.versions.keys()),
                is_durable: function.is_durable,
            })
        };
        self.connection.call(op, &self.target.to_string(), name.as_str(), look).await
    }

    async fn aliased(&self, name: &FunctionName) -> Result<Vec<Version>, CallError> {
        let op = Op::ListAliases;
        let look = |state: &mut State, _: &CallContext| {
            self.check(state, op, name.as_str(), &[Need::new("lambda:ListAliases", self.arn(name.as_str()))])?;
            let function = state.lambdas.get_mut(&self.target).unwrap().function(name.as_str());
            Ok(version_numbers(function.aliases.values().flat_map(|a| a.weights.keys().chain([&a.version]))))
        };
        self.connection.call(op, &self.target.to_string(), name.as_str(), look).await
    }

    async fn write(&self, name: &FunctionName, write: Write<'_>) -> Result<Answer, CallError> {
        let act = |state: &mut State, here: &CallContext| self.carry_out(state, here, name, &write);
        let (session, about, sent) = (self.clone(), name.clone(), OwnedWrite::from(&write));
        // Nobody sees how a late write ends.
        let late: DelayedWrite =
            Box::new(move |state, here| drop(session.carry_out(state, here, &about, &sent.write())));
        self.connection.call_or_hold(op(&write), &self.target.to_string(), name.as_str(), act, Some(late)).await
    }
}
