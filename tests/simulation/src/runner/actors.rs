//! The people and systems around the deployer: they upload, command, ask for promotions, and say what they think of them.

use deployer_core::artifact::Upload;
use deployer_core::id::DeploymentId;
use jiff::Timestamp;

use super::{About, Event, Message, Stage, Told};
use crate::closed_accounts::{Afterwards, ClosedAccount, account};
use crate::orders::Seen;
use crate::planted::Planted;
use crate::props;
use crate::requests::{self, Word};
use crate::{bytes, orders};
use std::time::Duration;
use world::Trigger;

impl Stage<'_> {
    /// A zip is uploaded, and its events are on their way.
    pub(super) fn put(&mut self, number: usize) {
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
            let work = Trigger::Upload(told.through(delivery.door).clone());
            let message = Message { work, about: About::Upload(number), is_lost: delivery.is_lost };
            self.at(self.world.elapsed() + delivery.after, Event::Message(message));
        }
        self.told.push(told);
    }

    /// Somebody looks at what is live, and will say so in a command.
    pub(super) fn look(&mut self, number: usize) {
        let order = &self.scene.orders[number];
        let Some(look) = order.look else { return };
        let key = format!("heads/{}/{}.json", self.scene.environments[order.environment].name, order.function);
        let head = self.world.aws(|aws| aws.ledger.get(&key).and_then(|head| serde_json::from_slice(head).ok()));
        let seen = Seen::of(&head.unwrap_or_default(), look);
        self.note(|| format!("{} sees {seen:?}", orders::name(number)));
        self.seen.insert(number, seen);
    }

    /// What the command with this number says of what its giver has seen.
    pub(super) fn seen_by(&self, number: usize) -> Seen {
        let seen = self.seen.get(&number).filter(|_| self.planted != Some(Planted::PreconditionsIgnored));
        seen.cloned().unwrap_or_default()
    }

    /// An account that refused everything is healed, or its target is taken out of the configuration.
    pub(super) fn reopens(&mut self, closed: &ClosedAccount) {
        let ClosedAccount { place, then, .. } = closed;
        self.note(|| format!("{place}: {then:?}"));
        match then {
            Afterwards::Stays => {}
            Afterwards::IsHealed { .. } => self.world.aws(|aws| aws.sts.open(account(place))),
            Afterwards::IsTakenOut { .. } => {
                self.taken_out.push(place.clone());
                self.world.reconfigure_meanwhile(&props::config(self.scene, &self.taken_out));
            }
        }
    }

    /// A command is given, and perhaps once more.
    pub(super) fn order(&mut self, number: usize) {
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
            let work = Trigger::Command(order.json(environment, &id, &by, &self.seen_by(number)));
            let message = Message { work, about: About::Order(number), is_lost: order.is_lost };
            self.at(self.world.elapsed() + *after, Event::Message(message));
        }
    }

    /// Somebody asks for a promotion by an event, which arrives some time, perhaps more than once.
    pub(super) fn request(&mut self, number: usize) {
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
            let work = Trigger::Promotion(Box::new(asked));
            let message = Message { work, about: About::Request(number), is_lost: telling.is_lost };
            self.at(self.world.elapsed() + telling.after, Event::Message(message));
        }
    }

    /// Somebody approves a promotion, or declines it.
    pub(super) fn word(&mut self, number: usize) {
        let now = self.world.now();
        let word = &mut self.words[number];
        word.given = Some(now);
        let work = match (word.by_hand, word.consent()) {
            (false, Some(consent)) => Trigger::Approval(Box::new(consent)),
            _ => Trigger::Command(word.json(number)),
        };
        self.tally.words += 1;
        let is_lost = !self.healed && self.random.percent(self.scene.odds.loss);
        self.begins_later(Message { work, about: About::Word(number), is_lost });
    }

    fn begins_later(&mut self, message: Message) {
        self.at(self.world.elapsed(), Event::Message(message));
    }

    /// People hear of promotions that wait for approvals, and some have a word to say.
    pub(super) fn look_around(&mut self) {
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
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
