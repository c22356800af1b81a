//! The same once more, when everything is at rest: it must change nothing.

use deployer_core::record::DeploymentRecord;

use super::{MARKERS_LAST, Stage};
use crate::orders::{self, Ask};
use crate::planted::Planted;
use crate::requests;
use crate::scene::Door;
use world::{Outcome, Trigger};

/// What came of everything once more.
#[derive(Default)]
pub(crate) struct Again {
    pub uploads: Vec<(usize, Outcome)>,
    /// Each with the ended record that was its answer before, if it was one.
    pub orders: Vec<(usize, Option<serde_json::Value>, Outcome)>,
    /// Each with the id of its record.
    pub requests: Vec<(usize, DeploymentRecord, Outcome)>,
}

impl Stage<'_> {
    /// Time passes until old markers may be cleared away, and a sweep does so.
    pub async fn clear_away(&mut self) {
        self.world.pass(MARKERS_LAST).await;
        if self.planted != Some(Planted::SweepDoesNothing) {
            self.world.invocation().run(&Trigger::Sweep).await;
        }
    }

    /// Whether another command has done the contrary of this one: it must not be undone by whoever gives this one again, so
    /// the id is used up.
    pub fn is_used_up(&self, number: usize) -> bool {
        let order = &self.scene.orders[number];
        self.scene.orders.iter().any(|other| {
            let here = other.function == order.function;
            match (&order.ask, &other.ask) {
                (Ask::Hold, Ask::ReleaseHold) | (Ask::ReleaseHold, Ask::Hold) => {
                    here && other.environment == order.environment
                }
                (Ask::Reject { release } | Ask::Recall { release }, Ask::Unreject { release: other })
                | (Ask::Unreject { release }, Ask::Reject { release: other } | Ask::Recall { release: other }) => {
                    here && release == other
                }
                _ => false,
            }
        })
    }

    /// Everything once more: these uploads through both doors, every command that was answered, every tick, and a sweep.
    pub async fn play_again(&mut self, uploads: &[usize]) -> Again {
        let mut again = Again::default();
        for told in self.told.iter().filter(|told| uploads.contains(&told.number)) {
            for door in [Door::EventBridge, Door::S3] {
                let run = self.world.invocation().run(&Trigger::Upload(told.through(door).clone())).await;
                again.uploads.push((told.number, run.outcome));
            }
        }
        for (number, order) in self.scene.orders.iter().enumerate() {
            let mut replies = self.replies.iter().filter(|(answered, _)| *answered == number).map(|(_, answer)| answer);
            let Some(last) = replies.next_back().cloned() else { continue };
            let environment = &self.scene.environments[order.environment].name;
            let command = order.json(environment, &orders::name(number), &orders::name(number), &self.seen_by(number));
            let run = self.world.invocation().run(&Trigger::Command(command)).await;
            let ended =
                serde_json::from_value::<DeploymentRecord>(last.clone()).is_ok_and(|told| told.status.is_ended());
            again.orders.push((number, ended.then_some(last), run.outcome));
        }
        for (number, record) in std::mem::take(&mut self.granted) {
            let (request, sent) = (&self.scene.requests[number], self.sent.get(&number).copied());
            for is_replay in [false, true] {
                let asked = sent.and_then(|sent| request.asked(&requests::name(number), sent, is_replay));
                let Some(asked) = asked else { continue };
                let run = self.world.invocation().run(&Trigger::Promotion(Box::new(asked))).await;
                again.requests.push((number, record.clone(), run.outcome));
            }
        }
        for (number, word) in std::mem::take(&mut self.words).into_iter().enumerate() {
            let event = word.consent().map(|consent| Trigger::Approval(Box::new(consent)));
            for work in event.into_iter().chain([Trigger::Command(word.json(number))]) {
                self.world.invocation().run(&work).await;
            }
        }
        for tick in std::mem::take(&mut self.ticks) {
            self.world.invocation().run(&Trigger::Tick(tick)).await;
        }
        self.world.invocation().run(&Trigger::Sweep).await;
        again
    }
}
