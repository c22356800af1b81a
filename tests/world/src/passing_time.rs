//! The passing of time in a world: leases expire, ticks come, and sweeps clear away.

use super::*;

impl World {
    /// Lets time pass until every claim of an invocation that has begun by now has expired.
    pub async fn leases_run_out(&self) {
        self.pass(self.time + Duration::from_secs(11)).await;
    }

    /// Delivers the deployer's own messages as they come due, until there are none.
    ///
    /// # Panics
    /// If the messages do not end.
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

    /// Delivers an event until its deployment has ended. Between the deliveries leases expire, a sweep comes each
    /// minute, and ticks are delivered.
    ///
    /// # Panics
    /// If the deployment does not end.
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

    /// Whether any head has an active deployment.
    fn is_at_work(&self) -> bool {
        let is_at_work = |head: &Value| !head["active"].is_null();
        self.aws(|aws| {
            let heads = aws.ledger.keys("heads/").filter_map(|key| aws.ledger.get(key));
            heads.map(|head| serde_json::from_slice(head).unwrap()).any(|head: Value| is_at_work(&head))
        })
    }

    /// Lets time pass until no marker is young enough to stay, and runs a sweep.
    ///
    /// # Panics
    /// If a marker stays.
    pub async fn markers_are_cleared(&self) {
        self.pass(Duration::from_secs(21 * 60)).await;
        self.invocation().run(&Trigger::Sweep).await;
        let left: Vec<String> = self.aws(|aws| aws.ledger.keys("open/").map(str::to_owned).collect());
        assert!(left.is_empty(), "markers stay: {left:?}");
    }
}
