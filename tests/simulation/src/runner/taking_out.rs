//! An environment or a target is taken out of the configuration, and put back.

use std::time::Duration;

use super::{About, Message, Runner};
use crate::closed_accounts::account;
use crate::mutants::Mutant;
use crate::taken_out::{GoneFor, TakenOut};

impl Runner<'_> {
    /// Takes it out: invocations that begin from now on do not find it.
    pub(super) fn take_out(&mut self) {
        let Some(TakenOut { environment, place, .. }) = &self.scenario.taken_out else { return };
        let name = &self.scenario.environments[*environment].name;
        self.note(|| format!("out of the configuration: {name} {place:?}"));
        let first = self.world.invocations() + 1;
        self.gone_for =
            Some(GoneFor { environment: name.clone(), place: place.clone(), invocations: first..usize::MAX });
        if self.mutant == Some(Mutant::GoneUnnoticed) {
            return;
        }
        let before = self.world.remove_environment(name);
        if let Some(place) = place {
            self.world.put_environment(name, before.clone());
            self.world.remove_target(name, account(place));
        }
        self.taken_out = Some(before);
    }

    /// Puts it back.
    pub(super) fn put_back(&mut self) {
        let until = self.world.invocations() + 1;
        if let Some(gone_for) = &mut self.gone_for {
            gone_for.invocations.end = until;
        }
        let (Some(taken), Some(before)) = (&self.scenario.taken_out, self.taken_out.take()) else { return };
        let name = &self.scenario.environments[taken.environment].name;
        self.note(|| format!("back in the configuration: {name}"));
        self.world.put_environment(name, before);
    }

    /// Returns the delay of a message: nobody asks an environment that is gone for anything but its
    /// rollout.
    pub(super) fn delay_of(&self, message: &Message) -> Option<Duration> {
        let taken = self.scenario.taken_out.as_ref().filter(|_| self.taken_out.is_some())?;
        let (environment, command) = match message.about {
            About::Upload(number) => (self.scenario.uploads[number].environment, None),
            About::Command(number) => {
                let command = &self.scenario.commands[number];
                (command.environment, Some(&command.kind))
            }
            About::Request(number) => {
                let to = &self.scenario.requests[number].to;
                (self.scenario.environments.iter().position(|environment| environment.name == *to)?, None)
            }
            About::Vote(_) | About::Itself => return None,
        };
        (!taken.lets_in(environment, command)).then_some(taken.back)
    }
}
