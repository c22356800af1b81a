//! `deployctl logs`: the deployer's lines of one deployment, or the function's own lines in one target.
//!
//! It reads CloudWatch Logs with the person's own rights, and the deployer takes no part in it.

mod reader;
mod text;

use deployer_aws::{CallFailure, LogGroup};
use deployer_core::config::Span;
use deployer_core::id::{AccountId, DeploymentId, EnvironmentName, FunctionName, Region};
use jiff::{SignedDuration, Timestamp};

use crate::answer::{Answer, CliError, Exit};
use crate::aws::sdk_config::no_region;
use crate::aws::target;
use crate::follow::interrupts::Interrupts;
use crate::output::Output;
use crate::remote::ledger;
use crate::remote::{arn_region, deployer_name};
use crate::text::confirm::print_stderr;
use crate::text::hints::hint;
use crate::{direct, follow};
use reader::{Lines, Reader};

/// The options of `logs`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    /// The environment.
    #[arg(long, short, value_name = "NAME", requires = "function", required_unless_present = "deployment")]
    environment: Option<EnvironmentName>,
    /// The function, by its name in upload keys and in the ledger. The lines are those of its newest deployment.
    #[arg(long, short, value_name = "NAME", requires = "environment", required_unless_present = "deployment")]
    function: Option<FunctionName>,
    /// The deployment, by its id [default: the newest of the function in the environment].
    #[arg(long, value_name = "ID", value_parser = DeploymentId::parse)]
    deployment: Option<DeploymentId>,
    /// Go on with new lines: until the deployment has ended, or until Ctrl-C.
    #[arg(long, short = 'F')]
    follow: bool,
    /// Show the lines that the function itself writes in one target.
    #[arg(long, requires = "function", conflicts_with = "deployment")]
    function_logs: bool,
    /// Show the lines of this last span, such as 10m or 2h [default: all since the deployment's request; with
    /// --function-logs 10m].
    #[arg(long, value_name = "TIME", value_parser = Span::parse)]
    since: Option<Span>,
    /// The log group [default: the deployer's, named after it; with --function-logs that of the function's
    /// configuration].
    #[arg(long, value_name = "NAME")]
    log_group: Option<String>,
    #[command(flatten)]
    target: target::Options,
    #[command(flatten)]
    access: target::Access,
    #[command(flatten)]
    ledger: ledger::Options,
}

/// The log to read, and the lines in it.
struct Log {
    group: LogGroup,
    lines: Lines,
    from: Timestamp,
    /// The account of the group, for the ARN that a missing right is about.
    account: Option<AccountId>,
}

/// The time before the request's second from which lines are read: clocks differ.
const MARGIN: SignedDuration = SignedDuration::from_mins(1);
/// The age of the function's lines that are shown unless the user says otherwise.
const RECENT: SignedDuration = SignedDuration::from_mins(10);

pub(crate) async fn run(options: &Options, output: Output) -> Result<Answer, CliError> {
    let log = match (options.function_logs, options.args()) {
        (true, Some(args)) => options.of_function(&args).await?,
        (_, args) => match options.of_deployment(args).await? {
            Some(log) => log,
            None => return Ok(Answer::printed(Exit::Done)),
        },
    };
    let mut interrupts = Interrupts::listen()?;
    let failed = |failure| unread(&log, &failure);
    let mut reader = Reader::new(&log.group, log.lines.clone(), output);
    let exit = tokio::select! {
        read = async {
            if options.follow { reader.follow(log.from).await } else { reader.read_all(log.from).await }
        } => read.map(|()| Exit::Done).map_err(failed)?,
        () = interrupts.received() => Exit::Interrupted,
    };
    if reader.printed() == 0 && exit == Exit::Done {
        let (what, group) = (log.lines.to_string(), log.group.name());
        let since = log.from.strftime("%Y-%m-%d %H:%M:%SZ");
        print_stderr(&format!(
            "{group} in {} has no line of {what} since {since}\n  the log may have kept it no longer, or \
             --function-name, --region or --log-group may mean another log\n",
            log.group.region()
        ))?;
    }
    Ok(Answer::printed(exit))
}

impl Options {
    fn args(&self) -> Option<follow::FunctionArgs> {
        let (environment, function) = self.environment.clone().zip(self.function.clone())?;
        Some(follow::FunctionArgs { environment, function })
    }

    fn since(&self) -> Option<Timestamp> {
        let age = SignedDuration::try_from(self.since?.as_duration()).ok()?;
        Timestamp::now().checked_sub(age).ok()
    }

