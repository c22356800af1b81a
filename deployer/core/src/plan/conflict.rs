//! Finds out after a failed precondition if somebody else wrote, or this deployment itself.
//!
//! A changed RevisionId alone proves nothing, because it also changes when an update settles and when others add
//! permissions. A change is foreign if something that the plan had read differs both from what it was and from what
//! this deployment wants.

use super::planner::{execution_role, source_key};
use super::{DesiredState, Plan, Step, differences};
use crate::alias_traffic::Traffic;
use crate::id::Sha256;
use crate::observed::{Observed, ObservedCode};

/// Returns what somebody else changed, as "expected, found", after a failed precondition. None if all that the plan had
/// read is unchanged, or is what this deployment wants.
#[must_use]
pub fn foreign_change(desired: &DesiredState<'_>, before: &Observed, after: &Observed) -> Option<String> {
    let ours = Some(desired.artifact.sha256);
    let is_foreign =
        |sha256: Option<Sha256>| sha256 != ours && !sha256.is_some_and(|sha256| desired.known_code.contains(&sha256));
    match (&before.latest, &after.latest) {
        (Some(_), None) => return Some("expected the function to exist, found it deleted".into()),
        (None, Some(now)) if is_foreign(now.sha256) => {
            return Some("expected no function of this name, found one with other code".into());
        }
        (Some(was), Some(now)) => {
            if now.sha256 != was.sha256 && is_foreign(now.sha256) {
                let show = |sha: Option<Sha256>| sha.map_or("no code".to_owned(), |sha| sha.to_short_hex());
                return Some(format!("expected code {}, found {}", show(was.sha256), show(now.sha256)));
            }
            if let Some(text) = foreign_setting(desired, was, now) {
                return Some(text);
            }
        }
        _ => {}
    }
    // The deployer points an alias to exactly one version.
    let serves_ours = after.serving.as_ref().is_some_and(|serving| serving.version.is_some() && serving.sha256 == ours)
        && after.alias.as_ref().is_some_and(|alias| alias.sole_version().is_some());
    let place =
        |observed: &Observed| observed.alias.as_ref().map(|alias| (alias.version.clone(), alias.weights.clone()));
    if place(before) == place(after) || serves_ours || has_moved_since(before, after) {
        return None;
    }
    let show = |observed: &Observed| observed.alias.as_ref().map_or("no such alias".to_owned(), ToString::to_string);
    Some(format!("expected alias {} to serve {}, found {}", desired.alias, show(before), show(after)))
}

/// Whether Lambda has moved all of the alias's traffic since, after holding it back.
fn has_moved_since(before: &Observed, after: &Observed) -> bool {
    let (Some(was), Some(is)) = (&before.alias, &after.alias) else { return false };
    let held = matches!(Traffic::of(was), Traffic::KeptBack { .. });
    held && Traffic::of(is) == Traffic::Whole && was.version == is.version
}

/// Whether `$LATEST` has the planned configuration after that was written and settled, and still its former code and
/// the code's key. Then the new RevisionId may be used for the next write. Otherwise somebody wrote between our update
/// and our read.
#[must_use]
pub fn still_as_planned(desired: &DesiredState<'_>, plan: &Plan, settled: &ObservedCode) -> bool {
    let role = execution_role(desired).ok().flatten();
    let configured = differences(
        &desired.artifact.config,
        &desired.previously_managed().variables,
        role.as_ref(),
        &settled.settings,
    )
    .is_ok_and(|(missing, _)| missing.is_empty());
    // The code's key is sent with the code. It must be the key that the function has, or the manifest's.
    let key = source_key(&desired.artifact.config, Some(&settled.settings));
    let other_key = |step: &Step| matches!(step, Step::UpdateCode(sent) if sent.source_key != key);
    configured && settled.sha256 == plan.code_was && !plan.steps.iter().any(other_key)
}

fn foreign_setting(desired: &DesiredState<'_>, was: &ObservedCode, now: &ObservedCode) -> Option<String> {
    let named = desired.artifact.config.architectures;
    let (before, after) = (was.settings.architectures, now.settings.architectures);
    if named.is_some_and(|named| after != before && after != named) {
        return Some(format!("expected architectures to be {before}, found {after}"));
    }
    if desired.artifact.config.source_kms_key_arn.is_some() {
        let (before, after) = (&was.settings.source_kms_key_arn, &now.settings.source_kms_key_arn);
        if after != before && *after != source_key(&desired.artifact.config, None) {
            let shown = |key: &Option<String>| key.clone().unwrap_or_else(|| "(none)".to_owned());
            return Some(format!("expected source_kms_key_arn to be {}, found {}", shown(before), shown(after)));
        }
    }
    let role = execution_role(desired).ok().flatten();
    let previously_managed = desired.previously_managed();
    let short = |seen: &ObservedCode| {
        differences(&desired.artifact.config, &previously_managed.variables, role.as_ref(), &seen.settings).ok()
    };
    let ((_, were), (_, are)) = (short(was)?, short(now)?);
    let foreign = are
        .into_iter()
        .find(|change| !were.iter().any(|before| before.field == change.field && before.from == change.from))?;
    let expected =
        were.into_iter().find(|before| before.field == foreign.field).map_or(foreign.to.clone(), |before| before.from);
    Some(format!("expected {} to be {expected}, found {}", foreign.field, foreign.from))
}
