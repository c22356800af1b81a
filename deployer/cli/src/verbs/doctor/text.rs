//! The text of the doctor's report: a tree of the checks, and below it the statements that are missing.

use anstyle::Style;
use deployer_core::doctor::{Check, CheckStatus, DoctorReport, Missing, MissingInPolicy, UNPROBED};
use deployer_core::text::counted;
use serde_json::Value;

use crate::answer::one_line;
use crate::text::colours;
use crate::text::width::fitted;

/// The checks that have a line of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Each.
    Each,
    /// Those that somebody should look at. The others are one line together.
    Folded,
}

/// Writes the tree: the deployer, then each environment with its targets. Lines that are longer than the terminal are
/// wrapped at spaces.
pub(crate) fn text(report: &DoctorReport, shown: Shown, columns: Option<usize>) -> String {
    let mut out = String::new();
    let bold = Style::new().bold();
    out.push_str(&format!("{bold}deployer{bold:#}\n"));
    out.push_str(&branches("", &checks(&report.tooling, shown)));
    let mut targets = report.targets.iter().peekable();
    while let Some(first) = targets.next() {
        let environment = &first.environment;
        out.push_str(&format!("\n{bold}{environment}{bold:#}\n"));
        let mut group = vec![first];
        while let Some(next) = targets.next_if(|next| next.environment == *environment) {
            group.push(next);
        }
        for (number, target) in group.iter().enumerate() {
            let (branch, below) = branch(number + 1 == group.len());
            out.push_str(&format!("{branch}{}\n", target.target));
            out.push_str(&branches(below, &checks(&target.checks, shown)));
        }
    }
    out.push_str(&missing(report));
    let all = || report.tooling.iter().chain(report.targets.iter().flat_map(|target| &target.checks));
    let count = |status| all().filter(|check| check.status == status).count();
    let (ok, failed, unknown) = (count(CheckStatus::Ok), count(CheckStatus::Fail), count(CheckStatus::NotChecked));
    let how = if shown == Shown::Folded { " (--verbose shows each)" } else { "" };
    out.push_str(&format!("\n{ok} OK, {failed} FAIL, {unknown} not checked{how}\n"));
    fitted(&out, columns)
}

/// Returns the branch to a line of the tree, and what stands before the lines below it.
fn branch(is_last: bool) -> (&'static str, &'static str) {
    if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") }
}

/// Draws lines with their branches. The first line of each is its own, the others stand below it.
fn branches(indent: &str, entries: &[Vec<String>]) -> String {
    let mut out = String::new();
    for (number, entry) in entries.iter().enumerate() {
        let (branch, below) = branch(number + 1 == entries.len());
        for (number, line) in entry.iter().enumerate() {
            match number {
                0 => out.push_str(&format!("{indent}{branch}{line}\n")),
                _ => out.push_str(&format!("{indent}{below}     {line}\n")),
            }
        }
    }
    out
}

/// Writes the checks, each with the lines below it.
fn checks(checks: &[Check], shown: Shown) -> Vec<Vec<String>> {
    if shown == Shown::Each {
        return checks.iter().map(check).collect();
    }
    let well = checks.iter().filter(|check| check.status == CheckStatus::Ok).count();
    let untried = checks.iter().filter(|check| is_never_tried(check)).count();
    let mut entries = Vec::new();
    if well > 0 {
        let checks = counted(well, "check");
        let more = match untried {
            0 => String::new(),
            1 => "; 1 more shows only when a deployment needs it".to_owned(),
            more => format!("; {more} more show only when a deployment needs them"),
        };
        entries.push(vec![format!("{} {checks}{more}", mark(CheckStatus::Ok))]);
    }
    let mut rest: Vec<&Check> = checks.iter().filter(|check| check.status != CheckStatus::Ok).collect();
    rest.retain(|check| well == 0 || !is_never_tried(check));
    while let Some(first) = rest.first().copied() {
        // One reason, such as an account that cannot be entered, leaves many rights open.
        let is_alike = |check: &&Check| check.status == CheckStatus::NotChecked && check.because == first.because;
        let (alike, others): (Vec<&Check>, Vec<&Check>) = rest.iter().copied().partition(is_alike);
        if alike.len() > 1 {
            let because = first.because.as_deref().map_or(String::new(), |because| format!(": {}", one_line(because)));
            entries.push(vec![format!("{} {} not checked{because}", mark(CheckStatus::NotChecked), alike.len())]);
            rest = others;
        } else {
            entries.push(check(first));
            rest.remove(0);
        }
    }
    entries
}

