//! The real `deployctl` deploys from this machine with an ordinary role of a target account: without bucket, deployer
//! or ledger.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use aws_sdk_lambda::primitives::Blob;
use deployer_core::id::Sha256;
use fixtures::Zip;
use local_aws::ci::send;
use local_aws::{
    Doing as _, Error, FIRST, Fault, LEDGER, LocalAws, REGION, Result, RunOutput, ServedVersion, SessionKeys, TOOLING,
};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The role of the person who deploys, which may assume [`ROLE`] and read the ledger.
const DEVELOPER: &str = "arn:aws:iam::123456789012:role/developer";
/// An ordinary role of the target account, whose trust policy names neither source identities nor the deployer.
const ROLE: &str = "arn:aws:iam::111111111111:role/by-hand/lambda-admin";
const SECRET: &str = "hunter2-hunter2";

/// A machine with credentials, and a folder of zips.
struct Machine {
    aws: LocalAws,
    keys: SessionKeys,
    folder: TempDir,
}

impl Machine {
    async fn start() -> Result<Self> {
        let aws = LocalAws::start().await?;
        let developer = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"},
            {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetObject"],
                "Resource": [format!("arn:aws:s3:::{LEDGER}"), format!("arn:aws:s3:::{LEDGER}/*")]}]});
        role(&aws, TOOLING, ("/", "developer"), json!({"Service": "lambda.amazonaws.com"}), &developer).await?;
        let admin = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "lambda:*", "Resource": "*"},
            {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]});
        role(&aws, FIRST, ("/by-hand/", "lambda-admin"), json!({"AWS": DEVELOPER}), &admin).await?;
        let keys = aws.control().session(DEVELOPER, "ada").await?;
        Ok(Self { aws, keys, folder: TempDir::new().doing("making a folder")? })
    }

    fn zip(&self, name: &str, zip: &Zip) -> Result<PathBuf> {
        let bytes = zip.build().doing("zipping")?;
        self.file(&format!("{name}.zip"), &bytes)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).doing(format!("writing {}", path.display()))?;
        Ok(path)
    }

    async fn run(&self, arguments: &[&str]) -> Result<RunOutput> {
        self.aws.deployctl(&self.keys, arguments).await
    }

    async fn deploys(&self, zip: &Path) -> Result<RunOutput> {
        self.run(&["deploy", text(zip), "--role-arn", ROLE, "--create"]).await
    }

    async fn live(&self, function: &str) -> Result<Option<ServedVersion>> {
        self.aws.live(FIRST, REGION, function).await
    }

    /// Updates the function's code as somebody else.
    async fn somebody_sends(&self, zip: &Zip) -> Result<String> {
        let bytes = Blob::new(zip.build().doing("zipping")?);
        let lambda = self.aws.clients().lambda(FIRST, REGION);
        let answer = lambda.update_function_code().function_name("orders").zip_file(bytes).send().await;
        Ok(answer.doing("sending code as somebody else")?.code_sha256.unwrap_or_default())
    }
}

async fn role(aws: &LocalAws, account: &str, (path, name): (&str, &str), who: Value, may: &Value) -> Result<()> {
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": who, "Action": "sts:AssumeRole"}]});
    aws.roles(account).create_with((path, name), &trust, may).await
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}

fn with_secret(content: &str) -> Zip {
    Zip::function(content).with("LOG_LEVEL = \"info\"", &format!("TOKEN = \"{SECRET}\""))
}

fn assert_contains(said: &RunOutput, parts: &[&str]) {
    let all = format!("{}\n{}", said.out, said.err);
    for part in parts {
        assert!(all.contains(part), "{part:?} is missing in:\n{all}");
    }
    assert!(!all.contains(SECRET), "a variable's value is shown:\n{all}");
}

