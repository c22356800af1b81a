//! The table of functions by environments: a row per function, a column per environment, a cell of a few lines.
//!
//! It fits the terminal. Cells are wrapped at spaces, and names that are too long are cut in the middle. Where the
//! environments have no room side by side, the table goes on below.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::Style;
use deployer_core::group::{GroupStatus, MemberStatus};
use deployer_core::id::{EnvironmentName, FunctionName, Release};
use deployer_core::promotion::Wait;
use deployer_core::status::{Behind, FunctionStatus, StatusReport, WaitingStatus};
use deployer_core::text::Person;
use jiff::Timestamp;

use super::{marks, rollout};
use crate::answer::by_whom;
use crate::text::ago::ago;
use crate::text::colours;
use crate::text::width::{shared_out, width, wrapped_and_cut};

/// A line of a cell, and its style.
type Line = (String, Style);

/// The space between two columns, and where there is not enough room for it.
const SPACE: usize = 3;
const LITTLE_SPACE: usize = 2;
/// The least columns of an environment beside others.
const LEAST: usize = 12;
/// The least columns of the functions' names, if one needs as many, and the least part of the terminal for them.
const LEAST_OF_NAMES: usize = 16;
const PART_OF_NAMES: usize = 4;

/// The cells, before anything is cut.
struct Table {
    environments: Vec<String>,
    rows: Vec<Row>,
}

/// One function, and its cell in each environment; none where there is nothing to show.
struct Row {
    function: String,
    cells: Vec<Option<Vec<Line>>>,
}

/// Some environments side by side, and the columns that each takes.
struct Block {
    environments: std::ops::Range<usize>,
    names: usize,
    columns: Vec<usize>,
    space: usize,
}

/// Writes the table for a terminal of so many columns. An empty cell is `nothing`.
pub(super) fn text(report: &StatusReport, now: Timestamp, columns: Option<usize>, nothing: &str) -> String {
    let environments = in_order(report);
    let mut rows: BTreeMap<&FunctionName, BTreeMap<&EnvironmentName, Vec<Line>>> = BTreeMap::new();
    for status in &report.functions {
        rows.entry(&status.function).or_default().insert(&status.environment, cell(status, now));
    }
    for group in report.groups.iter().filter(|group| group.is_undecided()) {
        for member in &group.functions {
            // Where the environment does not know the function yet, only its group tells of it there.
            let Some(cells) = rows.get_mut(&member.function) else { continue };
            let cell = cells.entry(&group.environment).or_insert_with(|| vec![("nothing live".to_owned(), faint())]);
            cell.push((member_text(group, member), colours::OPEN));
        }
    }
    let row = |(function, mut cells): (&FunctionName, BTreeMap<&EnvironmentName, Vec<Line>>)| Row {
        function: function.to_string(),
        cells: environments.iter().map(|name| cells.remove(*name)).collect(),
    };
    let rows = rows.into_iter().map(row).collect();
    let table = Table { environments: environments.iter().map(ToString::to_string).collect(), rows };
    let blocks: Vec<String> = table.blocks(columns).iter().map(|block| table.draw(block, nothing)).collect();
    blocks.join("\n")
}

/// Returns the environments that have something to show in the order of promotion, and those whose place is not known
/// after them.
fn in_order(report: &StatusReport) -> Vec<&EnvironmentName> {
    let mut shown: Vec<&EnvironmentName> = report.functions.iter().map(|status| &status.environment).collect();
    let brings_shown = |group: &&GroupStatus| {
        group.is_undecided() && report.functions.iter().any(|status| group.has(&status.function))
    };
    shown.extend(report.groups.iter().filter(brings_shown).map(|group| &group.environment));
    let place = |name: &EnvironmentName| {
        report.environments.iter().position(|other| other == name).unwrap_or(report.environments.len())
    };
    shown.sort_by_key(|name| (place(name), *name));
    shown.dedup();
    shown
}

/// Returns what is known of each function, the environments in the order of promotion.
pub(crate) fn functions_in_order(report: &StatusReport) -> Vec<&FunctionStatus> {
    let environments = in_order(report);
    let mut functions: Vec<&FunctionStatus> = report.functions.iter().collect();
    functions.sort_by_key(|status| {
        (&status.function, environments.iter().position(|environment| **environment == status.environment))
    });
    functions
}

