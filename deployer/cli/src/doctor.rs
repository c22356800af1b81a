//! `deployctl doctor`: prints the deployer's report on the chain of trust, with checks that only this machine can make.
//! The deployer does the checks, because only its role is trusted.

use std::time::Duration;

use anstyle::{AnsiColor, Style};
use deployer_core::denial::Denial;
use deployer_core::doctor::{self, Check, CheckStatus, DoctorReport, Missing};
use deployer_core::id::{EnvironmentName, Region};
use jiff::Timestamp;

use super::answer::one_line;
use super::answer::{Answer, CliError, Exit};
use super::remote::{self, request};
use deployer_core::trigger::Command;

/// The options of `doctor`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    #[command(flatten)]
    remote: remote::Options,
    /// Check only the targets of this environment.
    #[arg(long, short, value_name = "NAME")]
    environment: Option<EnvironmentName>,
}

/// The difference of clocks that is reported. No deployment depends on this machine's clock, but AWS rejects signatures
/// that are off by more than five minutes.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_secs(60);

pub(super) async fn run(options: &Options) -> Result<Answer, CliError> {
    let before = Timestamp::now();
    let command = Command::Doctor { environment: options.environment.clone() };
    let answer = options.remote.remote().await?.send::<DoctorReport>(&request(command)).await;
    let after = Timestamp::now();
    let report = match answer {
        Ok(mut report) => {
            let mut own = vec![Check::ok("invoke")];
            let now = report.now.map(|now| ("this machine's clock", (before, after), now));
            own.extend(
                now.map(|(whose, looks, now)| doctor::clocks("your clock", whose, looks, now, MAX_CLOCK_DIFFERENCE)),
            );
            report.tooling.splice(0..0, own);
            report
        }
        Err(error) => DoctorReport { now: None, tooling: vec![invoke_failed(error, options).await?], targets: vec![] },
    };
    let exit = if report.is_well() { Exit::Done } else { Exit::Failed };
    Ok(Answer::with_text(draw(&report), &report, exit))
}

/// Makes the check for a deployer that does not answer: the first broken link.
async fn invoke_failed(error: CliError, options: &Options) -> Result<Check, CliError> {
    match error.error_type {
        "InvalidCommand" => Err(error),
        "InvalidConfig" => Ok(Check::fail("deployer.json", error.message)),
        _ => {
            let region = options.remote.sdk().await?.region().and_then(|region| Region::parse(region.as_ref()).ok());
            Ok(invoke_check(&error.message, &options.remote.function_name(), region.as_ref()))
        }
    }
}

fn invoke_check(message: &str, name: &str, region: Option<&Region>) -> Check {
    let words = message.replace("\n  ", "; ");
    if let Some(advice) = Denial::of(message).advice() {
        return Check::fail("invoke", format!("{words}; {advice}"));
    }
    let check = Check::fail("invoke", words);
    if !message.contains("AccessDenied") {
        return check;
    }
    let (partition, region) = region.map_or(("aws", "<region>"), |region| (region.partition(), region.as_str()));
    let function = match name.split_once(":function:") {
        _ if name.starts_with("arn:") => name.to_owned(),
        Some((account, name)) => format!("arn:{partition}:lambda:{region}:{account}:function:{name}"),
        None => format!("arn:{partition}:lambda:{region}:<the deployer's account>:function:{name}"),
    };
    let statement = serde_json::json!({"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": function});
    check.with_missing(vec![Missing {
        belongs: "your own rights (the policy \"operate\" of module tooling)".into(),
        statement,
    }])
}

