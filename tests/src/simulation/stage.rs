//! Plays a scene: uploads happen, their events arrive through a queue that delivers at least once, invocations run side
//! by side and die, sweeps come each minute; then the world heals and comes to rest.
//!
//! Must not know: what is right. It only notes what the deployer answered.

use std::collections::BTreeMap;
use std::time::Duration;

use deployer::engine::Handled;
use deployer_core::artifact::Upload;
use deployer_core::head::{Head, Tick};
use deployer_core::id::DeploymentId;
use deployer_core::record::DeploymentRecord;
use futures::future::{FutureExt as _, LocalBoxFuture};
use futures::stream::{FuturesUnordered, StreamExt as _};
use jiff::Timestamp;

use super::bytes;
use super::foreign;
use super::orders;
use super::planted::Planted;
use super::random::Random;
use super::requests::{self, Word};
use super::scene::{Door, Scene, When};
use super::tally::Tally;
use crate::world::{Moment, Outcome, Run, Settling, Work, World, tick};

/// How often the sweep comes.
const SWEEP: Duration = Duration::from_secs(60);
/// After so long in a world where nothing goes wrong any more, everything must have ended.
const PATIENCE: Duration = Duration::from_secs(120 * 60);
/// The same where promotions soak, and wait for approvals and the end of freezes, in one environment after the other.
const LONGER_PATIENCE: Duration = Duration::from_secs(6 * 60 * 60);
/// What a process that dies has sent is carried out within this: no call takes longer.
const IN_FLIGHT: Duration = Duration::from_secs(7);
/// After so long a marker that guards nothing is cleared away.
const MARKERS_LAST: Duration = Duration::from_secs(17 * 60);

/// An upload that has happened, as both doors tell of it.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// Its number in the scene.
    pub number: usize,
    pub s3: Upload,
    pub eventbridge: Upload,
}

impl Told {
    pub fn through(&self, door: Door) -> &Upload {
        match door {
            Door::S3 => &self.s3,
            Door::EventBridge => &self.eventbridge,
        }
    }
}

/// What came of everything once more.
#[derive(Default)]
pub(super) struct Again {
    pub uploads: Vec<(usize, Outcome)>,
    /// Each with the ended record that was its answer before, if it was one.
    pub orders: Vec<(usize, Option<serde_json::Value>, Outcome)>,
    /// Each with the id of its record.
    pub requests: Vec<(usize, DeploymentRecord, Outcome)>,
}

/// What the queue holds.
struct Message {
    work: Work,
    about: About,
    is_lost: bool,
}

/// What a message is about, by its number in the scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    Upload(usize),
    Order(usize),
    Request(usize),
    Word(usize),
    /// One of the deployer's own.
    Itself,
}

enum Event {
    Put(usize),
    Order(usize),
    Request(usize),
    Word(usize),
    Message(Message),
    Sweep,
    Foreign(usize),
    Outage(bool),
    Heals,
}

type Running<'w> = FuturesUnordered<LocalBoxFuture<'w, (Message, Run)>>;

/// A scene being played.
pub(super) struct Stage<'w> {
    pub world: &'w World,
    pub scene: &'w Scene,
    planted: Option<Planted>,
    random: Random,
    agenda: BTreeMap<(Duration, u64), Event>,
    events: u64,
    messages: usize,
    healed: bool,
    /// The uploads that have happened.
    pub told: Vec<Told>,
    /// What was answered to the events of an upload.
    pub answers: Vec<(usize, DeploymentRecord)>,
    /// The uploads that were answered as none of ours, and why.
    pub ignored: Vec<(usize, String)>,
    /// What was answered to commands.
    pub replies: Vec<(usize, serde_json::Value)>,
    /// The commands that were told to be wrong.
    pub wrong: Vec<(usize, String)>,
    /// The requests that were sent, and when.
    pub sent: BTreeMap<usize, Timestamp>,
    /// What was answered to them, where that was one record.
    pub granted: Vec<(usize, DeploymentRecord)>,
    /// What people say of promotions that wait.
    pub words: Vec<Word>,
    /// The promotions and groups that people have heard of.
    heard_of: Vec<Word>,
    ticks: Vec<Tick>,
    pub tally: Tally,
    /// It did not come to rest.
    pub never_ends: bool,
    /// What happened, for who reads it; only where somebody does.
    pub notes: Option<Vec<(Duration, String)>>,
}

