//! Repeats everything when the world is at rest: that must change nothing.

use deployer_core::record::DeploymentRecord;

use super::{MARKER_LIFETIME, Runner};
use crate::commands::{self, CommandKind};
use crate::mutants::Mutant;
use crate::requests;
use crate::scenario::Channel;
use world::{Outcome, Trigger};

/// The outcomes of the repetition.
#[derive(Default)]
pub(crate) struct RepetitionOutcomes {
    pub uploads: Vec<(usize, Outcome)>,
    /// Each command with the ended record that was its answer before, if its answer was one.
    pub commands: Vec<(usize, Option<serde_json::Value>, Outcome)>,
    /// Each request with its record.
    pub requests: Vec<(usize, DeploymentRecord, Outcome)>,
}

impl Runner<'_> {
    /// Lets time pass until old markers may be cleared away, and runs a sweep.
    pub async fn expire_markers(&mut self) {
        self.world.pass(MARKER_LIFETIME).await;
        if self.mutant != Some(Mutant::SweepDoesNothing) {
            self.world.invocation().run(&Trigger::Sweep).await;
        }
    }

    /// Whether another command has done the contrary of this one. Repeating this one must not undo that, so its id is
    /// used up.
    pub fn has_used_up_id(&self, number: usize) -> bool {
        let command = &self.scenario.commands[number];
        self.scenario.commands.iter().any(|other| {
            let here = other.function == command.function;
            match (&command.kind, &other.kind) {
                (CommandKind::Hold, CommandKind::ReleaseHold) | (CommandKind::ReleaseHold, CommandKind::Hold) => {
                    here && other.environment == command.environment
                }
                (
                    CommandKind::Reject { release } | CommandKind::Recall { release },
                    CommandKind::Unreject { release: other },
                )
                | (
                    CommandKind::Unreject { release },
                    CommandKind::Reject { release: other } | CommandKind::Recall { release: other },
                ) => here && release == other,
                _ => false,
            }
        })
    }

    /// Repeats everything: these uploads by both channels, every command that was answered, every request, every vote,
    /// every tick, and a sweep.
    pub async fn repeat_everything(&mut self, uploads: &[usize]) -> RepetitionOutcomes {
        let mut repeated = RepetitionOutcomes::default();
        for sent in self.uploads.iter().filter(|sent| uploads.contains(&sent.number)) {
            for channel in [Channel::EventBridge, Channel::S3] {
                let run = self.world.invocation().run(&Trigger::Upload(sent.by(channel).clone())).await;
                repeated.uploads.push((sent.number, run.outcome));
            }
        }
        for (number, command) in self.scenario.commands.iter().enumerate() {
            let mut answers =
                self.command_answers.iter().filter(|(answered, _)| *answered == number).map(|(_, answer)| answer);
            let Some(last) = answers.next_back().cloned() else { continue };
            let environment = &self.scenario.environments[command.environment].name;
            let payload = command.json(
                environment,
                &commands::name(number),
                &commands::name(number),
                &self.preconditions_given_by(number),
            );
            let run = self.world.invocation().run(&Trigger::Command(payload)).await;
            let ended =
                serde_json::from_value::<DeploymentRecord>(last.clone()).is_ok_and(|record| record.status.is_ended());
            repeated.commands.push((number, ended.then_some(last), run.outcome));
        }
        for (number, record) in std::mem::take(&mut self.request_records) {
            let (request, sent) = (&self.scenario.requests[number], self.sent.get(&number).copied());
            for is_replay in [false, true] {
                let promotion =
                    sent.and_then(|sent| request.promotion_request(&requests::name(number), sent, is_replay));
                let Some(promotion) = promotion else { continue };
                let run = self.world.invocation().run(&Trigger::Promotion(Box::new(promotion))).await;
                repeated.requests.push((number, record.clone(), run.outcome));
            }
        }
        for (number, vote) in std::mem::take(&mut self.votes).into_iter().enumerate() {
            let event = vote.response().map(|response| Trigger::ApprovalResponse(Box::new(response)));
            for work in event.into_iter().chain([Trigger::Command(vote.json(number))]) {
                self.world.invocation().run(&work).await;
            }
        }
        for tick in std::mem::take(&mut self.ticks) {
            self.world.invocation().run(&Trigger::Tick(tick)).await;
        }
        self.world.invocation().run(&Trigger::Sweep).await;
        repeated
    }
}
