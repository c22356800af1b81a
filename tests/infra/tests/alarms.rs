//! Whoever hears an alarm finds a row in `infra/README.md` and a chapter in `docs/runbook.md`.

use std::fs;

use local_aws::{Doing as _, Result};

use super::infra;

#[test]
fn each_alarm_has_a_row_in_the_readme_and_a_chapter_in_the_runbook() -> Result<()> {
    let read = |path: &str| fs::read_to_string(infra().join(path)).doing(format!("reading {path}"));
    let (terraform, readme) = (read("modules/tooling/alarms.tf")?, read("README.md")?);
    let runbook = read("../docs/runbook.md")?;
    let map = terraform.split_once("  alarms = {\n").and_then(|(_, rest)| rest.split_once("\n  }\n"));
    let alarms: Vec<&str> = map.map_or("", |(map, _)| map).lines().filter_map(alarm).collect();
    assert!(alarms.len() >= 12 && alarms.contains(&"dead-letters"), "{alarms:?}");
    for alarm in &alarms {
        let row = format!("| [`{alarm}`](../docs/runbook.md#alarm-{alarm}) |");
        assert!(readme.contains(&row), "infra/README.md has no row {row}");
        let chapter = format!("\n### Alarm {alarm}\n");
        assert!(runbook.contains(&chapter), "docs/runbook.md has no chapter {chapter}");
    }
    let chapters = runbook.lines().filter(|line| line.starts_with("### Alarm ")).count();
    assert_eq!(chapters, alarms.len(), "docs/runbook.md has a chapter of an alarm that is not there");
    Ok(())
}

/// Returns the key of a line that begins an alarm.
fn alarm(line: &str) -> Option<&str> {
    let name = line.strip_prefix("    ")?.strip_suffix(" = {")?;
    name.starts_with(|c: char| c.is_ascii_lowercase()).then_some(name)
}