impl<'w> Stage<'w> {
    pub fn new(world: &'w World, scene: &'w Scene, random: &mut Random, planted: Option<Planted>) -> Self {
        let mut stage = Self {
            world,
            scene,
            planted,
            random: random.fork(),
            agenda: BTreeMap::new(),
            events: 0,
            messages: 0,
            healed: false,
            told: Vec::new(),
            answers: Vec::new(),
            ignored: Vec::new(),
            replies: Vec::new(),
            wrong: Vec::new(),
            sent: BTreeMap::new(),
            granted: Vec::new(),
            words: Vec::new(),
            heard_of: Vec::new(),
            ticks: Vec::new(),
            tally: Tally::default(),
            never_ends: false,
            notes: None,
        };
        for (number, upload) in scene.uploads.iter().enumerate() {
            stage.at(upload.at, Event::Put(number));
        }
        for (number, order) in scene.orders.iter().enumerate() {
            stage.at(order.at, Event::Order(number));
        }
        for (number, request) in scene.requests.iter().enumerate() {
            stage.at(request.at, Event::Request(number));
        }
        for (number, foreign) in scene.foreigners.iter().enumerate() {
            if let When::At(at) = foreign.when {
                stage.at(at, Event::Foreign(number));
            }
        }
        if let Some((at, time)) = scene.outage {
            stage.at(at, Event::Outage(true));
            stage.at(at + time, Event::Outage(false));
        }
        stage.at(SWEEP / 2, Event::Sweep);
        stage.at(scene.heals, Event::Heals);
        stage
    }

    fn at(&mut self, at: Duration, event: Event) {
        self.events += 1;
        if matches!(event, Event::Message(_)) {
            self.messages += 1;
        }
        self.agenda.insert((at.max(self.world.elapsed()), self.events), event);
    }

    fn note(&mut self, text: impl FnOnce() -> String) {
        if let Some(notes) = &mut self.notes {
            notes.push((self.world.elapsed(), text()));
        }
    }

    /// Plays it until everything is at rest, or it is clear that this never comes.
    pub async fn play(&mut self) {
        let mut running = Running::new();
        loop {
            let next = self.agenda.first_key_value().map(|((at, _), _)| *at);
            tokio::select! {
                biased;
                Some((message, run)) = running.next() => self.answered(message, &run),
                () = self.world.pass(next.unwrap_or_default().saturating_sub(self.world.elapsed())), if next.is_some() => {
                    let Some((_, event)) = self.agenda.pop_first() else { continue };
                    self.happens(event, &mut running);
                }
                else => break,
            }
            self.take_ticks();
            let patience = if self.scene.promotes() { LONGER_PATIENCE } else { PATIENCE };
            if self.world.elapsed() > self.scene.heals + patience {
                self.never_ends = true;
                break;
            }
        }
    }

