//! Checks the order of writes by the journal alone.

use std::collections::{BTreeMap, BTreeSet};

use deployer_core::record::{CauseKind, DeploymentRecord, TargetErrorCode};

use super::case::Case;
use super::rule::{Rule, Violation};
use super::scenario::{FaultKind, Scenario};
use super::upload_order::Position;
use super::zips;
use world::journal::{Action, JournalEntry};

/// The claim on a head.
struct HeldClaim {
    claim: String,
    /// The invocation that made it.
    by: usize,
    /// The journal index at which it was made.
    since: usize,
    /// The journal index at which its owner last read the head.
    read: usize,
}

/// Checks that every write to a function comes from the invocation that holds the claim at that instant, and not from
/// one that another has taken over from. Before an invocation points an alias to a version that it has published, it
/// must read or write the head again.
pub(super) fn check_claims(scenario: &Scenario, journal: &[JournalEntry], found: &mut Vec<Violation>) {
    let environments: BTreeMap<&str, &str> = scenario
        .environments
        .iter()
        .flat_map(|environment| environment.targets.iter().map(|place| (place.as_str(), environment.name.as_str())))
        .collect();
    let mut claims: BTreeMap<String, Option<HeldClaim>> = BTreeMap::new();
    let mut published: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (index, entry) in journal.iter().enumerate() {
        let Some(by) = entry.by else { continue };
        if let Action::Wrote(Some(head)) = &entry.action {
            let claim = claim(head);
            let held = claims.entry(entry.object.clone()).or_default();
            if held.as_ref().map(|held| &held.claim) != claim.as_ref() {
                *held = claim.map(|claim| HeldClaim { claim, by, since: index, read: index });
            } else if let Some(held) = held.as_mut().filter(|held| held.by == by) {
                // Nobody else has written the head since it was read, or this write would have failed.
                held.read = index;
            }
            continue;
        }
        if entry.action == Action::Read {
            if let Some(held) = claims.get_mut(&entry.object).and_then(Option::as_mut).filter(|held| held.by == by) {
                held.read = index;
            }
            continue;
        }
        // Nobody can call back a write that was held on its way, or sent by a process that has thawed. Another rule
        // limits such writes (`DoorsShut`).
        if entry.late {
            continue;
        }
        let Some(environment) = environments.get(entry.place.as_str()) else { continue };
        let holder = claims.get(&format!("heads/{environment}/{}.json", entry.object)).and_then(Option::as_ref);
        let Some(held) = holder.filter(|held| held.by == by) else {
            let holder = holder.map_or("nobody".to_owned(), |held| format!("invocation {}", held.by));
            let text = format!(
                "invocation {by} wrote to {} in {} ({:?}) while {holder} held the claim",
                entry.object, entry.place, entry.action
            );
            found.push(Violation { rule: Rule::OneAtATime, found: text });
            continue;
        };
        let version = (entry.place.as_str(), entry.object.as_str());
        match entry.action {
            Action::Published { .. } => drop(published.insert(version, index)),
            Action::Pointed { .. } if held.read <= held.since.max(published.get(&version).copied().unwrap_or(0)) => {
                let text = format!(
                    "invocation {by} moved the alias of {} in {} and had neither read nor written the head again",
                    entry.object, entry.place
                );
                found.push(Violation { rule: Rule::OneAtATime, found: text });
            }
            _ => {}
        }
    }
}

/// Returns the claim of the active deployment: the only field `claim` that a head has.
fn claim(head: &[u8]) -> Option<String> {
    const FIELD: &[u8] = b"\"claim\": \"";
    let at = head.windows(FIELD.len()).position(|window| window == FIELD)? + FIELD.len();
    let claim = head[at..].iter().take_while(|byte| **byte != b'"');
    Some(claim.map(|byte| char::from(*byte)).collect())
}