fn cell(status: &FunctionStatus, now: Timestamp) -> Vec<Line> {
    let mut versions: Vec<&str> =
        status.targets.iter().filter_map(|t| t.version.as_ref()).map(|v| v.as_str()).collect();
    versions.dedup();
    let mut lines = match &status.live {
        None => vec![("nothing live".to_owned(), faint())],
        Some(live) => {
            let versions = if versions.is_empty() { String::new() } else { format!(" v{}", versions.join("/v")) };
            let (since, by) = live.named_since();
            let by = by_whom(by.map(Person::as_str));
            let marked = marks::of(status).into_iter().map(|mark| mark.style);
            let colour = marked.max_by_key(|style| *style == colours::BAD).unwrap_or(colours::GOOD);
            vec![(format!("{}{versions}", live.release), colour), (format!("{}{by}", ago(since, now)), faint())]
        }
    };
    let waiting = status.waiting.iter().map(|waiting| (waiting_text(waiting), colours::OPEN));
    let behind = status.behind.iter().map(|behind| (behind_text(behind), colours::ATTENTION));
    let rollout = status.rollout.as_ref().map(|it| {
        let is_calm = it.paused.is_none() && it.because.is_none();
        (rollout::in_short(it), if is_calm { colours::OPEN } else { colours::ATTENTION })
    });
    let open = [
        rollout.or_else(|| status.active.map(|_| ("deploying".to_owned(), colours::OPEN))),
        status.pending.map(|_| ("pending".to_owned(), colours::OPEN)),
        status.hold.as_ref().map(|_| ("held".to_owned(), colours::ATTENTION)),
    ];
    let marks = marks::of(status).into_iter().map(|mark| (mark.words, mark.style));
    let all = open.into_iter().flatten().chain(marks).chain(waiting).chain(behind);
    lines.extend(all);
    lines
}

fn release_text(release: Option<&Release>) -> &str {
    release.map_or("-", |release| release.as_str())
}

fn wants_text(release: &str, approvals: u32) -> String {
    match approvals {
        1 => format!("{release} wants an approval"),
        several => format!("{release} wants {several} approvals"),
    }
}

/// Writes the release that a group brings which is not decided: its approvals, or that it waits in the group.
fn member_text(group: &GroupStatus, member: &MemberStatus) -> String {
    let release = release_text(member.release.as_ref());
    match group.approvals_wanted {
        Some(wanted @ 1..) => wants_text(release, wanted),
        _ => format!("{release} waits in a group"),
    }
}

/// Writes the waiting release and the condition that it waits for first.
fn waiting_text(waiting: &WaitingStatus) -> String {
    let release = release_text(waiting.release.as_ref());
    let until = |time: Timestamp| time.strftime("%m-%d %H:%MZ").to_string();
    if waiting.rejected {
        return format!("{release} is rejected");
    }
    let Wait { soak_until, frozen_until, approvals_wanted, .. } = waiting.wait;
    let skips = if waiting.rollout_skipped.is_some() { ", no rollout" } else { "" };
    let overrides = if waiting.freeze_overridden.is_some() { ", despite freeze" } else { "" };
    let waits = match (soak_until, approvals_wanted, frozen_until) {
        (Some(time), ..) => format!("{release} soaks until {}", until(time)),
        (None, wanted @ 1.., _) => wants_text(release, wanted),
        (None, 0, Some(time)) => format!("{release} frozen until {}", until(time)),
        (None, 0, None) => format!("{release} is next"),
    };
    waits + skips + overrides
}

/// Writes how far the function is behind an environment that it is promoted from.
fn behind_text(behind: &Behind) -> String {
    let rejected = match (behind.rejected, behind.rolled_back) {
        (true, _) => ", rejected",
        (false, true) => ", rolled back here",
        (false, false) => "",
    };
    match behind.releases {
        0 | 1 => format!("behind {} ({}{rejected})", behind.environment, behind.release),
        several => format!("{several} behind {} ({}{rejected})", behind.environment, behind.release),
    }
}