    fn happens(&mut self, event: Event, running: &mut Running<'w>) {
        match event {
            Event::Put(number) => self.put(number),
            Event::Order(number) => self.order(number),
            Event::Request(number) => self.request(number),
            Event::Word(number) => self.word(number),
            Event::Message(message) => {
                self.messages -= 1;
                self.begins(message, running);
            }
            Event::Sweep => {
                if self.healed && running.is_empty() && self.messages == 0 && self.is_at_rest() {
                    return;
                }
                self.at(self.world.elapsed() + SWEEP, Event::Sweep);
                if self.planted != Some(Planted::SweepDoesNothing) {
                    self.tally.sweeps += 1;
                    self.begins(Message { work: Work::Sweep, about: About::Itself, is_lost: true }, running);
                }
            }
            Event::Foreign(number) => {
                let foreign = &self.scene.foreigners[number];
                self.note(|| format!("somebody else: {:?} of {} in {}", foreign.act, foreign.function, foreign.place));
                self.world.aws(|aws| foreign::acts(aws, foreign));
            }
            Event::Outage(begins) => {
                self.note(|| format!("the ledger is {}", if begins { "away" } else { "back" }));
                self.world.aws(|aws| aws.ledger.unavailable = begins && !self.healed);
            }
            Event::Heals => {
                self.note(|| "the world heals".to_owned());
                self.healed = true;
                self.world.heal();
                self.world.aws(|aws| {
                    aws.ledger.unavailable = false;
                    for place in self.scene.environments.iter().flat_map(|environment| &environment.targets) {
                        aws.at(place).settling = Settling { reads: 0, time: Duration::from_millis(100) };
                    }
                });
            }
        }
    }

    /// A zip is uploaded, and its events are on their way.
    fn put(&mut self, number: usize) {
        let upload = &self.scene.uploads[number];
        let environment = &self.scene.environments[upload.environment].name;
        let key = format!("{environment}/{}/{}.zip", upload.function, upload.release);
        let s3 = self.world.put(&key, bytes::of(upload.bytes).0);
        let time = Timestamp::from_second((s3.time + upload.skew).as_second()).unwrap_or(s3.time);
        let event_id = s3.event_id.as_ref().map(|id| format!("eventbridge-{id}"));
        let told = Told { number, eventbridge: Upload { time, event_id, ..s3.clone() }, s3 };
        self.note(|| format!("upload of {key} ({:?}), version {:?}", upload.bytes.kind, told.s3.version_id));
        self.tally.uploads += 1;
        self.tally.duplicates += upload.deliveries.len() - 1;
        for delivery in &upload.deliveries {
            let work = Work::Upload(told.through(delivery.door).clone());
            let message = Message { work, about: About::Upload(number), is_lost: delivery.is_lost };
            self.at(self.world.elapsed() + delivery.after, Event::Message(message));
        }
        self.told.push(told);
    }

    /// A command is given, and perhaps once more.
    fn order(&mut self, number: usize) {
        let order = &self.scene.orders[number];
        let environment = &self.scene.environments[order.environment].name;
        let by = orders::name(number);
        self.note(|| format!("{by}: {:?} for {} in {environment}", order.ask, order.function));
        self.tally.commands += 1;
        let given = std::iter::once(&Duration::ZERO).chain(&order.again);
        for (copy, after) in given.enumerate() {
            let id = match self.planted {
                Some(Planted::IdsRedrawn) => format!("{by}-{copy}"),
                _ => by.clone(),
            };
            let work = Work::Command(order.json(environment, &id, &by));
            let message = Message { work, about: About::Order(number), is_lost: order.is_lost };
            self.at(self.world.elapsed() + *after, Event::Message(message));
        }
    }

    /// Somebody asks for a promotion by an event, which arrives some time, perhaps more than once.
    fn request(&mut self, number: usize) {
        let request = &self.scene.requests[number];
        let sent = self.world.now();
        self.note(|| format!("{}: {request:?}", requests::name(number)));
        self.tally.requests += 1;
        self.sent.insert(number, sent);
        for (copy, telling) in request.tellings.iter().enumerate() {
            let is_replay = telling.is_replay && self.planted != Some(Planted::ReplaysUnmarked);
            let id = match self.planted {
                Some(Planted::EventsRenamed) => format!("{}-{copy}", requests::name(number)),
                _ => requests::name(number),
            };
            let Some(asked) = request.asked(&id, sent, is_replay) else { continue };
            let work = Work::Promotion(Box::new(asked));
            let message = Message { work, about: About::Request(number), is_lost: telling.is_lost };
            self.at(self.world.elapsed() + telling.after, Event::Message(message));
        }
    }

