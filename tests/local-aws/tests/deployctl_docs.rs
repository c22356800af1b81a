//! Replays the examples of `docs/deployctl/*.md` in order with the real `deployctl` against the local AWS, each person
//! with the rights that the page names, and compares the outputs.
//!
//! `UPDATE_DOCS=1 cargo test -p local-aws deployctl_docs:: -- --ignored` rewrites the outputs. Outputs that differ only in
//! ids, times and the like stay as they are.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use aws_sdk_lambda::types::FunctionCode;
use clap::CommandFactory as _;
use deployer_cli::Cli;
use fixtures::{MANIFEST, Zip};
use local_aws::ci::{WaitingPush, run};
use local_aws::policies::Policies;
use local_aws::{
    ARTIFACTS, Answer, Doing as _, EXECUTION_ROLE, Error, FIRST, LEDGER, LambdaEndpoint, LocalAws, NOBODYS_AUTHORITY,
    OTHER_REGION, REGION, Result, SECOND, SessionKeys, Setup, TOOLING, TRUSTED, deployctl,
};
use regex_lite::Regex;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

/// Patterns of texts that differ from run to run, with the text that replaces them for the comparison.
const VOLATILE: [(&str, &str); 8] = [
    (r"\b[0-9A-HJKMNP-TV-Z]{26}\b", "<id>"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<version id>"),
    (r"\d+ (s|min|h) ago", "<ago>"),
    (r"after \d+ s", "after <s>"),
    // Only where the queue took a second or longer.
    (r" \(waited \d+ s, took \d+ s\)|\n *waited \d+ s, took \d+ s", ""),
    (r"[+-]?\d+(\.\d+)? (ms|s)\b", "<time span>"),
    (r" +", " "),
];

#[tokio::test]
#[ignore = "long: cargo verify"]
async fn examples_in_the_docs_match_deployctls_output() -> Result<()> {
    let mut desk = Desk::laid().await?;
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/deployctl");
    let mut stale = Vec::new();
    for verb in Cli::command().get_subcommands() {
        let path = docs.join(format!("{}.md", verb.get_name()));
        let Ok(written) = std::fs::read_to_string(&path) else { continue };
        let now = desk.played(&written).await?;
        if now != written && std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, now).doing(format!("writing {}", path.display()))?;
        } else if now != written {
            stale.push(format!("{} is stale; it would be now:\n{now}", path.display()));
        }
    }
    assert!(
        stale.is_empty(),
        "UPDATE_DOCS=1 cargo test -p local-aws deployctl_docs:: -- --ignored\n{}",
        stale.join("\n")
    );
    Ok(())
}

/// The folder and the people with their rights, for the examples.
struct Desk {
    aws: LocalAws,
    lambda: LambdaEndpoint,
    folder: TempDir,
    ci: SessionKeys,
    operator: SessionKeys,
    looker: SessionKeys,
    /// An operator who may read artifacts too, as the page of `diff` asks.
    reader: SessionKeys,
    developer: SessionKeys,
    admin: SessionKeys,
    exit: Option<i32>,
}

impl Desk {
    async fn laid() -> Result<Self> {
        let aws = LocalAws::with(row()).await?;
        let policies = Policies::from_contract()?;
        let anything = |action: &str| {
            let statement = json!({"Effect": "Allow", "Action": action, "Resource": "*"});
            json!({"Version": "2012-10-17", "Statement": [statement]})
        };
        let trusted = json!({"Service": "lambda.amazonaws.com"});
        let somebody = |name: &'static str, policy| person(&aws, (TOOLING, name), trusted.clone(), policy);
        let ci = somebody("ci", policies.get("github/permissions")).await?;
        let operator = somebody("operator", policies.get("tooling/operate")).await?;
        let looker = somebody("looker", policies.get("tooling/look")).await?;
        let mut may_read = policies.get("tooling/operate");
        let artifacts = format!("arn:aws:s3:::{ARTIFACTS}/*/orders-api/*");
        let reads = json!({"Effect": "Allow", "Action": "s3:GetObjectVersion", "Resource": artifacts});
        if let Some(statements) = may_read["Statement"].as_array_mut() {
            statements.push(reads);
        }
        let reader = somebody("reader", may_read).await?;
        let developer = somebody("developer", anything("sts:AssumeRole")).await?;
        let by = json!({"AWS": format!("arn:aws:iam::{TOOLING}:role/developer")});
        let admin = person(&aws, (FIRST, "sandbox"), by, anything("*")).await?;
        let folder = TempDir::new().doing("making a folder")?;
        let lambda = aws.lambda_endpoint().await?;
        let desk = Self { aws, lambda, folder, ci, operator, looker, reader, developer, admin, exit: None };
        desk.files()?;
        desk.functions().await?;
        Ok(desk)
    }

