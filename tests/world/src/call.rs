//! The way of a call from an invocation to the world: each port call takes time, can meet a fault, is written into the
//! log, and can be the last thing that the invocation does.
//!
//! Every fake port makes its calls through [`Connection::call`]. Nothing here knows the calls' effects.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use deployer_engine::port::CallErrorKind;
use jiff::Timestamp;
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use super::clock::VirtualClock;
use super::fault::{Effects, Plan};
use super::function::UpdateOutcome;
use super::held_calls::DelayedWrite;
use super::state::State;

/// The operations of the world, by AWS's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are AWS's; the first six are S3's, told apart by bucket")]
pub enum Op {
    HeadArtifact,
    ReadTail,
    ReadRange,
    ReadLedger,
    ListLedger,
    WriteLedger,
    DeleteLedger,
    SendMessage,
    ChangeMessageVisibility,
    PutEvents,
    GetBucketVersioning,
    GetQueueAttributes,
    AssumeRole,
    GetCallerIdentity,
    GetMetricData,
    DescribeAlarms,
    DescribeAlarmHistory,
    GetFunction,
    GetAlias,
    GetProvisionedConcurrencyConfig,
    ListVersionsByFunction,
    ListAliases,
    ListTags,
    Invoke,
    CreateFunction,
    UpdateFunctionConfiguration,
    UpdateFunctionCode,
    PublishVersion,
    TagResource,
    UntagResource,
    PutFunctionConcurrency,
    DeleteFunctionConcurrency,
    CreateAlias,
    UpdateAlias,
    DeleteFunction,
}

impl Op {
    /// Whether it is a call to Lambda in a target account.
    #[must_use]
    pub fn is_lambda(self) -> bool {
        self >= Self::GetFunction
    }

    /// Whether it can change a target account.
    #[must_use]
    pub fn is_lambda_write(self) -> bool {
        self >= Self::CreateFunction
    }
}

impl Call {
    /// Whether it can change anything that lasts: markers and the traces of sweeps do not, and notices of environments
    /// and of open uploads are made anew.
    #[must_use]
    pub fn is_lasting_write(&self) -> bool {
        let comes_and_goes = ["open/", "sweeps/"].iter().any(|prefix| self.what.starts_with(prefix))
            || ["/environment.json", "/progress.json"].iter().any(|name| self.what.ends_with(name));
        (self.op == Op::WriteLedger && !comes_and_goes) || self.op.is_lambda_write()
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// One port call, as an entry of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The number of the invocation that made it.
    pub invocation: usize,
    /// The operation.
    pub op: Op,
    /// The addressee: `111111111111/eu-west-1`, `artifacts` or `ledger`.
    pub place: String,
    /// The object: a key, or a function with its qualifier.
    pub what: String,
    /// The time since the world's beginning at which it was made.
    pub began: Duration,
    /// The time at which it was answered; none if the invocation did not live to see that.
    pub ended: Option<Duration>,
    /// `ok`, or the kind of error; empty while the call is under way.
    pub answer: String,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { op, place, what, answer, .. } = self;
        write!(f, "{op} {place} {what}: {}", if answer.is_empty() { "no answer" } else { answer })
    }
}

/// A call that takes longer than this counts as late: no call is under way for so long by itself.
const LATE_AFTER: Duration = Duration::from_secs(10);

/// The phase of a call in which an invocation dies or freezes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallPhase {
    /// Before the call is sent.
    Before,
    /// After the call was carried out, before its answer arrives.
    After,
}

/// The point at which an invocation dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crash {
    /// The number of the port call, counted from 1.
    pub call: usize,
    /// The phase of that call.
    pub phase: CallPhase,
}

/// The point at which a process freezes: just before it sends a call, or while it waits for the answer. In the latter
/// case the call is carried out all the same, and so is everything else that is under way. None of the process's own
/// code runs until it thaws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freeze {
    /// The number of the port call, counted from 1.
    pub call: usize,
    /// The phase of that call.
    pub phase: CallPhase,
    /// The time until it thaws.
    pub time: Duration,
}

