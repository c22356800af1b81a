//! `deployctl doctor`: prints the deployer's report on the chain of trust, with checks that only this machine can make.
//! The deployer does the checks, because only its role is trusted.

pub(crate) mod text;

use std::time::Duration;

use deployer_core::denial::Denial;
use deployer_core::doctor::{self, Check, DoctorReport, Missing};
use deployer_core::id::{EnvironmentName, Region};
use jiff::Timestamp;

use crate::answer::{Answer, CliError, Exit};
use crate::remote::{self, request};
use crate::text::terminal;
use deployer_core::trigger::Command;
use text::Shown;

/// The options of `doctor`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    #[command(flatten)]
    remote: remote::Options,
    /// Check only the targets of this environment.
    #[arg(long, short, value_name = "NAME")]
    environment: Option<EnvironmentName>,
    /// Show a line for each check, also for those that are well.
    #[arg(long, short)]
    verbose: bool,
}

/// The difference of clocks that is reported. No deployment depends on this machine's clock, but AWS rejects signatures
/// that are off by more than five minutes.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_secs(60);

pub(crate) async fn run(options: &Options) -> Result<Answer, CliError> {
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
    let shown = if options.verbose { Shown::Each } else { Shown::Folded };
    Ok(Answer::with_text(text::text(&report, shown, terminal::columns()), &report, exit))
}

/// Makes the check for a deployer that does not answer: the first broken link.
async fn invoke_failed(error: CliError, options: &Options) -> Result<Check, CliError> {
    match error.error_type.as_ref() {
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
}
