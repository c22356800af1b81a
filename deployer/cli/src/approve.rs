//! `deployctl approve` and `decline`: somebody's word on a promotion that waits for it.
//!
//! Which promotion is meant is looked up before anything is said, so that a word that has to be sent twice never is about
//! another one.

use deployer_core::group::Group;
use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName};
use deployer_core::record::{DeploymentRecord, Status};
use deployer_core::status::StatusReport;

use super::answer::{Answer, Exit, Stopped};
use super::follow::{self, Followed, Until};
use super::{remote, waits};
use deployer_core::trigger::Command;

/// Which promotion.
#[derive(Debug, clap::Args)]
#[group(skip)]
struct Which {
    /// The environment that it goes to.
    #[arg(long, short, value_name = "NAME")]
    environment: EnvironmentName,
    /// The function, as keys and the ledger call it; none: --deployment is a group.
    #[arg(long, short, value_name = "NAME", required_unless_present = "deployment")]
    function: Option<FunctionName>,
    /// The promotion, or the group [default: the one that waits there].
    #[arg(long, value_name = "ID", value_parser = DeploymentId::parse)]
    deployment: Option<DeploymentId>,
}

/// What to approve.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    #[command(flatten)]
    which: Which,
    /// Wait for its end also where it waits for more approvals, for its soak, or for a freeze to be over.
    #[arg(long, conflicts_with = "no_wait")]
    wait: bool,
    #[command(flatten)]
    follow: follow::Options,
}

/// What to decline, and why.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Declined {
    #[command(flatten)]
    which: Which,
    /// Why: whoever has asked for it reads it.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    who: remote::Who,
    #[command(flatten)]
    remote: remote::Options,
}

pub(super) async fn run(options: &Options) -> Result<Answer, Stopped> {
    let (environment, function, deployment) = options.which.one(&options.follow.remote).await?;
    let is_group = function.is_none();
    let command = Command::Approve { environment, function, deployment: Some(deployment) };
    let until = if options.wait { Until::Ended } else { Until::Resting };
    if is_group {
        return Ok(follow::Options::told(&options.follow.followed::<Group>(command, until).await?));
    }
    let record = options.follow.followed::<DeploymentRecord>(command, until).await?;
    Ok(Answer::with_text(waits::text(&record), &record, record.exit()))
}

pub(super) async fn decline(options: &Declined) -> Result<Answer, Stopped> {
    let (environment, function, deployment) = options.which.one(&options.remote).await?;
    let (is_group, reason) = (function.is_none(), options.reason.clone());
    let command = Command::Decline { environment, function, deployment: Some(deployment), reason };
    let (remote, order) = (options.remote.remote().await, options.who.order(command, None));
    if is_group {
        let group: Group = remote.ask(&order).await?;
        return Ok(Answer::with_text(group.text(), &group, after_declining(group.status)));
    }
    let record: DeploymentRecord = remote.ask(&order).await?;
    Ok(Answer::with_text(record.text(), &record, after_declining(record.status)))
}

/// What is declined has ended as refused; anything else was past that.
fn after_declining(status: Status) -> Exit {
    if status == Status::Refused { Exit::Done } else { Exit::Refused }
}

impl Which {
    /// The promotion that is meant.
    async fn one(
        &self,
        remote: &remote::Options,
    ) -> Result<(EnvironmentName, Option<FunctionName>, DeploymentId), Stopped> {
        let Self { environment, function, deployment } = self;
        let deployment = match deployment {
            Some(named) => *named,
            None => self.that_waits(remote).await?,
        };
        Ok((environment.clone(), function.clone(), deployment))
    }

    /// The only one that waits there.
    async fn that_waits(&self, remote: &remote::Options) -> Result<DeploymentId, Stopped> {
        let (environment, function) = (Some(self.environment.clone()), self.function.clone());
        let order = remote::order(Command::Status { environment, function });
        let report: StatusReport = remote.remote().await.ask(&order).await?;
        let waiting: Vec<_> = report.functions.iter().flat_map(|status| &status.waiting).collect();
        let function = self.function.as_ref().map_or("", |function| function.as_str());
        match waiting.as_slice() {
            [one] => Ok(one.deployment),
            [] => Err(Stopped::wrong_use(format!(
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
                Err(Stopped::wrong_use(format!("several promotions wait there: name one of them{several}")))
            }
        }
    }
}
