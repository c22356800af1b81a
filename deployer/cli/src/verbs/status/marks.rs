//! Marks of a function's problems in an environment, in a few words each; a marked function is not plain green.

use anstyle::Style;
use deployer_core::id::Release;
use deployer_core::status::FunctionStatus;

use crate::text::colours;

/// A problem that somebody should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub words: String,
    pub style: Style,
}

pub(super) fn of(status: &FunctionStatus) -> Vec<Mark> {
    let red = |words: &str| Mark { words: words.to_owned(), style: colours::BAD };
    let yellow = |words: String| Mark { words, style: colours::ATTENTION };
    let is_incomplete = status.live.as_ref().is_some_and(|live| !live.complete);
    let serves_rejected = !status.rejected && status.targets.iter().any(|target| target.rejected);
    [
        is_incomplete.then(|| yellow(format!("incomplete: on {}", status.extent()))),
        status.split().map(|releases| yellow(format!("split: {}", joined(&releases)))),
        status.rejected.then(|| red("rejected")),
        serves_rejected.then(|| red("a rejected release serves")),
        status.last_failed.map(|_| red("last deployment failed")),
        status.taken_back.as_ref().map(|back| yellow(format!("{} was taken back", back.release))),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn joined(releases: &[&Release]) -> String {
    releases.iter().map(|release| release.as_str()).collect::<Vec<_>>().join(", ")
}
