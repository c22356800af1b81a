//! Changes to a function by somebody other than the deployer.

use super::scenario::{ForeignAct, ForeignChange};
use world::journal::{Action, JournalEntry};
use world::{Condition, State};

/// Makes the change, unless Lambda would refuse it now.
pub(super) fn apply(state: &mut State, foreign: &ForeignChange) {
    let Some(function) = state.at(&foreign.place).functions.get_mut(&foreign.function) else { return };
    if function.latest.state != Condition::Ready {
        return;
    }
    let action = match foreign.act {
        ForeignAct::Permit => {
            function.permit("somebody");
            Action::Other
        }
        ForeignAct::Code => {
            function.code(b"somebody else's code");
            Action::Changed
        }
        ForeignAct::Configure => {
            function.variable("SOMEBODY", "else");
            Action::Changed
        }
        ForeignAct::Point => {
            let serves = function.aliases.get("live").map(|alias| alias.version);
            let ready = function.versions.iter().filter(|(_, build)| build.state == Condition::Ready);
            let other = ready.map(|(number, _)| *number).find(|number| Some(*number) != serves);
            let (Some(version), Some(_)) = (other, serves) else { return };
            function.point("live", version);
            Action::Pointed { version }
        }
    };
    let (place, object) = (foreign.place.clone(), foreign.function.clone());
    let at = state.journal.last().map_or(jiff::Timestamp::UNIX_EPOCH, |last| last.at);
    state.journal.push(JournalEntry { at, by: None, place, object, action, late: false, call: None });
}
