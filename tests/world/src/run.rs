//! One invocation: an engine with ports of its own, that answers, or dies.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use deployer_core::artifact::Upload;
use deployer_core::promotion::{ApprovalGiven, PromotionRequest};
use deployer_core::trigger::Tick;
use deployer_core::trigger::{InboundEvent, Invocation as Payload, decode};
use deployer_engine::MaskingGate;
use deployer_engine::batch::handle;
use deployer_engine::obey::{FunctionError, obey};
use deployer_engine::port::{Clock, Events, Queue, Rng};
use deployer_engine::{Engine, EventOutcome, Ports, Swept, Transient};
use jiff::Timestamp;
use serde_json::Value;

use super::World;
use super::artifacts::ArtifactPort;
use super::call::{Crash, Freeze, Line, Moment, Shared};
use super::events::EventsPort;
use super::gate::GatePort;
use super::ledger::LedgerPort;
use super::premises::SelfDiagnosticsPort;
use super::queue::QueuePort;

/// An invocation that is about to begin.
#[must_use]
pub struct Invocation<'w> {
    world: &'w World,
    time: Duration,
    crash: Option<Crash>,
    freeze: Option<Freeze>,
    in_flight: Duration,
}

/// How an invocation ended.
#[derive(Debug)]
pub enum Outcome {
    /// The message is done with.
    EventOutcome(EventOutcome),
    /// The sweep is done with.
    Swept(Swept),
    /// A command was carried out.
    Answered(Value),
    /// A command was not: the function's error.
    Refused {
        /// `errorType`.
        error_type: String,
        /// `errorMessage`.
        message: String,
    },
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

struct OwnClock(Arc<Line>);

#[async_trait]
impl Clock for OwnClock {
    fn now(&self) -> Timestamp {
        self.0.shared.clock.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.shared.clock.sleep(duration).await;
        self.0.thawed().await;
    }
}

/// SplitMix64: the same world draws the same numbers.
struct SharedChance(Arc<Shared>);

impl Rng for SharedChance {
    fn draw(&self) -> u128 {
        let mut state = self.0.chance.lock().unwrap();
        let mut next = || {
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = *state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            u128::from(z ^ (z >> 31))
        };
        next() << 64 | next()
    }
}

/// What an invocation is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// The event of an upload.
    Upload(Upload),
    /// Somebody asks for a promotion.
    Promotion(Box<PromotionRequest>),
    /// Somebody approves a promotion, or declines it.
    Consent(Box<ApprovalGiven>),
    /// One of the deployer's own messages.
    Tick(Tick),
    /// The schedule's command.
    Sweep,
    /// A command by hand, as JSON.
    Command(Value),
}

impl World {
    /// An engine with this much time, for who calls it in another way.
    #[must_use]
    pub fn engine(&self, time: Duration) -> Engine {
        self.engine_over(&Arc::new(Line::new(self.shared.clone(), None, None)), time)
    }

    pub(super) fn engine_over(&self, line: &Arc<Line>, time: Duration) -> Engine {
        let config = self.config.lock().unwrap().clone();
        let ports = Ports {
            artifacts: Arc::new(ArtifactPort(line.clone())),
            ledger: Arc::new(LedgerPort(line.clone())),
            gate: Arc::new(MaskingGate::before(Arc::new(GatePort(line.clone())))),
            queue: config.queue_url.is_some().then(|| Arc::new(QueuePort(line.clone())) as Arc<dyn Queue>),
            events: config.event_bus.is_some().then(|| Arc::new(EventsPort(line.clone())) as Arc<dyn Events>),
            clock: Arc::new(OwnClock(line.clone())),
            chance: Arc::new(SharedChance(self.shared.clone())),
            inline_body: self.shared.inline_body.clone(),
        };
        Engine {
            ports: match &self.between {
                Some(between) => between(ports),
                None => ports,
            },
            config,
            outdated: self.outdated.clone(),
            region: Some(self.region.clone()),
            deadline: self.now() + time,
            patience: self.patience.clone(),
        }
    }
}

