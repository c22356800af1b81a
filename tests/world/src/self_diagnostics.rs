//! The port of the doctor: the bucket's settings, the queue's lengths, and rights tried out on a function that does not
//! exist.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use deployer_core::artifact::ArtifactRef;
use deployer_core::doctor::{Attempt, DoctorReport, PROBE, ProbedAction, QueueLook, Refusal, Refused};
use deployer_core::id::{BucketName, EnvironmentName};
use deployer_engine::port::{
    ArtifactStore as _, EnterError, Probe, ReadError, SelfDiagnostics, SessionRequest, ensure_account,
};
use jiff::Timestamp;

use super::World;
use super::artifacts::ArtifactPort;
use super::call::{CallContext, Connection, Op};
use super::policy::Need;
use super::session::Session;
use super::state::State;

/// The time limit of the doctor's invocation.
const TIME: Duration = Duration::from_secs(300);

impl World {
    /// Lets the doctor check the chain of trust. `None`: no such environment.
    ///
    /// # Panics
    /// If the environment's name is invalid.
    pub async fn examine(&self, only: Option<&str>) -> Option<DoctorReport> {
        let connection = Arc::new(Connection::new(self.shared.clone(), None, None));
        let engine = self.engine_over(&connection, TIME);
        let only = only.map(|name| EnvironmentName::parse(name).unwrap());
        engine.examine(&SelfDiagnosticsPort(connection), only.as_ref()).await
    }
}

/// The port of one invocation.
pub(super) struct SelfDiagnosticsPort(pub Arc<Connection>);

#[async_trait]
impl SelfDiagnostics for SelfDiagnosticsPort {
    fn installed(&self) -> Option<String> {
        Some("version 7".into())
    }

    async fn has_newest_config(&self) -> Option<Result<bool, Refused>> {
        None
    }

    async fn own_role(&self) -> Result<String, Refused> {
        Ok("arn:aws:iam::000000000000:role/deployer".into())
    }

    async fn aws_time(&self) -> Option<Timestamp> {
        let op = Op::ReadLedger;
        let look = |state: &mut State, here: &CallContext| Ok::<_, Refused>(here.now + state.clocks_differ);
        self.0.call(op, "ledger", "heads/-/nothing", look).await.ok()
    }

    async fn is_versioned(&self, bucket: &BucketName) -> Result<bool, Refused> {
        let look = |state: &mut State, _: &CallContext| Ok(!state.artifacts.versioning_is_off);
        self.0.call(Op::GetBucketVersioning, "artifacts", bucket.as_str(), look).await
    }

    async fn queue(&self, url: &str) -> Result<(QueueLook, Option<String>), Refused> {
        let arn = "arn:aws:sqs:eu-west-1:000000000000:deployer-dead-letters";
        let look = |state: &mut State, here: &CallContext| Ok((state.queue.look(here.now), Some(arn.to_owned())));
        let name = url.rsplit('/').next().unwrap_or_default();
        self.0.call(Op::GetQueueAttributes, "queue", name, look).await
    }

    async fn dead_letters(&self, _: &str, arn: &str) -> Result<QueueLook, Refused> {
        let look =
            |state: &mut State, _: &CallContext| Ok(QueueLook { waiting: state.queue.dead, ..QueueLook::default() });
        self.0.call(Op::GetQueueAttributes, "queue", arn, look).await
    }

    async fn open_session(&self, request: &SessionRequest) -> Result<Arc<dyn Probe>, EnterError> {
        let target = &request.target;
        let enter = |state: &mut State, here: &CallContext| state.sts.open_session(request, here.now);
        let (found, policy) = self.0.call(Op::AssumeRole, &target.to_string(), request.role.as_str(), enter).await?;
        ensure_account(target, &found)?;
        Ok(Arc::new(Session {
            connection: self.0.clone(),
            target: target.clone(),
            role: request.role.clone(),
            name: request.name.clone(),
            policy,
        }))
    }
}

fn op(action: ProbedAction) -> Op {
    match action {
        ProbedAction::GetFunction => Op::GetFunction,
        ProbedAction::GetAlias => Op::GetAlias,
        ProbedAction::GetProvisionedConcurrencyConfig => Op::GetProvisionedConcurrencyConfig,
        ProbedAction::ListAliases => Op::ListAliases,
        ProbedAction::ListVersionsByFunction => Op::ListVersionsByFunction,
        ProbedAction::ListTags => Op::ListTags,
        ProbedAction::UpdateFunctionCode => Op::UpdateFunctionCode,
        ProbedAction::PublishVersion => Op::PublishVersion,
        ProbedAction::UpdateAlias => Op::UpdateAlias,
        ProbedAction::CreateAlias => Op::CreateAlias,
        ProbedAction::UpdateFunctionConfiguration => Op::UpdateFunctionConfiguration,
        ProbedAction::TagResource => Op::TagResource,
        ProbedAction::UntagResource => Op::UntagResource,
        ProbedAction::PutFunctionConcurrency => Op::PutFunctionConcurrency,
        ProbedAction::DeleteFunctionConcurrency => Op::DeleteFunctionConcurrency,
        ProbedAction::DeleteFunction => Op::DeleteFunction,
        ProbedAction::DescribeAlarms => Op::DescribeAlarms,
        ProbedAction::DescribeAlarmHistory => Op::DescribeAlarmHistory,
        ProbedAction::GetMetricData => Op::GetMetricData,
        ProbedAction::InvokeFunction => Op::Invoke,
    }
}

#[async_trait]
impl Probe for Session {
    async fn attempt(&self, action: ProbedAction) -> Result<Attempt, Refused> {
        let op = op(action);
        let act = |state: &mut State, _: &CallContext| {
            let needs = match action {
                ProbedAction::DeleteFunction | ProbedAction::InvokeFunction => {
                    vec![Need::new(action.action(), format!("{}:1", self.arn(PROBE)))]
                }
                ProbedAction::GetAlias
                | ProbedAction::GetProvisionedConcurrencyConfig
                | ProbedAction::CreateAlias
                | ProbedAction::UpdateAlias => self.both(action.action(), PROBE),
                _ if !action.names_a_function() => vec![Need::new(action.action(), "*")],
                _ => vec![Need::new(action.action(), self.arn(PROBE))],
            };
            let checked = self.check(state, op, PROBE, &needs);
            checked.map_err(|error| Refused { kind: Refusal::Denied, message: error.message })?;
            let there = state.lambdas.get(&self.target).is_some_and(|lambda| lambda.functions.contains_key(PROBE));
            assert!(!there || !op.is_lambda_write(), "{op} was tried on a function that exists");
            Ok(if there && action.names_a_function() { Attempt::FunctionExists } else { Attempt::Allowed })
        };
        self.connection.call(op, &self.target.to_string(), PROBE, act).await
    }

    async fn read(&self, artifact: &ArtifactRef) -> Result<(), ReadError> {
        let object = format!("arn:{}:s3:::{}/{}", self.target.region.partition(), artifact.bucket, artifact.key);
        let look = |state: &mut State, _: &CallContext| {
            let closed = state.artifacts.closed_to.contains(&self.target.account);
            let allowed = ["s3:GetObject", "s3:GetObjectVersion"]
                .iter()
                .all(|action| self.allows(state, &Need::new(action, &object)).is_ok());
            if closed || !allowed {
                return Err(ReadError::Denied(format!("{object} may not be read (AccessDenied: Access Denied)")));
            }
            Ok(())
        };
        self.connection.call(Op::ReadTail, &self.target.to_string(), &artifact.key, look).await?;
        ArtifactPort(self.connection.clone()).tail(artifact, 1).await.map(drop)
    }
}