/// Draws a tree: the deployer, then each environment with its targets.
fn draw(report: &DoctorReport) -> String {
    let mut out = String::new();
    let bold = Style::new().bold();
    out.push_str(&format!("{bold}deployer{bold:#}\n"));
    checks(&mut out, "", &report.tooling);
    let mut targets = report.targets.iter().peekable();
    while let Some(first) = targets.next() {
        let environment = &first.environment;
        out.push_str(&format!("\n{bold}{environment}{bold:#}\n"));
        let mut group = vec![first];
        while let Some(next) = targets.next_if(|next| next.environment == *environment) {
            group.push(next);
        }
        for (number, target) in group.iter().enumerate() {
            let last = number + 1 == group.len();
            let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            out.push_str(&format!("{branch}{}\n", target.target));
            checks(&mut out, below, &target.checks);
        }
    }
    let all = || report.tooling.iter().chain(report.targets.iter().flat_map(|target| &target.checks));
    let count = |status| all().filter(|check| check.status == status).count();
    let (ok, failed, unknown) = (count(CheckStatus::Ok), count(CheckStatus::Fail), count(CheckStatus::NotChecked));
    out.push_str(&format!("\n{ok} OK, {failed} FAIL, {unknown} not checked\n"));
    out
}

fn checks(out: &mut String, indent: &str, checks: &[Check]) {
    for (number, check) in checks.iter().enumerate() {
        let last = number + 1 == checks.len();
        let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let (style, word) = match check.status {
            CheckStatus::Ok => (AnsiColor::Green.on_default(), "OK  "),
            CheckStatus::Fail => (AnsiColor::Red.on_default().bold(), "FAIL"),
            CheckStatus::NotChecked => (AnsiColor::Yellow.on_default(), "–   "),
        };
        let Check { check: name, status, because, missing } = check;
        // The deployer's text has messages of AWS, so that it is printed without control sequences.
        out.push_str(&format!("{indent}{branch}{style}{word}{style:#} {}", one_line(name)));
        match because.as_deref().map(one_line) {
            Some(because) if *status == CheckStatus::NotChecked => out.push_str(&format!(": not checked: {because}\n")),
            Some(because) => out.push_str(&format!(": {because}\n")),
            None => out.push('\n'),
        }
        let lead = format!("{indent}{below}     ");
        if missing.len() > 1 {
            out.push_str(&format!("{lead}one of these is missing:\n"));
        }
        for Missing { belongs, statement } in missing {
            out.push_str(&format!("{lead}in {}:\n", one_line(belongs)));
            for line in format!("{statement:#}").lines() {
                out.push_str(&format!("{lead}  {}\n", one_line(line)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_invoke_permission_names_partition_and_region() {
        let function = |name: &str, region: &str| {
            let check = invoke_check("AccessDeniedException: no", name, Region::parse(region).ok().as_ref());
            check.missing.first().map(|missing| missing.statement["Resource"].clone())
        };
        let named = |text: &str| Some(serde_json::Value::from(text));
        assert_eq!(
            function("deployer", "cn-north-1"),
            named("arn:aws-cn:lambda:cn-north-1:<the deployer's account>:function:deployer")
        );
        assert_eq!(
            function("123456789012:function:deployer", "eu-west-1"),
            named("arn:aws:lambda:eu-west-1:123456789012:function:deployer")
        );
        let arn = "arn:aws:lambda:eu-west-1:123456789012:function:deployer";
        assert_eq!(function(arn, "us-east-1"), named(arn));
    }

    #[test]
    fn foreign_text_is_one_line_without_control_sequences() {
        let foreign = "no\n├─ OK   enter \u{1b}[2J\u{9b}2J";
        let missing = vec![Missing { belongs: foreign.into(), statement: serde_json::json!({"Sid": foreign}) }];
        let tooling = vec![Check::fail(foreign, foreign).with_missing(missing)];
        let text = draw(&DoctorReport { now: None, tooling, targets: vec![] });
        assert_eq!(text.matches('\u{1b}').count(), 5, "only our own: {text:?}");
        assert!(!text.contains('\u{9b}'), "{text:?}");
        assert!(!text.lines().any(|line| line.trim_start().starts_with("├─ OK")), "{text}");
    }
}
