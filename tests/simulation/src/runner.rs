//! The runner plays a scenario. Uploads happen, a queue delivers their events at least once, invocations run side by
//! side and die, and a sweep comes each minute. Then the world heals and comes to rest.
//!
//! Must not know which behaviour is right: it only records what the deployer answers.

mod actors;
mod invocations;
mod repetition;
mod taking_out;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use deployer_core::artifact::Upload;
use deployer_core::config::Environment;
use deployer_core::head::Head;
use deployer_core::record::DeploymentRecord;
use deployer_core::trigger::Tick;
use futures::future::LocalBoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use jiff::Timestamp;

use super::closed_accounts::account;
use super::commands::Preconditions;
use super::foreign_changes;
use super::mutants::Mutant;
use super::requests::Vote;
use super::scenario::{Channel, Scenario, When};
use super::taken_out::GoneFor;
use super::tally::Tally;
use super::versions::Versions;
use fixtures::random::Random;
use world::{Run, Settling, Trigger, World};

/// The time between two sweeps.
const SWEEP: Duration = Duration::from_secs(60);
/// The time after healing within which everything must have ended.
const MAX_REST_TIME: Duration = Duration::from_secs(120 * 60);
/// The same limit where there are promotions: they soak, and wait for approvals and for the end of freezes, in one
/// environment after the other.
const MAX_REST_TIME_WITH_PROMOTIONS: Duration = Duration::from_secs(6 * 60 * 60);
/// The time within which the calls that a dying process has sent are carried out: no call takes longer.
const IN_FLIGHT: Duration = Duration::from_secs(7);
/// The age at which a sweep clears away a marker that guards nothing.
const MARKER_LIFETIME: Duration = Duration::from_secs(21 * 60);

/// An upload that has happened, with the event of each channel.
#[derive(Debug, Clone)]
pub(super) struct SentUpload {
    /// Its number in the scenario.
    pub number: usize,
    pub s3: Upload,
    pub eventbridge: Upload,
}

impl SentUpload {
    pub fn by(&self, channel: Channel) -> &Upload {
        match channel {
            Channel::S3 => &self.s3,
            Channel::EventBridge => &self.eventbridge,
        }
    }
}

/// A message of the queue.
struct Message {
    work: Trigger,
    about: About,
    is_lost: bool,
}

/// The subject of a message, by its number in the scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    Upload(usize),
    Command(usize),
    Request(usize),
    Vote(usize),
    /// A message that the deployer has sent itself.
    Itself,
}

enum Event {
    Upload(usize),
    Command(usize),
    Request(usize),
    Vote(usize),
    Message(Message),
    Sweep,
    Foreign(usize),
    /// A person looks at the live release before giving a command.
    Look(usize),
    /// An account begins to refuse every call.
    Closes(usize),
    /// An environment or a target is taken out of the configuration.
    TakesOut,
    /// It is put back.
    PutsBack,
    /// The account opens again, or its target leaves the configuration.
    Reopens(usize),
    Outage(bool),
    Heals,
}

type Running<'w> = FuturesUnordered<LocalBoxFuture<'w, (Message, Run)>>;

/// The refusals of one command, after the last trouble, because nobody knew its function.
#[derive(Debug, Clone, Copy, Default)]
pub struct RefusedAsUnknown {
    /// Their number.
    pub times: u32,
    /// The time of the last.
    pub last: Timestamp,
}

/// A scenario being played, and everything recorded on the way.
pub(super) struct Runner<'w> {
    pub world: &'w World,
    pub scenario: &'w Scenario,
    mutant: Option<Mutant>,
    random: Random,
    agenda: BTreeMap<(Duration, u64), Event>,
    events: u64,
    messages: usize,
    healed: bool,
    /// The uploads that have happened.
    pub uploads: Vec<SentUpload>,
    /// The records that the deployer returned for the events of uploads.
    pub upload_records: Vec<(usize, DeploymentRecord)>,
    /// The uploads that the deployer ignored, with the reason.
    pub ignored: Vec<(usize, String)>,
    /// The answers to commands.
    pub command_answers: Vec<(usize, serde_json::Value)>,
    /// The preconditions that people send with commands, by the command's number.
    pub preconditions: BTreeMap<usize, Preconditions>,
    /// The environment that is out of the configuration now, or misses a target there, as it was.
    taken_out: Option<Environment>,
    /// The invocations that did not find it there.
    pub gone_for: Option<GoneFor>,
    /// The targets that have left the configuration.
    pub removed_targets: Vec<String>,
    /// The commands that were refused as invalid, with the reason.
    pub invalid_commands: Vec<(usize, String)>,
    /// The commands that were refused because nobody knew their function.
    pub unknown_commands: BTreeMap<usize, RefusedAsUnknown>,
    /// The requests that were ignored, because nobody knew their function.
    pub unknown_requests: BTreeSet<usize>,
    /// The requests that were sent, with the time.
    pub sent: BTreeMap<usize, Timestamp>,
    /// The records that were returned for requests of one function.
    pub request_records: Vec<(usize, DeploymentRecord)>,
    /// The votes on promotions that wait for approvals.
    pub votes: Vec<Vote>,
    /// The waiting promotions and groups that people know of.
    known_waiting: Vec<Vote>,
    ticks: Vec<Tick>,
    pub tally: Tally,
    /// The version of each invocation's deployer, where there are two versions.
    pub versions: Option<Versions>,
    /// True if the world did not come to rest.
    pub never_ends: bool,
    /// The lines of the log; none unless a log is wanted.
    pub notes: Option<Vec<(Duration, String)>>,
}