/// The time that each call takes.
pub type Latency = dyn FnMut(&Call) -> Duration + Send;

/// The state that all invocations of a world share.
pub(super) struct Shared {
    pub clock: VirtualClock,
    pub state: Mutex<State>,
    pub log: Mutex<Vec<Call>>,
    pub faults: Mutex<Plan>,
    pub latency: Mutex<Box<Latency>>,
    pub inline_body: Arc<Semaphore>,
    pub invocations: AtomicUsize,
    pub chance: Mutex<u64>,
}

/// The connection of one invocation to the world.
pub(super) struct Connection {
    pub shared: Arc<Shared>,
    pub invocation: usize,
    calls: AtomicUsize,
    crash: Option<Crash>,
    crashed: Notify,
    freeze: Option<Freeze>,
    frozen_until: Mutex<Option<Instant>>,
}

/// The circumstances under which a call is carried out.
pub(super) struct CallContext {
    pub now: Timestamp,
    /// The end of an update that begins with this call.
    pub outcome: UpdateOutcome,
    /// The number of bytes after which a body breaks off.
    pub break_after: Option<u64>,
    pub invocation: usize,
    /// True if the call was held on its way, or its process froze just before sending it.
    pub late: bool,
    /// The call in the log.
    pub call: usize,
}

/// An error of a port that a fault can cause.
pub(crate) trait FaultError {
    fn of(kind: CallErrorKind, message: String) -> Self;
    fn label(&self) -> String;
}

impl Connection {
    pub fn new(shared: Arc<Shared>, crash: Option<Crash>, freeze: Option<Freeze>) -> Self {
        let invocation = shared.invocations.fetch_add(1, Ordering::Relaxed) + 1;
        let (crashed, frozen_until) = (Notify::new(), Mutex::default());
        Self { shared, invocation, calls: AtomicUsize::new(0), crash, crashed, freeze, frozen_until }
    }

    /// Cuts the invocation off: no answer reaches it any more, but the calls that it has sent are carried out.
    pub fn stops(&self) {
        *self.frozen_until.lock().unwrap() = Some(Instant::now() + Duration::from_secs(24 * 3600));
    }

    /// Whether it was frozen, or still is.
    pub fn is_frozen(&self) -> bool {
        self.frozen_until.lock().unwrap().is_some()
    }

    /// Waits until the process has thawed, if it is frozen.
    pub async fn thawed(&self) {
        let until = *self.frozen_until.lock().unwrap();
        if let Some(until) = until {
            tokio::time::sleep_until(until).await;
        }
    }

    /// Returns the number of calls that it has made.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// Resolves when the invocation has died.
    pub async fn crashed(&self) {
        self.crashed.notified().await;
    }

    /// Makes one port call: it travels, is carried out at one instant, and its answer travels back.
    pub async fn call<T, E: FaultError>(
        &self,
        op: Op,
        place: &str,
        what: &str,
        act: impl Fn(&mut State, &CallContext) -> Result<T, E>,
    ) -> Result<T, E> {
        self.call_or_hold(op, place, what, act, None).await
    }

