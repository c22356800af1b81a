//! What somebody else does to a function while the deployer works.

use super::scene::{Act, Foreign};
use world::journal::{JournalEntry, Action};
use world::{Condition, State};

/// Does it, unless Lambda would refuse it now.
pub(super) fn acts(state: &mut State, foreign: &Foreign) {
    let Some(function) = state.at(&foreign.place).functions.get_mut(&foreign.function) else { return };
    if function.latest.state != Condition::Ready {
        return;
    }
    let what = match foreign.act {
        Act::Permit => {
            function.permit("somebody");
            Action::Other
        }
        Act::Code => {
            function.code(b"somebody else's code");
            Action::Changed
        }
        Act::Configure => {
            function.variable("SOMEBODY", "else");
            Action::Changed
        }
        Act::Point => {
            let serves = function.aliases.get("live").map(|alias| alias.version);
            let ready = function.versions.iter().filter(|(_, build)| build.state == Condition::Ready);
            let other = ready.map(|(number, _)| *number).find(|number| Some(*number) != serves);
            let (Some(version), Some(_)) = (other, serves) else { return };
            function.point("live", version);
            Action::Pointed { version }
        }
    };
    let (place, about) = (foreign.place.clone(), foreign.function.clone());
    let at = state.journal.last().map_or(jiff::Timestamp::UNIX_EPOCH, |last| last.at);
    state.journal.push(JournalEntry { at, by: None, place, about, what, late: false });
}
