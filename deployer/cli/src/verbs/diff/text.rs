//! The text of a comparison, for people.

use std::fmt::Write as _;

use super::report::{Deployed, Files, Report};
use crate::answer::one_line;
use crate::verbs::plan::text::{ADDED, CHANGED, HEADING, REMOVED, change_line};

/// The number of files that are listed for people.
const SHOWN: usize = 100;

/// Writes both releases, the fields that differ, and the files.
pub(super) fn report(report: &Report) -> String {
    let Report { function, from, to, same, changes, files } = report;
    let mut text = format!("{HEADING}{function}: {} → {}{HEADING:#}\n", name(from), name(to));
    for deployed in [from, to] {
        text.push_str(&about(deployed));
    }
    if *same {
        text.push_str("configuration and files are the same\n");
        return text;
    }
    let count = match changes.len() {
        0 => "the same".to_owned(),
        1 => "1 field differs".to_owned(),
        count => format!("{count} fields differ"),
    };
    let _infallible = writeln!(text, "{HEADING}configuration{HEADING:#}: {count}");
    changes.iter().for_each(|change| text.push_str(&change_line(change)));
    let Files { added, changed, removed, same } = files;
    let (more, other, fewer) = (added.len(), changed.len(), removed.len());
    let _infallible =
        writeln!(text, "{HEADING}files{HEADING:#}: {more} added, {other} changed, {fewer} removed, {same} the same");
    let added = added.iter().map(|file| {
        let (name, size) = (one_line(&file.name), size(file.size));
        format!("  {ADDED}+ {name}{ADDED:#}: {size}\n")
    });
    let changed = changed.iter().map(|file| {
        let (name, from, to) = (one_line(&file.name), size(file.from), size(file.to));
        format!("  {CHANGED}~ {name}{CHANGED:#}: {from} → {to}\n")
    });
    let removed = removed.iter().map(|file| {
        let (name, size) = (one_line(&file.name), size(file.size));
        format!("  {REMOVED}- {name}{REMOVED:#}: {size}\n")
    });
    text.extend(added.chain(changed).chain(removed).take(SHOWN));
    if let Some(others) = (more + other + fewer).checked_sub(SHOWN).filter(|others| *others > 0) {
        let _infallible = writeln!(text, "  and {others} more (--output json has all)");
    }
    text
}

fn name(deployed: &Deployed) -> String {
    format!("{}:{}", deployed.environment, deployed.release)
}

/// Writes a line with the deployment, the zip, and what its uploader has said of it.
fn about(deployed: &Deployed) -> String {
    let Deployed { deployment, status, at, artifact, .. } = deployed;
    let mut text =
        format!("  {}: {status} {}, deployment {deployment}", name(deployed), at.strftime("%Y-%m-%d %H:%M:%SZ"));
    if let Some(bytes) = artifact.size {
        let _infallible = write!(text, ", {}", size(bytes));
    }
    if let Some(sha256) = &artifact.sha256 {
        let _infallible = write!(text, ", sha256 {}", sha256.to_hex());
    }
    for (name, value) in &artifact.metadata {
        let _infallible = write!(text, ", {} {}", one_line(name), one_line(value));
    }
    text.push('\n');
    text
}

#[expect(clippy::cast_precision_loss, reason = "one digit after the point is shown")]
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn size_is_in_its_largest_unit() {
        assert_eq!([size(999), size(1_234), size(57_000_000)], ["999 B", "1.2 kB", "57.0 MB"]);
    }
}