impl Table {
    /// Returns the columns that the functions' names need, and each environment.
    fn needs(&self) -> (usize, Vec<usize>) {
        let names = self.rows.iter().map(|row| width(&row.function)).chain([HEADING.len()]).max().unwrap_or(0);
        let of = |number: usize| {
            let cells = self.rows.iter().filter_map(move |row| row.cells.get(number)?.as_ref());
            cells.flatten().map(|(words, _)| width(words)).max().unwrap_or(0)
        };
        let environments = self.environments.iter().enumerate();
        (names, environments.map(|(number, name)| of(number).max(width(name))).collect())
    }

    /// Puts as many environments side by side as have room.
    fn blocks(&self, columns: Option<usize>) -> Vec<Block> {
        let (names, needs) = self.needs();
        let all = names + needs.iter().map(|need| need + SPACE).sum::<usize>();
        let Some(columns) = columns.filter(|columns| all > *columns) else {
            return vec![Block { environments: 0..needs.len(), names, columns: needs, space: SPACE }];
        };
        let least_of_names = names.min(LEAST_OF_NAMES.max(columns / PART_OF_NAMES));
        let room = columns.saturating_sub(least_of_names);
        let mut blocks = Vec::new();
        let mut begin = 0;
        while begin < needs.len() {
            let (mut end, mut used) = (begin, 0);
            while let Some(need) = needs.get(end) {
                used += LITTLE_SPACE + (*need).min(LEAST);
                if used > room && end > begin {
                    break;
                }
                end += 1;
            }
            let wanted = needs.get(begin..end).unwrap_or_default();
            let widths = shared_out(wanted, room.saturating_sub(wanted.len() * LITTLE_SPACE));
            let others: usize = widths.iter().map(|width| width + LITTLE_SPACE).sum();
            let names = names.min(columns.saturating_sub(others));
            blocks.push(Block { environments: begin..end, names, columns: widths, space: LITTLE_SPACE });
            begin = end;
        }
        blocks
    }

    fn draw(&self, block: &Block, nothing: &str) -> String {
        let bold = Style::new().bold();
        let heading = |text: &str, columns| wrapped(&[(text.to_owned(), bold)], columns);
        let widths: Vec<usize> = std::iter::once(block.names).chain(block.columns.iter().copied()).collect();
        let shown = self.environments.get(block.environments.clone()).unwrap_or_default();
        let headings = std::iter::once(HEADING).chain(shown.iter().map(String::as_str));
        let mut rows: Vec<Vec<Vec<Line>>> =
            vec![headings.zip(&widths).map(|(text, columns)| heading(text, *columns)).collect()];
        let absent = [(nothing.to_owned(), faint())];
        for row in &self.rows {
            let cells = row.cells.get(block.environments.clone()).unwrap_or_default();
            // A function may have all that it has in another block.
            if cells.iter().all(Option::is_none) {
                continue;
            }
            let cells = cells.iter().zip(&block.columns);
            let cells = cells.map(|(cell, columns)| wrapped(cell.as_deref().unwrap_or(&absent), *columns));
            rows.push(std::iter::once(heading(&row.function, block.names)).chain(cells).collect());
        }
        rows.iter().map(|cells| lines(cells, &widths, block.space)).collect()
    }
}

/// The heading of the functions' names.
const HEADING: &str = "FUNCTION";

/// Wraps the lines of a cell, and cuts names that are too long.
fn wrapped(cell: &[Line], columns: usize) -> Vec<Line> {
    let pieces = |(words, style): &Line| {
        let style = *style;
        wrapped_and_cut(words, columns).into_iter().map(move |piece| (piece, style))
    };
    cell.iter().flat_map(pieces).collect()
}

/// Draws cells side by side.
fn lines(cells: &[Vec<Line>], widths: &[usize], space: usize) -> String {
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    let mut text = String::new();
    for number in 0..height {
        let mut line = String::new();
        // The spaces before a piece are written with it, so that no line ends with spaces.
        let mut pending = 0;
        for (cell, columns) in cells.iter().zip(widths) {
            let mut used = 0;
            if let Some((words, style)) = cell.get(number).filter(|(words, _)| !words.is_empty()) {
                let _always = write!(line, "{}{style}{words}{style:#}", " ".repeat(pending));
                (pending, used) = (0, width(words));
            }
            pending += columns.saturating_sub(used) + space;
        }
        let _always = writeln!(text, "{line}");
    }
    text
}

fn faint() -> Style {
    Style::new().dimmed()
}
