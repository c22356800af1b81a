//! `cargo demo`: uploads releases of a sample function as CI does, lets the real deployer deploy them to another
//! account of the local AWS, and shows the steps of each. Exits with an error if a state is not the expected one.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use fixtures::Zip;
use fixtures::say;
use local_aws::terraform::Terraform;
use local_aws::{ARTIFACTS, Doing as _, Error, FIRST, LEDGER, LocalAws, REGION, Result, SECOND, TOOLING, deployctl};
use serde_json::{Value, json};

/// Shows deployments across accounts on this machine: no AWS account, no network.
#[derive(Parser)]
#[command(name = "cargo demo")]
struct Options {
    /// Leave the local AWS running, to explore it with deployctl and the AWS CLI, until Ctrl-C.
    #[arg(long)]
    keep: bool,
    /// Lay the accounts by Terraform, as infra/examples/two-accounts has them: the AWS provider waits for a minute or two.
    #[arg(long)]
    terraform: bool,
}

/// The local AWS and the target of the demo's function.
struct Demo {
    aws: LocalAws,
    environment: &'static str,
    account: &'static str,
    paint: Paint,
}

const FUNCTION: &str = "hello";
/// The seconds between two sweeps while the demo is kept, as the schedule has them.
const SWEEP_EVERY: u32 = 60;
/// The steps of a plan that are shown with their version.
const PUBLISHING: [&str; 5] = ["create function", "update code", "publish version", "create alias", "move alias"];

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _told = writeln!(std::io::stderr(), "demo: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<()> {
    let demo = set_up(options).await?;
    let Demo { aws, account, paint, .. } = &demo;
    say!(
        "{}\n  CI uploads to {ARTIFACTS} in account {TOOLING}; the deployer there enters account {account}\n  \
         and brings the function {FUNCTION} to life.\n",
        paint.bold("A local AWS is running.")
    );
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../artifacts/dev").join(FUNCTION);
    let first = Zip::folder(&folder).doing(format!("reading {}", folder.display()))?;
    let second = first.clone().with("\"Hello\"", "\"Hello again\"");

    show(&demo, "1.0.0", &first, "a first release").await?;
    show(&demo, "1.1.0", &second, "a newer one, with another greeting").await?;
    show(&demo, "1.0.0", &first, "the first one, uploaded again").await?;
    aws.same_events_again_change_nothing().await?;
    say!("{}\n", paint.good("All events came once more, as they may, and changed nothing."));
    commands(&demo).await?;
    if options.keep {
        keep(&demo).await?;
    }
    Ok(())
}

/// Sets up the accounts, and prints how.
async fn set_up(options: &Options) -> Result<Demo> {
    let paint = Paint::new();
    if !options.terraform {
        say!("{}", paint.dim("Three accounts are laid as infra/ would; --terraform lets Terraform do it."));
        return Ok(Demo { aws: LocalAws::start().await?, environment: "dev", account: FIRST, paint });
    }
    let terraform = Terraform::find()?;
    say!("{}", paint.bold("Terraform lays the accounts: infra/examples/two-accounts, as it stands."));
    say!("  {}", paint.dim(&terraform.describe()));
    say!("  {}", paint.dim("The AWS provider waits for a minute or two."));
    let began = Instant::now();
    let (aws, applied) = LocalAws::applied(terraform)
        .await
        .map_err(|error| Error::Unexpected(format!("{error}\nWithout Terraform it can still be shown: cargo demo")))?;
    say!("  {} resources in {:.0} s\n", applied.resources()?, began.elapsed().as_secs_f64());
    Ok(Demo { aws, environment: "prod", account: SECOND, paint })
}

