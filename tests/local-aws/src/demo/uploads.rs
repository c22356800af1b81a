//! Three uploads as CI makes them, and what the deployer does for each, step by step.

use std::time::Instant;

use fixtures::{Zip, say};
use serde_json::json;

use super::workspace::sources;
use super::{FUNCTION, Screen, expect, steps};
use crate::terraform::Terraform;
use crate::{ARTIFACTS, FIRST, LEDGER, LocalAws, REGION, SECOND, TOOLING};
use fixtures::error::{Doing as _, Error, Result};

/// The accounts that the uploads go to.
#[derive(Debug)]
pub struct Accounts {
    /// The local AWS.
    pub aws: LocalAws,
    /// The environment of the uploads, and its account.
    environment: (&'static str, &'static str),
}

impl Accounts {
    /// Starts a local AWS with the accounts as `infra/` lays them.
    ///
    /// # Errors
    /// A program is missing, or starting fails.
    pub async fn laid(screen: &Screen) -> Result<Self> {
        say!("{}", screen.dim("Three accounts are laid as infra/ would; --terraform lets Terraform do it."));
        Ok(Self { aws: LocalAws::start().await?, environment: ("dev", FIRST) })
    }

    /// Starts a local AWS and lets Terraform lay the accounts.
    ///
    /// # Errors
    /// A program is missing, or Terraform fails.
    pub async fn applied(screen: &Screen) -> Result<Self> {
        let terraform = Terraform::find()?;
        say!("{}", screen.bold("Terraform lays the accounts: infra/examples/two-accounts, as it stands."));
        say!("  {}", screen.dim(&terraform.describe()));
        say!("  {}", screen.dim("The AWS provider waits for a minute or two."));
        let began = Instant::now();
        let (aws, applied) = LocalAws::applied(terraform).await.map_err(|error| {
            Error::Unexpected(format!("{error}\nWithout Terraform it can still be shown: cargo demo --quick"))
        })?;
        say!("  {} resources in {:.0} s\n", applied.resources()?, began.elapsed().as_secs_f64());
        Ok(Self { aws, environment: ("prod", SECOND) })
    }
}

/// Uploads three releases, shows what the deployer does, and checks it.
///
/// # Errors
/// AWS answers with an error, or a state is not the expected one.
pub async fn show(screen: &Screen, accounts: &Accounts) -> Result<()> {
    say!("{}", screen.bold("A local AWS is running."));
    screen.output(&format!(
        "CI uploads to {ARTIFACTS} in account {TOOLING}; the deployer there enters account {} and brings the function \
         {FUNCTION} to life.",
        accounts.environment.1
    ));
    screen.gap();
    let folder = sources();
    let first = Zip::folder(&folder).doing(format!("reading {}", folder.display()))?;
    let second = first.clone().with("\"Hello\"", "\"Hello again\"");
    upload(screen, accounts, "1.0.0", (&first, "a first release")).await?;
    upload(screen, accounts, "1.1.0", (&second, "a newer one, with another greeting")).await?;
    upload(screen, accounts, "1.0.0", (&first, "the first one, uploaded again")).await?;
    accounts.aws.same_events_again_change_nothing().await?;
    say!("{}\n", screen.good("All events came once more, as they may, and changed nothing."));
    commands(screen, accounts).await
}

