//! Judges a look: each target by itself, then all together.

use super::counts::Comparison;
use super::exact_test::at_least_as_many_errors;
use super::look::{Evidence, Look, Releases};
use super::mantel_haenszel::{Stratified, common_points, mantel_haenszel};
use super::verdict::{Control, Finding, Judgement, TargetVerdict, Verdict};
use crate::config::rollout::{Guard, MINUTES_ALONE};
use crate::text::PlainText;

/// The invocations of the old version from which on the same minutes suffice as control.
pub const CONTROL_INVOCATIONS: u64 = 20;
/// The least difference in percentage points to a control that has the hour before in it: other minutes, another load.
pub const HISTORY_MARGIN: f64 = 5.0;
/// The least difference in percentage points in fewer than [`MINUTES_ALONE`]: a version that hardly answers needs no more of them.
pub const EARLY_MARGIN: f64 = 50.0;
/// The divisor of the significance in the test over all targets: it is one more test beside that of each target.
const TOGETHER: f64 = 10.0;

/// Judges a look at all targets whose rollout has begun.
#[must_use]
pub fn judge(looks: &[Look], releases: Releases<'_>, guard: &Guard) -> Judgement {
    let significance = guard.significance.as_f64() / looks.len().max(1) as f64;
    let targets: Vec<TargetVerdict> =
        looks.iter().map(|look| judge_target(look, releases, guard, significance)).collect();
    let together = if looks.len() > 1 { judge_together(looks) } else { None };
    if let Some(bad) = together.filter(|all| is_bad_together(all, guard)) {
        let because = sentence_together(&bad, looks, releases);
        return Judgement { verdict: Verdict::Bad, because, targets, together };
    }
    let Some(worst) = targets.iter().rev().max_by_key(|target| target.verdict) else {
        // Every alias is new: the smoke tests and the alarms decide, and no invocation is waited for.
        let because = "no target has an old version to compare with".into();
        return Judgement { verdict: Verdict::Ok, because, targets, together };
    };
    let (verdict, mut because) = (worst.verdict, worst.because.clone());
    let others = targets.iter().filter(|target| target.verdict == verdict).count() - 1;
    if others > 0 && verdict != Verdict::Ok {
        because = PlainText::of(format_args!("{because}; {others} more of {} targets likewise", targets.len()));
    }
    Judgement { verdict, because, targets, together }
}

fn judge_target(look: &Look, releases: Releases<'_>, guard: &Guard, significance: f64) -> TargetVerdict {
    let evidence = match &look.evidence {
        Ok(evidence) => evidence,
        Err(because) => {
            let because = PlainText::of(format_args!("the metrics of {} cannot be read: {because}", look.target));
            let target = look.target.clone();
            return TargetVerdict { target, verdict: Verdict::Unreadable, finding: None, because };
        }
    };
    let (same_minutes, hour_before) = (same_minutes(evidence), hour_before(evidence));
    let is_bad_by = |finding: &Finding, margin: f64| {
        let margin = margin.max(guard.margin.as_f64());
        finding.counts.new.errors() >= guard.errors && finding.points >= margin && finding.p_value <= significance
    };
    let is_early = evidence.alone.invocations() > 0 && evidence.minutes_alone < MINUTES_ALONE;
    let (verdict, finding) = match hour_before {
        _ if is_bad_by(&same_minutes, 0.0) => (Verdict::Bad, same_minutes),
        Some(found) if is_bad_by(&found, EARLY_MARGIN) => (Verdict::Bad, found),
        // It may be a burst, or the beginning of more.
        Some(found) if is_bad_by(&found, HISTORY_MARGIN) && is_early => (Verdict::Quiet, found),
        Some(found) if is_bad_by(&found, HISTORY_MARGIN) => (Verdict::Bad, found),
        found => {
            let finding = found.unwrap_or(same_minutes);
            (undisturbed(evidence, &finding, guard), finding)
        }
    };
    let (verdict, because) = match &look.unread {
        Some(unread) if verdict != Verdict::Bad => {
            (Verdict::Unreadable, PlainText::of(format_args!("{} cannot be looked at: {unread}", look.target)))
        }
        _ => (verdict, sentence(look, evidence, verdict, &finding, releases, guard)),
    };
    TargetVerdict { target: look.target.clone(), verdict, finding: Some(finding), because }
}

/// Returns the verdict about a version that is not bad. One that can never be compared waits for no invocation: as with a
/// new alias, the alarms decide.
fn undisturbed(evidence: &Evidence, finding: &Finding, guard: &Guard) -> Verdict {
    let (new, old) = (evidence.all_new(), finding.counts.old);
    if evidence.old_is_over && old.invocations() < CONTROL_INVOCATIONS {
        return Verdict::Ok;
    }
    let is_compared = old.invocations() >= CONTROL_INVOCATIONS || new.errors() < guard.errors;
    if new.invocations() >= guard.invocations && is_compared { Verdict::Ok } else { Verdict::Quiet }
}

