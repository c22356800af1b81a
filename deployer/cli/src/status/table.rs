//! The table of functions by environments: a row per function, a column per environment, a cell of two or three lines.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use deployer_core::id::{EnvironmentName, FunctionName};
use deployer_core::promotion::Wait;
use deployer_core::status::{Behind, FunctionStatus, StatusReport, WaitingStatus};
use jiff::Timestamp;

use super::super::answer::one_line;
use super::marks;
use crate::ago::ago;

/// A line of a cell, and its style.
type Line = (String, Style);

pub(super) fn text(report: &StatusReport, now: Timestamp) -> String {
    if report.functions.is_empty() {
        if !report.unreadable.is_empty() {
            return String::new();
        }
        return "nothing was deployed yet\n".to_owned();
    }
    let environments: BTreeSet<&EnvironmentName> = report.functions.iter().map(|status| &status.environment).collect();
    let mut rows: BTreeMap<&FunctionName, BTreeMap<&EnvironmentName, Vec<Line>>> = BTreeMap::new();
    for status in &report.functions {
        rows.entry(&status.function).or_default().insert(&status.environment, cell(status, now));
    }
    let bold = |text: &str| vec![(text.to_owned(), Style::new().bold())];
    let heading = std::iter::once(bold("FUNCTION")).chain(environments.iter().map(|name| bold(name.as_str())));
    let mut table: Vec<Vec<Vec<Line>>> = vec![heading.collect()];
    for (function, mut cells) in rows {
        let cells = environments.iter().map(|name| cells.remove(*name).unwrap_or_else(|| vec![("-".into(), faint())]));
        table.push(std::iter::once(bold(function.as_str())).chain(cells).collect());
    }
    draw(&table)
}

fn cell(status: &FunctionStatus, now: Timestamp) -> Vec<Line> {
    let mut versions: Vec<&str> =
        status.targets.iter().filter_map(|t| t.version.as_ref()).map(|v| v.as_str()).collect();
    versions.dedup();
    let mut lines = match &status.live {
        None => vec![("nothing live".to_owned(), faint())],
        Some(live) => {
            let versions = if versions.is_empty() { String::new() } else { format!(" v{}", versions.join("/v")) };
            let by = live.by.as_deref().map_or(String::new(), |by| format!(" by {}", one_line(by)));
            let marked = marks::of(status).into_iter().map(|mark| mark.colour);
            let colour = coloured(marked.max_by_key(|colour| *colour == AnsiColor::Red).unwrap_or(AnsiColor::Green));
            vec![(format!("{}{versions}", live.release), colour), (format!("{}{by}", ago(live.since, now)), faint())]
        }
    };
    let waiting = status.waiting.iter().map(|waiting| (waiting_text(waiting), AnsiColor::Cyan));
    let behind = status.behind.iter().map(|behind| (behind_text(behind), AnsiColor::Yellow));
    let open = [
        status.active.map(|_| ("deploying".to_owned(), AnsiColor::Cyan)),
        status.pending.map(|_| ("pending".to_owned(), AnsiColor::Cyan)),
        status.hold.as_ref().map(|_| ("held".to_owned(), AnsiColor::Yellow)),
    ];
    let marks = marks::of(status).into_iter().map(|mark| (mark.words, mark.colour));
    let all = open.into_iter().flatten().chain(marks).chain(waiting).chain(behind);
    lines.extend(all.map(|(words, colour)| (words, coloured(colour))));
    lines
}

/// Writes the waiting release and the condition that it waits for first.
fn waiting_text(waiting: &WaitingStatus) -> String {
    let release = waiting.release.as_ref().map_or("-", |release| release.as_str());
    let until = |time: Timestamp| time.strftime("%m-%d %H:%MZ").to_string();
    let Wait { soak_until, frozen_until, approvals_wanted, .. } = waiting.wait;
    match (soak_until, approvals_wanted, frozen_until) {
        (Some(time), ..) => format!("{release} soaks until {}", until(time)),
        (None, 1, _) => format!("{release} wants an approval"),
        (None, count @ 2.., _) => format!("{release} wants {count} approvals"),
        (None, 0, Some(time)) => format!("{release} frozen until {}", until(time)),
        (None, 0, None) => format!("{release} is next"),
    }
}

/// Writes how far the function is behind an environment that it is promoted from.
fn behind_text(behind: &Behind) -> String {
    match behind.releases {
        0 | 1 => format!("behind {} ({})", behind.environment, behind.release),
        several => format!("{several} behind {} ({})", behind.environment, behind.release),
    }
}

/// Draws columns as wide as their widest lines.
fn draw(table: &[Vec<Vec<Line>>]) -> String {
    let columns = table.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let lines = table.iter().filter_map(|row| row.get(column)).flatten();
        lines.map(|(words, _)| words.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in table {
        let height = row.iter().map(Vec::len).max().unwrap_or(0);
        for number in 0..height {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                let (words, style) = cell.get(number).cloned().unwrap_or_default();
                let space = " ".repeat(width.saturating_sub(words.chars().count()));
                let _always = write!(line, "{style}{words}{style:#}{space}   ");
            }
            let _always = writeln!(text, "{}", line.trim_end());
        }
    }
    text
}

fn faint() -> Style {
    Style::new().dimmed()
}

fn coloured(colour: AnsiColor) -> Style {
    colour.on_default()
}