    /// Somebody approves a promotion, or declines it.
    fn word(&mut self, number: usize) {
        let now = self.world.now();
        let word = &mut self.words[number];
        word.given = Some(now);
        let work = match (word.by_hand, word.consent()) {
            (false, Some(consent)) => Work::Consent(Box::new(consent)),
            _ => Work::Command(word.json(number)),
        };
        self.tally.words += 1;
        let is_lost = !self.healed && self.random.percent(self.scene.odds.loss);
        self.begins_later(Message { work, about: About::Word(number), is_lost });
    }

    fn begins_later(&mut self, message: Message) {
        self.at(self.world.elapsed(), Event::Message(message));
    }

    /// People hear of promotions that wait for approvals, and some have a word to say.
    fn look_around(&mut self) {
        let wants = self.scene.environments.iter().filter(|e| e.rules.as_ref().is_some_and(|r| r.approval.is_some()));
        let mut waiting: Vec<(Word, Option<String>)> = Vec::new();
        for environment in wants {
            let about = |id: &serde_json::Value, function: Option<&str>| {
                let function = function.map(str::to_owned);
                let id = id.as_str().and_then(|id| DeploymentId::parse(id).ok())?;
                Some(Word::about(id, &environment.name, function))
            };
            let by = |cause: &serde_json::Value| cause["requested_by"].as_str().map(str::to_owned);
            self.world.aws(|aws| {
                for function in &self.scene.functions {
                    let head = aws.ledger.get(&format!("heads/{}/{function}.json", environment.name));
                    let Some(head) = head.filter(|head| contains(head, b"approvals_wanted")) else { continue };
                    let head: serde_json::Value = serde_json::from_slice(head).unwrap_or_default();
                    let all = head["waiting"].as_array().into_iter().flatten().map(|waiting| &waiting["request"]);
                    waiting.extend(all.filter_map(|r| Some((about(&r["id"], Some(function))?, by(&r["cause"])))));
                }
                for key in aws.ledger.keys(&format!("groups/open/{}/", environment.name)) {
                    let group = aws.ledger.get(key).and_then(|body| serde_json::from_slice(body).ok());
                    let group: serde_json::Value = group.unwrap_or_default();
                    waiting.extend(about(&group["id"], None).map(|about| (about, by(&group["cause"]))));
                }
            });
        }
        for (about, asked_by) in waiting {
            if self.heard_of.contains(&about) {
                continue;
            }
            let words = requests::words(&mut self.random, &about, asked_by.as_deref(), &self.heard_of);
            self.heard_of.push(about);
            for (after, word) in words {
                self.words.push(word);
                self.at(self.world.elapsed() + after, Event::Word(self.words.len() - 1));
            }
        }
    }

    /// An invocation begins.
    fn begins(&mut self, mut message: Message, running: &mut Running<'w>) {
        if self.is_swallowed(&message) {
            return;
        }
        if let (Work::Upload(upload), Some(Planted::OrderByArrival)) = (&mut message.work, self.planted) {
            upload.time = self.world.now();
            upload.sequencer = Some(format!("{:018X}", self.world.now().as_millisecond()));
        }
        let odds = &self.scene.odds;
        let mut invocation = self.world.invocation().leaves_in_flight(IN_FLIGHT);
        if !self.healed {
            if self.tally.deaths < 6 && self.random.percent(odds.death) {
                let moment = if self.random.percent(50) { Moment::Before } else { Moment::After };
                invocation = invocation.dies_at(self.random.count(1, 28), moment);
            }
            if self.random.percent(odds.freeze) {
                let time = self.random.milliseconds(20_000, 60_000)
                    + self.scene.time.mul_f64(self.random.below(120) as f64 / 100.0);
                invocation = invocation.freezes_at(self.random.count(1, 28), time);
                self.tally.freezes += 1;
            }
        }
        self.tally.invocations += 1;
        let running_one = async move {
            let run = invocation.run(&message.work).await;
            (message, run)
        };
        running.push(running_one.boxed_local());
    }

