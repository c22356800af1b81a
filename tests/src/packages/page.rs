//! The table of the fixtures for people: `docs/packages.md`.

use std::fmt::Write as _;

use deployer_core::record::{Code, TargetErrorCode};
use serde::Serialize;

use super::{Fixture, Verdict};

const INTRODUCTION: &str = "# Packages: what is deployed, and what is refused

Each zip here is in `tests/fixtures/packages`, made by `tests/src/packages`. Tests give each to the deployer, where there is no
function yet and where one of the same runtime works, and to `deployctl validate`, which says the same without looking at any
function. This page is made from the same table: `UPDATE_FIXTURES=1 cargo test -p acceptance --test packages` writes both.

";

/// The page.
#[must_use]
pub fn page(fixtures: &[Fixture]) -> String {
    let mut page = INTRODUCTION.to_owned();
    page.push_str("| zip | a new function | a function that works | why |\n|---|---|---|---|\n");
    for Fixture { name, why, new, live, .. } in fixtures {
        let new = new.map_or_else(|| "none can be created from code alone".to_owned(), shown);
        let live = match (live.0.has_layer, shown(live.1)) {
            (true, verdict) => format!("with layers: {verdict}"),
            (false, verdict) if verdict == new => "the same".to_owned(),
            (false, verdict) => verdict,
        };
        let _infallible = writeln!(page, "| `{name}` | {new} | {live} | {why} |");
    }
    page
}

fn shown(verdict: Verdict) -> String {
    match verdict {
        Verdict::Deployed => "deployed".to_owned(),
        Verdict::Warned(says) => format!("deployed, with a warning: “… {says} …”"),
        Verdict::Refused(code, says) => format!("refused, `{}`: “… {says} …”", name::<Code>(&code)),
        Verdict::Fails(code, says) => format!("fails, `{}`: “… {says} …”", name::<TargetErrorCode>(&code)),
    }
}

/// The name that a code has in the record.
fn name<T: Serialize>(code: &T) -> String {
    serde_json::to_value(code).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
