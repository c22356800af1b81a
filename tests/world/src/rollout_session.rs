//! The sessions of rollouts: looks and smoke tests, each call checked against the session's policy.

use std::sync::Arc;

use async_trait::async_trait;
use deployer_core::id::{AliasName, FunctionName, Version};
use deployer_core::observed::ObservedAlias;
use deployer_core::rollout::{AlarmChange, AlarmStates, AliasMetrics, MetricsQuery, SmokeAnswer};
use deployer_engine::port::{
    CallError, EnterError, Functions as _, RolloutCallError, RolloutCallErrorKind, RolloutSessions, SessionRequest,
    SmokeCall, SmokeTester, TrafficWatch, ensure_account,
};
use jiff::Timestamp;

use super::call::{CallContext, Connection, FaultError as _, Op};
use super::function::State as Condition;
use super::monitoring::SmokeInvocation;
use super::policy::Need;
use super::session::Session;
use super::state::State;

/// The port of one invocation.
pub(super) struct RolloutPort(pub Arc<Connection>);

impl RolloutPort {
    async fn enter(&self, request: &SessionRequest) -> Result<Session, EnterError> {
        let target = &request.target;
        let enter = |state: &mut State, here: &CallContext| state.sts.open_session(request, here.now);
        let (found, policy) = self.0.call(Op::AssumeRole, &target.to_string(), request.role.as_str(), enter).await?;
        ensure_account(target, &found)?;
        Ok(Session {
            connection: self.0.clone(),
            target: target.clone(),
            role: request.role.clone(),
            name: request.name.clone(),
            policy,
        })
    }
}

#[async_trait]
impl RolloutSessions for RolloutPort {
    async fn open_look_session(&self, request: &SessionRequest) -> Result<Arc<dyn TrafficWatch>, EnterError> {
        Ok(Arc::new(self.enter(request).await?))
    }

    async fn open_smoke_session(&self, request: &SessionRequest) -> Result<Arc<dyn SmokeTester>, EnterError> {
        Ok(Arc::new(self.enter(request).await?))
    }
}

fn error(CallError { kind, message }: CallError) -> RolloutCallError {
    RolloutCallError::of(kind, message)
}

impl Session {
    fn may(&self, state: &State, op: Op, what: &str, need: Need) -> Result<(), RolloutCallError> {
        self.check(state, op, what, &[need]).map_err(error)
    }
}

#[async_trait]
impl TrafficWatch for Session {
    async fn alias(&self, name: &FunctionName, alias: &AliasName) -> Result<Option<ObservedAlias>, RolloutCallError> {
        deployer_engine::port::Functions::alias(self, name, alias).await.map_err(error)
    }

    async fn has_version(&self, name: &FunctionName, version: &Version) -> Result<bool, RolloutCallError> {
        let found = self.function(name, deployer_engine::port::Qualifier::Version(version)).await;
        found.map(|found| found.is_some()).map_err(error)
    }

    async fn metrics(&self, query: &MetricsQuery) -> Result<AliasMetrics, RolloutCallError> {
        let (op, what) = (Op::GetMetricData, format!("{}:{}", query.function, query.alias));
        let look = |state: &mut State, here: &CallContext| {
            self.may(state, op, &what, Need::new("cloudwatch:GetMetricData", "*"))?;
            let lambda = state.lambdas.get_mut(&self.target).unwrap();
            lambda.settle(here.now);
            let mut metrics = AliasMetrics::default();
            for metric in query.metrics() {
                for (minute, sum) in lambda.monitoring.sums(query, metric, here.now) {
                    metrics.insert(metric, minute, sum);
                }
            }
            Ok(metrics)
        };
        self.connection.call(op, &self.target.to_string(), &what, look).await
    }

    async fn alarms(&self, names: &[String]) -> Result<AlarmStates, RolloutCallError> {
        let (op, what) = (Op::DescribeAlarms, names.join(" "));
        let look = |state: &mut State, _: &CallContext| {
            self.may(state, op, &what, Need::new("cloudwatch:DescribeAlarms", "*"))?;
            let monitoring = &state.lambdas[&self.target].monitoring;
            let found = names.iter().filter_map(|name| Some((name.clone(), monitoring.state_of(name)?)));
            Ok(AlarmStates::of(names, found.collect()))
        };
        self.connection.call(op, &self.target.to_string(), &what, look).await
    }

    async fn alarm_changes(&self, name: &str, since: Timestamp) -> Result<Vec<AlarmChange>, RolloutCallError> {
        let op = Op::DescribeAlarmHistory;
        let look = |state: &mut State, _: &CallContext| {
            self.may(state, op, name, Need::new("cloudwatch:DescribeAlarmHistory", "*"))?;
            Ok(state.lambdas[&self.target].monitoring.changes_of(name, since))
        };
        self.connection.call(op, &self.target.to_string(), name, look).await
    }
}

#[async_trait]
impl SmokeTester for Session {
    async fn invoke(&self, call: &SmokeCall<'_>) -> Result<SmokeAnswer, RolloutCallError> {
        let (op, what) = (Op::Invoke, format!("{}:{}", call.function, call.version));
        let invoke = |state: &mut State, here: &CallContext| {
            let need = Need::new("lambda:InvokeFunction", self.arn(&what));
            self.may(state, op, &what, need)?;
            let no = |kind, text: &str| RolloutCallError { kind, message: format!("{op} of {what}: {text}") };
            let version: u64 = call.version.as_str().parse().unwrap();
            let lambda = state.lambdas.get_mut(&self.target).unwrap();
            lambda.settle(here.now);
            let function = lambda.functions.get(call.function.as_str());
            match function.and_then(|function| function.versions.get(&version)).map(|build| &build.state) {
                None => {
                    return Err(no(RolloutCallErrorKind::NotFound, "ResourceNotFoundException: Function not found"));
                }
                Some(Condition::Pending(_) | Condition::Failed(_)) => {
                    let text = "ResourceConflictException: The operation cannot be performed at this time.";
                    return Err(no(RolloutCallErrorKind::Unavailable, text));
                }
                Some(Condition::Ready | Condition::Updating(_) | Condition::Named(_)) => {}
            }
            Ok(lambda.monitoring.answer(SmokeInvocation {
                by: here.invocation,
                function: call.function.to_string(),
                version,
                event: call.event.to_owned(),
                context: call.context.to_owned(),
            }))
        };
        let answer = self.connection.call(op, &self.target.to_string(), &what, invoke).await?;
        if answer == SmokeAnswer::TimedOut {
            tokio::time::sleep(call.timeout).await;
        }
        Ok(answer)
    }
}