#[tokio::test]
async fn new_function_is_created_then_updated_then_unchanged() -> Result<()> {
    let machine = Machine::start().await?;
    let zip = machine.zip("orders", &with_secret("1"))?;

    let said = machine.deploys(&zip).await?;
    assert_eq!(said.exit, Some(0), "{said:?}");
    assert_contains(
        &said,
        &["direct/orders: succeeded after ", "\n  111111111111/eu-west-1: succeeded, a new function, version 1\n"],
    );
    let first =
        "warning: this goes past the deployer, to 111111111111/eu-west-1, where alias live serves: nothing claims";
    assert!(said.err.starts_with(first), "{said:?}");
    let live = machine.live("orders").await?.ok_or_else(|| Error::Unexpected("nothing serves".into()))?;
    assert_eq!((live.memory, live.timeout, live.description.as_str()), (256, 10, "A sample"));
    assert_eq!((live.variables["TOKEN"].as_str(), live.tags["team"].as_str()), (SECRET, "samples"));
    let lambda = machine.aws.clients().lambda(FIRST, REGION);
    let alias = lambda.get_alias().function_name("orders").name("live").send().await.doing("reading the alias")?;
    assert_eq!(alias.description.unwrap_or_default(), "", "no deployer owns it");

    machine.zip("orders", &with_secret("2").with("memory_size = 256", "memory_size = 512"))?;
    let said = machine.deploys(&zip).await?;
    assert_eq!(said.exit, Some(0), "{said:?}");
    assert_contains(&said, &["\n  111111111111/eu-west-1: succeeded, version 2 (before: 1)\n"]);
    assert!(!said.err.contains("a deployer owns"), "{said:?}");
    let live = machine.live("orders").await?;
    assert_eq!(live.map(|live| (live.memory, live.versions)), Some((512, vec!["1".into(), "2".into()])));

    let before = machine.aws.snapshot().await?;
    let said = machine.run(&["deploy", text(&zip), "-i", ROLE, "--output", "json"]).await?;
    let record = said.json()?;
    assert_eq!((said.exit, &record["status"], &record["release"]), (Some(0), &json!("unchanged"), &Value::Null));
    assert_eq!((&record["cause"]["kind"], &record["cause"]["requested_by"]), (&json!("deploy"), &json!("ada")));
    assert_eq!(record["artifact"]["file"], text(&zip), "it lies in no bucket: {record:#}");
    assert_eq!(before.changes_to(&machine.aws.snapshot().await?), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn session_is_limited_to_the_function_without_source_identity() -> Result<()> {
    let machine = Machine::start().await?;
    let zip = machine.zip("orders", &Zip::function("1"))?;
    let (said, calls) = machine.aws.calls_of(machine.deploys(&zip)).await?;
    assert_eq!(said.exit, Some(0), "{said:?}");
    // The trust policy lacks sts:SetSourceIdentity and would have denied a source identity.
    assert!(calls.iter().any(|call| call.operation == "AssumeRole"));
    assert!(calls.iter().all(|call| ["sts", "lambda"].contains(&call.service.as_str())), "no bucket and no queue");
    let used = machine.aws.control().uses().await?;
    let by_role: Vec<_> = used.iter().filter(|used| used.role_arn == ROLE).collect();
    assert!(!by_role.is_empty());
    let function = "arn:aws:lambda:eu-west-1:111111111111:function:orders";
    for used in by_role {
        assert!(used.resource.starts_with(function) || used.action == "iam:PassRole", "{used:?}");
    }
    Ok(())
}

#[tokio::test]
async fn credentials_without_a_role_deploy_to_their_own_account_only() -> Result<()> {
    let mut machine = Machine::start().await?;
    machine.keys = machine.aws.control().session(ROLE, "ada").await?;
    let zip = machine.zip("orders", &Zip::function("1"))?;
    let said = machine.run(&["deploy", text(&zip), "--direct", "--create", "--account", "222222222222"]).await?;
    assert_eq!(said.exit, Some(1), "{said:?}");
    assert_contains(
        &said,
        &["WrongAccount", "expected a session in account 222222222222, found one in account 111111111111"],
    );
    assert_eq!(machine.live("orders").await?, None);
    let said = machine.run(&["deploy", text(&zip), "--direct", "--create"]).await?;
    assert_eq!(said.exit, Some(0), "{said:?}");
    assert!(machine.live("orders").await?.is_some());
    Ok(())
}

#[tokio::test]
async fn concurrent_change_by_somebody_else_is_not_overwritten() -> Result<()> {
    let machine = Machine::start().await?;
    let zip = machine.zip("orders", &Zip::function("1"))?;
    assert_eq!(machine.deploys(&zip).await?.exit, Some(0));
    machine.zip("orders", &Zip::function("2"))?;
    // The fault delays deployctl's write until somebody else has written.
    let control = machine.aws.control();
    control.fault(&Fault::busy("UpdateFunctionCode").of_session("deployer-").forever()).await?;
    let since = machine.aws.last_call().await?;
    let meanwhile = async {
        while !control.calls_since(since).await?.iter().any(|call| call.operation == "UpdateFunctionCode") {}
        let theirs = machine.somebody_sends(&Zip::function("theirs")).await?;
        control.no_faults().await?;
        Ok::<_, Error>(theirs)
    };
    let (said, theirs) = tokio::try_join!(machine.deploys(&zip), meanwhile)?;
    assert_eq!(said.exit, Some(1), "{said:?}");
    let hex = Sha256::parse(&theirs).map_err(|error| Error::Unexpected(error.to_string()))?.to_short_hex();
    assert_contains(&said, &["ForeignChange", "somebody else changed function orders meanwhile", &hex]);
    assert_eq!(machine.live("orders").await?.map(|live| live.version), Some("1".into()));
    let lambda = machine.aws.clients().lambda(FIRST, REGION);
    let latest = lambda.get_function().function_name("orders").send().await.doing("looking")?.configuration;
    assert_eq!(latest.and_then(|latest| latest.code_sha256), Some(theirs));
    Ok(())
}

#[tokio::test]
async fn plan_shows_changes_without_values_of_variables() -> Result<()> {
    let machine = Machine::start().await?;
    let zip = machine.zip("orders", &with_secret("1"))?;
    let plan = ["plan", text(&zip), "-i", ROLE, "--exit-code"];
    let before = machine.aws.snapshot().await?;
    let said = machine.run(&plan).await?;
    assert_eq!(said.exit, Some(5), "{said:?}");
    assert_contains(
        &said,
        &["111111111111/eu-west-1:\n  + function: orders\n", "1. create function", "2. create alias"],
    );
    assert_eq!(machine.run(&plan[..4]).await?.exit, Some(0), "only --exit-code asks whether anything would change");
    assert_eq!(before.changes_to(&machine.aws.snapshot().await?), [""; 0]);

    assert_eq!(machine.deploys(&zip).await?.exit, Some(0));
    let said = machine.run(&plan).await?;
    assert_eq!((said.exit, said.out.as_str()), (Some(0), "orders in direct\n111111111111/eu-west-1: nothing to do\n"));

    let changed = with_secret("1").with(SECRET, "hunter2-hunter2-new").with("memory_size = 256", "memory_size = 512");
    machine.zip("orders", &changed)?;
    let said = machine.run(&plan).await?;
    assert_eq!(said.exit, Some(5), "{said:?}");
    assert_contains(
        &said,
        &["~ memory_size: 256 → 512", "~ environment.variables.TOKEN: *** → ***", "~ alias live: version 1 → the"],
    );
    let said = machine.run(&[&plan[..], &["--output", "json"]].concat()).await?;
    assert_contains(&said, &[]);
    assert_eq!(said.json()?["unchanged"], false);
    Ok(())
}

#[tokio::test]
async fn broken_zip_is_refused_before_any_call() -> Result<()> {
    let machine = Machine::start().await?;
    let zip = machine.file("orders.zip", b"this is no zip")?;
    for verb in ["deploy", "plan"] {
        let said = machine.run(&[verb, text(&zip), "-i", ROLE]).await?;
        assert_eq!(said.exit, Some(3), "{said:?}");
        assert_contains(&said, &["orders.zip would be refused:\n  the object is not a zip"]);
    }
    assert_eq!(machine.live("orders").await?, None);
    Ok(())
}

#[tokio::test]
async fn folder_is_packed_as_by_push() -> Result<()> {
    let machine = Machine::start().await?;
    let folder = machine.folder.path().join("orders");
    std::fs::create_dir(&folder).doing("making a folder")?;
    let manifest = fixtures::MANIFEST;
    for (name, body) in
        [("bootstrap", "#!/bin/sh\n"), ("function.toml", manifest), (".lambdaignore", "notes\n"), ("notes", "x")]
    {
        std::fs::write(folder.join(name), body).doing(format!("writing {name}"))?;
    }
    let said = machine.deploys(&folder).await?;
    assert_eq!(said.exit, Some(3), "{said:?}");
    assert_contains(&said, &["would be refused:\n  ", "bootstrap", "executable"]);
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.join("bootstrap"), executable).doing("making it executable")?;
    let said = machine.deploys(&folder).await?;
    assert_eq!(said.exit, Some(0), "{said:?}");
    // The same folder makes the same zip.
    let said = machine.run(&["deploy", text(&folder), "-i", ROLE, "--output", "json"]).await?;
    assert_eq!((said.exit, &said.json()?["status"]), (Some(0), &json!("unchanged")));
    let said = machine.run(&["plan", text(&folder), "-i", ROLE, "--exit-code"]).await?;
    assert_eq!(said.exit, Some(0), "{said:?}");
    Ok(())
}

#[tokio::test]
async fn role_that_cannot_be_assumed_is_named_with_possible_causes() -> Result<()> {
    let machine = Machine::start().await?;
    let zip = machine.zip("orders", &Zip::function("1"))?;
    let said = machine.run(&["deploy", text(&zip), "-i", "arn:aws:iam::111111111111:role/deployer-target"]).await?;
    assert_eq!(said.exit, Some(1), "{said:?}");
    assert_contains(
        &said,
        &[
            "AssumeRoleDenied",
            "arn:aws:iam::111111111111:role/deployer-target in account 111111111111",
            "its trust policy does not name you",
            "--external-id gives it",
        ],
    );
    Ok(())
}

#[tokio::test]
async fn functions_by_pattern_are_deployed_unless_one_is_broken() -> Result<()> {
    let machine = Machine::start().await?;
    machine.zip("orders", &Zip::function("orders"))?;
    machine.zip("stock", &Zip::function("stock"))?;
    let broken = machine.file("broken.zip", b"this is no zip")?;
    machine.file("README.md", b"no function")?;
    let pattern = machine.folder.path().join("*");
    let deploy = ["deploy", text(&pattern), "-i", ROLE, "--create"];
    let (said, calls) = machine.aws.calls_of(machine.run(&deploy)).await?;
    assert_eq!((said.exit, calls.len()), (Some(3), 0), "{said:?}");
    assert_contains(&said, &["broken.zip would be refused:\n  the object is not a zip", "none of them is deployed"]);
    std::fs::remove_file(broken).doing("removing the broken one")?;

    let said = machine.run(&deploy).await?;
    assert_eq!(said.exit, Some(0), "{said:?}");
    let lines: Vec<&str> = said.out.lines().collect();
    assert_eq!(
        lines,
        [
            "direct/orders: 111111111111/eu-west-1: succeeded, a new function, version 1",
            "direct/stock: 111111111111/eu-west-1: succeeded, a new function, version 1"
        ]
    );
    let said = machine.run(&["deploy", text(&pattern), "-i", ROLE, "--output", "json"]).await?;
    let all = said.json()?["deployments"].clone();
    let statuses: Vec<&str> = all.as_array().into_iter().flatten().filter_map(|one| one["status"].as_str()).collect();
    assert_eq!((said.exit, statuses), (Some(0), vec!["unchanged", "unchanged"]));
    Ok(())
}

#[tokio::test]
async fn missing_function_is_created_only_on_request() -> Result<()> {
    let machine = Machine::start().await?;
    machine.zip("orders", &Zip::function("1"))?;
    assert_eq!(machine.deploys(&machine.folder.path().join("orders.zip")).await?.exit, Some(0));
    machine.zip("orders", &Zip::function("2"))?;
    machine.zip("odrers", &Zip::function("misspelt"))?;
    let pattern = machine.folder.path().join("*.zip");
    let before = machine.aws.snapshot().await?;
    let said = machine.run(&["deploy", text(&pattern), "-i", ROLE]).await?;
    assert_eq!(said.exit, Some(3), "{said:?}");
    assert_contains(
        &said,
        &["there is no function odrers in 111111111111/eu-west-1, and nothing is deployed: --create makes"],
    );
    assert_eq!(before.changes_to(&machine.aws.snapshot().await?), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn interrupted_deploy_names_what_may_be_half_done() -> Result<()> {
    let machine = Machine::start().await?;
    let zip = machine.zip("orders", &Zip::function("1"))?;
    // The fault delays the first write.
    let control = machine.aws.control();
    control.fault(&Fault::busy("CreateFunction").of_session("deployer-").forever()).await?;
    let since = machine.aws.last_call().await?;
    let deploy = ["deploy", text(&zip), "-i", ROLE, "--create"];
    let mut deploying = machine.aws.deployctl_command(&machine.keys, &deploy).await?;
    let child = deploying.spawn().doing("starting deployctl")?;
    while !control.calls_since(since).await?.iter().any(|call| call.operation == "CreateFunction") {}
    send(&child, Signal::INT)?;
    let output = child.wait_with_output().await.doing("waiting for deployctl")?;
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{err}");
    assert!(err.ends_with("error: interrupted\n  orders: may be half done: plan shows what is missing, and deploying it again does that\n"), "{err}");
    Ok(())
}

#[tokio::test]
async fn named_profile_wins_over_credentials_of_the_environment() -> Result<()> {
    let machine = Machine::start().await?;
    let zip = machine.zip("orders", &Zip::function("1"))?;
    let SessionKeys { access_key_id, secret_access_key, session_token, .. } = &machine.keys;
    let profile = format!(
        "[profile work]\nregion = {REGION}\naws_access_key_id = {access_key_id}\naws_secret_access_key = \
         {secret_access_key}\naws_session_token = {session_token}\n"
    );
    let file = machine.file("config", profile.as_bytes())?;
    let strangers = SessionKeys { access_key_id: "ASIASTRANGER".into(), ..machine.keys.clone() };
    let with = [("AWS_CONFIG_FILE", text(&file)), ("AWS_REGION", "us-east-1")];
    let plan = ["plan", text(&zip), "-i", ROLE, "--profile", "work"];
    let said = machine.aws.deployctl_with(&strangers, &with, &plan).await?;
    assert_eq!(said.exit, Some(0), "{said:?}");
    // A region of the environment goes before the profile's.
    assert_contains(&said, &["111111111111/us-east-1:"]);
    let said = machine.aws.deployctl_with(&strangers, &with, &plan[..4]).await?;
    assert_eq!(said.exit, Some(1), "{said:?}");
    Ok(())
}

#[tokio::test]
async fn direct_deploy_of_a_deployers_function_warns() -> Result<()> {
    let machine = Machine::start().await?;
    let result = machine.aws.deploy("dev/orders/1.0.0.zip", Zip::function("1.0.0")).await?;
    assert_eq!(result["status"], "succeeded", "{result:#}");
    let zip = machine.zip("orders", &Zip::function("by hand"))?;
    let owned = "a deployer owns function orders (it made alias live)";
    let said = machine.run(&["plan", text(&zip), "-i", ROLE]).await?;
    assert_contains(&said, &[owned]);
    let said = machine.deploys(&zip).await?;
    assert_eq!(said.exit, Some(0), "a warning is no refusal: {said:?}");
    assert_contains(&said, &[owned, "its next one puts its own release in this one's place"]);
    // After deployctl has moved the alias, the function still belongs to the deployer.
    assert_contains(&machine.deploys(&zip).await?, &[owned]);

    let with_ledger = ["deploy", text(&zip), "-i", ROLE, "--ledger"];
    let said = machine.run(&[&with_ledger[..], &[LEDGER]].concat()).await?;
    assert_contains(&said, &[owned, "the ledger knows function orders (in dev)"]);
    let said = machine.run(&[&with_ledger[..], &["no-such-ledger"]].concat()).await?;
    assert_eq!(said.exit, Some(0), "{said:?}");
    assert_contains(&said, &["whether the deployer knows the function could not be looked up"]);
    Ok(())
}

#[tokio::test]
async fn zip_above_fifty_megabytes_is_refused_with_the_limit() -> Result<()> {
    let machine = Machine::start().await?;
    let zip = machine.zip("orders", &Zip::function("1").ballast(51))?;
    let said = machine.deploys(&zip).await?;
    assert_eq!(said.exit, Some(1), "{said:?}");
    assert_contains(
        &said,
        &["CodeTooLarge", "Lambda takes at most 52428800 bytes sent along", "or push it to a deployer"],
    );
    assert!(!said.out.contains("artifact bucket"), "there is none: {said:?}");
    assert_eq!(machine.live("orders").await?, None);
    Ok(())
}

#[tokio::test]
async fn manifests_environment_applies_only_where_it_is_named() -> Result<()> {
    let machine = Machine::start().await?;
    let manifest = format!("{}\n[environments.prod]\nmemory_size = 1024\n", fixtures::MANIFEST);
    let zip = machine.zip("orders", &Zip::function("1").manifest(&manifest))?;
    let said = machine.deploys(&zip).await?;
    assert_contains(&said, &["the manifest of orders has parts for prod: without --environment none of them counts"]);
    assert_eq!(machine.live("orders").await?.map(|live| live.memory), Some(256));
    let said = machine.run(&["deploy", text(&zip), "-i", ROLE, "--environment", "prod"]).await?;
    assert!(said.out.starts_with("prod/orders: succeeded"), "{said:?}");
    assert_eq!(machine.live("orders").await?.map(|live| live.memory), Some(1024));
    // The manifest's environment `direct` does not apply either, although records of direct deployments use that name.
    let zip = machine
        .zip("orders", &Zip::function("1").manifest(&manifest.replace("environments.prod", "environments.direct")))?;
    assert_eq!(machine.deploys(&zip).await?.exit, Some(0));
    assert_eq!(machine.live("orders").await?.map(|live| live.memory), Some(256));
    Ok(())
}

#[tokio::test]
async fn usage_error_of_deploy_is_reported_before_anything_is_done() -> Result<()> {
    let machine = Machine::start().await?;
    let zip = machine.zip("orders", &Zip::function("1"))?;
    let zip = text(&zip);
    let release = ["deploy", zip, "-i", ROLE, "--release", "1"];
    for (arguments, words) in [
        (&["deploy", zip][..], "push uploads folders and zips to the deployer"),
        (&["deploy"][..], "name what the deployer shall deploy (--environment, --function, --release)"),
        (&["deploy", "-i", ROLE][..], "name the folders or zips"),
        (&["deploy", "/nowhere/at-all", "-i", ROLE][..], "does not exist"),
        (&["deploy", zip, "-i", "lambda-admin"][..], "is not a role's ARN"),
        (&release[..], "past the deployer there are no releases"),
        (&["deploy", "--alias", "x"][..], "--alias is for --role-arn or --direct"),
        (&["deploy", "--create"][..], "--create is for --role-arn or --direct"),
        (&["deploy", zip, "-i", ROLE, "--no-wait"][..], "cannot be used with '--no-wait'"),
        (&["deploy", zip, "-i", ROLE, "--timeout", "1m"][..], "cannot be used with '--timeout"),
        (&["plan", zip][..], "name the environment (--environment) that the deployer shall plan for"),
    ] {
        let (said, calls) = machine.aws.calls_of(machine.run(arguments)).await?;
        assert_eq!(said.exit, Some(2), "{arguments:?}: {said:?}");
        assert_contains(&said, &[words]);
        assert_eq!(calls.len(), 0, "{arguments:?}");
    }
    Ok(())
}