/// Checks that no version is published twice for one artifact, unless the same bytes came several times, a version
/// ended in Failed, or somebody else changed `$LATEST`.
pub(super) fn published_once(case: &Case<'_>, place: &str, report: &mut impl FnMut(Rule, String)) {
    let is_changed = case.changes(place).any(|entry| entry.by.is_none() && entry.action == Action::Changed);
    let failing = case.scenario.faults.iter().any(|fault| matches!(fault.kind, FaultKind::EndsFailed));
    // The next version may contain the code of a late write.
    if is_changed || failing || case.scenario.has_late_writes() {
        return;
    }
    let mut versions: BTreeMap<String, (usize, BTreeSet<u64>)> = BTreeMap::new();
    for entry in case.changes(place) {
        if let Action::Published { version, sha256 } = entry.action {
            let same = |record: &&DeploymentRecord| {
                let upload = case.upload_of(record).map(|upload| zips::of(case.zip_of(upload)).1);
                record.cause.kind != CauseKind::Upload && upload == Some(sha256)
            };
            let needed = case.accepted_with(sha256).len() + case.records().filter(same).count();
            versions.entry(sha256.to_string()).or_insert((needed, BTreeSet::new())).1.insert(version);
        }
    }
    for (sha256, (needed, versions)) in versions {
        if versions.len() > needed {
            report(Rule::PublishedOnce, format!("{place} has the versions {versions:?} of the same code {sha256}"));
        }
    }
}

/// Checks that no alias goes from a newer upload to an older one.
pub(super) fn in_order(case: &Case<'_>, place: &str, report: &mut impl FnMut(Rule, String)) {
    if case.is_commanded() {
        // A command goes back on purpose: other rules limit it.
        return;
    }
    let mut published = BTreeMap::new();
    let mut last: Option<Vec<Position>> = None;
    for entry in case.changes(place) {
        match entry.action {
            Action::Published { version, sha256 } => drop(published.insert(version, sha256)),
            Action::Pointed { version } if entry.by.is_some() => {
                let Some(sha256) = published.get(&version) else { continue };
                let now = case.accepted_with(*sha256);
                if let Some(before) = last.filter(|_| !now.is_empty())
                    && !before.is_empty()
                    && before.iter().all(|before| now.iter().all(|now| before > now))
                    && !is_put_back(case, place)
                {
                    report(Rule::UploadOrder, format!("{place} served {}, and then {}", before[0], now[0]));
                }
                last = Some(now);
            }
            _ => {}
        }
    }
}

/// Whether an alias was put back because its traffic did not follow: the only way back without a command.
fn is_put_back(case: &Case<'_>, place: &str) -> bool {
    let outcomes = case.records().flat_map(|record| &record.targets);
    let mut errors =
        outcomes.filter(|outcome| super::live_oracle::place(outcome) == place).filter_map(|o| o.error.as_ref());
    errors.any(|error| error.code == TargetErrorCode::TrafficNotMoved)
}

/// Checks that no invocation writes again after another one has written.
pub(super) fn one_at_a_time(case: &Case<'_>, place: &str, report: &mut impl FnMut(Rule, String)) {
    let mut seen: Vec<usize> = Vec::new();
    for by in case.changes(place).filter(|entry| !entry.late).filter_map(|entry| entry.by) {
        if seen.last() == Some(&by) {
            continue;
        }
        if seen.contains(&by) {
            report(Rule::OneAtATime, format!("invocation {by} wrote to {place} again after another: {seen:?}"));
        }
        seen.push(by);
    }
}

/// Checks that nobody else has moved the alias between the publication of a version and the move of the alias to it.
pub(super) fn nothing_foreign_is_overwritten(case: &Case<'_>, place: &str, report: &mut impl FnMut(Rule, String)) {
    let mut published: Option<(usize, u64)> = None;
    let mut moved = None;
    for entry in case.changes(place) {
        match (entry.by, &entry.action) {
            (Some(by), Action::Published { version, .. }) => (published, moved) = (Some((by, *version)), None),
            (None, Action::Pointed { version }) => moved = Some(*version),
            (Some(by), Action::Pointed { version }) => {
                if let (Some(publisher), Some(foreign)) = (published, moved)
                    && publisher == (by, *version)
                    && foreign != *version
                {
                    report(
                        Rule::ForeignChangesKept,
                        format!("somebody moved the alias in {place} to {foreign}, and it was moved on to {version}"),
                    );
                }
                (published, moved) = (None, None);
            }
            _ => {}
        }
    }
}
