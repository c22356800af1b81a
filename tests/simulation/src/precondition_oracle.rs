//! Checks the preconditions of rollbacks: two people who roll back the same incident go one step back, not two.
//!
//! The preconditions are taken from the schedule, not from the head.
//!
//! Must not know how the deployer checks them.

use deployer_core::head::{Head, Request};
use deployer_core::id::DeploymentId;
use deployer_core::record::{CauseKind, Code};

use super::commands::{CommandKind, Preconditions};
use super::live_oracle::{LiveOracle, Report};
use super::rollback_oracle::open;
use super::rule::Rule;

/// A head accepts a request: its preconditions must hold in the head before.
pub(super) fn on_accepted(live: &LiveOracle<'_, '_>, before: &Head, request: &Request, report: Report<'_>) {
    let seen = live.case.preconditions_of(request).filter(|_| request.rollback().is_some());
    let is_bare = request.rollback().is_some_and(|rollback| rollback.to.is_none());
    if let Some(seen) = seen.filter(|seen| may_go_on(live, before, is_bare, seen) == Some(false)) {
        report(Rule::PreconditionsHold, format!("{} was accepted, although {}", request.id, differs(live, seen)));
    }
}

/// A rollback that met no deployment resolves its artifact: its preconditions must hold still.
pub(super) fn on_claimed(live: &LiveOracle<'_, '_>, request: &Request, report: Report<'_>) {
    if let Some(seen) = live.case.preconditions_of(request).filter(|seen| !holds(live, std::iter::empty(), seen)) {
        report(Rule::PreconditionsHold, format!("{} was carried out, although {}", request.id, differs(live, seen)));
    }
}

/// A rollback is refused because something else is live: that must be so.
pub(super) fn on_refused(live: &LiveOracle<'_, '_>, before: &Head, after: &Head, report: Report<'_>) {
    let is_new = |id| !before.outbox().iter().any(|entry| entry.record.id == id);
    let refused = after.outbox().iter().map(|entry| &entry.record);
    for record in refused.filter(|record| record.code == Some(Code::LiveChanged) && is_new(record.id)) {
        let by = record.cause.requested_by.as_deref().unwrap_or_default();
        let commands = &live.case.commands;
        let number = commands.iter().map(|(number, _)| *number).find(|number| super::commands::name(*number) == by);
        match number.and_then(|number| live.case.preconditions.get(&number)) {
            None => report(Rule::PreconditionsHold, format!("{} was refused for what nobody has said", record.id)),
            Some(seen) if may_go_on(live, before, is_bare(live, number), seen) == Some(true) => {
                report(Rule::PreconditionsHold, format!("{} was refused, although {seen:?} is so", record.id));
            }
            Some(_) => {}
        }
    }
}

/// Whether a rollback may be accepted; none where either is right. One without a release goes back from what is live only if
/// what its person saw under way is under way still, or has become live by going forward: else it would go one step too far.
fn may_go_on(live: &LiveOracle<'_, '_>, before: &Head, is_bare: bool, seen: &Preconditions) -> Option<bool> {
    let holds_both = holds(live, open(before), seen);
    let Some(active) = seen.active.as_ref().filter(|_| is_bare && holds_both) else { return Some(holds_both) };
    let is_active = |id: DeploymentId| id.to_string() == *active;
    // It means what is under way instead, or completes what has reached some targets only.
    let does_something_else = open(before).next().is_some() || before.live().is_some_and(|live| !live.complete);
    let has_gone_back = before.live().is_some_and(|live| {
        let has_brought = live.cause == Some(CauseKind::Rollback) && is_active(live.deployment);
        has_brought || live.restored_by.is_some_and(is_active)
    });
    let is_renamed = before.live().and_then(|live| live.renamed()).is_some_and(|renamed| is_active(renamed.deployment));
    let only_active = Preconditions { live: None, active: Some(active.clone()) };
    let may = !has_gone_back && (is_renamed || holds(live, open(before), &only_active));
    (may || !does_something_else).then_some(may)
}

fn is_bare(live: &LiveOracle<'_, '_>, number: Option<usize>) -> bool {
    let mut commands = live.case.commands.iter();
    commands.any(|(other, command)| Some(*other) == number && command.kind == CommandKind::Rollback { to: None })
}

/// Whether one of the two preconditions holds. A deployment that was under way may be live by now.
fn holds<'h>(live: &LiveOracle<'_, '_>, mut open: impl Iterator<Item = &'h Request>, seen: &Preconditions) -> bool {
    let first = live.history.first();
    let is_live = |text: &String| first.is_some_and(|first| first.deployment.to_string() == *text);
    let by_label = |text: &String| first.is_some_and(|first| first.release == *text);
    let is_it = |id: DeploymentId, text: &String| id.to_string() == *text;
    let is_under_way = |text: &String| {
        open.any(|request| is_it(request.id, text) || request.undoes().is_some_and(|undone| is_it(undone, text)))
    };
    seen.live.as_ref().is_some_and(|text| is_live(text) || by_label(text))
        || seen.active.as_ref().is_some_and(is_live)
        || seen.active.as_ref().is_some_and(is_under_way)
}

fn differs(live: &LiveOracle<'_, '_>, seen: &Preconditions) -> String {
    let first = live.history.first().map(|first| (&first.release, first.deployment));
    format!("its person has seen {seen:?}, and live is {first:?}")
}
