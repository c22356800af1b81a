//! Sessions of rollouts that tell something else than CloudWatch does: they implement mutants.

use std::sync::Arc;

use async_trait::async_trait;
use deployer_core::id::{AliasName, FunctionName, Version};
use deployer_core::observed::ObservedAlias;
use deployer_core::rollout::{AlarmChange, AlarmStates, AliasMetrics, MetricsQuery};
use deployer_engine::port::{EnterError, RolloutCallError, RolloutSessions, SessionRequest, SmokeTester, TrafficWatch};
use jiff::Timestamp;

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
        self.gate.open_smoke_session(request).await
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
