//! Sessions of rollouts that tell something else than CloudWatch does: they implement mutants.

use std::sync::Arc;

use async_trait::async_trait;
use deployer_core::id::{AliasName, FunctionName, Version};
use deployer_core::observed::ObservedAlias;
use deployer_core::rollout::{
    AlarmChange, AlarmStates, AliasMetrics, Counted, Metric, MetricOf, MetricsQuery, SmokeAnswer,
};
use deployer_engine::port::{
    EnterError, RolloutCallError, RolloutCallErrorKind, RolloutSessions, SessionRequest, SmokeCall, SmokeTester,
    TrafficWatch,
};
use jiff::{SignedDuration, Timestamp};

use super::mutants::Mutant;

/// Opens sessions of rollouts whose calls are falsified.
pub(super) struct FaultyWatches {
    gate: Arc<dyn RolloutSessions>,
    mutant: Option<Mutant>,
}

impl FaultyWatches {
    pub fn new(gate: Arc<dyn RolloutSessions>, mutant: Option<Mutant>) -> Self {
        Self { gate, mutant }
    }
}

#[async_trait]
impl RolloutSessions for FaultyWatches {
    async fn open_look_session(&self, request: &SessionRequest) -> Result<Arc<dyn TrafficWatch>, EnterError> {
        let watch = self.gate.open_look_session(request).await?;
        Ok(Arc::new(FaultyWatch { watch, mutant: self.mutant }))
    }

    async fn open_smoke_session(&self, request: &SessionRequest) -> Result<Arc<dyn SmokeTester>, EnterError> {
        let tester = self.gate.open_smoke_session(request).await?;
        Ok(Arc::new(FaultyTester { tester, mutant: self.mutant }))
    }
}

struct FaultyTester {
    tester: Arc<dyn SmokeTester>,
    mutant: Option<Mutant>,
}

#[async_trait]
impl SmokeTester for FaultyTester {
    async fn invoke(&self, call: &SmokeCall<'_>) -> Result<SmokeAnswer, RolloutCallError> {
        match self.tester.invoke(call).await {
            Err(error)
                if self.mutant == Some(Mutant::SmokeSentTwice) && error.kind == RolloutCallErrorKind::Unavailable =>
            {
                self.tester.invoke(call).await
            }
            answer => answer,
        }
    }
}

struct FaultyWatch {
    watch: Arc<dyn TrafficWatch>,
    mutant: Option<Mutant>,
}

#[async_trait]
impl TrafficWatch for FaultyWatch {
    async fn alias(&self, name: &FunctionName, alias: &AliasName) -> Result<Option<ObservedAlias>, RolloutCallError> {
        self.watch.alias(name, alias).await
    }

    async fn has_version(&self, name: &FunctionName, version: &Version) -> Result<bool, RolloutCallError> {
        self.watch.has_version(name, version).await
    }

    async fn metrics(&self, query: &MetricsQuery) -> Result<AliasMetrics, RolloutCallError> {
        match self.mutant {
            Some(Mutant::LooksSkipped) => Ok(AliasMetrics::default()),
            Some(Mutant::MissingCountsAsNone) => Ok(self.watch.metrics(query).await.unwrap_or_default()),
            Some(Mutant::WatchesSkipped) if self.serves_alone(query).await => Ok(AliasMetrics::default()),
            Some(Mutant::ErrorsUnseen) => self.watch.metrics(query).await.map(|metrics| without_errors(metrics, query)),
            _ => self.watch.metrics(query).await,
        }
    }

    async fn alarms(&self, names: &[String]) -> Result<AlarmStates, RolloutCallError> {
        self.watch.alarms(names).await
    }

    async fn alarm_changes(&self, name: &str, since: Timestamp) -> Result<Vec<AlarmChange>, RolloutCallError> {
        self.watch.alarm_changes(name, since).await
    }
}

impl FaultyWatch {
    /// Whether the alias gives the new version all its traffic.
    async fn serves_alone(&self, query: &MetricsQuery) -> bool {
        let alias = self.watch.alias(&query.function, &query.alias).await;
        alias.is_ok_and(|alias| alias.is_some_and(|alias| alias.version.as_ref() == Some(&query.new)))
    }
}

/// Returns the metrics as if the new version had not failed in any minute.
fn without_errors(mut metrics: AliasMetrics, query: &MetricsQuery) -> AliasMetrics {
    let mut minute = query.from;
    while minute < query.until {
        metrics.insert(Metric { of: MetricOf::New, counts: Counted::Errors }, minute, 0);
        metrics.insert(Metric { of: MetricOf::Alias, counts: Counted::Errors }, minute, 0);
        minute += SignedDuration::from_mins(1);
    }
    metrics
}
