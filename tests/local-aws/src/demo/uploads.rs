//! Three uploads as CI makes them, and what the deployer does for each, step by step.

use std::time::Instant;

use fixtures::Zip;
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
        screen.prose(
            "A local AWS starts, which takes some seconds. Its accounts are laid as infra/ would lay them; --terraform lets \
             Terraform do it.",
        );
        Ok(Self { aws: LocalAws::start().await?, environment: ("dev", FIRST) })
    }

    /// Starts a local AWS and lets Terraform lay the accounts.
    ///
    /// # Errors
    /// A program is missing, or Terraform fails.
    pub async fn applied(screen: &Screen) -> Result<Self> {
        let without =
            |error| Error::Unexpected(format!("{error}\nWithout Terraform it can still be shown: cargo demo --quick"));
        // Where there is no Terraform, it is fetched.
        let found = tokio::task::spawn_blocking(Terraform::find).await.doing("looking for Terraform")?;
        let terraform = found.map_err(without)?;
        screen.heading("Terraform lays the accounts: infra/examples/two-accounts, as it stands.");
        screen.output(&screen.dim(&terraform.describe()));
        screen.output(&screen.dim("The AWS provider waits for a minute or two."));
        let began = Instant::now();
        let (aws, applied) = LocalAws::applied(terraform).await.map_err(without)?;
        screen.output(&format!("{} resources in {:.0} s", applied.resources()?, began.elapsed().as_secs_f64()));
        Ok(Self { aws, environment: ("prod", SECOND) })
    }
}

/// Uploads three releases, shows what the deployer does, and checks it.
///
/// # Errors
/// AWS answers with an error, or a state is not the expected one.
pub async fn show(screen: &Screen, accounts: &Accounts) -> Result<()> {
    screen.prose(&format!(
        "The bucket {ARTIFACTS} takes uploads of CI in account {TOOLING}. The deployer there enters account {}, which is \
         {}, and deploys the function {FUNCTION} in it. Each step below comes from its log, with the milliseconds since \
         the first.",
        accounts.environment.1, accounts.environment.0
    ));
    let folder = sources();
    let first = Zip::folder(&folder).doing(format!("reading {}", folder.display()))?;
    let second = first.clone().with("\"Hello\"", "\"Hello again\"");
    upload(screen, accounts, "1.0.0", (&first, "a first release")).await?;
    upload(screen, accounts, "1.1.0", (&second, "a newer one, with another greeting")).await?;
    upload(screen, accounts, "1.0.0", (&first, "the first one, uploaded again")).await?;
    accounts.aws.same_events_again_change_nothing().await?;
    screen.prose(&screen.good("All events came once more, as they may, and changed nothing."));
    commands(screen, accounts).await
}

/// Uploads one release, delivers the event, shows what happened and checks it.
async fn upload(screen: &Screen, accounts: &Accounts, release: &str, (zip, what): (&Zip, &str)) -> Result<()> {
    let Accounts { aws, environment: (environment, account) } = accounts;
    let key = format!("{environment}/{FUNCTION}/{release}.zip");
    let before = aws.live(account, REGION, FUNCTION).await?;
    let lines = aws.deployer().log().len();
    let version_id = aws.upload_with(&key, zip, &[("commit", "4f5c2e1"), ("uploaded-by", "demo")]).await?;
    screen.heading(&format!("s3://{ARTIFACTS}/{key}  ({what})"));
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
    let id = record["id"].as_str().unwrap_or_default();
    screen.row("record", &format!("{id}, in the ledger below"));

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

/// Prints the function's alias, versions and ledger objects, about as the AWS CLI does.
async fn commands(screen: &Screen, accounts: &Accounts) -> Result<()> {
    let Accounts { aws, environment: (_, account) } = accounts;
    let lambda = aws.clients().lambda(account, REGION);
    screen.prose(&format!("This is what the AWS CLI finds in account {account}:"));
    screen.command(&format!("aws lambda get-alias --function-name {FUNCTION} --name live"));
    let alias = lambda.get_alias().function_name(FUNCTION).name("live").send().await.doing("reading the alias")?;
    let shown = json!({
        "AliasArn": alias.alias_arn(), "Name": alias.name(), "FunctionVersion": alias.function_version(),
        "RevisionId": alias.revision_id(),
    });
    format!("{shown:#}").lines().for_each(|line| screen.output(line));
    screen.command(&format!(
        "aws lambda list-versions-by-function --function-name {FUNCTION} --output text --query \
         'Versions[].[Version,CodeSha256,MemorySize]'"
    ));
    let versions = lambda.list_versions_by_function().function_name(FUNCTION).send().await.doing("listing versions")?;
    for one in versions.versions() {
        let (version, sha256) = (one.version().unwrap_or_default(), one.code_sha256().unwrap_or_default());
        screen.output(&format!("{version:<9}{sha256}  {}", one.memory_size().unwrap_or_default()));
    }
    screen.prose(&format!("And this in account {TOOLING}, where the deployer keeps its ledger:"));
    screen.command(&format!("aws s3 ls s3://{LEDGER} --recursive"));
    let objects = aws.clients().s3(TOOLING, REGION).list_objects_v2().bucket(LEDGER).send().await.doing("listing")?;
    for object in objects.contents() {
        let at = object.last_modified().map_or(0, |at| at.secs());
        let at = jiff::Timestamp::from_second(at).unwrap_or_default().strftime("%Y-%m-%d %H:%M:%S").to_string();
        screen.output(&format!("{at} {:>10} {}", object.size().unwrap_or_default(), object.key().unwrap_or_default()));
    }
    screen.gap();
    expect("the versions there are", &versions.versions().len(), &4)
}