fn same_minutes(evidence: &Evidence) -> Finding {
    Finding {
        counts: evidence.same_minutes(),
        control: Control::SameMinutes,
        points: common_points(&evidence.steps),
        p_value: at_least_as_many_errors(&evidence.steps),
    }
}

/// Compares with the hour before what the same minutes cannot tell: the new version alone, and all of it where the old
/// one is quiet. None where the same minutes tell all.
fn hour_before(evidence: &Evidence) -> Option<Finding> {
    let Comparison { new, old } = evidence.same_minutes();
    let is_compared = old.invocations() >= CONTROL_INVOCATIONS;
    if is_compared && evidence.alone.invocations() == 0 {
        return None;
    }
    let new = if is_compared { evidence.alone } else { new + evidence.alone };
    let counts = Comparison { new, old: old + evidence.hour_before };
    let (points, p_value) = (counts.points(), at_least_as_many_errors(&[counts]));
    Some(Finding { counts, control: Control::HourBefore, points, p_value })
}

fn judge_together(looks: &[Look]) -> Option<Stratified> {
    let readable = looks.iter().filter_map(|look| look.evidence.as_ref().ok());
    let steps: Vec<Comparison> = readable.flat_map(|evidence| &evidence.steps).copied().collect();
    mantel_haenszel(&steps)
}

fn is_bad_together(all: &Stratified, guard: &Guard) -> bool {
    all.new.errors() >= guard.errors
        && all.points >= guard.margin.as_f64()
        && all.p_value <= guard.significance.as_f64() / TOGETHER
}

fn sentence(
    look: &Look,
    evidence: &Evidence,
    verdict: Verdict,
    finding: &Finding,
    releases: Releases<'_>,
    guard: &Guard,
) -> PlainText {
    let (Comparison { new, old }, Releases { new: newer, old: older }) = (finding.counts, releases);
    let place = format!("at {} % in {}", look.weight, look.target);
    let minutes = match finding.control {
        Control::SameMinutes => "",
        Control::HourBefore => " with the hour before",
    };
    let chance = chance(finding.p_value);
    let compared = format!("{newer} failed {new}, {older} {old}{minutes}, {chance}, {place}");
    match verdict {
        Verdict::Quiet if evidence.all_new().invocations() == 0 && evidence.around_alias > 0 => {
            PlainText::of(format_args!(
                "{newer} had no invocation {place}, and the function had {} that did not go through the alias: callers must \
             use the alias",
                evidence.around_alias
            ))
        }
        Verdict::Quiet if evidence.all_new().invocations() < guard.invocations => {
            let (found, least) = (evidence.all_new().invocations(), guard.invocations);
            PlainText::of(format_args!("{newer} had {found} of {least} invocations that prove it, {place}"))
        }
        Verdict::Quiet if old.invocations() >= CONTROL_INVOCATIONS => {
            PlainText::of(format_args!("{compared}: more minutes must tell whether it is a burst"))
        }
        Verdict::Quiet => PlainText::of(format_args!("{compared}: {older} had too few to compare with")),
        Verdict::Ok | Verdict::Bad | Verdict::Unreadable => compared.into(),
    }
}

fn sentence_together(all: &Stratified, looks: &[Look], releases: Releases<'_>) -> PlainText {
    let Releases { new, old } = releases;
    let weight = looks.iter().map(|look| look.weight).max().unwrap_or_default();
    PlainText::of(format_args!(
        "{new} failed {} over {} targets, {:.1} points more than {old} in the same minutes of each, z = {:.1}, {}, \
         at {weight} %",
        all.new,
        looks.len(),
        all.points,
        all.z,
        chance(all.p_value)
    ))
}

/// Writes a probability: with two digits from 0.01 on, below as one digit and its power of ten.
fn chance(p_value: f64) -> String {
    match p_value {
        ..1e-300 => "P < 1e-300".to_owned(),
        ..0.0095 => format!("P = {p_value:.0e}"),
        ..0.995 => format!("P = {p_value:.2}"),
        _ => "P = 1".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::chance;

    #[test]
    fn chance_has_two_digits_or_a_power_of_ten() {
        for (p_value, words) in [
            (1.0, "P = 1"),
            (0.996, "P = 1"),
            (0.99, "P = 0.99"),
            (0.7, "P = 0.70"),
            (0.07, "P = 0.07"),
            (0.0096, "P = 0.01"),
            (0.009, "P = 9e-3"),
            (4e-35, "P = 4e-35"),
            (0.0, "P < 1e-300"),
        ] {
            assert_eq!(chance(p_value), words, "{p_value}");
        }
    }
}
