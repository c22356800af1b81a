//! The text of a history: a line for each deployment below a heading, in the columns of the terminal, and the reason
//! where there is one.

use anstyle::Style;
use deployer_core::artifact::UPLOADED_BY;
use deployer_core::record::{DeploymentRecord, RecallCause};
use jiff::Timestamp;

use crate::answer::{one_line, sentence};
use crate::text::ago::{ago, moment};
use crate::text::records;
use crate::text::width::{cut_in_the_middle, filled, shared_out, width, wrapped};

/// The space between two columns.
const SPACE: usize = 2;
/// The least columns of a text that may be cut.
const LEAST: usize = 7;
/// The space before what stands below a line.
const INDENT: usize = 4;

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Started,
    Ago,
    Status,
    Release,
    Cause,
    By,
    Id,
}

impl Column {
    /// All columns, and what is left where the terminal is too narrow for them. A cause or an id that has no column
    /// stands below.
    const CHOICES: [&'static [Self]; 4] = [
        &[Self::Started, Self::Ago, Self::Status, Self::Release, Self::Cause, Self::By, Self::Id],
        &[Self::Started, Self::Ago, Self::Status, Self::Release, Self::Cause, Self::By],
        &[Self::Started, Self::Status, Self::Release, Self::By],
        &[Self::Ago, Self::Status, Self::Release, Self::By],
    ];

    fn heading(self) -> &'static str {
        match self {
            Self::Started => "STARTED",
            Self::Ago => "WHEN",
            Self::Status => "STATUS",
            Self::Release => "RELEASE",
            Self::Cause => "CAUSE",
            Self::By => "BY",
            Self::Id => "DEPLOYMENT",
        }
    }

    /// Whether its texts may be cut in the middle.
    fn may_be_cut(self) -> bool {
        matches!(self, Self::Release | Self::By)
    }

    fn text(self, record: &DeploymentRecord, now: Timestamp) -> String {
        match self {
            Self::Started => moment(record.started_at),
            Self::Ago => ago(record.started_at, now),
            Self::Status => records::status(record.status),
            Self::Release => release(record),
            Self::Cause => cause(record),
            Self::By => by(record),
            Self::Id => record.id.to_string(),
        }
    }
}

/// Writes the deployments for a terminal of so many columns.
pub(crate) fn text(deployments: &[DeploymentRecord], now: Timestamp, columns: Option<usize>) -> String {
    let most = columns.unwrap_or(usize::MAX);
    let is_named = deployments.iter().any(|record| !by(record).is_empty());
    let choices = Column::CHOICES.map(|choice| {
        let shown = choice.iter().copied().filter(|column| is_named || *column != Column::By);
        shown.map(|column| (column, need(column, deployments, now))).collect::<Vec<_>>()
    });
    let least = |choice: &[(Column, usize)]| {
        let of = |(column, need): &(Column, usize)| if column.may_be_cut() { LEAST.min(*need) } else { *need };
        choice.iter().map(of).sum::<usize>() + SPACE * choice.len().saturating_sub(1)
    };
    let [.., last] = &choices;
    let chosen = widths(choices.iter().find(|choice| least(choice) <= most).unwrap_or(last), most);
    let mut text = row(&chosen, |column| {
        let bold = Style::new().bold();
        format!("{bold}{}{bold:#}", column.heading())
    });
    for record in deployments {
        text.push_str(&row(&chosen, |column| column.text(record, now)));
        let has = |wanted| chosen.iter().any(|(column, _)| *column == wanted);
        if !has(Column::Id) {
            let cause = if has(Column::Cause) { String::new() } else { format!("{}, ", cause(record)) };
            text.push_str(&format!("{}{cause}deployment {}\n", " ".repeat(INDENT), record.id));
        }
        if let Some(RecallCause { release, reason }) = &record.cause.recall {
            let recall = format!("{}recall of {release}: {}", " ".repeat(INDENT), one_line(reason));
            text.extend(wrapped(&recall, most, INDENT).into_iter().map(|line| line + "\n"));
        }
        for exception in exceptions(record) {
            let exception = format!("{}{exception}", " ".repeat(INDENT));
            text.extend(wrapped(&exception, most, INDENT).into_iter().map(|line| line + "\n"));
        }
        if let Some(group) = record.promotion.as_ref().and_then(|promotion| promotion.group) {
            let group = format!("{}in group {group}", " ".repeat(INDENT));
            text.extend(wrapped(&group, most, INDENT).into_iter().map(|line| line + "\n"));
        }
        if let Some(approved) = approved(record) {
            let approved = format!("{}{approved}", " ".repeat(INDENT));
            text.extend(wrapped(&approved, most, INDENT).into_iter().map(|line| line + "\n"));
        }
        if let Some(waited) = records::waited(record) {
            let waited = format!("{}{waited}", " ".repeat(INDENT));
            text.extend(wrapped(&waited, most, INDENT).into_iter().map(|line| line + "\n"));
        }
        if let Some(because) = &record.because {
            let because = format!("{}{}", " ".repeat(INDENT), sentence(because));
            text.extend(wrapped(&because, most, INDENT).into_iter().map(|line| line + "\n"));
        }
    }
    text
}

