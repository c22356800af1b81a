//! The session policies of the deployer for `orders-api` in the contract's `prod`.

use std::collections::{BTreeMap, BTreeSet};

use deployer_core::artifact::ArtifactRef;
use deployer_core::config::Target;
use deployer_core::id::{AliasName, BucketName, FunctionName, InvalidName, Region, RoleArn, Sha256, Version};
use deployer_core::manifest::{
    Architecture, CapacityProviderConfig, FileSystemConfig, ManagedInstancesConfig, VpcConfig,
};
use deployer_core::observed::RevisionId;
use deployer_core::plan::{CodeSettings, Configuration, Delivery, NewFunction, Plan, Step};
use deployer_core::rollout::{FunctionSettings, ReservedConcurrency};
use deployer_core::session_policy::{AliasChange, Scope, look_policy, move_policy, settings_policy, smoke_policy};
use serde_json::Value;

use super::listed;

/// Returns the policies of the first session, of one that creates the function with all settings, and of one that
/// deletes version 7, and of the sessions of a rollout.
pub(super) fn policies() -> BTreeMap<String, Value> {
    let named = Example::new().and_then(|example| {
        let create = example.second(vec![
            Step::Create(Box::new(everything()?)),
            Step::ReserveConcurrency(5),
            Step::CreateAlias,
        ])?;
        Ok([("base", example.base()), ("create", create), ("prune", example.prune()?)]
            .into_iter()
            .chain(example.rollout()?))
    });
    named.into_iter().flatten().map(|(name, policy)| (format!("session/{name}"), policy)).collect()
}

/// Returns every action that a session policy of the deployer may allow.
#[must_use]
pub fn session_actions() -> BTreeSet<String> {
    let policies = Example::new().and_then(|example| {
        let rollout = example.rollout()?.into_iter().map(|(_, policy)| policy);
        let others = [example.base(), example.second(every_step()?)?, example.prune()?];
        Ok(others.into_iter().chain(rollout))
    });
    let statements =
        policies.into_iter().flatten().flat_map(|policy| policy["Statement"].as_array().cloned().unwrap_or_default());
    statements.flat_map(|statement| listed(&statement["Action"])).collect()
}

struct Example {
    target: Target,
    function: FunctionName,
    artifact: ArtifactRef,
    region: Region,
}

impl Example {
    fn new() -> Result<Self, InvalidName> {
        let region = Region::parse("eu-west-1")?;
        Ok(Self {
            target: Target { account: "222222222222".parse()?, region: region.clone() },
            function: FunctionName::parse("orders-api")?,
            artifact: ArtifactRef {
                bucket: BucketName::parse("acme-artifacts")?,
                key: "prod/orders-api/1.4.2.zip".into(),
                version_id: "v".into(),
            },
            region,
        })
    }

    fn scope(&self) -> Scope<'_> {
        Scope {
            target: &self.target,
            function: &self.function,
            artifact: &self.artifact,
            artifact_region: Some(&self.region),
        }
    }

    fn base(&self) -> Value {
        json(&self.scope().base_policy())
    }

    fn second(&self, steps: Vec<Step>) -> Result<Value, InvalidName> {
        let plan = Plan {
            function: self.function.clone(),
            alias: AliasName::parse("live")?,
            sha256: Sha256::of(b"zip"),
            delivery: Delivery::ByReference,
            steps,
            changes: vec![],
            warnings: vec![],
            revision: None,
            code_was: None,
            traffic: None,
            previous: None,
            serving: None,
        };
        Ok(json(&self.scope().plan_policy(&plan).ok().flatten().unwrap_or_default()))
    }

    /// Returns the policies of a rollout's sessions: one looks, two change the alias, two set the function's tags and
    /// reserved concurrency, one invokes version 7.
    fn rollout(&self) -> Result<[(&'static str, Value); 6], InvalidName> {
        let (target, function) = (&self.target, &self.function);
        let set = FunctionSettings {
            tags: [("team".to_owned(), "orders".to_owned())].into(),
            untag: vec!["squad".into()],
            concurrency: Some(ReservedConcurrency::Reserve(5)),
        };
        let free = FunctionSettings { concurrency: Some(ReservedConcurrency::Free), ..FunctionSettings::default() };
        Ok([
            ("look", json(&look_policy(target, function))),
            ("move", json(&move_policy(target, function, AliasChange::Move))),
            ("make", json(&move_policy(target, function, AliasChange::Create))),
            ("set", json(&settings_policy(target, function, &set))),
            ("free", json(&settings_policy(target, function, &free))),
            ("smoke", json(&smoke_policy(target, function, &Version::parse("7")?))),
        ])
    }

    fn prune(&self) -> Result<Value, InvalidName> {
        Ok(json(&self.scope().pruning_policy(&[Version::parse("7")?])))
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// Returns a function with every field that needs a permission of its own.
fn everything() -> Result<NewFunction, InvalidName> {
    let configuration = Configuration {
        layers: Some(vec!["arn:aws:lambda:eu-west-1:222222222222:layer:shared:3".into()]),
        kms_key_arn: Some("arn:aws:kms:eu-west-1:222222222222:key/1c8e2f0a-0000-4000-8000-000000000002".into()),
        vpc_config: Some(VpcConfig {
            subnet_ids: vec!["subnet-1".into()],
            security_group_ids: vec!["sg-1".into()],
            ipv6_allowed_for_dual_stack: None,
        }),
        file_system_config: Some(vec![FileSystemConfig {
            arn: "a".into(),
            local_mount_path: "/mnt/x".into(),
            s3_files_config: None,
        }]),
        // No function has this and a VPC, but each of the two needs its own permission.
        capacity_provider_config: Some(CapacityProviderConfig {
            lambda_managed_instances_capacity_provider_config: ManagedInstancesConfig {
                capacity_provider_arn: "arn:aws:lambda:eu-west-1:222222222222:capacity-provider:shared".into(),
                execution_environment_memory_gib_per_vcpu: None,
                per_execution_environment_max_concurrency: None,
            },
        }),
        ..Configuration::default()
    };
    Ok(NewFunction {
        role: RoleArn::parse("arn:aws:iam::222222222222:role/lambda/orders-api")?,
        architecture: Architecture::X86_64,
        configuration,
        tags: [("team".to_owned(), "orders".to_owned())].into(),
        source_key: Some("arn:aws:kms:eu-west-1:222222222222:key/1c8e2f0a-0000-4000-8000-000000000002".into()),
        tenancy: None,
    })
}

/// Returns every kind of step; no single plan has all of them.
fn every_step() -> Result<Vec<Step>, InvalidName> {
    let new = everything()?;
    Ok(vec![
        Step::UpdateConfiguration(Box::new(new.configuration.clone())),
        Step::Create(Box::new(new)),
        Step::UpdateCode(CodeSettings::default()),
        Step::Publish,
        Step::Tag([("team".to_owned(), "orders".to_owned())].into()),
        Step::Untag(vec!["team".into()]),
        Step::ReserveConcurrency(5),
        Step::FreeConcurrency,
        Step::CreateAlias,
        Step::MoveAlias { from: None, revision: RevisionId("r".into()) },
    ])
}