impl<'w> Invocation<'w> {
    pub(super) fn new(world: &'w World) -> Self {
        Self { world, time: world.time, crash: None, freeze: None, in_flight: Duration::ZERO }
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

    /// Its process is frozen as it waits for the answer of this port call, counted from 1, and thaws after so long.
    /// Its own end is put off by as much: timers are frozen with it.
    pub fn freezes_at(mut self, call: usize, time: Duration) -> Self {
        self.freeze = Some(Freeze { call, moment: Moment::After, time });
        self
    }

    /// The same as it is about to send the call: it is sent when the process thaws.
    pub fn freezes_before(mut self, call: usize, time: Duration) -> Self {
        self.freeze = Some(Freeze { call, moment: Moment::Before, time });
        self
    }

    /// Should it die, the calls that it has sent by then are carried out all the same, if they take no longer than this.
    pub fn leaves_in_flight(mut self, time: Duration) -> Self {
        self.in_flight = time;
        self
    }

    /// It gets the event of an upload.
    pub async fn upload(self, upload: &Upload) -> Run {
        self.run(&Work::Upload(upload.clone())).await
    }

    /// It gets this.
    pub async fn run(self, work: &Work) -> Run {
        let Self { world, time, crash, freeze, in_flight } = self;
        if let Work::Upload(upload) = work {
            let mut delivered = world.delivered.lock().unwrap();
            if !delivered.iter().any(|known| known.key == upload.key && known.version_id == upload.version_id) {
                delivered.push(upload.clone());
            }
        }
        let line = Arc::new(Line::new(world.shared.clone(), crash, freeze));
        let engine = world.engine_over(&line, time);
        let working = async {
            match work {
                Work::Upload(upload) => {
                    handle(&engine, InboundEvent::Upload(upload.clone())).await.map(Outcome::EventOutcome)
                }
                Work::Promotion(asked) => {
                    handle(&engine, InboundEvent::Promotion(asked.clone())).await.map(Outcome::EventOutcome)
                }
                Work::Consent(word) => {
                    handle(&engine, InboundEvent::Consent(word.clone())).await.map(Outcome::EventOutcome)
                }
                Work::Tick(tick) => handle(&engine, InboundEvent::Tick(tick.clone())).await.map(Outcome::EventOutcome),
                Work::Sweep => engine.sweep().await.map(Outcome::Swept),
                Work::Command(command) => Ok(obeyed(&engine, command, &line).await),
            }
        };
        let ends = async {
            tokio::time::sleep(time).await;
            if line.is_frozen() {
                tokio::time::sleep(freeze.map_or(Duration::ZERO, |freeze| freeze.time)).await;
            }
        };
        let mut working = std::pin::pin!(working);
        let outcome = tokio::select! {
            biased;
            () = line.crashed() => Outcome::Died,
            outcome = &mut working => outcome.unwrap_or_else(Outcome::Transient),
            () = ends => Outcome::Died,
        };
        if matches!(outcome, Outcome::Died) && !in_flight.is_zero() {
            line.stops();
            drop(tokio::time::timeout(in_flight, working).await);
        }
        Run { outcome, invocation: line.invocation, calls: line.calls() }
    }
}

async fn obeyed(engine: &Engine, command: &Value, line: &Arc<Line>) -> Outcome {
    let (premises, invocation) = (SelfDiagnosticsPort(line.clone()), format!("invocation-{}", line.invocation));
    let refused = |error: FunctionError| {
        let (error_type, error_message) = (error.error_type().to_owned(), error.to_string());
        Outcome::Refused { error_type, message: error_message }
    };
    match decode(command) {
        Payload::Command(order) => {
            obey(engine, &premises, *order, invocation).await.map_or_else(refused, Outcome::Answered)
        }
        Payload::Unknown { because } => refused(FunctionError::InvalidCommand(because)),
        other => panic!("no command: {other:?}"),
    }
}
