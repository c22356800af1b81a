//! The question before a rollback, or the text in its place.

use std::fmt::Write as _;

use deployer_core::group::GroupStatus;
use deployer_core::id::{DeploymentId, Release};
use deployer_core::status::{FunctionStatus, PassedRelease};
use jiff::Timestamp;

use crate::answer::{by_whom, sentence};
use crate::follow;
use crate::text::ago::ago;
use crate::text::came_with::CameWith;
use crate::text::ends::{self, ENDS};
use crate::verbs::plan::text::{PASSES, passed_over};
use crate::verbs::status::{rollout, serving};

/// The facts that the question, or the text in its place, names beside the status.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    /// The releases that a rollback to a named release passes.
    pub passes: Vec<PassedRelease>,
    /// The warnings of the plan, such as that the release was rolled back before.
    pub warnings: Vec<String>,
    /// The functions that came together with the release that it leaves; none where nothing is asked.
    pub came_with: Option<CameWith>,
    /// The groups that wait with the function, and that the rollback ends.
    pub groups: Vec<GroupStatus>,
    /// The other functions of a group whose rollouts go back with this one.
    pub together: Option<String>,
    /// The reasons why not all could be read.
    pub unreadable: Vec<String>,
}

/// Says what a rollback leaves, stops, ends and brings back.
pub(crate) fn text(
    (args, to): (&follow::FunctionArgs, Option<&Release>),
    status: Option<&FunctionStatus>,
    shown: &Shown,
    now: Timestamp,
) -> String {
    let follow::FunctionArgs { environment, function } = args;
    let mut text = format!("{function} in {environment}\n");
    let live = status.and_then(|status| Some((status, status.live.as_ref()?)));
    let _always = match live {
        None => writeln!(text, "  live     nothing"),
        Some((status, live)) => {
            let (since, by) = live.named_since();
            let by = by_whom(by.map(|by| &**by));
            let (release, ago, extent) = (&live.release, ago(since, now), status.extent());
            let since = since.strftime("%Y-%m-%d %H:%M:%SZ");
            writeln!(text, "  live     {release}, since {since} ({ago}){by}, on {extent} as the ledger has it")
        }
    };
    let under_way = status.and_then(|status| status.active.or(status.pending));
    let rolls_out = status.and_then(|status| Some((status, status.rollout.as_ref()?)));
    if let Some((status, rollout)) = rolls_out {
        let (id, doing) = (rollout.deployment, rollout::doing(rollout, now));
        let _always = writeln!(text, "  stops    the rollout of deployment {id}: {doing}");
        for line in serving::targets(status) {
            let _always = writeln!(text, "           {line}");
        }
    } else if let Some(id) = under_way {
        let _always = writeln!(text, "  stops    deployment {id}, which is under way");
    }
    let earlier = status.and_then(|status| status.rollback_to.as_ref()).map_or("nothing", Release::as_str);
    let stopped = status.is_some_and(|status| status.rollback.is_some() && stopped(status).is_some());
    let _always = match (to, under_way, live) {
        (Some(release), ..) => writeln!(text, "  back to  {release}"),
        (None, Some(_), Some((_, live))) if stopped && rolls_out.is_some() => {
            writeln!(text, "  back to  {}, which stays live", live.release)
        }
        (None, Some(_), Some(_)) if stopped => {
            writeln!(text, "  back to  {earlier}, which is live; if that is what is under way, to the one before")
        }
        (None, Some(_), Some((status, _))) if status.rollback.is_some() => {
            writeln!(text, "  back to  {earlier}")
        }
        (None, Some(_), Some((_, live))) => {
            writeln!(text, "  back to  {}, which is live; if that is what is under way, to {earlier}", live.release)
        }
        (None, Some(_), None) => writeln!(text, "  back to  nothing: it is only stopped"),
        (None, None, _) => writeln!(text, "  back to  {earlier}"),
    };
    let by_status = || {
        status
            .and_then(|status| status.rollback.as_ref())
            .filter(|rollback| to.is_none_or(|to| *to == rollback.release))
    };
    let passes = if shown.passes.is_empty() { by_status().map_or(&[][..], |it| &it.passes) } else { &shown.passes };
    for PassedRelease { release, because } in passes {
        let _always = writeln!(text, "  {PASSES:<8} {release}{}", passed_over(because));
    }
    for warning in &shown.warnings {
        let _always = writeln!(text, "  warning  {}", sentence(warning));
    }
    if let Some(came_with) = &shown.came_with {
        let _always = writeln!(text, "  with     {}", came_with.before());
    }
    if let Some(others) = &shown.together {
        let _always = writeln!(text, "  stops    {others}");
    }
    for next in status.iter().filter(|status| status.active.is_some()).flat_map(|status| ends::next(status)) {
        let _always = writeln!(text, "  {ENDS:<8} {next}");
    }
    let waiting = status.iter().flat_map(|status| &status.waiting).map(ends::promotion);
    for name in waiting.chain(shown.groups.iter().map(ends::open_group)) {
        let _always = writeln!(text, "  {ENDS:<8} {}", ends::by_rollback(&name));
    }
    for because in &shown.unreadable {
        let _always = writeln!(text, "  cannot be read: {}", sentence(because));
    }
    text
}

/// Returns the deployment under way that a rollback without a release means; none if it goes back from what is live.
pub(crate) fn stopped(status: &FunctionStatus) -> Option<DeploymentId> {
    let under_way = status.active.or(status.pending)?;
    let stays = match (&status.live, &status.rollback) {
        (Some(live), Some(rollback)) => live.release == rollback.release && live.sha256 == rollback.sha256,
        (live, _) => live.is_none(),
    };
    stays.then_some(under_way)
}
