//! Invocations: the runner starts them, lets them die and freeze, records their answers, and queues unhandled messages
//! again.

use std::time::Duration;

use deployer_engine::EventOutcome;
use futures::future::FutureExt as _;

use super::text::{outcome, work};
use super::{About, Event, IN_FLIGHT, Message, RefusedAsUnknown, Runner, Running};
use crate::mutants::Mutant;
use world::{CallPhase, Outcome, Run, Trigger, tick};

/// The number of times that somebody asks for something about a function that nobody knows, after the last trouble.
const UNKNOWN_TIMES: u32 = 20;

impl<'w> Runner<'w> {
    /// Starts an invocation for a message.
    pub(super) fn start_invocation(&mut self, mut message: Message, running: &mut Running<'w>) {
        if self.is_dropped_by_mutant(&message) {
            return;
        }
        if let (Trigger::Upload(upload), Some(Mutant::OrderByArrival)) = (&mut message.work, self.mutant) {
            upload.time = self.world.now();
            upload.sequencer = Some(format!("{:018X}", self.world.now().as_millisecond()));
        }
        let odds = &self.scenario.odds;
        let mut invocation = self.world.invocation().leaves_in_flight(IN_FLIGHT);
        if !self.healed {
            if self.tally.deaths < 6 && self.random.percent(odds.death) {
                let moment = if self.random.percent(50) { CallPhase::Before } else { CallPhase::After };
                invocation = invocation.dies_at(self.random.count(1, 28), moment);
            }
            if self.random.percent(odds.freeze) {
                let time = self.random.milliseconds(20_000, 60_000)
                    + self.scenario.time.mul_f64(self.random.below(120) as f64 / 100.0);
                invocation = invocation.freezes_at(self.random.count(1, 28), time);
                self.tally.freezes += 1;
            }
            if odds.stops > 0 && self.random.percent(odds.stops) {
                let time = self.random.milliseconds(15_000, 60_000)
                    + self.scenario.time.mul_f64(self.random.below(130) as f64 / 100.0);
                invocation = invocation.freezes_before(self.random.count(1, 28), time);
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

    /// Whether a mutant makes the queue believe that this message is handled.
    fn is_dropped_by_mutant(&mut self, message: &Message) -> bool {
        if matches!(message.about, About::Command(_)) && self.mutant == Some(Mutant::CommandsDropped) {
            return self.random.percent(30);
        }
        if let (About::Request(number), Some(Mutant::KnownRequestsIgnored)) = (message.about, self.mutant) {
            let ignores = self.random.percent(30);
            if ignores {
                let _known = self.unknown_requests.insert(number);
            }
            return ignores;
        }
        let swallows = matches!(self.mutant, Some(Mutant::UploadsDropped | Mutant::UploadsIgnored));
        let upload = match message.about {
            About::Upload(number) => Some(number),
            _ => None,
        };
        let swallowed = upload.filter(|_| swallows).filter(|_| self.random.percent(30));
        if let (Some(number), Some(Mutant::UploadsIgnored)) = (swallowed, self.mutant) {
            self.ignored.push((number, "the mutant says so".to_owned()));
        }
        swallowed.is_some()
    }

    /// Ends an invocation: records its answer, and queues its message again unless that was handled.
    pub(super) fn end_invocation(&mut self, message: Message, run: &Run) {
        self.note(|| {
            format!("invocation {} ({}) ended: {}", run.invocation, work(&message.work), outcome(&run.outcome))
        });
        self.plan_votes();
        match (&run.outcome, message.about) {
            (Outcome::EventOutcome(EventOutcome::Recorded(record)), about) => {
                match about {
                    About::Upload(number) => self.upload_records.push((number, (**record).clone())),
                    About::Request(number) => self.request_records.push((number, (**record).clone())),
                    _ => {}
                }
                return;
            }
            (Outcome::EventOutcome(EventOutcome::Ignored { because }), about) => {
                match about {
                    About::Upload(number) => self.ignored.push((number, because.clone())),
                    About::Request(number) if because.starts_with("no environment knows a function") => {
                        let _known = self.unknown_requests.insert(number);
                    }
                    _ => {}
                }
                return;
            }
            // A recall that could not begin everywhere is given again.
            (Outcome::Answered(answer), About::Command(_)) if !is_begun_everywhere(answer) => {}
            (Outcome::Answered(answer), about) => {
                if let About::Command(number) = about {
                    self.command_answers.push((number, answer.clone()));
                }
                return;
            }
            (Outcome::Refused { error_type, message: because }, about)
                if matches!(error_type.as_str(), "InvalidCommand" | "UnknownRelease" | "NotPromotable" | "Refused") =>
            {
                if let About::Command(number) = about {
                    self.invalid_commands.push((number, because.clone()));
                }
                return;
            }
            // A caller who is told that nobody knows the function asks again for a while.
            (Outcome::Refused { error_type, .. }, About::Command(number))
                if error_type == "UnknownFunction" && self.healed =>
            {
                let refused = self.unknown_commands.entry(number).or_default();
                *refused = RefusedAsUnknown { times: refused.times + 1, last: self.world.now() };
                if refused.times >= UNKNOWN_TIMES {
                    return;
                }
            }
            (Outcome::Swept(_) | Outcome::EventOutcome(EventOutcome::Each(_) | EventOutcome::Together(_)), _) => return,
            (Outcome::Transient(_) | Outcome::Refused { .. }, _) => {}
            (Outcome::Died, _) => self.tally.deaths += 1,
        }
        if message.is_lost && !self.healed {
            self.tally.lost += usize::from(message.work != Trigger::Sweep);
            return;
        }
        if message.work != Trigger::Sweep {
            let again = self.random.milliseconds(1_000, 60_000);
            self.at(self.world.elapsed() + again, Event::Message(message));
        }
    }

    /// Takes the deployer's own messages from its queue, and loses, doubles or delays some of them.
    pub(super) fn take_ticks(&mut self) {
        while let Some(due) = self.world.aws(|aws| aws.queue.next()) {
            for body in self.world.aws(|aws| aws.queue.take(due)) {
                let tick = tick(&body);
                self.tally.ticks += 1;
                let due: Duration = due.duration_since(self.world.now()).try_into().unwrap_or_default();
                let mut dues = vec![due];
                if !self.healed && self.random.percent(self.scenario.odds.bad_tick) {
                    match self.random.below(3) {
                        0 => dues.clear(),
                        1 => dues.push(due + self.random.milliseconds(0, 20_000)),
                        _ => dues[0] += self.random.milliseconds(1_000, 300_000),
                    }
                }
                for due in dues {
                    let is_lost = !self.healed && self.random.percent(self.scenario.odds.loss);
                    let message = Message { work: Trigger::Tick(tick.clone()), about: About::Itself, is_lost };
                    self.at(self.world.elapsed() + due, Event::Message(message));
                }
                self.ticks.push(tick);
            }
        }
    }
}

/// Whether a recall has begun wherever it had to.
fn is_begun_everywhere(answer: &serde_json::Value) -> bool {
    let environments = answer["environments"].as_array().into_iter().flatten();
    environments.into_iter().all(|one| !one["deployment"].is_null() || one["because"].is_null())
}