    /// Whether a planted bug has the queue believe that this is handled.
    fn is_swallowed(&mut self, message: &Message) -> bool {
        if matches!(message.about, About::Order(_)) && self.planted == Some(Planted::CommandsDropped) {
            return self.random.percent(30);
        }
        let swallows = matches!(self.planted, Some(Planted::UploadsDropped | Planted::UploadsIgnored));
        let upload = match message.about {
            About::Upload(number) => Some(number),
            _ => None,
        };
        let swallowed = upload.filter(|_| swallows).filter(|_| self.random.percent(30));
        if let (Some(number), Some(Planted::UploadsIgnored)) = (swallowed, self.planted) {
            self.ignored.push((number, "the planted bug says so".to_owned()));
        }
        swallowed.is_some()
    }

    /// An invocation has ended: its message is done with, or comes again.
    fn answered(&mut self, message: Message, run: &Run) {
        self.note(|| {
            format!("invocation {} ({}) ended: {}", run.invocation, work(&message.work), outcome(&run.outcome))
        });
        self.look_around();
        match (&run.outcome, message.about) {
            (Outcome::Handled(Handled::Recorded(record)), about) => {
                match about {
                    About::Upload(number) => self.answers.push((number, (**record).clone())),
                    About::Request(number) => self.granted.push((number, (**record).clone())),
                    _ => {}
                }
                return;
            }
            (Outcome::Handled(Handled::Ignored { because }), about) => {
                if let About::Upload(number) = about {
                    self.ignored.push((number, because.clone()));
                }
                return;
            }
            (Outcome::Answered(answer), about) => {
                if let About::Order(number) = about {
                    self.replies.push((number, answer.clone()));
                }
                return;
            }
            (Outcome::Refused { error_type, message: because }, about) if error_type == "InvalidCommand" => {
                if let About::Order(number) = about {
                    self.wrong.push((number, because.clone()));
                }
                return;
            }
            (Outcome::Swept(_) | Outcome::Handled(Handled::Each(_) | Handled::Together(_)), _) => return,
            (Outcome::Transient(_) | Outcome::Refused { .. }, _) => {}
            (Outcome::Died, _) => self.tally.deaths += 1,
        }
        if message.is_lost && !self.healed {
            self.tally.lost += usize::from(message.work != Work::Sweep);
            return;
        }
        if message.work != Work::Sweep {
            let again = self.random.milliseconds(1_000, 60_000);
            self.at(self.world.elapsed() + again, Event::Message(message));
        }
    }

    /// The deployer's own messages, some of which are lost, doubled or late.
    fn take_ticks(&mut self) {
        while let Some(due) = self.world.aws(|aws| aws.queue.next()) {
            for body in self.world.aws(|aws| aws.queue.take(due)) {
                let tick = tick(&body);
                self.tally.ticks += 1;
                let due: Duration = due.duration_since(self.world.now()).try_into().unwrap_or_default();
                let mut dues = vec![due];
                if !self.healed && self.random.percent(self.scene.odds.bad_tick) {
                    match self.random.below(3) {
                        0 => dues.clear(),
                        1 => dues.push(due + self.random.milliseconds(0, 20_000)),
                        _ => dues[0] += self.random.milliseconds(1_000, 300_000),
                    }
                }
                for due in dues {
                    let is_lost = !self.healed && self.random.percent(self.scene.odds.loss);
                    let message = Message { work: Work::Tick(tick.clone()), about: About::Itself, is_lost };
                    self.at(self.world.elapsed() + due, Event::Message(message));
                }
                self.ticks.push(tick);
            }
        }
    }

    fn is_at_rest(&self) -> bool {
        self.world.aws(|aws| aws.queue.next().is_none()) && self.still_open().is_empty()
    }

    /// What is open.
    pub fn still_open(&self) -> Vec<String> {
        let is_open = |head: Head| {
            let nothing_waits = head.pending().is_none() && head.waiting().is_empty();
            head.active().is_some() || !nothing_waits || !head.outbox().is_empty()
        };
        self.world.aws(|aws| {
            let heads = aws.ledger.keys("heads/").filter(|key| {
                let head = aws.ledger.get(key).and_then(|body| serde_json::from_slice::<Head>(body).ok());
                head.is_none_or(is_open)
            });
            heads.chain(aws.ledger.keys("groups/open/")).map(str::to_owned).collect()
        })
    }