    /// Writes the files of the folder.
    fn files(&self) -> Result<()> {
        let typo = MANIFEST.replace("memory_size = 256", "memory = 256").replace("timeout = 10", "timeout = \"10s\"");
        for (function, manifest) in [("orders-api", MANIFEST), ("broken", &typo), ("functions/hello", MANIFEST)] {
            self.file(&format!("{function}/function.toml"), manifest.as_bytes())?;
            let bootstrap = self.file(&format!("{function}/bootstrap"), b"#!/bin/sh\n# 1.4.2\nexit 0\n")?;
            let executable = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(bootstrap, executable).doing("making it executable")?;
        }
        let next = Zip::function("1.4.3").with("memory_size = 256", "memory_size = 512");
        self.file("build/orders-api.zip", &next.build().doing("zipping")?)?;
        let lambroll = json!({"FunctionName": "orders-api", "Runtime": "provided.al2023", "Handler": "bootstrap",
            "Role": format!("arn:aws:iam::{FIRST}:role/{EXECUTION_ROLE}"), "MemorySize": 256, "Timeout": "{{ env `TIMEOUT` `10` }}",
            "TracingConfig": {"Mode": "Active"}});
        self.file("lambroll/function.json", format!("{lambroll:#}").as_bytes())?;
        let config = json!({"artifact_bucket": ARTIFACTS, "ledger_bucket": LEDGER, "environments": {
            "dev": {"targets": [{"account": FIRST, "region": REGION}]}}});
        self.file("deployer.json", format!("{config:#}").as_bytes())?;
        let targets = json!([{"account": SECOND, "region": REGION}]);
        let mut wrong = config;
        wrong["environments"]["stage"] = json!({"targets": targets, "promotion": {"from": "dve", "soak": "30m"},
            "approval": {"required": 0}});
        wrong["environments"]["prod"] = json!({"targets": targets, "promotion": {"from": "stage", "automatc": true},
            "freeze": [{"days": ["fri"], "from": "16:00", "to": "00:00", "zone": "Europe/Berln"}]});
        self.file("broken/deployer.json", format!("{wrong:#}").as_bytes()).map(drop)
    }