/// Says why the rollout is skipped and the freeze overridden. The person stands in the line above.
fn exceptions(record: &DeploymentRecord) -> impl Iterator<Item = String> {
    let skipped = record.cause.skip_rollout.as_ref().map(|because| format!("skips the rollout: {}", one_line(because)));
    let freeze = record.promotion.as_ref().and_then(|promotion| promotion.freeze_override.as_ref());
    let overridden = freeze.map(|because| format!("overrides the freeze: {}", one_line(because)));
    skipped.into_iter().chain(overridden)
}

/// Returns the columns that the widest text needs.
fn need(column: Column, deployments: &[DeploymentRecord], now: Timestamp) -> usize {
    let texts = deployments.iter().map(|record| width(&column.text(record, now)));
    texts.chain([column.heading().len()]).max().unwrap_or(0)
}

/// Shares what the other columns leave to those that may be cut.
fn widths(columns: &[(Column, usize)], most: usize) -> Vec<(Column, usize)> {
    let (cut, whole): (Vec<_>, Vec<_>) = columns.iter().partition(|(column, _)| column.may_be_cut());
    let taken = whole.iter().map(|(_, need)| need).sum::<usize>() + SPACE * columns.len().saturating_sub(1);
    let needs: Vec<usize> = cut.iter().map(|(_, need)| *need).collect();
    let mut shares = shared_out(&needs, most.saturating_sub(taken)).into_iter();
    let width = |(column, need): &(Column, usize)| {
        (*column, if column.may_be_cut() { shares.next().unwrap_or(*need) } else { *need })
    };
    columns.iter().map(width).collect()
}

/// Writes a line of these columns.
fn row(columns: &[(Column, usize)], text: impl Fn(Column) -> String) -> String {
    let cell = |(column, columns): &(Column, usize)| {
        let text = text(*column);
        // Only a column that is not cut has texts with styles, and a heading is no longer than the least columns.
        let is_cut = column.may_be_cut() && width(&text) > *columns;
        filled(&if is_cut { cut_in_the_middle(&text, *columns) } else { text }, *columns)
    };
    let cells: Vec<String> = columns.iter().map(cell).collect();
    format!("{}\n", cells.join(&" ".repeat(SPACE)).trim_end())
}

fn release(record: &DeploymentRecord) -> String {
    let release = record.release.as_ref().map_or("-", |release| release.as_str());
    let mut versions: Vec<&str> =
        record.targets.iter().filter_map(|target| target.version.as_ref()).map(|version| version.as_str()).collect();
    versions.dedup();
    let versions = if versions.is_empty() { String::new() } else { format!(" v{}", versions.join("/v")) };
    format!("{release}{versions}")
}

fn cause(record: &DeploymentRecord) -> String {
    let kind = serde_json::to_value(record.cause.kind).ok();
    kind.as_ref().and_then(|kind| kind.as_str()).unwrap_or_default().replace('_', " ")
}

/// Returns who asked for it, or uploaded it.
fn by(record: &DeploymentRecord) -> String {
    let uploaded = || Some(record.artifact.as_ref()?.metadata.get(UPLOADED_BY)?.as_str());
    record.cause.requested_by.as_deref().or_else(uploaded).map_or_else(String::new, one_line)
}

