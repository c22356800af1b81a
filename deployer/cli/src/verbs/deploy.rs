//! `deployctl deploy`: the deployer deploys an uploaded release, or this machine deploys folders and zips itself.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;

use deployer_core::id::{EnvironmentName, FunctionName, Release, Sha256};
use deployer_core::plan::{PlanReport, TargetPlan};
use deployer_core::record::DeploymentRecord;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use serde_json::{Value, json};

use crate::answer::{Answer, CliError, Exit};
use crate::direct::CheckedSource;
use crate::direct::deploy::{Direct, FUNCTIONS_AT_ONCE};
use crate::follow::interrupts::Interrupts;
use crate::text::progress::WaitProgress;
use crate::text::records;
use crate::zips::sources::{self, Source};
use crate::{direct, follow};
use deployer_core::trigger::Command;

/// The options of a direct deployment, which has no end to wait for.
const DIRECT_OPTIONS: [&str; 2] = ["role_arn", "direct"];

/// The options of `deploy`.
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(
    mut_arg("no_wait", |arg| arg.conflicts_with_all(DIRECT_OPTIONS)),
    mut_arg("timeout", |arg| arg.conflicts_with_all(DIRECT_OPTIONS)),
)]
pub(crate) struct Options {
    /// With --role-arn or --direct: folders, zips, or patterns of them such as 'functions/*'. Each is the function of
    /// its name.
    #[arg(value_name = "DIR|FILE")]
    sources: Vec<String>,
    /// The environment; without the deployer, the part of the manifest that counts [default: none].
    #[arg(long, short, value_name = "NAME")]
    environment: Option<EnvironmentName>,
    /// The function; without the deployer, the name of the only folder or zip.
    #[arg(long, short, value_name = "NAME")]
    function: Option<FunctionName>,
    /// The release that the deployer deploys.
    #[arg(long, short, value_name = "RELEASE")]
    release: Option<Release>,
    /// Skip the steps of the environment's rollout, for this reason. Smoke tests and the watch stay. It is recorded and
    /// sent to the event bus.
    #[arg(long, value_name = "REASON", conflicts_with_all = DIRECT_OPTIONS)]
    skip_rollout: Option<String>,
    /// Without the deployer: create the function if it does not exist.
    #[arg(long)]
    create: bool,
    #[command(flatten)]
    direct: direct::Options,
    #[command(flatten)]
    follow: follow::Options,
}

pub(crate) async fn run(options: &Options) -> Result<Answer, CliError> {
    if options.direct.is_direct() { deploy_direct(options).await } else { deploy_release(options).await }
}

async fn deploy_release(options: &Options) -> Result<Answer, CliError> {
    options.direct.reject_if_given()?;
    if options.create {
        return Err(CliError::wrong_use(
            "--create is for --role-arn or --direct: the deployer creates missing functions by itself",
        ));
    }
    if !options.sources.is_empty() {
        return Err(CliError::wrong_use(
            "push uploads folders and zips to the deployer; to deploy them past it, say --role-arn or --direct",
        ));
    }
    let (Some(environment), Some(function), Some(release)) =
        (options.environment.clone(), options.function.clone(), options.release.clone())
    else {
        return Err(CliError::wrong_use(
            "name what the deployer shall deploy (--environment, --function, --release); or give a folder or a zip and \
             --role-arn, to deploy past the deployer",
        ));
    };
    let skip_rollout = options.skip_rollout.clone();
    options.follow.run_command(Command::Deploy { environment, function, release, skip_rollout }).await
}

async fn deploy_direct(options: &Options) -> Result<Answer, CliError> {
    options.follow.reject_if_given()?;
    if let Some(release) = &options.release {
        return Err(CliError::wrong_use(format!(
            "past the deployer there are no releases: leave --release {release} away, or --role-arn and --direct"
        )));
    }
    if options.sources.is_empty() {
        return Err(CliError::wrong_use(
            "name the folders or zips: a direct deployment sends the code from this machine",
        ));
    }
    let checked =
        check_sources(sources::resolve(&options.sources, options.function.as_ref())?, options.environment.as_ref())?;
    let environment = direct::environment(options.environment.as_ref(), &checked)?;
    let sdk = options.follow.remote.sdk().await?;
    let direct = options.direct.prepare(&sdk, environment).await?;
    direct::warn(&format!(
        "this goes past the deployer, to {}, where alias {} serves: nothing claims the functions meanwhile, keeps \
         deployments in order, records this one or can roll it back",
        direct.target(),
        direct.alias()
    ));
    let functions: Vec<FunctionName> = checked.iter().map(|one| one.source.function.clone()).collect();
    options.direct.warn_if_in_ledger(&sdk, &direct, &functions).await;
    let mut interrupts = Interrupts::listen()?;
    let progress = Progress::of(&functions);
    tokio::select! {
        answer = deploy_all(options, &direct, checked, &progress) => answer,
        never = progress.wait.repeat() => match never {},
        () = interrupts.received() => Err(progress.interrupted(&functions)),
    }
}

