//! `cargo demo --keep`: three environments in a chain that are left to the user. The real `bootstrap` answers commands and
//! gets the queues' messages; a sweep comes each minute; the deployer's log goes to CloudWatch Logs.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use deployer_core::config::Config;
use fixtures::Zip;
use serde_json::{Value, json};

use super::uploads::Accounts;
use super::workspace::{PERSON, Workspace, sources};
use super::{FUNCTION, Screen, expect, steps};
use crate::{Answer, LocalAws, REGION, SECOND, Signed, TOOLING};
use fixtures::error::{Doing as _, Error, Result};

/// The soak of `prod`, short enough to wait for.
const SOAK: &str = "1m";
const MORE_THAN_THE_SOAK: Duration = Duration::from_secs(61);
/// The person who has asked for what the user approves.
const COLLEAGUE: &str = "bob";
/// The time between two sweeps, as EventBridge's schedule has it (infra/modules/tooling).
const SWEEP_EVERY: Duration = Duration::from_secs(60);
const LOOKS_EVERY: Duration = Duration::from_millis(200);
/// The deployer's log group and the stream in it.
const LOG_GROUP: &str = "/aws/lambda/deployer";
const STREAM: &str = "local";
/// The answer of functions, which the emulator does not run.
const NOT_RUN: &str = "the local AWS runs no functions: on AWS what the function says stands here";

/// A workspace whose queues and sweep run while [`Playground::serve`] does.
#[derive(Debug)]
pub struct Playground {
    workspace: Workspace,
    /// The environments and their rules, in a sentence or two.
    about: &'static str,
    /// Commands to begin with.
    examples: &'static [&'static str],
}

impl Playground {
    /// Starts three environments in a chain, with releases in all of them and a promotion that waits for an approval.
    ///
    /// # Errors
    /// A program is missing, or starting fails.
    pub async fn open() -> Result<Self> {
        let workspace = Workspace::chain(SOAK).await?;
        workspace.aws().preview_rollouts();
        prepare(&workspace).await?;
        let about = "dev, stage and prod are an account each. stage takes what is live in dev. prod takes what has been \
                     live in stage for a minute, and wants an approval. bob, a colleague of yours, has brought hello to \
                     all of them, and asks for its release 1.1.0 in prod, which waits for your approval. The demo has \
                     made his deployments a minute or two older than they are, so that the minute in stage is over.";
        let examples = &[
            "deployctl status",
            "deployctl approve -e prod -f hello",
            "deployctl push hello -e dev -f hello -r 1.2.0 --wait",
            "deployctl rollback -e dev -f hello",
            "deployctl doctor",
            "aws lambda list-aliases --function-name hello --profile dev",
        ];
        Self::over(workspace, about, examples).await
    }

    /// Starts the same three environments, of which `dev` has a rollout.
    ///
    /// # Errors
    /// A program is missing, or starting fails.
    pub async fn rolling_out() -> Result<Self> {
        let workspace = Workspace::chain(SOAK).await?;
        workspace.aws().preview_rollouts();
        prepare(&workspace).await?;
        let rollout = json!({"steps": [{"weight": 50, "for": "3m"}], "watch": "8m"});
        workspace.configure(|config| config["environments"]["dev"]["rollout"] = rollout.clone()).await?;
        let about = "dev, stage and prod are an account each, and hello is live in all of them. In dev a new version gets half of \
                     the traffic for 3 minutes, then all, and is watched for 8 minutes. Nobody calls hello here, so the guard \
                     finds each step quiet: it takes twice as long, unless you finish it. Rollouts are a preview.";
        let examples = &[
            "deployctl push hello -e dev -f hello -r 1.2.0",
            "deployctl status --watch",
            "deployctl rollout -e dev -f hello",
            "deployctl rollout pause -e dev -f hello --yes --reason 'let me look'",
            "deployctl rollout finish -e dev -f hello",
            "deployctl rollout abort -e dev -f hello",
            "deployctl rollback -e dev -f hello",
            "aws lambda list-aliases --function-name hello --profile dev",
        ];
        Self::over(workspace, about, examples).await
    }

