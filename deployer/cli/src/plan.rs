//! `deployctl plan`: shows what a deployment would change, as the deployer or this machine plans it.

use std::fmt::Write as _;
use std::path::Path;

use anstyle::{AnsiColor, Style};
use deployer_core::id::{EnvironmentName, FunctionName, Release};
use deployer_core::plan::{PlanReport, PlannedChange, PlannedStep, TargetPlan};

use super::answer::{Answer, CliError, Exit, one_line};
use super::{direct, remote, sources, zips};
use deployer_core::trigger::{Command, DescribedManifest, DescribedPackage};

/// The options of `plan`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    /// A folder or a zip that is not uploaded.
    #[arg(value_name = "DIR|FILE", conflicts_with = "release")]
    source: Option<String>,
    /// The environment; without the deployer, the part of the manifest that counts [default: none].
    #[arg(long, short, value_name = "NAME")]
    environment: Option<EnvironmentName>,
    /// The function [default: the name of the folder or the zip].
    #[arg(long, short, value_name = "NAME")]
    function: Option<FunctionName>,
    /// An uploaded release; without one, and without a folder or a zip, plan what is live.
    #[arg(long, short, value_name = "RELEASE")]
    release: Option<Release>,
    /// Exit with 5 if something would change.
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    direct: direct::Options,
    #[command(flatten)]
    remote: remote::Options,
}

pub(super) async fn run(options: &Options) -> Result<Answer, CliError> {
    let report = if options.direct.is_direct() { plan_direct(options).await? } else { ask_deployer(options).await? };
    let exit = exit(&report, if options.exit_code { Exit::Differs } else { Exit::Done });
    Ok(Answer::with_text(text(&report), &report, exit))
}

/// Asks the deployer for the plan.
async fn ask_deployer(options: &Options) -> Result<PlanReport, CliError> {
    options.direct.reject_if_given()?;
    let Some(environment) = options.environment.clone() else {
        return Err(CliError::wrong_use("--environment says where the deployer would deploy to"));
    };
    let (function, package) = match (&options.source, &options.function) {
        (Some(source), named) => {
            let source = single_source(source, named.as_ref())?;
            (source.function, Some(describe_package(&source.path, &environment)?))
        }
        (None, Some(function)) => (function.clone(), None),
        (None, None) => return Err(CliError::wrong_use("name the function (--function), or give a folder or a zip")),
    };
    let command = Command::Plan { environment, function, release: options.release.clone(), package };
    options.remote.remote().await?.send(&remote::request(command)).await
}

/// Plans from this machine.
async fn plan_direct(options: &Options) -> Result<PlanReport, CliError> {
    let Some(source) = &options.source else {
        return Err(CliError::wrong_use("which folder or zip? past the deployer there are no releases"));
    };
    let checked =
        direct::CheckedSource::open(single_source(source, options.function.as_ref())?, options.environment.as_ref())?;
    let all = [checked];
    let environment = direct::environment(options.environment.as_ref(), &all)?;
    let [direct::CheckedSource { source, zip, .. }] = all;
    let sdk = options.remote.sdk().await?;
    let direct = options.direct.prepare(&sdk, environment).await?;
    options.direct.warn_if_in_ledger(&sdk, &direct, std::slice::from_ref(&source.function)).await;
    let report = direct.plan(&source.function, zip).await;
    report.map_err(|error| CliError::failed(format!("{error}: try again")))
}

fn single_source(argument: &str, named: Option<&FunctionName>) -> Result<sources::Source, CliError> {
    let mut sources = sources::resolve(&[argument.to_owned()], named)?;
    match (sources.pop(), sources.len()) {
        (Some(source), 0) => Ok(source),
        (_, others) => Err(CliError::wrong_use(format!("{argument} is {} functions: plan one at a time", others + 1))),
    }
}

/// Describes a zip to the deployer, which plans without the zip. A zip that the deployer would refuse is refused here,
/// with every mistake.
fn describe_package(path: &Path, environment: &EnvironmentName) -> Result<DescribedPackage, CliError> {
    let zip = sources::open_zip(path)?;
    let invalid = |findings: Vec<zips::Finding>| zips::invalid_zip(path, &findings);
    let package = zips::read(&zip, |_| {}).map_err(invalid)?;
    zips::check(&package, Some(environment)).map_err(invalid)?;
    let manifest: Option<Result<_, CliError>> = package.manifest.map(|(format, text)| {
        let text = String::from_utf8(text)
            .map_err(|error| CliError::refused(format!("{}: {}: {error}", path.display(), format.file_name())))?;
        Ok(DescribedManifest { file: format.file_name().to_owned(), text })
    });
    Ok(DescribedPackage {
        sha256: package.sha256,
        size: package.size,
        manifest: manifest.transpose()?,
        startup: package.startup,
    })
}

/// Returns the exit code. A refusal ranks above a failure, because a refused plan has planned no target.
fn exit(report: &PlanReport, differs: Exit) -> Exit {
    if report.refused.is_some() {
        Exit::Refused
    } else if report.targets.iter().any(|target| target.error.is_some()) {
        Exit::Failed
    } else if report.unchanged {
        Exit::Done
    } else {
        differs
    }
}