/// Whether the doctor never tries this, so that it tells nothing about these accounts.
fn is_never_tried(check: &Check) -> bool {
    check.status == CheckStatus::NotChecked
        && UNPROBED.iter().any(|(action, because)| check.check == *action && check.because.as_deref() == Some(because))
}

fn mark(status: CheckStatus) -> String {
    let (style, word) = match status {
        CheckStatus::Ok => (colours::GOOD, "OK  "),
        CheckStatus::Fail => (colours::BAD.bold(), "FAIL"),
        CheckStatus::NotChecked => (colours::ATTENTION, "–   "),
    };
    format!("{style}{word}{style:#}")
}

/// Writes a check, and below it the statements of which one is missing.
fn check(check: &Check) -> Vec<String> {
    let Check { check: name, status, because, missing, .. } = check;
    // The deployer's text has messages of AWS, so that it is printed without control sequences.
    let because = match because.as_deref().map(one_line) {
        Some(because) if *status == CheckStatus::NotChecked => format!(": not checked: {because}"),
        Some(because) => format!(": {because}"),
        None => String::new(),
    };
    let mut lines = vec![format!("{} {}{because}", mark(*status), one_line(name))];
    if missing.len() > 1 {
        lines.push("one of these is missing:".to_owned());
        for Missing { belongs, statement } in missing {
            lines.push(format!("in {}:", one_line(belongs)));
            lines.extend(json(statement).into_iter().map(|line| format!("  {line}")));
        }
    }
    lines
}

/// Writes all statements that are missing for certain, and those that AWS looks at next, by policy: one change of each
/// policy mends all of it.
fn missing(report: &DoctorReport) -> String {
    policies("missing", report.missing_by_policy())
        + &policies("needed for the same calls: see that it is there too", report.also_needed_by_policy())
}

fn policies(heading: &str, policies: Vec<MissingInPolicy>) -> String {
    if policies.is_empty() {
        return String::new();
    }
    let bold = Style::new().bold();
    let mut out = format!("\n{bold}{heading}{bold:#}\n");
    for MissingInPolicy { belongs, statements } in policies {
        out.push_str(&format!("in {}:\n", one_line(&belongs)));
        let last = statements.len().saturating_sub(1);
        for (number, statement) in statements.iter().enumerate() {
            let mut lines = json(statement);
            if let Some(end) = lines.last_mut().filter(|_| number < last) {
                end.push(',');
            }
            lines.iter().for_each(|line| out.push_str(&format!("  {line}\n")));
        }
    }
    out
}

