//! The parts of docs/live-check.md that are made from the tool: the table of questions, and the rights.

use crate::question::{Needs, OnLocalAws};
use crate::questions;

/// The rights that the user's credentials need, as an IAM policy.
pub const RIGHTS: &str = include_str!("../rights.json");

/// Returns the table of questions in Markdown.
#[must_use]
pub fn table() -> String {
    let heads = ["question", "belief", "asked by", "confirmed by; refuted by", "relied on in", "on the local AWS"];
    let mut out = format!("| {} |\n{}|\n", heads.join(" | "), "|---".repeat(heads.len()));
    for question in questions::all() {
        let about = question.about();
        let option = match about.needs {
            Needs::Nothing => "",
            Needs::Minutes => " (`--slow`)",
            Needs::Key => " (`--with-key`)",
        };
        let relied_on: Vec<String> = about.relied_on_in.iter().map(|path| format!("[`{path}`](../{path})")).collect();
        let relied_on = if relied_on.is_empty() { "–".to_owned() } else { relied_on.join(", ") };
        let local = match about.on_local_aws {
            OnLocalAws::Confirms => "confirmed".to_owned(),
            OnLocalAws::Refutes(because) => format!("refuted: {because}"),
            OnLocalAws::CannotTell(because) => format!("unclear: {because}"),
        };
        let cells = [
            format!("`{}`{option}", about.name),
            about.belief.to_owned(),
            about.asks.to_owned(),
            format!("{}; {}", about.confirmed_by, about.refuted_by),
            relied_on,
            local,
        ];
        out.push_str(&format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | ")));
    }
    out
}

/// Returns the page with its generated parts anew, each between a comment `<!-- NAME -->` and `<!-- /NAME -->`.
#[must_use]
pub fn renewed(page: &str) -> String {
    let rights = format!("```json\n{}\n```\n", RIGHTS.trim_end());
    let mut page = page.to_owned();
    for (name, text) in [("rights", rights), ("questions", table())] {
        let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
        if let (Some(start), Some(end)) = (page.find(&open), page.find(&close)) {
            page.replace_range(start + open.len()..end, &text);
        }
    }
    page
}