    /// Keeps the accounts that Terraform has laid.
    ///
    /// # Errors
    /// `deployctl` cannot be built, or AWS answers with an error.
    pub async fn applied(accounts: Accounts) -> Result<Self> {
        let workspace = Workspace::over(accounts.aws, &[("dev", TOOLING), ("prod", SECOND)]).await?;
        let about = "dev and prod are those of infra/examples/two-accounts. Both take uploads. hello is live in prod.";
        let examples = &[
            "deployctl status",
            "deployctl push hello -e prod -f hello -r 1.2.0 --wait",
            "deployctl history -e prod -f hello",
            "deployctl rollback -e prod -f hello",
        ];
        Self::over(workspace, about, examples).await
    }

    async fn over(workspace: Workspace, about: &'static str, examples: &'static [&'static str]) -> Result<Self> {
        let playground = Self { workspace, about, examples };
        // Another greeting, so that the next push brings something new.
        playground.workspace.edit(&format!("{FUNCTION}/function.toml"), "\"Hello\"", "\"Good day\"")?;
        playground.make_logs().await?;
        Ok(playground)
    }

    /// Returns the workspace.
    #[must_use]
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// Says what there is, and prints the lines to paste.
    pub fn introduce(&self, screen: &Screen) {
        let about = format!("You are {PERSON}, who may do everything with the deployer. {}", self.about);
        screen.title("A deployer of your own, until Ctrl-C", &about);
        screen.prose("Paste these lines into another shell (sh, bash or zsh):");
        screen.gap();
        self.workspace.shell_lines().iter().for_each(|line| screen.verbatim(line));
        screen.prose("Then deployctl works in that shell, and so does the AWS CLI, where it is installed:");
        screen.gap();
        self.examples.iter().for_each(|line| screen.verbatim(line));
        screen.prose(&format!(
            "The profiles {} and tooling are administrators of those accounts. The deployer sweeps each minute, as by its \
             schedule. Functions are not run: invoke shows a text in place of their answer.",
            self.workspace.profiles()
        ));
        screen.prose(
            "The deployer takes an edited deployer.json of that folder a moment after you save it, as it would with an apply: give \
             dev a \"rollout\": {}, say. One that deployctl validate refuses is not taken.",
        );
        screen.prose("Everything is in that folder and in this process. Ctrl-C here ends and removes it.");
        screen.prose("What the deployer does, as it happens:");
        screen.gap();
    }

    /// Delivers the queues, sweeps, and writes the deployer's log to CloudWatch Logs, until it is dropped.
    ///
    /// # Errors
    /// The emulator or the deployer fails.
    pub async fn serve(&self, screen: Option<&Screen>) -> Result<Infallible> {
        let aws = self.workspace.aws();
        // Lambda starts another execution environment where a message comes during a command.
        let mut deliverer = aws.deployer().twin();
        let mut configured = self.workspace.configuration()?;
        let mut swept: Option<Instant> = None;
        let (mut lines, mut is_first) = (0, true);
        loop {
            if self.configure_if_edited(&mut configured, screen).await? {
                deliverer = aws.deployer().twin();
            }
            if swept.is_none_or(|at| at.elapsed() >= SWEEP_EVERY) {
                deliverer.invoke(&json!({"command": "sweep"})).await?;
                swept = Some(Instant::now());
            }
            while aws.mapping().deliver_once(&deliverer).await?.is_some() {}
            let log = aws.deployer().log_since(lines);
            lines += log.len();
            self.write_log(&log).await?;
            // The first lines are those of the preparation.
            if let Some(screen) = screen.filter(|_| !is_first) {
                steps::follow(screen, &log);
            }
            is_first = false;
            tokio::time::sleep(LOOKS_EVERY).await;
        }
    }

    /// Brings deployer.json in once the user has edited it, and returns whether the deployer has another one now. A file
    /// that no deployer could load is told, and left.
    async fn configure_if_edited(&self, known: &mut String, screen: Option<&Screen>) -> Result<bool> {
        // An editor may be at work on it.
        let Ok(edited) = self.workspace.configuration() else { return Ok(false) };
        if edited == *known {
            return Ok(false);
        }
        known.clone_from(&edited);
        let say = |words: &str| screen.iter().for_each(|screen| screen.prose(words));
        let config: Value = match Config::parse(&edited).map(|_| serde_json::from_str(&edited)) {
            Ok(Ok(config)) => config,
            Ok(Err(error)) => {
                say(&format!("deployer.json is not taken: {error}"));
                return Ok(false);
            }
            Err(error) => {
                say(&format!("deployer.json is not taken: {error}"));
                return Ok(false);
            }
        };
        self.workspace.aws().configure(|taken| *taken = config).await?;
        say("The deployer has the edited deployer.json now.");
        Ok(true)
    }

    /// Makes the log groups of the deployer and of the functions, and sets the functions' answer.
    async fn make_logs(&self) -> Result<()> {
        make_stream(self.workspace.aws(), TOOLING, LOG_GROUP).await?;
        self.workspace.aws().control().answer_invocations(&json!({ "note": NOT_RUN })).await?;
        let now = jiff::Timestamp::now().as_millisecond();
        for account in self.workspace.accounts() {
            let group = format!("/aws/lambda/{FUNCTION}");
            make_stream(self.workspace.aws(), account, &group).await?;
            let events = json!([{"timestamp": now, "message": NOT_RUN}]);
            put_events(self.workspace.aws(), account, &group, &events).await?;
        }
        Ok(())
    }

    async fn write_log(&self, log: &[Value]) -> Result<()> {
        if log.is_empty() {
            return Ok(());
        }
        let now = jiff::Timestamp::now();
        let events = log.iter().map(|line| {
            let at = line["timestamp"].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok()).unwrap_or(now);
            (at.as_millisecond(), line.to_string())
        });
        let mut events: Vec<(i64, String)> = events.collect();
        // CloudWatch Logs API Reference, PutLogEvents: the events of a call are in the order of their times.
        events.sort_by_key(|event| event.0);
        let events: Value = events.iter().map(|(at, line)| json!({"timestamp": at, "message": line})).collect();
        put_events(self.workspace.aws(), TOOLING, LOG_GROUP, &events).await
    }
}