impl<'w> Runner<'w> {
    pub fn new(world: &'w World, scenario: &'w Scenario, random: &mut Random, mutant: Option<Mutant>) -> Self {
        let mut runner = Self {
            world,
            scenario,
            mutant,
            random: random.fork(),
            agenda: BTreeMap::new(),
            events: 0,
            messages: 0,
            healed: false,
            uploads: Vec::new(),
            upload_records: Vec::new(),
            ignored: Vec::new(),
            command_answers: Vec::new(),
            preconditions: BTreeMap::new(),
            taken_out: None,
            gone_for: None,
            removed_targets: Vec::new(),
            invalid_commands: Vec::new(),
            unknown_commands: BTreeMap::new(),
            unknown_requests: BTreeSet::new(),
            sent: BTreeMap::new(),
            request_records: Vec::new(),
            votes: Vec::new(),
            known_waiting: Vec::new(),
            ticks: Vec::new(),
            tally: Tally::default(),
            versions: None,
            never_ends: false,
            notes: None,
        };
        for (number, upload) in scenario.uploads.iter().enumerate() {
            runner.at(upload.at, Event::Upload(number));
        }
        for (number, command) in scenario.commands.iter().enumerate() {
            runner.at(command.at, Event::Command(number));
            if let Some(look) = command.look {
                runner.at(command.at.saturating_sub(look.before), Event::Look(number));
            }
        }
        for (number, closed) in scenario.closed.iter().enumerate() {
            runner.at(closed.from, Event::Closes(number));
            if let Some(ends) = closed.ends() {
                runner.at(ends, Event::Reopens(number));
            }
        }
        for (number, request) in scenario.requests.iter().enumerate() {
            runner.at(request.at, Event::Request(number));
        }
        for (number, foreign) in scenario.foreign_changes.iter().enumerate() {
            if let When::At(at) = foreign.when {
                runner.at(at, Event::Foreign(number));
            }
        }
        if let Some(taken) = &scenario.taken_out {
            runner.at(taken.from, Event::TakesOut);
            runner.at(taken.back, Event::PutsBack);
        }
        if let Some((at, time)) = scenario.outage {
            runner.at(at, Event::Outage(true));
            runner.at(at + time, Event::Outage(false));
        }
        runner.at(SWEEP / 2, Event::Sweep);
        runner.at(scenario.heals, Event::Heals);
        runner
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

    /// Plays the scenario until everything is at rest, or until the time limit for that has passed.
    pub async fn run(&mut self) {
        let mut running = Running::new();
        loop {
            let next = self.agenda.first_key_value().map(|((at, _), _)| *at);
            tokio::select! {
                biased;
                Some((message, run)) = running.next() => self.end_invocation(message, &run),
                () = self.world.pass(next.unwrap_or_default().saturating_sub(self.world.elapsed())), if next.is_some() => {
                    let Some((_, event)) = self.agenda.pop_first() else { continue };
                    self.handle_event(event, &mut running);
                }
                else => break,
            }
            self.take_ticks();
            let max = if self.scenario.promotes() || self.scenario.rolls_out() {
                MAX_REST_TIME_WITH_PROMOTIONS
            } else {
                MAX_REST_TIME
            };
            if self.world.elapsed() > self.scenario.heals + max {
                self.never_ends = true;
                break;
            }
        }
    }

    fn handle_event(&mut self, event: Event, running: &mut Running<'w>) {
        match event {
            Event::Upload(number) => self.upload(number),
            Event::Command(number) => self.give_command(number),
            Event::Request(number) => self.send_request(number),
            Event::Vote(number) => self.send_vote(number),
            Event::Message(message) => {
                self.messages -= 1;
                match self.delay_of(&message) {
                    Some(until) => self.at(until, Event::Message(message)),
                    None => self.start_invocation(message, running),
                }
            }
            Event::Sweep => {
                if self.healed && running.is_empty() && self.messages == 0 && self.is_at_rest() {
                    return;
                }
                self.at(self.world.elapsed() + SWEEP, Event::Sweep);
                if self.mutant != Some(Mutant::SweepDoesNothing) {
                    self.tally.sweeps += 1;
                    self.start_invocation(
                        Message { work: Trigger::Sweep, about: About::Itself, is_lost: true },
                        running,
                    );
                }
            }
            Event::Foreign(number) => {
                let foreign = &self.scenario.foreign_changes[number];
                self.note(|| format!("somebody else: {:?} of {} in {}", foreign.act, foreign.function, foreign.place));
                self.world.aws(|aws| foreign_changes::apply(aws, foreign));
            }
            Event::Look(number) => self.look_at_head(number),
            Event::Closes(number) => {
                let place = &self.scenario.closed[number].place;
                self.note(|| format!("the account of {place} refuses everything"));
                self.world.aws(|aws| aws.sts.close(account(place)));
            }
            Event::TakesOut => self.take_out(),
            Event::PutsBack => self.put_back(),
            Event::Reopens(number) => self.end_closure(&self.scenario.closed[number]),
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
                    for place in self.scenario.environments.iter().flat_map(|environment| &environment.targets) {
                        aws.at(place).settling = Settling { reads: 0, time: Duration::from_millis(100) };
                    }
                });
            }
        }
    }

    /// Returns the messages that are still queued, for a world that does not come to rest.
    pub fn queued_messages(&self) -> Vec<String> {
        let messages = self.agenda.values().filter_map(|event| match event {
            Event::Message(message) => Some(text::work(&message.work)),
            _ => None,
        });
        messages.collect()
    }

    fn is_at_rest(&self) -> bool {
        self.world.aws(|aws| aws.queue.next().is_none() && aws.held_calls() == 0) && self.open_objects().is_empty()
    }

    /// Returns the keys of the heads, promotion requests and groups that are still open.
    pub fn open_objects(&self) -> Vec<String> {
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