/// Uploads one release, delivers the event, shows what happened and checks it.
async fn show(demo: &Demo, release: &str, zip: &Zip, what: &str) -> Result<()> {
    let Demo { aws, environment, account, paint } = demo;
    let key = format!("{environment}/{FUNCTION}/{release}.zip");
    let before = aws.live(account, REGION, FUNCTION).await?;
    let lines = aws.deployer().log().len();
    let version_id = aws.upload_with(&key, zip, &[("commit", "4f5c2e1"), ("uploaded-by", "demo")]).await?;
    say!("{}", paint.bold(&format!("s3://{ARTIFACTS}/{key}  ({what})")));
    row(paint, "event", &format!("ObjectCreated:Put, version id {version_id}, through the queue"));

    let began = Instant::now();
    let (deliveries, calls) = aws.calls_of(aws.deliver()).await?;
    let took = began.elapsed();
    let record = aws.result(&key, &version_id).await?;
    steps(paint, &aws.deployer().log()[lines..]);
    let target = &record["targets"][0];
    let version = target["version"].as_str().unwrap_or("none");
    let previous = match target["previous"]["version"].as_str() {
        Some(previous) => format!("before: version {previous}"),
        None => "before: nothing".to_owned(),
    };
    row(paint, "live", &format!("{FUNCTION}:live is version {version} ({previous})"));
    let calls = calls.iter().filter(|call| LocalAws::is_by_deployer(call)).count();
    row(paint, "took", &format!("{:.2} s from the event to the result, {calls} AWS calls", took.as_secs_f64()));
    let status = record["status"].as_str().unwrap_or("no status");
    say!("  {}\n", paint.good(&format!("{status}: {}", record["id"].as_str().unwrap_or_default())));

    expect(
        "one delivery, nothing left in the queue",
        &deliveries.iter().map(|one| one.failed).collect::<Vec<_>>(),
        &vec![0],
    )?;
    expect("the record's status", &status, &"succeeded")?;
    let after = aws.live(account, REGION, FUNCTION).await?;
    let after = after.ok_or_else(|| Error::Unexpected(format!("{FUNCTION}:live is not there")))?;
    expect("the code that is live", &json!(after.sha256), &record["artifact"]["sha256"])?;
    expect("the version that is live", &after.version.as_str(), &version)?;
    expect(
        "what served before",
        &target["previous"]["version"].as_str(),
        &before.as_ref().map(|one| one.version.as_str()),
    )
}

/// Prints the deployer's log in short.
fn steps(paint: &Paint, log: &[Value]) {
    let time = |line: &Value| line["timestamp"].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok());
    let start = log.first().and_then(time);
    for line in log {
        let text = |name: &str| line[name].as_str().map(str::to_owned);
        let since = time(line)
            .zip(start)
            .map_or(0, |(at, start)| (at - start).total(jiff::Unit::Millisecond).unwrap_or(0.0) as i64);
        let span = |name: &str| line["spans"].as_array().into_iter().flatten().find_map(|span| span[name].as_str());
        let mut words = match (text("message").unwrap_or_default(), text("step"), text("steps")) {
            (_, Some(step), _) => step,
            (_, None, Some(steps)) => format!("planned: {steps}"),
            (message, None, None) => message,
        };
        if let (Some(account), Some(region), Some(session)) = (span("account"), span("region"), text("session")) {
            let role = text("role").map_or_else(String::new, |role| format!(" as {role}"));
            words = format!("{words}: {account}/{region}{role}, session {session}");
        }
        if let Some(version) = text("version").filter(|_| PUBLISHING.iter().any(|step| words == *step)) {
            words = format!("{words}: version {version}");
        }
        let more = match words.as_str() {
            "upload received" => text("key"),
            "deployment ended" => text("status"),
            "old version deleted" => text("version"),
            _ => None,
        };
        if let Some(more) = more {
            words = format!("{words}: {more}");
        }
        if let Some(bytes) = line["bytes"].as_u64() {
            words = format!("{words}, {bytes} bytes");
        }
        row(paint, &format!("{since:>5} ms"), &words);
    }
}

/// Prints the function's alias, versions and ledger objects as the AWS CLI would.
async fn commands(demo: &Demo) -> Result<()> {
    let Demo { aws, account, paint, .. } = demo;
    let lambda = aws.clients().lambda(account, REGION);
    say!("{}", paint.bold(&format!("In account {account}:")));
    prompt(paint, &format!("aws lambda get-alias --function-name {FUNCTION} --name live"));
    let alias = lambda.get_alias().function_name(FUNCTION).name("live").send().await.doing("reading the alias")?;
    let shown = json!({
        "AliasArn": alias.alias_arn(), "Name": alias.name(), "FunctionVersion": alias.function_version(),
        "RevisionId": alias.revision_id(),
    });
    say!("{shown:#}\n");
    prompt(
        paint,
        &format!(
            "aws lambda list-versions-by-function --function-name {FUNCTION} --output text --query \
             'Versions[].[Version,CodeSha256,MemorySize]'"
        ),
    );
    let versions = lambda.list_versions_by_function().function_name(FUNCTION).send().await.doing("listing versions")?;
    for one in versions.versions() {
        let (version, sha256) = (one.version().unwrap_or_default(), one.code_sha256().unwrap_or_default());
        say!("{version}\t{sha256}\t{}", one.memory_size().unwrap_or_default());
    }
    say!("\n{}", paint.bold(&format!("In account {TOOLING}:")));
    prompt(paint, &format!("aws s3 ls s3://{LEDGER} --recursive"));
    let objects = aws.clients().s3(TOOLING, REGION).list_objects_v2().bucket(LEDGER).send().await.doing("listing")?;
    for object in objects.contents() {
        let at = object.last_modified().map_or(0, |at| at.secs());
        let at = jiff::Timestamp::from_second(at).unwrap_or_default().strftime("%Y-%m-%d %H:%M:%S").to_string();
        say!("{at} {:>10} {}", object.size().unwrap_or_default(), object.key().unwrap_or_default());
    }
    say!("");
    expect("the versions there are", &versions.versions().len(), &4)
}