    /// Time passes until old markers may be cleared away, and a sweep does so.
    pub async fn clear_away(&mut self) {
        self.world.pass(MARKERS_LAST).await;
        if self.planted != Some(Planted::SweepDoesNothing) {
            self.world.invocation().run(&Work::Sweep).await;
        }
    }

    /// Everything once more: these uploads through both doors, every command that was answered, every tick, and a sweep.
    pub async fn play_again(&mut self, uploads: &[usize]) -> Again {
        let mut again = Again::default();
        for told in self.told.iter().filter(|told| uploads.contains(&told.number)) {
            for door in [Door::EventBridge, Door::S3] {
                let run = self.world.invocation().run(&Work::Upload(told.through(door).clone())).await;
                again.uploads.push((told.number, run.outcome));
            }
        }
        for (number, order) in self.scene.orders.iter().enumerate() {
            let mut replies = self.replies.iter().filter(|(answered, _)| *answered == number).map(|(_, answer)| answer);
            let Some(last) = replies.next_back().cloned() else { continue };
            let environment = &self.scene.environments[order.environment].name;
            let command = order.json(environment, &orders::name(number), &orders::name(number));
            let run = self.world.invocation().run(&Work::Command(command)).await;
            let ended =
                serde_json::from_value::<DeploymentRecord>(last.clone()).is_ok_and(|told| told.status.is_ended());
            again.orders.push((number, ended.then_some(last), run.outcome));
        }
        for (number, record) in std::mem::take(&mut self.granted) {
            let (request, sent) = (&self.scene.requests[number], self.sent.get(&number).copied());
            for is_replay in [false, true] {
                let asked = sent.and_then(|sent| request.asked(&requests::name(number), sent, is_replay));
                let Some(asked) = asked else { continue };
                let run = self.world.invocation().run(&Work::Promotion(Box::new(asked))).await;
                again.requests.push((number, record.clone(), run.outcome));
            }
        }
        for (number, word) in std::mem::take(&mut self.words).into_iter().enumerate() {
            let event = word.consent().map(|consent| Work::Consent(Box::new(consent)));
            for work in event.into_iter().chain([Work::Command(word.json(number))]) {
                self.world.invocation().run(&work).await;
            }
        }
        for tick in std::mem::take(&mut self.ticks) {
            self.world.invocation().run(&Work::Tick(tick)).await;
        }
        self.world.invocation().run(&Work::Sweep).await;
        again
    }
}

fn work(work: &Work) -> String {
    match work {
        Work::Upload(upload) => format!("upload {} {}", upload.key, upload.version_id.as_deref().unwrap_or_default()),
        Work::Tick(tick) => format!("tick for {}", tick.id),
        Work::Promotion(asked) => format!("promotion {} of {} to {}", asked.id, asked.functions, asked.to),
        Work::Consent(word) => format!("{:?} of {} to {:?}", word.says, word.by, word.deployment),
        Work::Sweep => "sweep".to_owned(),
        Work::Command(command) => command.to_string(),
    }
}

fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Handled(Handled::Recorded(record)) => {
            format!("{} {} {}", record.id, record.status, record.because.as_deref().unwrap_or_default())
        }
        Outcome::Handled(Handled::Ignored { because }) => format!("ignored, {because}"),
        Outcome::Handled(Handled::Each(records)) => format!("{} promotions", records.len()),
        Outcome::Handled(Handled::Together(group)) => format!("group {} {}", group.id, group.status),
        Outcome::Swept(swept) => format!("{swept:?}"),
        Outcome::Transient(transient) => format!("transient, {transient}"),
        Outcome::Answered(answer) => format!("{} {}", answer["id"], answer["status"]),
        Outcome::Refused { error_type, message } => format!("{error_type}, {message}"),
        Outcome::Died => "died".to_owned(),
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
