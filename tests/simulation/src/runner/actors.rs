//! The people and systems around the deployer: they upload, give commands, request promotions and vote on them.

use deployer_core::artifact::Upload;
use deployer_core::id::DeploymentId;
use jiff::Timestamp;

use super::{About, Event, Message, Runner, SentUpload};
use crate::closed_accounts::{Afterwards, ClosedAccount, account};
use crate::commands::Preconditions;
use crate::mutants::Mutant;
use crate::requests::{self, Vote};
use crate::setup;
use crate::{commands, zips};
use std::time::Duration;
use world::Trigger;

impl Runner<'_> {
    /// Uploads a zip and schedules the deliveries of its events.
    pub(super) fn upload(&mut self, number: usize) {
        let planned = &self.scenario.uploads[number];
        let environment = &self.scenario.environments[planned.environment].name;
        let key = format!("{environment}/{}/{}.zip", planned.function, planned.release);
        let s3 = self.world.put(&key, zips::of(planned.zip).0);
        let time = Timestamp::from_second((s3.time + planned.skew).as_second()).unwrap_or(s3.time);
        let event_id = s3.event_id.as_ref().map(|id| format!("eventbridge-{id}"));
        let sent = SentUpload { number, eventbridge: Upload { time, event_id, ..s3.clone() }, s3 };
        self.note(|| format!("upload of {key} ({:?}), version {:?}", planned.zip.kind, sent.s3.version_id));
        self.tally.uploads += 1;
        self.tally.duplicates += planned.deliveries.len() - 1;
        for delivery in &planned.deliveries {
            let work = Trigger::Upload(sent.by(delivery.channel).clone());
            let message = Message { work, about: About::Upload(number), is_lost: delivery.is_lost };
            self.at(self.world.elapsed() + delivery.after, Event::Message(message));
        }
        self.uploads.push(sent);
    }

    /// Records what a person sees before giving a command with preconditions.
    pub(super) fn look_at_head(&mut self, number: usize) {
        let command = &self.scenario.commands[number];
        let Some(look) = command.look else { return };
        let key = format!("heads/{}/{}.json", self.scenario.environments[command.environment].name, command.function);
        let head = self.world.aws(|aws| aws.ledger.get(&key).and_then(|head| serde_json::from_slice(head).ok()));
        let seen = Preconditions::of(&head.unwrap_or_default(), look);
        self.note(|| format!("{} sees {seen:?}", commands::name(number)));
        self.preconditions.insert(number, seen);
    }

    /// Returns the preconditions that are sent with a command.
    pub(super) fn preconditions_given_by(&self, number: usize) -> Preconditions {
        let seen = self.preconditions.get(&number).filter(|_| self.mutant != Some(Mutant::PreconditionsIgnored));
        seen.cloned().unwrap_or_default()
    }

    /// Opens a closed account again, or takes its target out of the configuration.
    pub(super) fn end_closure(&mut self, closed: &ClosedAccount) {
        let ClosedAccount { place, then, .. } = closed;
        self.note(|| format!("{place}: {then:?}"));
        match then {
            Afterwards::Stays => {}
            Afterwards::IsHealed { .. } => self.world.aws(|aws| aws.sts.open(account(place))),
            Afterwards::IsTakenOut { .. } => {
                self.removed_targets.push(place.clone());
                self.world.reconfigure_meanwhile(&setup::config(self.scenario, &self.removed_targets));
            }
        }
    }

    /// Gives a command, and schedules its repetitions.
    pub(super) fn give_command(&mut self, number: usize) {
        let command = &self.scenario.commands[number];
        let environment = &self.scenario.environments[command.environment].name;
        let by = commands::name(number);
        let is_about_a_rollout = matches!(command.kind, commands::CommandKind::Rollout { .. });
        if is_about_a_rollout && self.preconditions_given_by(number).active.is_none() {
            return self.note(|| format!("{by}: nothing is rolled out"));
        }
        self.note(|| format!("{by}: {:?} for {} in {environment}", command.kind, command.function));
        self.tally.commands += 1;
        let given = std::iter::once(&Duration::ZERO).chain(&command.again);
        for (copy, after) in given.enumerate() {
            let id = match self.mutant {
                Some(Mutant::IdsRedrawn) => format!("{by}-{copy}"),
                _ => by.clone(),
            };
            let work = Trigger::Command(command.json(environment, &id, &by, &self.preconditions_given_by(number)));
            let message = Message { work, about: About::Command(number), is_lost: command.is_lost };
            self.at(self.world.elapsed() + *after, Event::Message(message));
        }
    }

    /// Sends the event that requests a promotion, and schedules its repetitions.
    pub(super) fn send_request(&mut self, number: usize) {
        let request = &self.scenario.requests[number];
        let sent = self.world.now();
        self.note(|| format!("{}: {request:?}", requests::name(number)));
        self.tally.requests += 1;
        self.sent.insert(number, sent);
        for (copy, arrival) in request.arrivals.iter().enumerate() {
            let is_replay = arrival.is_replay && self.mutant != Some(Mutant::ReplaysUnmarked);
            let id = match self.mutant {
                Some(Mutant::EventsRenamed) => format!("{}-{copy}", requests::name(number)),
                _ => requests::name(number),
            };
            let Some(promotion) = request.promotion_request(&id, sent, is_replay) else { continue };
            let work = Trigger::Promotion(Box::new(promotion));
            let message = Message { work, about: About::Request(number), is_lost: arrival.is_lost };
            self.at(self.world.elapsed() + arrival.after, Event::Message(message));
        }
    }

    /// Approves or declines a promotion.
    pub(super) fn send_vote(&mut self, number: usize) {
        let now = self.world.now();
        let vote = &mut self.votes[number];
        vote.given = Some(now);
        let work = match (vote.by_hand, vote.response()) {
            (false, Some(response)) => Trigger::ApprovalResponse(Box::new(response)),
            _ => Trigger::Command(vote.json(number)),
        };
        self.tally.votes += 1;
        let is_lost = !self.healed && self.random.percent(self.scenario.odds.loss);
        self.send_now(Message { work, about: About::Vote(number), is_lost });
    }

    fn send_now(&mut self, message: Message) {
        self.at(self.world.elapsed(), Event::Message(message));
    }

    /// Finds the promotions and groups that have begun to wait for approvals, and draws the votes on them.
    pub(super) fn plan_votes(&mut self) {
        let wants =
            self.scenario.environments.iter().filter(|e| e.rules.as_ref().is_some_and(|r| r.approval.is_some()));
        let mut waiting: Vec<(Vote, Option<String>)> = Vec::new();
        for environment in wants {
            let about = |id: &serde_json::Value, function: Option<&str>| {
                let function = function.map(str::to_owned);
                let id = id.as_str().and_then(|id| DeploymentId::parse(id).ok())?;
                Some(Vote::about(id, &environment.name, function))
            };
            let by = |cause: &serde_json::Value| cause["requested_by"].as_str().map(str::to_owned);
            self.world.aws(|aws| {
                for function in &self.scenario.functions {
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
            if self.known_waiting.contains(&about) {
                continue;
            }
            let votes = requests::votes(&mut self.random, &about, asked_by.as_deref(), &self.known_waiting);
            self.known_waiting.push(about);
            for (after, vote) in votes {
                self.votes.push(vote);
                self.at(self.world.elapsed() + after, Event::Vote(self.votes.len() - 1));
            }
        }
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
