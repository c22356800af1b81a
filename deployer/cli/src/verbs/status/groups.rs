//! The text of open groups.

use std::fmt::Write as _;

use anstyle::Style;
use deployer_core::group::{GroupStatus, MemberRollout, MemberStatus};
use deployer_core::record::Status;
use jiff::Timestamp;

use super::detail::command_line;
use crate::answer::{by_whom, one_line, sentence};
use crate::text::ago::ago;
use crate::text::width::width;
use crate::verbs::promote::text::NOT_BEGUN;

/// Writes the open groups for a terminal of so many columns.
pub(super) fn text(groups: &[GroupStatus], now: Timestamp, columns: Option<usize>) -> String {
    groups.iter().map(|group| one(group, now, columns)).collect()
}

fn one(group: &GroupStatus, now: Timestamp, columns: Option<usize>) -> String {
    let GroupStatus { id, environment, from, status, .. } = group;
    let bold = Style::new().bold();
    let by = by_whom(group.requested_by.as_deref());
    let since = ago(group.since, now);
    let mut text =
        format!("\n{bold}group {id} from {from} to {environment}{bold:#}, {status}, asked for {since}{by}\n");
    if let Some(because) = &group.because {
        let _always = writeln!(text, "  {}", sentence(of_all(group, because)));
    }
    let release_of = |member: &MemberStatus| member.release.as_ref().map_or("-".to_owned(), ToString::to_string);
    let names = group.functions.iter().map(|member| width(member.function.as_str())).max().unwrap_or(0);
    let releases = group.functions.iter().map(|member| width(&release_of(member))).max().unwrap_or(0);
    for member in &group.functions {
        let is_over = member.status.is_some_and(Status::is_ended);
        let rollout = member.rollout.filter(|_| !is_over).map_or("", in_words);
        let status = member.status.map_or(NOT_BEGUN.to_owned(), |status| status.to_string());
        let (function, release) = (member.function.as_str(), release_of(member));
        let _always = writeln!(text, "  {function:names$}   {release:releases$}   {status}{rollout}");
    }
    if !group.approvals.is_empty() {
        let by: Vec<String> = group.approvals.iter().map(|given| one_line(&given.by)).collect();
        let _always = writeln!(text, "  approved by {}", by.join(" and "));
    }
    if group.approvals_wanted.is_some_and(|wanted| wanted > 0) {
        let command = format!("deployctl approve -e {environment} --deployment {id}");
        text.push_str(&command_line("approve", &command, columns));
    }
    text
}

/// Says how far the rollout of a member is, after its status.
fn in_words(rollout: MemberRollout) -> &'static str {
    match rollout {
        MemberRollout::UnderWay => ", rolls out",
        MemberRollout::Passed => ", has passed its rollout",
        MemberRollout::GoesBack => ", goes back",
    }
}

/// Returns the reason without the function that it begins with, where all wait alike: approvals are given to the group.
fn of_all<'a>(group: &GroupStatus, because: &'a str) -> &'a str {
    let waits = because.split_once(": ").map_or(because, |(_, waits)| waits);
    let is_of_group = group.approvals_wanted.is_some() && waits.starts_with("waits for ");
    if is_of_group { waits } else { because }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(more: &serde_json::Value, columns: Option<usize>) -> String {
        let mut group = json!({
            "id": "01JBJ4GZ00ABCDEFGH0123456J", "environment": "prod", "from": "dev", "status": "pending",
            "phase": "checking", "because": "api: waits for an approval", "requested_by": "ann",
            "since": "2026-11-01T10:00:00Z",
            "functions": [{"function": "api", "release": "1", "deployment": "01JBJ4GZ00ABCDEFGH0123456J", "status": null}],
        });
        more.as_object().unwrap().iter().for_each(|(name, value)| group[name] = value.clone());
        let text = text(&[serde_json::from_value(group).unwrap()], "2026-11-01T10:05:00Z".parse().unwrap(), columns);
        anstream::adapter::strip_str(&text).to_string()
    }

    const WAITS: &str = "\ngroup 01JBJ4GZ00ABCDEFGH0123456J from dev to prod, pending, asked for 5 min ago by ann\n  \
        api: waits for an approval\n  api   1   not begun\n";
    const WAITS_FOR_ALL: &str = "\ngroup 01JBJ4GZ00ABCDEFGH0123456J from dev to prod, pending, asked for 5 min ago by ann\n  \
        waits for an approval\n  api   1   not begun\n";

    #[test]
    fn waiting_group_is_shown_with_functions_and_reason() {
        assert_eq!(shown(&json!({}), None), WAITS);
    }

    #[test]
    fn group_that_waits_for_approvals_names_those_it_has_and_the_command() {
        let approved = json!({"approvals_wanted": 1, "approvals": [{"by": "bob", "at": "2026-11-01T10:01:00Z"}]});
        let command = "deployctl approve -e prod --deployment 01JBJ4GZ00ABCDEFGH0123456J\n";
        assert_eq!(shown(&approved, None), format!("{WAITS_FOR_ALL}  approved by bob\n  approve  {command}"));
        assert_eq!(shown(&approved, Some(60)), format!("{WAITS_FOR_ALL}  approved by bob\n  approve\n{command}"));
        let rolls_out = json!({"status": "in_progress", "phase": "moving", "because": null, "functions": [
            {"function": "api", "release": "1", "deployment": "01JBJ4GZ00ABCDEFGH0123456J", "status": "in_progress",
             "rollout": "passed"}]});
        assert_eq!(shown(&rolls_out, None).lines().last(), Some("  api   1   in progress, has passed its rollout"));
        let soaks = json!({"because": "api: waits until 2026-11-01T11:00:00Z for its soak"});
        assert!(!shown(&soaks, None).contains("deployctl approve"));
    }
}
