//! One invocation: an engine with its own ports that answers or dies.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use deployer_core::artifact::Upload;
use deployer_core::promotion::{ApprovalResponse, PromotionRequest};
use deployer_core::trigger::Tick;
use deployer_core::trigger::{InboundEvent, Invocation as Payload, decode};
use deployer_engine::MaskingSessions;
use deployer_engine::batch::handle;
use deployer_engine::port::{Clock, Events, Identities, Queue, Rng};
use deployer_engine::{Engine, EventOutcome, FunctionError, Ports, Swept, Transient, run_command};
use jiff::Timestamp;
use serde_json::Value;

use super::World;
use super::artifacts::ArtifactPort;
use super::call::{CallPhase, Connection, Crash, Freeze, Shared};
use super::events::EventsPort;
use super::identities::IdentitiesPort;
use super::ledger::LedgerPort;
use super::queue::QueuePort;
use super::rollout_session::RolloutPort;
use super::self_diagnostics::SelfDiagnosticsPort;
use super::sts::StsPort;

/// An invocation that is about to begin.
#[must_use]
pub struct Invocation<'w> {
    world: &'w World,
    time: Duration,
    crash: Option<Crash>,
    freeze: Option<Freeze>,
    in_flight: Duration,
}

/// The end of an invocation.
#[derive(Debug)]
pub enum Outcome {
    /// The event was handled.
    EventOutcome(EventOutcome),
    /// The sweep was done.
    Swept(Swept),
    /// A command was carried out.
    Answered(Value),
    /// A command was refused, with the function's error.
    Refused {
        /// `errorType`.
        error_type: String,
        /// `errorMessage`.
        message: String,
    },
    /// The message comes again.
    Transient(Transient),
    /// There was no answer: it crashed, or its time ran out.
    Died,
}

/// An invocation that is over.
#[derive(Debug)]
pub struct Run {
    /// Its end.
    pub outcome: Outcome,
    /// Its number in the log.
    pub invocation: usize,
    /// The number of port calls that it made.
    pub calls: usize,
}

struct ConnectionClock(Arc<Connection>);

#[async_trait]
impl Clock for ConnectionClock {
    fn now(&self) -> Timestamp {
        self.0.shared.clock.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.shared.clock.sleep(duration).await;
        self.0.thawed().await;
    }
}

/// SplitMix64: the same world draws the same numbers.
struct SharedRng(Arc<Shared>);

impl Rng for SharedRng {
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

/// The trigger of an invocation.
#[derive(Debug, Clone, PartialEq)]
pub enum Trigger {
    /// The event of an upload.
    Upload(Upload),
    /// A request for a promotion.
    Promotion(Box<PromotionRequest>),
    /// An approval of a promotion, or its contrary.
    ApprovalResponse(Box<ApprovalResponse>),
    /// One of the deployer's own messages.
    Tick(Tick),
    /// The schedule's sweep.
    Sweep,
    /// A command by hand, as JSON.
    Command(Value),
}

impl World {
    /// Makes an engine with this time limit, for a test that calls it directly.
    #[must_use]
    pub fn engine(&self, time: Duration) -> Engine {
        self.engine_over(&Arc::new(Connection::new(self.shared.clone(), None, None)), time)
    }

    pub(super) fn engine_over(&self, connection: &Arc<Connection>, time: Duration) -> Engine {
        let config = self.config.lock().unwrap().clone();
        let ports = Ports {
            artifacts: Arc::new(ArtifactPort(connection.clone())),
            ledger: Arc::new(LedgerPort(connection.clone())),
            sessions: Arc::new(MaskingSessions::new(Arc::new(StsPort(connection.clone())))),
            rollouts: Some(Arc::new(RolloutPort(connection.clone()))),
            begins_rollouts: true,
            queue: config.queue_url.is_some().then(|| Arc::new(QueuePort(connection.clone())) as Arc<dyn Queue>),
            events: config.event_bus.is_some().then(|| Arc::new(EventsPort(connection.clone())) as Arc<dyn Events>),
            identities: (!self.aws(|aws| aws.keys.has_no_audience))
                .then(|| Arc::new(IdentitiesPort::new(connection.clone())) as Arc<dyn Identities>),
            clock: Arc::new(ConnectionClock(connection.clone())),
            rng: Arc::new(SharedRng(self.shared.clone())),
            inline_body: self.shared.inline_body.clone(),
        };
        Engine {
            ports: match &self.decorate_ports {
                Some(decorate) => decorate(ports),
                None => ports,
            },
            config,
            outdated: self.outdated.clone(),
            region: Some(self.region.clone()),
            deadline: self.now() + time,
            retries: self.retries.clone(),
        }
    }
}

impl<'w> Invocation<'w> {
    pub(super) fn new(world: &'w World) -> Self {
        Self { world, time: world.time, crash: None, freeze: None, in_flight: Duration::ZERO }
    }

