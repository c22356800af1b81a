//! Plays a scene: uploads happen, their events arrive through a queue that delivers at least once, invocations run side
//! by side and die, sweeps come each minute; then the world heals and comes to rest.
//!
//! Must not know: what is right. It only notes what the deployer answered.

mod again;
mod happenings;
mod invocations;
mod text;

use std::collections::BTreeMap;
use std::time::Duration;

use deployer_core::artifact::Upload;
use deployer_core::head::Head;
use deployer_core::record::DeploymentRecord;
use deployer_core::trigger::Tick;
use futures::future::LocalBoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use jiff::Timestamp;

use super::closed_accounts::account;
use super::foreign;
use super::orders::Seen;
use super::planted::Planted;
use super::requests::Word;
use super::scene::{Door, Scene, When};
use super::tally::Tally;
use super::versions::Versions;
use fixtures::random::Random;
use world::{Run, Settling, Work, World};

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
    /// Somebody looks at what is live before giving a command.
    Look(usize),
    /// An account refuses everything from now on.
    Closes(usize),
    /// That ends, one way or the other.
    Reopens(usize),
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
    /// What was seen by those who gave commands after a look.
    pub seen: BTreeMap<usize, Seen>,
    /// The targets that were taken out of the configuration.
    pub taken_out: Vec<String>,
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
    /// Which invocations are a newer deployer's, where there are two versions.
    pub versions: Option<Versions>,
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
            seen: BTreeMap::new(),
            taken_out: Vec::new(),
            wrong: Vec::new(),
            sent: BTreeMap::new(),
            granted: Vec::new(),
            words: Vec::new(),
            heard_of: Vec::new(),
            ticks: Vec::new(),
            tally: Tally::default(),
            versions: None,
            never_ends: false,
            notes: None,
        };
        for (number, upload) in scene.uploads.iter().enumerate() {
            stage.at(upload.at, Event::Put(number));
        }
        for (number, order) in scene.orders.iter().enumerate() {
            stage.at(order.at, Event::Order(number));
            if let Some(look) = order.look {
                stage.at(order.at.saturating_sub(look.before), Event::Look(number));
            }
        }
        for (number, closed) in scene.closed.iter().enumerate() {
            stage.at(closed.from, Event::Closes(number));
            if let Some(ends) = closed.ends() {
                stage.at(ends, Event::Reopens(number));
            }
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
            Event::Look(number) => self.look(number),
            Event::Closes(number) => {
                let place = &self.scene.closed[number].place;
                self.note(|| format!("the account of {place} refuses everything"));
                self.world.aws(|aws| aws.gate.close(account(place)));
            }
            Event::Reopens(number) => self.reopens(&self.scene.closed[number]),
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

    /// The messages that come again and again, and the deployer's own, where it does not come to rest.
    pub fn still_told(&self) -> Vec<String> {
        let told = self.agenda.values().filter_map(|event| match event {
            Event::Message(message) => Some(text::work(&message.work)),
            _ => None,
        });
        told.collect()
    }

    fn is_at_rest(&self) -> bool {
        self.world.aws(|aws| aws.queue.next().is_none() && aws.held_calls() == 0) && self.still_open().is_empty()
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
            let asked = aws.ledger.keys("asked/").chain(aws.ledger.keys("groups/open/"));
            heads.chain(asked).map(str::to_owned).collect()
        })
    }
}
