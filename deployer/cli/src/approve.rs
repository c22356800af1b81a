//! `deployctl approve` and `decline`: a person decides about a promotion that waits for approval.
//!
//! The promotion's id is looked up before the command is sent, so that a command that is sent twice never concerns
//! another promotion.

use deployer_core::group::Group;
use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName};
use deployer_core::record::{DeploymentRecord, Status};
use deployer_core::status::StatusReport;

use super::answer::{Answer, CliError, Exit};
use super::follow::{self, Followed, Until};
use super::{remote, waiting_text};
use deployer_core::trigger::Command;

/// The promotion to decide about.
#[derive(Debug, clap::Args)]
#[group(skip)]
struct PromotionArgs {
    /// The environment that the promotion goes to.
    #[arg(long, short, value_name = "NAME")]
    environment: EnvironmentName,
    /// The function, as keys and the ledger name it; without it, --deployment is a group.
    #[arg(long, short, value_name = "NAME", required_unless_present = "deployment")]
    function: Option<FunctionName>,
    /// The promotion or the group [default: the only promotion that waits there].
    #[arg(long, value_name = "ID", value_parser = DeploymentId::parse)]
    deployment: Option<DeploymentId>,
}

/// The options of `approve`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    #[command(flatten)]
    promotion: PromotionArgs,
    /// Wait until the promotion ends, even while it waits for more approvals, its soak or the end of a freeze.
    #[arg(long, conflicts_with = "no_wait")]
    wait: bool,
    #[command(flatten)]
    follow: follow::Options,
}

/// The options of `decline`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct DeclineOptions {
    #[command(flatten)]
    promotion: PromotionArgs,
    /// The reason; the requester of the promotion reads it.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    requester: remote::Requester,
    #[command(flatten)]
    remote: remote::Options,
}

pub(super) async fn run(options: &Options) -> Result<Answer, CliError> {
    let (environment, function, deployment) = options.promotion.resolve(&options.follow.remote).await?;
    let is_group = function.is_none();
    let command = Command::Approve { environment, function, deployment: Some(deployment) };
    let until = if options.wait { Until::Ended } else { Until::WaitingOrEnded };
    if is_group {
        return Ok(follow::Options::answer_of(&options.follow.follow_command::<Group>(command, until).await?));
    }
    let record = options.follow.follow_command::<DeploymentRecord>(command, until).await?;
    Ok(Answer::with_text(waiting_text::text(&record), &record, record.exit()))
}

pub(super) async fn decline(options: &DeclineOptions) -> Result<Answer, CliError> {
    let (environment, function, deployment) = options.promotion.resolve(&options.remote).await?;
    let (is_group, reason) = (function.is_none(), options.reason.clone());
    let command = Command::Decline { environment, function, deployment: Some(deployment), reason };
    let (remote, request) = (options.remote.remote().await?, options.requester.request(command, None));
    if is_group {
        let group: Group = remote.send(&request).await?;
        return Ok(Answer::with_text(group.text(), &group, decline_exit(group.status)));
    }
    let record: DeploymentRecord = remote.send(&request).await?;
    Ok(Answer::with_text(record.text(), &record, decline_exit(record.status)))
}

/// Returns the exit code: a declined promotion has ended as refused, any other status means that the decision came too
/// late.
fn decline_exit(status: Status) -> Exit {
    if status == Status::Refused { Exit::Done } else { Exit::Refused }
}

impl PromotionArgs {
    /// Returns the promotion that the options name.
    async fn resolve(
        &self,
        remote: &remote::Options,
    ) -> Result<(EnvironmentName, Option<FunctionName>, DeploymentId), CliError> {
        let Self { environment, function, deployment } = self;
        let deployment = match deployment {
            Some(named) => *named,
            None => self.find_waiting(remote).await?,
        };
        Ok((environment.clone(), function.clone(), deployment))
    }

    /// Finds the only promotion that waits there.
    async fn find_waiting(&self, remote: &remote::Options) -> Result<DeploymentId, CliError> {
        let (environment, function) = (Some(self.environment.clone()), self.function.clone());
        let request = remote::request(Command::Status { environment, function });
        let report: StatusReport = remote.remote().await?.send(&request).await?;
        let waiting: Vec<_> = report.functions.iter().flat_map(|status| &status.waiting).collect();
        let function = self.function.as_ref().map_or("", |function| function.as_str());
        match waiting.as_slice() {
            [one] => Ok(one.deployment),
            [] => Err(CliError::wrong_use(format!(
                "no promotion of {function} waits in {}: status and history tell what became of it; of a group say \
                 --deployment and no --function",
                self.environment
            ))),
            several => {
                let several = several.iter().map(|one| {
                    let release = one.release.as_ref().map_or(String::new(), |release| format!("release {release}, "));
                    format!("\n  --deployment {} ({release}{})", one.deployment, one.because)
                });
                let several: String = several.collect();
                Err(CliError::wrong_use(format!("several promotions wait there: name one{several}")))
            }
        }
    }
}