pub(super) const ADDED: Style = AnsiColor::Green.on_default();
pub(super) const CHANGED: Style = AnsiColor::Yellow.on_default();
pub(super) const REMOVED: Style = AnsiColor::Red.on_default();
const WRONG: Style = AnsiColor::Red.on_default().bold();
pub(super) const HEADING: Style = Style::new().bold();

/// Writes a plan for people: the differences of each target, and the calls that a deployment would make.
pub(super) fn text(report: &PlanReport) -> String {
    let PlanReport { environment, function, release, refused, targets, .. } = report;
    let release = release.as_ref().map(|release| format!(", release {release}")).unwrap_or_default();
    let mut text = format!("{HEADING}{function} in {environment}{release}{HEADING:#}\n");
    if let Some(refused) = refused {
        let because = one_line(&refused.because);
        let _infallible = writeln!(text, "{WRONG}would be refused{WRONG:#} ({:?}): {because}", refused.code);
        return text;
    }
    for TargetPlan { target, steps, changes, warnings, error } in targets {
        let nothing = if steps.is_empty() && error.is_none() { " nothing to do" } else { "" };
        let _infallible = writeln!(text, "{HEADING}{target}:{HEADING:#}{nothing}");
        if let Some(error) = error {
            let _infallible =
                writeln!(text, "  {WRONG}error{WRONG:#} ({:?}): {}", error.code, one_line(&error.to_string()));
        }
        for warning in warnings {
            let _infallible = writeln!(text, "  {CHANGED}warning{CHANGED:#}: {}", one_line(warning));
        }
        changes.iter().for_each(|change| text.push_str(&change_line(change)));
        for (number, PlannedStep { step, detail }) in steps.iter().enumerate() {
            let detail = if detail.is_empty() { String::new() } else { format!(" ({})", one_line(detail)) };
            let _infallible = writeln!(text, "  {}. {step}{detail}", number + 1);
        }
    }
    text
}

/// Writes a line for a field that changes.
pub(super) fn change_line(PlannedChange { field, from, to }: &PlannedChange) -> String {
    let (style, sign, values) = match (from.as_deref().map(one_line), to.as_deref().map(one_line)) {
        (Some(from), Some(to)) => (CHANGED, '~', format!("{from} → {to}")),
        (None, Some(to)) => (ADDED, '+', to),
        (Some(from), None) => (REMOVED, '-', from),
        (None, None) => (CHANGED, '~', "(none)".to_owned()),
    };
    format!("  {style}{sign} {field}{style:#}: {values}\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use deployer_core::plan::RefusedPlan;
    use deployer_core::record::{Code, TargetError, TargetErrorCode};
    use serde_json::json;

    use super::*;

    /// Returns the text without colours.
    fn plain(report: &PlanReport) -> String {
        anstream::adapter::strip_str(&text(report)).to_string()
    }

    fn report() -> PlanReport {
        serde_json::from_value(json!({
            "environment": "dev", "function": "orders", "release": "1.4.2", "unchanged": false,
            "targets": [
                {
                    "account": "111111111111", "region": "eu-west-1",
                    "steps": [{"step": "update configuration", "detail": ""}, {"step": "update code", "detail": "publishing"}],
                    "changes": [
                        {"field": "memory_size", "from": "128", "to": "256"},
                        {"field": "environment.variables.TOKEN", "from": null, "to": "***"},
                        {"field": "tags.team", "from": "a\nb", "to": null},
                    ],
                },
                {"account": "222222222222", "region": "us-east-1", "steps": [], "changes": []},
            ],
        }))
        .unwrap()
    }

    #[test]
    fn plan_text_lists_each_target() {
        assert_eq!(
            plain(&report()),
            "orders in dev, release 1.4.2\n\
             111111111111/eu-west-1:\n  \
               ~ memory_size: 128 → 256\n  \
               + environment.variables.TOKEN: ***\n  \
               - tags.team: a\\nb\n  \
               1. update configuration\n  \
               2. update code (publishing)\n\
             222222222222/us-east-1: nothing to do\n"
        );
        assert_eq!(exit(&report(), Exit::Done), Exit::Done);
        assert_eq!(exit(&report(), Exit::Differs), Exit::Differs);
    }

    #[test]
    fn failed_target_and_refusal_show_their_reason() {
        let mut report = report();
        report.targets.truncate(1);
        let error = TargetError::new(TargetErrorCode::AssumeRoleDenied, "enter", "denied");
        report.targets[0] = TargetPlan::of(&report.targets[0].target, Err(error));
        assert_eq!(
            plain(&report),
            "orders in dev, release 1.4.2\n111111111111/eu-west-1:\n  error (AssumeRoleDenied): enter: denied\n"
        );
        assert_eq!(exit(&report, Exit::Differs), Exit::Failed);
        report.refused = Some(RefusedPlan { code: Code::InvalidArtifact, because: "the zip is cut off".into() });
        assert_eq!(
            plain(&report),
            "orders in dev, release 1.4.2\nwould be refused (InvalidArtifact): the zip is cut off\n"
        );
        assert_eq!(exit(&report, Exit::Differs), Exit::Refused);
    }
}