    /// Gives it this time limit.
    pub fn within(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    /// Lets it die in this port call, counted from 1.
    pub fn dies_at(mut self, call: usize, phase: CallPhase) -> Self {
        self.crash = Some(Crash { call, phase });
        self
    }

    /// Freezes its process while it waits for the answer of this port call, counted from 1. Its time limit is extended
    /// as much, because timers freeze with it.
    pub fn freezes_at(mut self, call: usize, time: Duration) -> Self {
        self.freeze = Some(Freeze { call, phase: CallPhase::After, time });
        self
    }

    /// Freezes its process just before it sends the call: the call is sent when the process thaws.
    pub fn freezes_before(mut self, call: usize, time: Duration) -> Self {
        self.freeze = Some(Freeze { call, phase: CallPhase::Before, time });
        self
    }

    /// Lets the calls that it has sent be carried out after its death, if they take no longer than this.
    pub fn leaves_in_flight(mut self, time: Duration) -> Self {
        self.in_flight = time;
        self
    }

    /// Runs it with the event of an upload.
    pub async fn upload(self, upload: &Upload) -> Run {
        self.run(&Trigger::Upload(upload.clone())).await
    }

    /// Runs it with this trigger.
    pub async fn run(self, work: &Trigger) -> Run {
        let Self { world, time, crash, freeze, in_flight } = self;
        if let Trigger::Upload(upload) = work {
            let mut delivered = world.delivered.lock().unwrap();
            if !delivered.iter().any(|known| known.key == upload.key && known.version_id == upload.version_id) {
                delivered.push(upload.clone());
            }
        }
        let connection = Arc::new(Connection::new(world.shared.clone(), crash, freeze));
        let engine = world.engine_over(&connection, time);
        let working = async {
            match work {
                Trigger::Upload(upload) => {
                    handle(&engine, InboundEvent::Upload(upload.clone())).await.map(Outcome::EventOutcome)
                }
                Trigger::Promotion(promotion) => {
                    handle(&engine, InboundEvent::Promotion(promotion.clone())).await.map(Outcome::EventOutcome)
                }
                Trigger::ApprovalResponse(response) => {
                    handle(&engine, InboundEvent::ApprovalResponse(response.clone())).await.map(Outcome::EventOutcome)
                }
                Trigger::Tick(tick) => {
                    handle(&engine, InboundEvent::Tick(tick.clone())).await.map(Outcome::EventOutcome)
                }
                Trigger::Sweep => engine.sweep().await.map(Outcome::Swept),
                Trigger::Command(command) => Ok(obeyed(&engine, command, &connection).await),
            }
        };
        let ends = async {
            tokio::time::sleep(time).await;
            if connection.is_frozen() {
                tokio::time::sleep(freeze.map_or(Duration::ZERO, |freeze| freeze.time)).await;
            }
        };
        let mut working = std::pin::pin!(working);
        let outcome = tokio::select! {
            biased;
            () = connection.crashed() => Outcome::Died,
            outcome = &mut working => outcome.unwrap_or_else(Outcome::Transient),
            () = ends => Outcome::Died,
        };
        if matches!(outcome, Outcome::Died) && !in_flight.is_zero() {
            connection.stops();
            drop(tokio::time::timeout(in_flight, working).await);
        }
        Run { outcome, invocation: connection.invocation, calls: connection.calls() }
    }
}

async fn obeyed(engine: &Engine, command: &Value, connection: &Arc<Connection>) -> Outcome {
    let (premises, invocation) =
        (SelfDiagnosticsPort(connection.clone()), format!("invocation-{}", connection.invocation));
    let refused = |error: FunctionError| {
        let (error_type, error_message) = (error.error_type().to_owned(), error.to_string());
        Outcome::Refused { error_type, message: error_message }
    };
    match decode(command) {
        Payload::Command(order) => {
            run_command(engine, &premises, *order, invocation).await.map_or_else(refused, Outcome::Answered)
        }
        Payload::Unknown { because } => refused(FunctionError::InvalidCommand(because)),
        other => panic!("no command: {other:?}"),
    }
}