    fn file(&self, name: &str, body: &[u8]) -> Result<PathBuf> {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(&path)).doing("making a folder")?;
        std::fs::write(&path, body).doing(format!("writing {name}"))?;
        Ok(path)
    }

    /// Makes the functions that exist before: one of dev made by hand, and two that the deployer has deployed.
    async fn functions(&self) -> Result<()> {
        let code = Zip::code("by hand").build().doing("zipping")?;
        let lambda = self.aws.clients().lambda(FIRST, REGION);
        let call = lambda.create_function().function_name("orders-api").runtime("provided.al2023".into());
        let call = call.role(format!("arn:aws:iam::{FIRST}:role/{EXECUTION_ROLE}")).handler("bootstrap");
        let call = call.code(FunctionCode::builder().zip_file(code.into()).build()).publish(true);
        call.send().await.doing("making orders-api")?;
        for key in [
            "dev/stock/2.0.0.zip",
            "dev/invoices/3.0.0.zip",
            "stage/invoices/3.0.0.zip",
            "dev/invoices/3.1.0.zip",
            "prod/orders-api/1.4.1.zip",
        ] {
            // The same release has the same code in every environment.
            let release = key.split_once('/').map_or(key, |(_, release)| release);
            let result = self.aws.deploy(key, Zip::function(release)).await?;
            assert_eq!(result["status"], "succeeded", "{result:#}");
        }
        match self.aws.invoke(&json!({"command": "sweep"})).await? {
            Answer::Payload(_) => Ok(()),
            other => Err(Error::Unexpected(format!("{other:?}"))),
        }
    }

    /// Returns a page with its outputs replaced by the current ones where they differ.
    async fn played(&mut self, written: &str) -> Result<String> {
        let (mut now, mut is_console) = (String::new(), false);
        let mut lines = written.lines().peekable();
        while let Some(line) = lines.next() {
            now.push_str(&format!("{line}\n"));
            is_console = if is_console { line != "```" } else { line == "```console" };
            let Some(command) = line.strip_prefix("$ ").filter(|_| is_console) else { continue };
            let mut before = String::new();
            while let Some(line) = lines.next_if(|line| *line != "```" && !line.starts_with("$ ")) {
                before.push_str(&format!("{line}\n"));
            }
            let said = self.said(command).await?;
            now.push_str(if masked(&before)? == masked(&said)? { &before } else { &said });
        }
        Ok(now)
    }

    /// Runs a command line and returns what a terminal would show.
    async fn said(&mut self, line: &str) -> Result<String> {
        let words = words(line);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let ["deployctl", arguments @ ..] = &words[..] else {
            assert_eq!(line, "echo $?", "only deployctl is run here");
            return Ok(format!("{}\n", self.exit.unwrap_or_default()));
        };
        let is_push = arguments.first() == Some(&"push");
        let uploads = is_push && !arguments.contains(&"broken");
        let ended = if uploads && arguments.contains(&"--wait") {
            let waiting = WaitingPush::start(self.command(arguments)?).await?;
            self.aws.deliver().await?;
            waiting.end().await?
        } else {
            let ended = self.aws.deliver_while(run(self.command(arguments)?)).await?;
            self.aws.deliver().await?;
            ended
        };
        self.exit = ended.code;
        Ok(format!("{}{}", ended.err, ended.out).lines().map(|line| format!("{}\n", line.trim_end())).collect())
    }

    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let keys = match arguments {
            ["push", ..] => &self.ci,
            ["init", ..] => &self.admin,
            ["diff", ..] => &self.reader,
            _ if arguments.contains(&"-i") => &self.developer,
            _ if arguments.contains(&"--ledger") => &self.looker,
            _ => &self.operator,
        };
        let mut command = Command::new(deployctl()?);
        command.args(arguments).current_dir(self.folder.path()).env_clear().kill_on_drop(true);
        let lambda = if arguments.contains(&"-i") || arguments.contains(&"init") {
            self.aws.endpoint()
        } else {
            self.lambda.endpoint()
        };
        command.envs([
            ("AWS_ACCESS_KEY_ID", keys.access_key_id.as_str()),
            ("AWS_SECRET_ACCESS_KEY", &keys.secret_access_key),
            ("AWS_SESSION_TOKEN", &keys.session_token),
            ("AWS_ENDPOINT_URL", self.aws.endpoint()),
            ("AWS_ENDPOINT_URL_LAMBDA", lambda),
            ("AWS_REGION", REGION),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("USER", "ada"),
            (TRUSTED, NOBODYS_AUTHORITY),
        ]);
        if arguments.first() == Some(&"push") {
            command.envs([("DEPLOYER_ARTIFACT_BUCKET", ARTIFACTS), ("DEPLOYER_LEDGER_BUCKET", LEDGER)]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(command)
    }
}

/// Returns a setup that promotes from `dev` to `stage` and, with an approval, on to `prod`. The last two accept uploads
/// too, as environments from before promotions do.
fn row() -> Setup {
    let stage = json!({"targets": [{"account": "333333333333", "region": REGION}], "external_id": "stage-77b0",
        "accept_uploads": true, "promotion": {"from": "dev"}});
    let prod = json!({"targets": [{"account": SECOND, "region": REGION}, {"account": SECOND, "region": OTHER_REGION}],
        "external_id": "prod-51aa", "accept_uploads": true, "promotion": {"from": "stage"}, "approval": {"required": 1}});
    Setup::default().environment("stage", stage).environment("prod", prod)
}

/// Returns the session of a role with these rights.
async fn person(aws: &LocalAws, (account, name): (&str, &str), who: Value, may: Value) -> Result<SessionKeys> {
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": who, "Action": "sts:AssumeRole"}]});
    aws.roles(account).create_with(("/", name), &trust, &may).await?;
    aws.control().session(&format!("arn:aws:iam::{account}:role/{name}"), name).await
}

fn masked(text: &str) -> Result<String> {
    VOLATILE.iter().try_fold(text.to_owned(), |text, (what, instead)| {
        let what = Regex::new(what).doing("reading a pattern")?;
        Ok(what.replace_all(&text, *instead).into_owned())
    })
}

/// Splits a command line into words as a shell does, with quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if c == open => quote = None,
            (None, ' ') => words.push(String::new()),
            _ => {
                if let Some(word) = words.last_mut() {
                    word.push(c);
                }
            }
        }
    }
    words.retain(|word| !word.is_empty());
    words
}