/// Writes a statement as indented JSON without control sequences.
fn json(statement: &Value) -> Vec<String> {
    format!("{statement:#}").lines().map(one_line).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use deployer_core::doctor::TargetReport;
    use serde_json::json;

    use super::*;
    use crate::text::golden::{assert_golden, plain};

    fn lacking(action: &str, resource: &str) -> Check {
        let statement = json!({"Effect": "Allow", "Action": action, "Resource": resource});
        let belongs =
            "the policy of the deploy role deployer-target in account 111111111111 (module target)".to_owned();
        Check::fail(action, "AccessDeniedException: not authorized").with_missing(vec![Missing { belongs, statement }])
    }

    fn target(environment: &str, account: &str, checks: Vec<Check>) -> TargetReport {
        TargetReport {
            environment: deployer_core::id::EnvironmentName::parse(environment).unwrap(),
            target: serde_json::from_value(json!({"account": account, "region": "eu-west-1"})).unwrap(),
            checks,
        }
    }

    fn well() -> Vec<Check> {
        let well = ["enter", "account", "lambda:GetFunction", "lambda:UpdateAlias"].map(Check::ok);
        well.into_iter().chain(UNPROBED.map(|(action, because)| Check::not_checked(action, because))).collect()
    }

    fn report() -> DoctorReport {
        let functions = "arn:aws:lambda:eu-west-1:111111111111:function:<functions>";
        let broken = vec![
            Check::ok("enter"),
            Check::ok("account"),
            lacking("lambda:PublishVersion", functions),
            lacking("lambda:UpdateAlias", functions),
            lacking("lambda:DeleteFunction", &format!("{functions}:*")),
            lacking("s3:GetObject", "arn:aws:s3:::acme-artifacts/dev/*").with_also_needed(vec![Missing {
                belongs: "the policy of the artifact bucket acme-artifacts (module tooling)".into(),
                statement: json!({"Effect": "Allow", "Principal": "…", "Action": "s3:GetObject"}),
            }]),
        ];
        let statement = |principal: Option<&str>| {
            let mut statement = json!({"Effect": "Allow", "Action": "sts:AssumeRole"});
            if let Some(principal) = principal {
                statement["Principal"] = json!({ "AWS": principal });
            }
            statement
        };
        let missing = vec![
            Missing { belongs: "the trust policy of the deploy role".into(), statement: statement(Some("deployer")) },
            Missing { belongs: "the policy of the deployer's role".into(), statement: statement(None) },
        ];
        let closed = ["lambda:GetFunction", "lambda:GetAlias", "read artifact"];
        let closed = closed.map(|name| Check::not_checked(name, "the account could not be entered"));
        let closed = std::iter::once(Check::fail("enter", "AccessDenied: no").with_missing(missing)).chain(closed);
        DoctorReport {
            now: None,
            tooling: vec![Check::ok("invoke"), Check::ok("deployer.json").with_finding("3 environments")],
            targets: vec![
                target("dev", "111111111111", broken),
                target("prod", "222222222222", well()),
                target("prod", "333333333333", closed.collect()),
            ],
        }
    }

    #[test]
    fn what_is_well_is_one_line_and_all_that_is_missing_stands_together() {
        assert_golden("doctor.txt", &plain(&text(&report(), Shown::Folded, None)));
    }

    #[test]
    fn report_fits_terminals_of_60_to_200_columns() {
        for columns in [60, 80, 200] {
            assert_golden(&format!("doctor-{columns}.txt"), &plain(&text(&report(), Shown::Each, Some(columns))));
        }
    }

    #[test]
    fn verbose_report_has_a_line_for_each_check() {
        let text = plain(&text(&report(), Shown::Each, None));
        for line in ["├─ OK   invoke", "└─ OK   deployer.json: 3 environments", "│  ├─ OK   lambda:UpdateAlias"]
        {
            assert!(text.lines().any(|shown| shown == line), "{line:?} is not in:\n{text}");
        }
        assert_eq!(text.matches("not checked: the account could not be entered").count(), 3, "{text}");
        assert!(text.ends_with("8 OK, 5 FAIL, 7 not checked\n"), "{text}");
    }

    #[test]
    fn foreign_text_is_one_line_without_control_sequences() {
        let foreign = "no\n├─ OK   enter \u{1b}[2J\u{9b}2J";
        let missing = vec![Missing { belongs: foreign.into(), statement: json!({"Sid": foreign}) }];
        let either = [missing.clone(), missing.clone()].concat();
        let alike = [Check::not_checked("a", foreign), Check::not_checked("b", foreign)];
        let fails = [missing, either].map(|missing| Check::fail(foreign, foreign).with_missing(missing));
        for shown in [Shown::Each, Shown::Folded] {
            let tooling = fails.iter().chain(&alike).cloned().collect();
            let text = text(&DoctorReport { now: None, tooling, targets: vec![] }, shown, None);
            let is_colour = |rest: &str| {
                rest.strip_prefix('[')
                    .and_then(|rest| rest.split_once('m'))
                    .is_some_and(|(code, _)| code.split(';').all(|digits| digits.len() <= 3))
            };
            assert!(text.split('\u{1b}').skip(1).all(is_colour) && !text.contains('\u{9b}'), "{text:?}");
            assert!(text.contains("\\u{1b}[2J"), "{text:?}");
            assert!(!text.lines().any(|line| line.trim_start().starts_with("├─ OK")), "{text}");
        }
    }
}