/// Uploads one release, delivers the event, shows what happened and checks it.
async fn upload(screen: &Screen, accounts: &Accounts, release: &str, (zip, what): (&Zip, &str)) -> Result<()> {
    let Accounts { aws, environment: (environment, account) } = accounts;
    let key = format!("{environment}/{FUNCTION}/{release}.zip");
    let before = aws.live(account, REGION, FUNCTION).await?;
    let lines = aws.deployer().log().len();
    let version_id = aws.upload_with(&key, zip, &[("commit", "4f5c2e1"), ("uploaded-by", "demo")]).await?;
    say!("{}", screen.bold(&format!("s3://{ARTIFACTS}/{key}  ({what})")));
    screen.row("event", &format!("ObjectCreated:Put, version id {version_id}, through the queue"));

    let began = Instant::now();
    let (deliveries, calls) = aws.calls_of(aws.deliver()).await?;
    let took = began.elapsed();
    let record = aws.result(&key, &version_id).await?;
    steps::show(screen, &aws.deployer().log_since(lines));
    let target = &record["targets"][0];
    let version = target["version"].as_str().unwrap_or("none");
    let previous = match target["previous"]["version"].as_str() {
        Some(previous) => format!("before: version {previous}"),
        None => "before: nothing".to_owned(),
    };
    screen.row("live", &format!("{FUNCTION}:live is version {version} ({previous})"));
    let calls = calls.iter().filter(|call| LocalAws::is_by_deployer(call)).count();
    screen.row("took", &format!("{:.2} s from the event to the result, {calls} AWS calls", took.as_secs_f64()));
    let status = record["status"].as_str().unwrap_or("no status");
    say!("  {}\n", screen.good(&format!("{status}: {}", record["id"].as_str().unwrap_or_default())));

    let failed: Vec<usize> = deliveries.iter().map(|one| one.failed).collect();
    expect("one delivery, nothing left in the queue", &failed, &vec![0])?;
    expect("the record's status", &status, &"succeeded")?;
    let after = aws.live(account, REGION, FUNCTION).await?;
    let after = after.ok_or_else(|| Error::Unexpected(format!("{FUNCTION}:live is not there")))?;
    expect("the code that is live", &json!(after.sha256), &record["artifact"]["sha256"])?;
    expect("the version that is live", &after.version.as_str(), &version)?;
    let served = before.as_ref().map(|one| one.version.as_str());
    expect("what served before", &target["previous"]["version"].as_str(), &served)
}

/// Prints the function's alias, versions and ledger objects as the AWS CLI would.
async fn commands(screen: &Screen, accounts: &Accounts) -> Result<()> {
    let Accounts { aws, environment: (_, account) } = accounts;
    let prompt = |command: &str| say!("{} {command}", screen.dim("$"));
    let lambda = aws.clients().lambda(account, REGION);
    say!("{}", screen.bold(&format!("In account {account}:")));
    prompt(&format!("aws lambda get-alias --function-name {FUNCTION} --name live"));
    let alias = lambda.get_alias().function_name(FUNCTION).name("live").send().await.doing("reading the alias")?;
    let shown = json!({
        "AliasArn": alias.alias_arn(), "Name": alias.name(), "FunctionVersion": alias.function_version(),
        "RevisionId": alias.revision_id(),
    });
    say!("{shown:#}\n");
    prompt(&format!(
        "aws lambda list-versions-by-function --function-name {FUNCTION} --output text --query \
         'Versions[].[Version,CodeSha256,MemorySize]'"
    ));
    let versions = lambda.list_versions_by_function().function_name(FUNCTION).send().await.doing("listing versions")?;
    for one in versions.versions() {
        let (version, sha256) = (one.version().unwrap_or_default(), one.code_sha256().unwrap_or_default());
        say!("{version}\t{sha256}\t{}", one.memory_size().unwrap_or_default());
    }
    say!("\n{}", screen.bold(&format!("In account {TOOLING}:")));
    prompt(&format!("aws s3 ls s3://{LEDGER} --recursive"));
    let objects = aws.clients().s3(TOOLING, REGION).list_objects_v2().bucket(LEDGER).send().await.doing("listing")?;
    for object in objects.contents() {
        let at = object.last_modified().map_or(0, |at| at.secs());
        let at = jiff::Timestamp::from_second(at).unwrap_or_default().strftime("%Y-%m-%d %H:%M:%S").to_string();
        say!("{at} {:>10} {}", object.size().unwrap_or_default(), object.key().unwrap_or_default());
    }
    say!("");
    expect("the versions there are", &versions.versions().len(), &4)
}