/// Brings release 1.0.0 everywhere and 1.1.0 to stage, from where it waits for an approval in prod.
async fn prepare(workspace: &Workspace) -> Result<()> {
    let folder = sources();
    let first = Zip::folder(&folder).doing(format!("reading {}", folder.display()))?;
    let second = first.clone().with("\"Hello\"", "\"Hello again\"");
    let promote = |from: &str, to: &str| json!({"command": "promote", "function": FUNCTION, "from": from, "to": to, "requested_by": COLLEAGUE});
    let approve = json!({"command": "approve", "environment": "prod", "function": FUNCTION, "requested_by": PERSON});
    for (release, zip) in [("1.0.0", &first), ("1.1.0", &second)] {
        let key = format!("dev/{FUNCTION}/{release}.zip");
        let version_id = workspace.aws().upload_with(&key, zip, &[("uploaded-by", COLLEAGUE)]).await?;
        workspace.aws().deliver().await?;
        let uploaded = workspace.aws().result(&key, &version_id).await?;
        expect(&format!("the upload of {release}"), &uploaded["status"], &json!("succeeded"))?;
        command(workspace, &promote("dev", "stage"), "succeeded").await?;
        workspace.let_time_pass(MORE_THAN_THE_SOAK).await?;
        command(workspace, &promote("stage", "prod"), "pending").await?;
        if release == "1.0.0" {
            command(workspace, &approve, "succeeded").await?;
        }
    }
    Ok(())
}

/// Sends a command that must end so, and delivers what follows from it.
async fn command(workspace: &Workspace, payload: &Value, status: &str) -> Result<()> {
    match workspace.aws().invoke(payload).await? {
        Answer::Payload(record) => expect(&format!("the status of {payload}"), &record["status"], &json!(status))?,
        other => return Err(Error::Unexpected(format!("{payload}: {other:?}"))),
    }
    workspace.aws().deliver().await.map(drop)
}

async fn make_stream(aws: &LocalAws, account: &str, group: &str) -> Result<()> {
    let signed = logs_of(account);
    let made =
        aws.control().json_call(&signed, "Logs_20140328.CreateLogGroup", &json!({ "logGroupName": group })).await;
    // Terraform makes the deployer's group itself.
    if let Err(error) = made
        && !error.to_string().contains("ResourceAlreadyExistsException")
    {
        return Err(error);
    }
    let stream = json!({"logGroupName": group, "logStreamName": STREAM});
    aws.control().json_call(&signed, "Logs_20140328.CreateLogStream", &stream).await.map(drop)
}

async fn put_events(aws: &LocalAws, account: &str, group: &str, events: &Value) -> Result<()> {
    let put = json!({"logGroupName": group, "logStreamName": STREAM, "logEvents": events});
    aws.control().json_call(&logs_of(account), "Logs_20140328.PutLogEvents", &put).await.map(drop)
}

fn logs_of(account: &str) -> Signed<'_> {
    Signed { account, region: REGION, service: "logs" }
}