/// Delivers events until Ctrl-C, so that uploads by hand are deployed too, and answers `deployctl`.
async fn keep(demo: &Demo) -> Result<()> {
    let Demo { aws, environment, account, paint } = demo;
    let deployctl = tokio::task::spawn_blocking(deployctl).await.doing("building deployctl")??;
    let lambda = aws.lambda_endpoint().await?;
    say!("{}", paint.bold("It keeps running until Ctrl-C. In another shell:"));
    say!("  export AWS_ENDPOINT_URL={} AWS_REGION={REGION} AWS_DEFAULT_REGION={REGION}", aws.endpoint());
    say!("  export AWS_ACCESS_KEY_ID={account} AWS_SECRET_ACCESS_KEY=none     # account {account}");
    say!("  export AWS_ACCESS_KEY_ID={TOOLING} AWS_SECRET_ACCESS_KEY=none     # account {TOOLING}");
    say!(
        "  aws s3 cp my.zip s3://{ARTIFACTS}/{environment}/{FUNCTION}/1.2.0.zip          # is deployed within a second\n"
    );
    say!("{}", paint.bold("The command line, in a shell of its own:"));
    for line in command_line(&deployctl, aws.endpoint(), lambda.endpoint()) {
        say!("  {line}");
    }
    say!("  deployctl status");
    say!("  deployctl history -e {environment} -f {FUNCTION}");
    say!("  deployctl rollback -e {environment} -f {FUNCTION}");
    say!("  deployctl push my.zip -e {environment} -f {FUNCTION} -r 1.2.0 --wait\n");
    let mut asked_to_stop = std::pin::pin!(tokio::signal::ctrl_c());
    let mut since_sweep = SWEEP_EVERY;
    loop {
        if since_sweep >= SWEEP_EVERY {
            aws.invoke(&json!({"command": "sweep"})).await?;
            since_sweep = 0;
        }
        let lines = aws.deployer().log().len();
        if !aws.deliver().await?.is_empty() {
            steps(paint, &aws.deployer().log()[lines..]);
        }
        since_sweep += 1;
        tokio::select! {
            stop = &mut asked_to_stop => return stop.doing("waiting for Ctrl-C"),
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
}

/// Returns the lines of a shell after which `deployctl` works against the local AWS. Lambda's calls go to an endpoint
/// that has the deployer, so the AWS CLI needs another shell.
fn command_line(deployctl: &Path, aws: &str, lambda: &str) -> [String; 5] {
    [
        format!("export AWS_ENDPOINT_URL={aws} AWS_ENDPOINT_URL_LAMBDA={lambda}"),
        format!("export AWS_REGION={REGION} AWS_ACCESS_KEY_ID={TOOLING} AWS_SECRET_ACCESS_KEY=none"),
        "unset AWS_PROFILE AWS_SESSION_TOKEN DEPLOYER_FUNCTION_NAME DEPLOYER_BUCKET_OWNER".to_owned(),
        format!("export DEPLOYER_ARTIFACT_BUCKET={ARTIFACTS} DEPLOYER_LEDGER_BUCKET={LEDGER}"),
        format!("alias deployctl='{}'", deployctl.display()),
    ]
}

fn expect<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::Unexpected(format!("{what}: expected {expected:?}, found {found:?}")))
}

fn row(paint: &Paint, name: &str, words: &str) {
    say!("  {} {words}", paint.dim(&format!("{name:<9}")));
}

fn prompt(paint: &Paint, command: &str) {
    say!("{} {command}", paint.dim("$"));
}

/// Colours text on a terminal, unless NO_COLOR is set.
struct Paint {
    colours: bool,
}

impl Paint {
    fn new() -> Self {
        Self { colours: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() }
    }

    fn with(&self, code: &str, text: &str) -> String {
        if self.colours { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn bold(&self, text: &str) -> String {
        self.with("1", text)
    }

    fn dim(&self, text: &str) -> String {
        self.with("2", text)
    }

    fn good(&self, text: &str) -> String {
        self.with("32", text)
    }
}
