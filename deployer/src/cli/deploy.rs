//! `deployctl deploy`: a release that is uploaded already, by the deployer; or folders and zips, straight from here.

use deployer_core::id::{EnvironmentName, FunctionName, Release};
use deployer_core::record::DeploymentRecord;
use futures::stream::{self, StreamExt as _};
use serde_json::{Value, json};

use super::answer::{Answer, Exit, Stopped};
use super::push::told;
use super::sources::{self, Source};
use super::{direct, follow, records, remote};
use crate::direct::{Direct, FUNCTIONS_AT_ONCE};
use crate::trigger::Command;

/// The options that leave the deployer out of it: then there is nobody to wait for.
const PAST_THE_DEPLOYER: [&str; 2] = ["role_arn", "direct"];

/// What to deploy, and how.
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(
    mut_arg("no_wait", |arg| arg.conflicts_with_all(PAST_THE_DEPLOYER)),
    mut_arg("timeout", |arg| arg.conflicts_with_all(PAST_THE_DEPLOYER)),
)]
pub(super) struct Options {
    /// With --role-arn or --direct: folders, zips, or patterns of them such as 'functions/*'. Each is the function of its name.
    #[arg(value_name = "DIR|FILE")]
    sources: Vec<String>,
    /// The environment; past the deployer: which part of the manifest counts [default: none].
    #[arg(long, short, value_name = "NAME")]
    environment: Option<EnvironmentName>,
    /// The function; past the deployer: what the only folder or zip is called.
    #[arg(long, short, value_name = "NAME")]
    function: Option<FunctionName>,
    /// The release that the deployer deploys.
    #[arg(long, short, value_name = "NAME")]
    release: Option<Release>,
    #[command(flatten)]
    direct: direct::Options,
    #[command(flatten)]
    follow: follow::Options,
}

pub(super) async fn run(options: &Options) -> Result<Answer, Stopped> {
    if options.direct.is_asked_for() { straight(options).await } else { through_the_deployer(options).await }
}

async fn through_the_deployer(options: &Options) -> Result<Answer, Stopped> {
    options.direct.not_given()?;
    if !options.sources.is_empty() {
        return Err(Stopped::wrong_use(
            "push uploads folders and zips to the deployer; to deploy them past it, say --role-arn or --direct",
        ));
    }
    let (Some(environment), Some(function), Some(release)) =
        (options.environment.clone(), options.function.clone(), options.release.clone())
    else {
        return Err(Stopped::wrong_use(
            "--environment, --function and --release say what the deployer shall deploy; a folder or a zip and --role-arn, \
             what shall be deployed past it",
        ));
    };
    options.follow.carried_out(Command::Deploy { environment, function, release }).await
}

async fn straight(options: &Options) -> Result<Answer, Stopped> {
    if let Some(release) = &options.release {
        return Err(Stopped::wrong_use(format!(
            "past the deployer there are no releases: leave --release {release} away, or --role-arn and --direct"
        )));
    }
    if options.sources.is_empty() {
        return Err(Stopped::wrong_use("which folders or zips? past the deployer their code is sent from here"));
    }
    let sources = sources::of(&options.sources, options.function.as_ref())?;
    direct::warn(
        "this goes past the deployer: nothing claims the functions meanwhile, keeps deployments in order, records this one \
         or can roll it back",
    );
    let functions: Vec<FunctionName> = sources.iter().map(|source| source.function.clone()).collect();
    let direct = options.direct.prepare(&options.follow.remote, options.environment.as_ref(), &functions).await?;
    if let ([source], [argument]) = (&sources[..], &options.sources[..])
        && !sources::is_pattern(argument)
    {
        return deploy(options, &direct, source, told::text).await;
    }
    let answers = stream::iter(&sources)
        .map(async |source| {
            let answer = deploy(options, &direct, source, records::lines).await;
            answer.unwrap_or_else(|stopped| of(source, stopped))
        })
        .buffered(FUNCTIONS_AT_ONCE)
        .collect::<Vec<_>>();
    Ok(together(answers.await))
}

/// One function.
async fn deploy(
    options: &Options,
    direct: &Direct,
    source: &Source,
    text: fn(&DeploymentRecord) -> String,
) -> Result<Answer, Stopped> {
    let zip = sources::zipped(&source.path)?;
    if options.environment.is_none() {
        direct::warn_of_unused_parts(&source.function, &zip);
    }
    let record = direct.deploy(&source.function, zip, remote::caller()).await;
    let record = record.map_err(|error| Stopped::failed(format!("{error}: try again")))?;
    let mut json = serde_json::to_value(&record).map_err(|error| Stopped::failed(format!("the record: {error}")))?;
    // It lies in no bucket.
    if let Some(artifact) = record.artifact.as_ref().filter(|_| json.is_object()) {
        json["artifact"] = json!({ "file": source.path, "size": artifact.size, "sha256": artifact.sha256 });
    }
    Ok(Answer { text: text(&record), json, exit: Exit::from(&record) })
}

/// What stopped one function stops no other.
fn of(source: &Source, stopped: Stopped) -> Answer {
    let message = format!("{}: {}", source.function, stopped.message);
    Answer::from(Stopped { message, ..stopped })
}

/// A line for each, and the worst of their exit codes.
fn together(answers: Vec<Answer>) -> Answer {
    let exit = answers.iter().map(|answer| answer.exit).max_by_key(|exit| badness(*exit)).unwrap_or(Exit::Done);
    let text = answers.iter().map(|answer| answer.text.as_str()).collect();
    let all: Vec<Value> = answers.into_iter().map(|answer| answer.json).collect();
    Answer { text, json: json!({ "deployments": all }), exit }
}

/// Of what has failed, more may have to be repaired than of what was never tried.
fn badness(exit: Exit) -> u8 {
    match exit {
        Exit::Done => 0,
        Exit::Differs => 1,
        Exit::Refused => 2,
        Exit::WrongUse => 3,
        Exit::TimedOut => 4,
        Exit::Failed => 5,
        Exit::Interrupted => 6,
    }
}