    /// Makes a port call that can be held: `late` carries it out at a later time.
    pub async fn call_or_hold<T, E: FaultError>(
        &self,
        op: Op,
        place: &str,
        what: &str,
        act: impl Fn(&mut State, &CallContext) -> Result<T, E>,
        late: Option<DelayedWrite>,
    ) -> Result<T, E> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let dies = |phase| self.crash == Some(Crash { call: number, phase });
        let (entry, latency) = self.begin(op, place, what);
        let began = self.shared.clock.elapsed();
        if dies(CallPhase::Before) {
            self.die().await;
        }
        self.freeze(number, CallPhase::Before);
        self.thawed().await;
        self.travel(latency / 2).await;
        let is_late = self.shared.clock.elapsed().saturating_sub(began) > LATE_AFTER;
        let answer = self.carry_out((entry, op, place, what), is_late, act, late);
        if dies(CallPhase::After) {
            self.die().await;
        }
        self.freeze(number, CallPhase::After);
        self.travel(latency - latency / 2).await;
        self.thawed().await;
        let mut log = self.shared.log.lock().unwrap();
        log[entry].ended = Some(self.shared.clock.elapsed());
        log[entry].answer = answer.as_ref().map_or_else(FaultError::label, |_| "ok".to_owned());
        answer
    }

    fn freeze(&self, call: usize, phase: CallPhase) {
        if let Some(freeze) = self.freeze.filter(|freeze| (freeze.call, freeze.phase) == (call, phase)) {
            *self.frozen_until.lock().unwrap() = Some(Instant::now() + freeze.time);
        }
    }

    fn begin(&self, op: Op, place: &str, what: &str) -> (usize, Duration) {
        let call = Call {
            invocation: self.invocation,
            op,
            place: place.to_owned(),
            what: what.to_owned(),
            began: self.shared.clock.elapsed(),
            ended: None,
            answer: String::new(),
        };
        let latency = (self.shared.latency.lock().unwrap())(&call);
        let mut log = self.shared.log.lock().unwrap();
        log.push(call);
        (log.len() - 1, latency)
    }

    fn carry_out<T, E: FaultError>(
        &self,
        (call, op, place, what): (usize, Op, &str, &str),
        is_late: bool,
        act: impl Fn(&mut State, &CallContext) -> Result<T, E>,
        late: Option<DelayedWrite>,
    ) -> Result<T, E> {
        let mut faults = self.shared.faults.lock().unwrap();
        let Effects { meanwhile, fail, lose_answer, held, twice, jump, outcome, break_after } =
            faults.meet(op, place, what);
        self.shared.clock.jump(jump);
        let mut state = self.shared.state.lock().unwrap();
        state.catch_up(deployer_engine::port::Clock::now(&self.shared.clock));
        for change in meanwhile {
            change(&mut state);
        }
        if let Some((kind, message)) = fail {
            return Err(E::of(kind, message));
        }
        let now = deployer_engine::port::Clock::now(&self.shared.clock);
        let here = CallContext { now, outcome, break_after, invocation: self.invocation, late: is_late, call };
        if let Some(time) = held {
            let late = late.unwrap_or_else(|| panic!("only writes to Lambda can be held, not {op}"));
            state.hold(CallContext { now: now + time, late: true, ..here }, late);
            return Err(E::of(CallErrorKind::Unknown, format!("{op} of {what}: the connection was lost")));
        }
        let mut answer = act(&mut state, &here)?;
        if twice {
            answer = act(&mut state, &here)?;
        }
        match lose_answer {
            Some(message) => Err(E::of(CallErrorKind::Unknown, message)),
            None => Ok(answer),
        }
    }

    async fn travel(&self, time: Duration) {
        if time.is_zero() {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(time).await;
        }
    }

    async fn die(&self) {
        self.crashed.notify_one();
        std::future::pending::<()>().await;
    }
}

/// Returns the maximal number of spans of time that were under way at once. A span that ends as another begins does not
/// overlap with it.
#[must_use]
pub(super) fn most_at_once(spans: impl IntoIterator<Item = (Duration, Duration)>) -> usize {
    let mut changes: BTreeMap<Duration, (usize, usize)> = BTreeMap::new();
    for (from, until) in spans {
        changes.entry(until).or_default().0 += 1;
        changes.entry(from).or_default().1 += 1;
    }
    let (mut now, mut most) = (0_usize, 0_usize);
    for (ended, began) in changes.into_values() {
        now = now + began - ended.min(now + began);
        most = most.max(now);
    }
    most
}