/// Names those who approved the promotion; none if nobody did.
fn approved(record: &DeploymentRecord) -> Option<String> {
    let approvals = record.promotion.as_ref().map(|promotion| promotion.approvals.as_slice()).unwrap_or_default();
    let by: Vec<String> = approvals.iter().map(|given| one_line(&given.by)).collect();
    (!by.is_empty()).then(|| format!("approved by {}", by.join(" and ")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::text::golden::{assert_golden, plain};

    fn deployments() -> Vec<DeploymentRecord> {
        let record = |number: u8, status: &str, release: Option<&str>, by: Option<&str>, because: Option<&str>| {
            let version = (status == "succeeded").then_some("7");
            serde_json::from_value(json!({
                "id": format!("01M8A5XGD0ST9H1MN79C7EX2{number:02}"), "environment": "dev", "function": "orders-api",
                "release": release, "status": status, "code": null, "because": because, "artifact": null,
                "cause": {"kind": if number == 1 { "promotion" } else { "upload" }, "requested_by": by, "event_id": null},
                "targets": [{"account": "111111111111", "region": "eu-west-1", "function_name": "orders-api",
                    "alias": "live", "status": status, "version": version, "previous": null, "error": null}],
                "started_at": format!("2026-11-25T20:{:02}:24.123456789Z", 30 - number), "finished_at": null,
            }))
            .unwrap()
        };
        let denied = "1 of 1 target failed: 111111111111/eu-west-1: enter: AccessDenied: the deployer may not assume the \
                      role deployer-target there: mend the trust policy, then upload it again";
        vec![
            record(1, "succeeded", Some("1.4.3"), Some("José García of 東京"), None),
            record(2, "failed", Some("4f5c2e19d3b7a6c8e0f1a2b3c4d5e6f708192a3b"), Some("ada"), Some(denied)),
            record(3, "in_progress", Some("1.4.2"), None, None),
            record(4, "refused", None, Some("bob"), Some("held since 2026-11-25T20:00:00Z: stock-taking")),
        ]
    }

    #[test]
    fn history_is_aligned_below_its_heading_at_each_width() {
        let now = "2026-11-25T20:31:00Z".parse().unwrap();
        for columns in [60, 80, 120, 200] {
            let coloured = text(&deployments(), now, Some(columns));
            assert_golden(&format!("history-{columns}.txt"), &plain(&coloured));
            let longest = coloured.lines().map(width).max();
            assert!(longest <= Some(columns), "{columns}: {longest:?}");
        }
        assert_golden("history-120-coloured.txt", &text(&deployments(), now, Some(120)));
        let whole = plain(&text(&deployments(), now, None));
        assert!(whole.contains("4f5c2e19d3b7a6c8e0f1a2b3c4d5e6f708192a3b") && !whole.contains('…'), "{whole}");
        let unnamed: Vec<_> = deployments().into_iter().skip(2).take(1).collect();
        assert!(!text(&unnamed, now, Some(120)).contains("BY"), "no column without texts");
    }

    #[test]
    fn history_says_why_a_rollout_was_skipped_and_a_freeze_overridden() {
        let mut record = serde_json::to_value(&deployments()[0]).unwrap();
        record["cause"]["skip_rollout"] = json!("INC-10");
        record["promotion"] = json!({"from": "dev", "freeze_override": "INC-9"});
        let text =
            plain(&text(&[serde_json::from_value(record).unwrap()], "2026-11-25T20:31:00Z".parse().unwrap(), None));
        assert!(text.ends_with("\n    skips the rollout: INC-10\n    overrides the freeze: INC-9\n"), "{text}");
    }

    #[test]
    fn history_names_the_recall_that_a_rollback_belongs_to() {
        let mut record = serde_json::to_value(&deployments()[0]).unwrap();
        record["cause"] = json!({"kind": "rollback", "requested_by": "ann", "event_id": "r",
            "recall": {"release": "1.4.4", "reason": "loses\norders"}});
        let text =
            plain(&text(&[serde_json::from_value(record).unwrap()], "2026-11-25T20:31:00Z".parse().unwrap(), None));
        assert!(text.contains("rollback  ann"), "{text}");
        assert!(text.ends_with("\n    recall of 1.4.4: loses\\norders\n"), "{text}");
    }

    #[test]
    fn history_names_the_group_and_those_who_approved() {
        let now = "2026-11-25T20:31:00Z".parse().unwrap();
        let mut record = serde_json::to_value(&deployments()[0]).unwrap();
        let by = |who: &str| json!({"by": who, "at": "2026-11-25T20:29:00Z"});
        record["promotion"] = json!({"from": "stage", "approvals": [by("bob"), by("cleo")],
            "group": "0000000000F0M57FDAT7ZC1HD8"});
        let text = plain(&text(&[serde_json::from_value(record).unwrap()], now, None));
        assert!(text.ends_with("\n    in group 0000000000F0M57FDAT7ZC1HD8\n    approved by bob and cleo\n"), "{text}");
        let unapproved = plain(&super::text(&deployments(), now, None));
        assert!(!unapproved.contains("approved"), "{unapproved}");
    }
}
