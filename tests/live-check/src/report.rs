//! The table of beliefs and answers, as text and as JSON.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Value, json};

use crate::question::{About, Answer, Needs, Verdict};

/// One row: a question and its answer.
#[derive(Debug, Clone)]
pub struct Row {
    /// The question.
    pub about: About,
    /// The answer.
    pub answer: Answer,
}

/// The account in which the questions were asked.
#[derive(Debug, Clone, Serialize)]
pub struct Asked {
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The prefix of the run's names.
    pub run: String,
}

/// Returns the table for people.
#[must_use]
pub fn text(rows: &[Row]) -> String {
    let mut out = String::new();
    for Row { about, answer } in rows {
        let verdict = match answer.verdict {
            Verdict::Confirmed => "confirmed",
            Verdict::Refuted => "REFUTED",
            Verdict::Unclear => "unclear",
            Verdict::NotAsked => "not asked",
        };
        line(&mut out, &format!("{verdict:<10} {}", about.name));
        line(&mut out, &format!("           belief: {}", about.belief));
        line(&mut out, &format!("           answer: {}", answer.found));
        if answer.verdict == Verdict::Refuted {
            line(&mut out, &format!("           relied on in: {}", relied_on(about)));
        }
    }
    let counts = [Verdict::Confirmed, Verdict::Refuted, Verdict::Unclear, Verdict::NotAsked]
        .map(|verdict| rows.iter().filter(|row| row.answer.verdict == verdict).count());
    let [confirmed, refuted, unclear, not_asked] = counts;
    line(&mut out, &format!("\n{confirmed} confirmed, {refuted} refuted, {unclear} unclear, {not_asked} not asked"));
    out
}

/// Returns the table as JSON.
#[must_use]
pub fn json(asked: &Asked, rows: &[Row], left: &[String]) -> Value {
    let rows: Vec<Value> = rows
        .iter()
        .map(|Row { about, answer }| {
            json!({"name": about.name, "verdict": answer.verdict, "belief": about.belief, "answer": answer.found,
                "relied_on_in": about.relied_on_in})
        })
        .collect();
    json!({"asked": asked, "questions": rows, "left": left})
}

/// Returns the list of questions for people.
#[must_use]
pub fn list(questions: &[About]) -> String {
    let mut out = String::new();
    for about in questions {
        let option = match about.needs {
            Needs::Nothing => "",
            Needs::Minutes => " (--slow)",
            Needs::Key => " (--with-key)",
        };
        line(&mut out, &format!("{}{option}", about.name));
        line(&mut out, &format!("    belief: {}", about.belief));
        line(&mut out, &format!("    asked by: {}", about.asks));
        line(&mut out, &format!("    confirmed by: {}", about.confirmed_by));
        line(&mut out, &format!("    refuted by: {}", about.refuted_by));
        line(&mut out, &format!("    relied on in: {}", relied_on(about)));
    }
    out
}

/// Returns the list of questions as JSON.
#[must_use]
pub fn list_json(questions: &[About]) -> Value {
    let all = questions.iter().map(|about| {
        let option = match about.needs {
            Needs::Nothing => Value::Null,
            Needs::Minutes => json!("--slow"),
            Needs::Key => json!("--with-key"),
        };
        json!({"name": about.name, "belief": about.belief, "asked_by": about.asks, "confirmed_by": about.confirmed_by,
            "refuted_by": about.refuted_by, "relied_on_in": about.relied_on_in, "option": option})
    });
    json!({"questions": all.collect::<Vec<_>>()})
}

fn relied_on(about: &About) -> String {
    if about.relied_on_in.is_empty() { "nothing yet".into() } else { about.relied_on_in.join(", ") }
}

fn line(out: &mut String, line: &str) {
    // Writing to a String does not fail.
    let _written = writeln!(out, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::question::OnLocalAws;

    const ABOUT: About = About {
        name: "water-is-wet",
        belief: "Water is wet.",
        relied_on_in: &["src/sea.rs"],
        asks: "a hand",
        confirmed_by: "a wet hand",
        refuted_by: "a dry hand",
        needs: Needs::Nothing,
        on_local_aws: OnLocalAws::Confirms,
    };

    #[test]
    fn refuted_belief_names_the_code_that_relies_on_it() {
        let rows = [
            Row { about: ABOUT, answer: Answer::refuted("the hand is dry") },
            Row { about: ABOUT, answer: Answer::confirmed("the hand is wet") },
        ];
        let text = text(&rows);
        assert!(text.starts_with("REFUTED    water-is-wet\n"), "{text}");
        assert_eq!(text.matches("relied on in: src/sea.rs").count(), 1, "{text}");
        assert!(text.ends_with("1 confirmed, 1 refuted, 0 unclear, 0 not asked\n"), "{text}");
    }
}