/// Checks all sources before the first is deployed: all are deployed, or none.
fn check_sources(sources: Vec<Source>, environment: Option<&EnvironmentName>) -> Result<Vec<CheckedSource>, CliError> {
    let several = sources.len() > 1;
    let (mut checked, mut invalid) = (Vec::new(), Vec::<CliError>::new());
    for source in sources {
        match CheckedSource::open(source, environment) {
            Ok(one) => checked.push(one),
            Err(error) => invalid.push(error),
        }
    }
    let mut messages: Vec<String> = invalid.iter().map(|error| error.message.clone()).collect();
    match invalid.into_iter().max_by_key(|error| error.exit.severity()) {
        None => Ok(checked),
        Some(worst) => {
            messages.extend(several.then(|| "none of them is deployed".to_owned()));
            Err(CliError { message: messages.join("\n"), ..worst })
        }
    }
}

async fn deploy_all(
    options: &Options,
    direct: &Direct,
    checked: Vec<CheckedSource>,
    progress: &Progress,
) -> Result<Answer, CliError> {
    if !options.create {
        ensure_functions_exist(direct, &checked).await?;
    }
    let alone = checked.len() == 1 && matches!(&options.sources[..], [argument] if !sources::is_pattern(argument));
    let text = if alone { records::text } else { records::lines };
    let answers = stream::iter(checked).map(async |CheckedSource { source, zip, .. }| {
        progress.begun(&source.function);
        let answer = deploy(options, direct, (&source, zip), text).await;
        progress.ended(&source.function);
        if alone { answer } else { Ok(answer.unwrap_or_else(|error| failed_answer(&source, error))) }
    });
    let mut answers: Vec<Answer> = answers.buffered(FUNCTIONS_AT_ONCE).try_collect().await?;
    match answers.pop() {
        Some(answer) if alone => Ok(answer),
        last => Ok(combine_answers(answers.into_iter().chain(last).collect())),
    }
}

