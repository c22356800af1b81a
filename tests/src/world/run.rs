//! One invocation: an engine with ports of its own, that answers, or dies.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use deployer::engine::{Engine, Handled, Ports, Transient};
use deployer::port::Clock;
use deployer_core::artifact::Upload;
use jiff::Timestamp;

use super::World;
use super::artifacts::ArtifactPort;
use super::call::{Crash, Line, Moment, Shared};
use super::gate::GatePort;
use super::ledger::LedgerPort;

/// An invocation that is about to begin.
#[must_use]
pub struct Invocation<'w> {
    world: &'w World,
    time: Duration,
    crash: Option<Crash>,
}

/// How an invocation ended.
#[derive(Debug)]
pub enum Outcome {
    /// The message is done with.
    Handled(Handled),
    /// The message comes again.
    Transient(Transient),
    /// There was no answer: it crashed, or its time was up.
    Died,
}

/// An invocation that is over.
#[derive(Debug)]
pub struct Run {
    /// How it ended.
    pub outcome: Outcome,
    /// Its number in the log.
    pub invocation: usize,
    /// How many port calls it has made.
    pub calls: usize,
}

struct SharedClock(Arc<Shared>);

#[async_trait]
impl Clock for SharedClock {
    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.clock.sleep(duration).await;
    }
}

impl World {
    /// An engine with this much time, for who calls it in another way.
    #[must_use]
    pub fn engine(&self, time: Duration) -> Engine {
        self.engine_over(&Arc::new(Line::new(self.shared.clone(), None)), time)
    }

    fn engine_over(&self, line: &Arc<Line>, time: Duration) -> Engine {
        Engine {
            ports: Ports {
                artifacts: Arc::new(ArtifactPort(line.clone())),
                ledger: Arc::new(LedgerPort(line.clone())),
                gate: Arc::new(GatePort(line.clone())),
                clock: Arc::new(SharedClock(self.shared.clone())),
                inline_body: self.shared.inline_body.clone(),
            },
            config: self.config.clone(),
            region: self.region.clone(),
            deadline: self.now() + time,
            patience: self.patience.clone(),
        }
    }
}

impl<'w> Invocation<'w> {
    pub(super) fn new(world: &'w World) -> Self {
        Self { world, time: world.time, crash: None }
    }

    /// It has only so much time.
    pub fn within(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    /// It dies in this port call, counted from 1.
    pub fn dies_at(mut self, call: usize, moment: Moment) -> Self {
        self.crash = Some(Crash { call, moment });
        self
    }

    /// It gets the event of an upload.
    pub async fn upload(self, upload: &Upload) -> Run {
        let Self { world, time, crash } = self;
        {
            let mut delivered = world.delivered.lock().unwrap();
            if !delivered.iter().any(|known| known.key == upload.key && known.version_id == upload.version_id) {
                delivered.push(upload.clone());
            }
        }
        let line = Arc::new(Line::new(world.shared.clone(), crash));
        let engine = world.engine_over(&line, time);
        let outcome = tokio::select! {
            biased;
            () = line.crashed() => Outcome::Died,
            answer = engine.upload(upload.clone()) => match answer {
                Ok(handled) => Outcome::Handled(handled),
                Err(transient) => Outcome::Transient(transient),
            },
            () = tokio::time::sleep(time) => Outcome::Died,
        };
        Run { outcome, invocation: line.invocation, calls: line.calls() }
    }
}
