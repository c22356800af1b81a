//! `deployctl plan`: shows what a deployment would change, as the deployer or this machine plans it.

pub(crate) mod text;
pub(crate) mod waiting;

use std::path::Path;

use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName, Release};
use deployer_core::plan::PlanReport;
use jiff::Timestamp;

use crate::answer::{Answer, CliError, Exit};
use crate::text::terminal;
use crate::zips::source::SourceZip;
use crate::zips::{self, sources};
use crate::{direct, remote};
use deployer_core::trigger::{Command, DescribedManifest, DescribedPackage};
use text::text;
use waiting::WaitingPlan;

/// The options of `plan`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    /// A folder or a zip that is not uploaded.
    #[arg(value_name = "DIR|FILE", conflicts_with = "release")]
    source: Option<String>,
    /// The environment [default: that of the promotion that waits]; without the deployer, the part of the manifest that
    /// counts [default: none].
    #[arg(long, short, value_name = "NAME")]
    environment: Option<EnvironmentName>,
    /// The function [default: the name of the folder or the zip, or that of the promotion that waits].
    #[arg(long, short, value_name = "NAME")]
    function: Option<FunctionName>,
    /// An uploaded release; without one, and without a folder or a zip, plan what is live.
    #[arg(long, short, value_name = "RELEASE")]
    release: Option<Release>,
    /// Plan a rollback: to what was live before, or to --to.
    #[arg(long, conflicts_with_all = ["source", "release", "promote_from", "deployment"])]
    rollback: bool,
    /// With --rollback: the release to go back to.
    #[arg(long, value_name = "RELEASE", requires = "rollback")]
    to: Option<Release>,
    /// Plan a promotion from this environment: of --release, or of what is live there.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["source", "deployment"])]
    promote_from: Option<EnvironmentName>,
    /// Plan a promotion that waits, or each member of a group, by the id that status shows. It needs no environment and no
    /// function.
    #[arg(long, value_name = "ID", value_parser = DeploymentId::parse, conflicts_with_all = ["source", "release"])]
    deployment: Option<DeploymentId>,
    /// Exit with 5 if something would change.
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    direct: direct::Options,
    #[command(flatten)]
    remote: remote::Options,
}

pub(crate) async fn run(options: &Options) -> Result<Answer, CliError> {
    let differs = if options.exit_code { Exit::Differs } else { Exit::Done };
    let text = |report: &PlanReport| text(report, Timestamp::now(), terminal::columns());
    let report = match options.deployment {
        _ if options.direct.is_direct() => plan_direct(options).await?,
        None => ask_deployer(options).await?,
        Some(id) => {
            options.direct.reject_if_given()?;
            let place = (options.environment.as_ref(), options.function.as_ref());
            match waiting::of(&options.remote, id, place).await? {
                WaitingPlan::One(report) => *report,
                WaitingPlan::Group(group) => {
                    let texts: Vec<String> = group.plans.iter().map(text).collect();
                    let exit = Exit::worst(group.plans.iter().map(|report| exit(report, differs)));
                    return Ok(Answer::with_text(texts.join("\n"), &group, exit));
                }
            }
        }
    };
    Ok(Answer::with_text(text(&report), &report, exit(&report, differs)))
}

/// Asks the deployer for the plan.
async fn ask_deployer(options: &Options) -> Result<PlanReport, CliError> {
    options.direct.reject_if_given()?;
    let Some(environment) = options.environment.clone() else {
        return Err(CliError::wrong_use("name the environment (--environment) that the deployer shall plan for"));
    };
    let (function, package) = match (&options.source, &options.function) {
        (Some(source), named) => {
            let source = single_source(source, named.as_ref())?;
            (source.function, Some(describe_package(&source.path, &environment)?))
        }
        (None, Some(function)) => (function.clone(), None),
        (None, None) => return Err(CliError::wrong_use("name the function (--function), or give a folder or a zip")),
    };
    let command = Command::Plan {
        environment,
        function,
        release: options.release.clone(),
        package,
        rollback: options.rollback,
        to: options.to.clone(),
        promote_from: options.promote_from.clone(),
        deployment: None,
    };
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
    let zip = SourceZip::open(path).map_err(|error| error.error(path))?;
    let invalid = |findings: Vec<zips::Finding>| zips::invalid_zip(path, &findings);
    let package = zip.read(|_| {}).map_err(invalid)?;
    zips::check(&package, Some(environment)).map_err(invalid)?;
    zip.tell();
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
pub(crate) fn exit(report: &PlanReport, differs: Exit) -> Exit {
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
