//! Time passes in a world: leases run out, ticks come, sweeps clear away.

use super::*;

impl World {
    /// Time passes until every claim of an invocation that began by now is free.
    pub async fn leases_run_out(&self) {
        self.pass(self.time + Duration::from_secs(11)).await;
    }

    /// Delivers the deployer's own messages as they come due, until there are none.
    ///
    /// # Panics
    /// If there is no end of them.
    pub async fn tick(&self) -> Vec<Run> {
        let mut runs = Vec::new();
        while let Some(due) = self.aws(|aws| aws.queue.next()) {
            assert!(runs.len() < 100, "the deployer wakes itself for ever: {runs:#?}");
            self.pass(due.duration_since(self.now()).try_into().unwrap_or_default()).await;
            for body in self.aws(|aws| aws.queue.take(due)) {
                runs.push(self.invocation().run(&Trigger::Tick(tick(&body))).await);
            }
        }
        runs
    }

    /// Delivers an event until its deployment has ended, however often that takes: leases run out in between, the sweep comes
    /// each minute, and ticks are delivered.
    ///
    /// # Panics
    /// If there is no end of it.
    pub async fn until_ended(&self, upload: &Upload) -> DeploymentRecord {
        for _ in 0..10 {
            match self.deliver(upload).await {
                Ok(EventOutcome::Recorded(record)) if record.status.is_ended() => return *record,
                _ => self.sweep_until_leases_run_out().await,
            }
        }
        panic!("the deployment does not end:\n{}", self.render());
    }

    async fn sweep_until_leases_run_out(&self) {
        let free = self.now() + self.time + Duration::from_secs(11);
        while self.now() < free && self.is_at_work() {
            self.pass(Duration::from_secs(60)).await;
            self.invocation().run(&Trigger::Sweep).await;
            self.tick().await;
        }
    }

    /// Whether some head has a deployment that has not ended.
    fn is_at_work(&self) -> bool {
        let is_at_work = |head: &Value| !head["active"].is_null();
        self.aws(|aws| {
            let heads = aws.ledger.keys("heads/").filter_map(|key| aws.ledger.get(key));
            heads.map(|head| serde_json::from_slice(head).unwrap()).any(|head: Value| is_at_work(&head))
        })
    }

    /// The schedule sends the sweep until no marker is old enough to be cleared away any more.
    ///
    /// # Panics
    /// If a marker stays.
    pub async fn markers_are_cleared(&self) {
        self.pass(Duration::from_secs(17 * 60)).await;
        self.invocation().run(&Trigger::Sweep).await;
        let left: Vec<String> = self.aws(|aws| aws.ledger.keys("open/").map(str::to_owned).collect());
        assert!(left.is_empty(), "markers stay: {left:?}");
    }
}
