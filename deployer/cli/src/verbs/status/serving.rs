//! Which release gets which share of the traffic in a target of a rollout now, in one line a target: each text that says so
//! takes it from here.

use deployer_core::id::Version;
use deployer_core::status::{FunctionStatus, RolloutStatus, RolloutTargetStatus};

use super::rollout::release;
use crate::answer::sentence;

/// Says what each target of the rollout serves now, as far as the deployer has seen it.
pub(crate) fn targets(status: &FunctionStatus) -> Vec<String> {
    let Some(rollout) = &status.rollout else { return Vec::new() };
    rollout.targets.iter().map(|one| format!("{}: {}", one.target, serves(status, rollout, one))).collect()
}

/// Returns the greatest share that the new version still gets in a target which is to go back; none where none has.
pub(super) fn still_gets(rollout: &RolloutStatus) -> Option<u8> {
    rollout.targets.iter().filter(|one| one.goes_back).filter_map(|one| one.serves).max().filter(|share| *share > 0)
}

fn serves(status: &FunctionStatus, rollout: &RolloutStatus, one: &RolloutTargetStatus) -> String {
    let old = one.old.as_ref().map(|version| named(version, old_release(status, one)));
    let new = one.new.as_ref().map_or(release(rollout).to_owned(), |version| named(version, Some(release(rollout))));
    // A reason may begin with its target, for the sentences that have several.
    let target = format!("{}: ", one.target);
    let because = one.because.as_deref().map(|because| because.strip_prefix(&target).unwrap_or(because));
    let because = because.map_or(String::new(), |because| format!(": {}", sentence(because)));
    if let Some(found) = &one.found {
        let found = match (one.new.as_ref() == Some(found), one.old.as_ref() == Some(found), &old) {
            (true, ..) => new,
            (_, true, Some(old)) => old.clone(),
            _ => format!("version {found}"),
        };
        return format!("{found} gets all traffic, by somebody else's change{because}");
    }
    let shares = |share: u8| match (share, &old) {
        (100.., _) => format!("{new} gets all traffic"),
        (0, Some(old)) => format!("{old} gets all traffic"),
        (0, None) => "nothing gets traffic yet".to_owned(),
        (share, Some(old)) => format!("{new} gets {share} %, {old} the rest"),
        (share, None) => format!("{new} gets {share} %"),
    };
    let Some(seen) = one.serves.or_else(|| one.at.map(|_| one.weight)) else {
        // An older deployer, or an alias that somebody else has changed, tells no share.
        return match (one.goes_back, one.because.is_some()) {
            (true, _) => format!("goes back to {}{because}", old.unwrap_or_default()),
            (false, true) => format!("left as it was found{because}"),
            (false, false) if one.weight > 0 => format!("about to serve: {}", shares(one.weight)),
            (false, false) => shares(0),
        };
    };
    let perhaps = match (one.perhaps, one.goes_back) {
        (Some(perhaps), true) => format!(", perhaps {perhaps} %"),
        (Some(perhaps), false) => format!("; {new} is about to get {perhaps} %"),
        (None, _) => String::new(),
    };
    let how = match (one.at_once && one.weight > 0, &old) {
        (false, _) => "",
        (true, None) => " (a new alias: nothing to compare with)",
        (true, Some(_)) => " (at once: its traffic cannot be shared)",
    };
    let back = if one.goes_back { ", until it is back" } else { "" };
    let found = one.look.as_ref().map_or(String::new(), |look| match (&look.new, &look.old) {
        (Some(new), Some(old)) => format!("; {}: {new} failed, of the old one {old}", look.verdict),
        _ => format!("; {}", look.verdict),
    });
    format!("{}{perhaps}{how}{back}{because}{found}", shares(seen))
}

fn named(version: &Version, release: Option<&str>) -> String {
    release.map_or_else(|| format!("version {version}"), |release| format!("{release} (version {version})"))
}

/// Returns the release of the old version, as far as the ledger has it.
fn old_release<'s>(status: &'s FunctionStatus, one: &RolloutTargetStatus) -> Option<&'s str> {
    let mut known = status.targets.iter().filter(|known| known.target == one.target && known.version == one.old);
    known.find_map(|known| known.release.as_ref()).map(|release| release.as_str())
}