/// Refuses functions that do not exist: without --create a missing function means a wrong name, region or role.
async fn ensure_functions_exist(direct: &Direct, checked: &[CheckedSource]) -> Result<(), CliError> {
    let plans = stream::iter(checked).map(async |CheckedSource { source, zip, .. }| {
        let again =
            |error: &dyn std::fmt::Display| CliError::failed(format!("{}: {error}: try again", source.function));
        let zip = zip.try_clone().map_err(|error| again(&error))?;
        direct.plan(&source.function, zip).await.map_err(|error| again(&error))
    });
    let plans: Vec<PlanReport> = plans.buffered(FUNCTIONS_AT_ONCE).try_collect().await?;
    let mut missing = Vec::new();
    for PlanReport { function, targets, refused, .. } in plans {
        if let Some(refused) = refused {
            return Err(CliError::refused(format!("{function}: {:?}: {}", refused.code, refused.because)));
        }
        for TargetPlan { steps, error, .. } in targets {
            if let Some(error) = error {
                return Err(CliError::failed(format!("{function}: {:?}: {error}", error.code)));
            }
            if steps.first().is_some_and(|first| first.step == CREATE) {
                missing.push(function.to_string());
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(CliError::refused(format!(
        "there is no function {} in {}, and nothing is deployed: --create makes what there is not; is it another --function, \
         --region or role that was meant?",
        missing.join(", "),
        direct.target()
    )))
}

/// The step of a plan that creates a function.
const CREATE: &str = "create function";

/// Deploys one function.
async fn deploy(
    options: &Options,
    direct: &Direct,
    (source, zip): (&Source, File),
    text: fn(&DeploymentRecord) -> String,
) -> Result<Answer, CliError> {
    let record = direct.deploy(&source.function, zip, options.follow.requester.caller(None)).await;
    let record = record.map_err(|error| CliError::failed(format!("{error}: try again")))?;
    let cannot = |error| CliError::failed(format!("the record as JSON: {error}"));
    let mut json = serde_json::to_value(&record).map_err(cannot)?;
    // The zip is in no bucket, so the JSON names the local file.
    if let (Some(artifact), Some(fields)) = (&record.artifact, json.as_object_mut()) {
        let (file, size, sha256) = (source.path.display().to_string(), artifact.size, artifact.sha256);
        let local = serde_json::to_value(LocalArtifact { file, size, sha256 }).map_err(cannot)?;
        fields.insert("artifact".to_owned(), local);
    }
    Ok(Answer { text: text(&record), json, exit: Exit::from(&record) })
}

/// The zip of a direct deployment.
#[derive(Debug, Serialize)]
struct LocalArtifact {
    /// The path of the zip, or of the folder that was packed.
    file: String,
    size: Option<u64>,
    sha256: Option<Sha256>,
}

/// The progress, which is printed if the user interrupts the deployment.
struct Progress {
    /// The number of all functions.
    count: usize,
    /// Each begun function, and whether it has ended.
    functions: RefCell<BTreeMap<FunctionName, bool>>,
    wait: WaitProgress,
}

impl Progress {
    fn of(functions: &[FunctionName]) -> Self {
        let what = match functions {
            [one] => format!("deploying {one}"),
            several => format!("deploying {} functions", several.len()),
        };
        let wait = WaitProgress::begin(what);
        Self { count: functions.len(), functions: RefCell::default(), wait }
    }

    fn begun(&self, function: &FunctionName) {
        self.functions.borrow_mut().insert(function.clone(), false);
        self.say();
    }

    fn ended(&self, function: &FunctionName) {
        self.functions.borrow_mut().insert(function.clone(), true);
        self.say();
    }

    /// Says which of several functions are under way, and how many have ended.
    fn say(&self) {
        let functions = self.functions.borrow();
        let open: Vec<&str> = functions.iter().filter(|(_, ended)| !**ended).map(|(name, _)| name.as_str()).collect();
        if self.count > 1 && !open.is_empty() {
            let ended = functions.len() - open.len();
            self.wait.say(format!("{ended} of {} functions ended, under way: {}", self.count, open.join(", ")));
        }
    }

    fn interrupted(&self, all: &[FunctionName]) -> CliError {
        let functions = self.functions.borrow();
        let named = |ended: Option<bool>| {
            let named = all.iter().filter(|function| functions.get(*function).copied() == ended);
            named.map(FunctionName::as_str).collect::<Vec<_>>().join(", ")
        };
        let mut message = "interrupted".to_owned();
        for (words, names) in [
            ("may be half done: plan shows what is missing, and deploying it again does that", named(Some(false))),
            ("was ended before", named(Some(true))),
            ("was not begun", named(None)),
        ] {
            if !names.is_empty() {
                message.push_str(&format!("\n  {names}: {words}"));
            }
        }
        CliError::interrupted(message)
    }
}

/// Makes the answer for a function that failed; the others go on.
fn failed_answer(source: &Source, error: CliError) -> Answer {
    let message = format!("{}: {}", source.function, error.message);
    Answer::from(CliError { message, ..error })
}

/// Combines the answers into one with all texts and the worst exit code.
fn combine_answers(answers: Vec<Answer>) -> Answer {
    let exit = Exit::worst(answers.iter().map(|answer| answer.exit));
    let text = answers.iter().map(|answer| answer.text.as_str()).collect();
    let all: Vec<Value> = answers.into_iter().map(|answer| answer.json).collect();
    Answer { text, json: json!({ "deployments": all }), exit }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn interruption_lists_begun_ended_and_unbegun_functions() {
        let all = ["orders", "stock", "users"].map(|name| FunctionName::parse(name).unwrap());
        let progress = Progress::of(&all);
        assert_eq!(progress.interrupted(&all).message, "interrupted\n  orders, stock, users: was not begun");
        progress.begun(&all[0]);
        progress.begun(&all[1]);
        progress.ended(&all[1]);
        let stopped = progress.interrupted(&all);
        assert_eq!(stopped.exit, Exit::Interrupted);
        assert_eq!(
            stopped.message,
            "interrupted\n  orders: may be half done: plan shows what is missing, and deploying it again does that\n  \
             stock: was ended before\n  users: was not begun"
        );
    }
}