    /// Finds the deployer's own log group, and the deployment. None, and it says so: nothing was deployed there yet.
    async fn of_deployment(&self, args: Option<follow::FunctionArgs>) -> Result<Option<Log>, CliError> {
        self.reject_options_of_targets()?;
        let remote = &self.ledger.remote;
        let sdk = remote.sdk().await?;
        let name = remote.function_name();
        let region = match (arn_region(&name), sdk.region()) {
            (Some(region), _) => Region::parse(region),
            (None, Some(region)) => Region::parse(region.as_ref()),
            (None, None) => return Err(no_region()),
        };
        let region = region.map_err(CliError::wrong_use)?;
        let id = match (self.deployment, args) {
            (Some(id), _) => id,
            (None, Some(args)) => match self.newest(&args).await? {
                Some(id) => id,
                None => return Ok(None),
            },
            (None, None) => {
                return Err(CliError::wrong_use("--deployment, or -e and -f, say which deployment is meant"));
            }
        };
        let group = self.log_group.clone().unwrap_or_else(|| format!("/aws/lambda/{}", deployer_name(&name)));
        let requested = id.time().checked_sub(MARGIN).unwrap_or_default();
        Ok(Some(Log {
            group: LogGroup::new(&sdk, &region, group),
            lines: Lines::OfDeployment(id),
            from: self.since().map_or(requested, |since| since.max(requested)),
            account: deployer_aws::caller(&sdk).await.ok(),
        }))
    }

    async fn newest(&self, args: &follow::FunctionArgs) -> Result<Option<DeploymentId>, CliError> {
        let history = self.ledger.status_source(Some(&args.environment)).await?.history(args, 1).await?;
        let newest = history.deployments.first().map(|record| record.id);
        if newest.is_none() {
            print_stderr(&format!("{}\n", target::nothing_deployed(args)))?;
        }
        Ok(newest)
    }

    fn reject_options_of_targets(&self) -> Result<(), CliError> {
        let given = self.target.target.is_some() || self.access.is_given();
        if given {
            return Err(CliError::wrong_use(
                "--target, --target-profile and --role-arn are for --function-logs: the deployer's log is in its own \
                 account, which --profile enters",
            ));
        }
        Ok(())
    }

    /// Finds the function's log group in the target.
    async fn of_function(&self, args: &follow::FunctionArgs) -> Result<Log, CliError> {
        let located = self.target.locate(&mut self.ledger.status_source(Some(&args.environment)).await?, args).await?;
        let sdk = self.access.enter(&self.ledger.remote, &located.target).await?;
        let name = match &self.log_group {
            Some(name) => name.clone(),
            None => configured_group(&sdk, &located).await?,
        };
        let recent = Timestamp::now().checked_sub(RECENT).unwrap_or_default();
        Ok(Log {
            group: LogGroup::new(&sdk, &located.target.region, name),
            lines: Lines::OfFunction(args.function.clone()),
            from: self.since().unwrap_or(recent),
            account: Some(located.target.account),
        })
    }
}

/// Returns the log group that the function's configuration names.
async fn configured_group(sdk: &aws_config::SdkConfig, located: &target::Located) -> Result<String, CliError> {
    let client = aws_sdk_lambda::Client::new(sdk);
    let call = client.get_function_configuration().function_name(located.function_name.as_str());
    let default = format!("/aws/lambda/{}", located.function_name);
    match call.qualifier(located.alias.as_str()).send().await {
        Ok(answer) => {
            let named = answer.logging_config().and_then(|logging| logging.log_group());
            Ok(named.map_or(default, str::to_owned))
        }
        Err(error) => {
            let failure = CallFailure::of(&error);
            let arn = located.alias_arn();
            if failure.status == 403 && failure.obstacle.is_none() {
                direct::warn(&format!(
                    "the function's log group is not known, so {default} is read: you need \
                     lambda:GetFunctionConfiguration on {arn}; --log-group names another"
                ));
                return Ok(default);
            }
            let hint = hint(failure.obstacle.as_ref(), "--log-group names the log without this call");
            Err(CliError::failed(format!("the configuration of {arn} cannot be read: {failure}\n  {hint}")))
        }
    }
}

/// Makes the error of a log that cannot be read: it names the right that is missing.
fn unread(log: &Log, failure: &CallFailure) -> CliError {
    let (group, region) = (log.group.name(), log.group.region());
    let account = log.account.as_ref().map_or("*", AccountId::as_str);
    let arn = format!("arn:{}:logs:{region}:{account}:log-group:{group}:*", region.partition());
    let own = match (failure.code.as_str(), &log.lines) {
        ("AccessDeniedException", Lines::OfDeployment(_)) => format!(
            "you need logs:FilterLogEvents on {arn} (the policy \"operate\" of module tooling has it); --profile says as \
             whom"
        ),
        ("AccessDeniedException", Lines::OfFunction(_)) => format!(
            "you need logs:FilterLogEvents on {arn}, which no policy of infra/ grants; --target-profile or --role-arn \
             says as whom"
        ),
        ("ResourceNotFoundException", Lines::OfDeployment(_)) => {
            "--function-name, --region and --profile say which deployer is meant; --log-group names its log".to_owned()
        }
        ("ResourceNotFoundException", Lines::OfFunction(_)) => {
            "Lambda makes the group when the function first runs, if its role may; --log-group names another".to_owned()
        }
        _ => "try again".to_owned(),
    };
    let hint = hint(failure.obstacle.as_ref(), own);
    CliError::failed(format!("the log group {group} in {region} cannot be read: {failure}\n  {hint}"))
}
