//! The text of open groups.

use std::fmt::Write as _;

use anstyle::Style;
use deployer_core::group::{GroupStatus, MemberStatus};
use jiff::Timestamp;

use super::super::answer::{by_whom, sentence};
use crate::ago::ago;

pub(super) fn text(groups: &[GroupStatus], now: Timestamp) -> String {
    groups.iter().map(|group| one(group, now)).collect()
}

fn one(group: &GroupStatus, now: Timestamp) -> String {
    let GroupStatus { id, environment, from, status, .. } = group;
    let bold = Style::new().bold();
    let by = by_whom(group.requested_by.as_deref());
    let since = ago(group.since, now);
    let mut text =
        format!("\n{bold}group {id} from {from} to {environment}{bold:#}, {status}, asked for {since}{by}\n");
    if let Some(because) = &group.because {
        let _always = writeln!(text, "  {}", sentence(because));
    }
    for MemberStatus { function, release, status, .. } in &group.functions {
        let release = release.as_ref().map_or("-", |release| release.as_str());
        let status = status.map_or("not begun".to_owned(), |status| status.to_string());
        let _always = writeln!(text, "  {function} {release}: {status}");
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn waiting_group_is_shown_with_functions_and_reason() {
        let group: GroupStatus = serde_json::from_value(json!({
            "id": "01JBJ4GZ00ABCDEFGH0123456J", "environment": "prod", "from": "dev", "status": "pending",
            "phase": "checking", "because": "api: waits for an approval", "requested_by": "ann",
            "since": "2026-11-01T10:00:00Z",
            "functions": [{"function": "api", "release": "1", "deployment": "01JBJ4GZ00ABCDEFGH0123456J", "status": null}],
        }))
        .unwrap();
        let text = text(&[group], "2026-11-01T10:05:00Z".parse().unwrap());
        let text = anstream::adapter::strip_str(&text).to_string();
        assert_eq!(
            text,
            "\ngroup 01JBJ4GZ00ABCDEFGH0123456J from dev to prod, pending, asked for 5 min ago by ann\n  \
             api: waits for an approval\n  api 1: not begun\n"
        );
    }
}
