//! One night: plays blocks of the chapter on the local AWS, in a folder, each under a role that has exactly the rights
//! that the text before the block names.

use std::path::PathBuf;

use fixtures::Zip;
use local_aws::policies::Policies;
use local_aws::{
    ARTIFACTS, Doing as _, Error, LEDGER, LocalAws, REGION, Result, RunOutput, SECOND, ServedVersion, SessionKeys,
    Setup, Shell, TOOLING,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::chapter::{self, Block, Whose};

/// The account of `stage`.
pub(super) const STAGE: &str = "333333333333";
/// The function of the chapter.
pub(super) const FUNCTION: &str = "orders-api";

/// A block that is being played.
struct Current {
    block: Block,
    keys: SessionKeys,
    role: String,
    played: usize,
}

pub(super) struct Night {
    pub aws: LocalAws,
    shell: Shell,
    folder: TempDir,
    blocks: Vec<Block>,
    /// The beginnings of the blocks that are to be played, in any order.
    announced: &'static [&'static str],
    opened: Vec<&'static str>,
    current: Option<Current>,
    replaced: Vec<(String, String)>,
    roles: usize,
}

impl Night {
    /// Begins a night of this case in which these blocks are played, each named by words of the text before it. `None`
    /// if the AWS CLI is missing.
    pub(super) async fn begin(case: &'static str, announced: &'static [&'static str]) -> Result<Option<Self>> {
        let what = format!("the runbook's case {case:?}");
        let found = tokio::task::spawn_blocking(move || Shell::find(&what)).await.doing("finding programs")??;
        let Some(shell) = found else { return Ok(None) };
        let blocks: Vec<Block> = chapter::blocks()?.into_iter().filter(|block| block.case == case).collect();
        let promoted = |account: &str, from: &str| {
            json!({"targets": [{"account": account, "region": REGION}], "external_id": account,
                "promotion": {"from": from}, "accept_uploads": from == "stage"})
        };
        let setup = Setup::default()
            .environment("stage", promoted(STAGE, "dev"))
            .environment("prod", promoted(SECOND, "stage"));
        let aws = LocalAws::with(setup).await?;
        // The doctor looks for a sweep.
        aws.invoke(&json!({"command": "sweep"})).await?;
        let folder = TempDir::new().doing("making a folder")?;
        Ok(Some(Self {
            aws,
            shell,
            folder,
            blocks,
            announced,
            opened: vec![],
            current: None,
            replaced: vec![],
            roles: 0,
        }))
    }

    /// Ends the night: everything that was announced was played, to the end of each block.
    pub(super) fn end(mut self) -> Result<()> {
        self.close()?;
        let missing: Vec<_> = self.announced.iter().filter(|words| !self.opened.contains(words)).collect();
        if missing.is_empty() { Ok(()) } else { Err(Error::Unexpected(format!("announced, not played: {missing:?}"))) }
    }

    /// A path in the folder in which the commands run.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a value in place of an example in all commands from now on. The example must be in one of the case's commands.
    pub(super) fn put(&mut self, example: &str, value: &str) {
        let is_known = self.blocks.iter().flat_map(|block| &block.commands).any(|line| line.contains(example));
        assert!(is_known, "{example:?} is in no command of this case");
        self.replaced.retain(|(other, _)| other != example);
        self.replaced.push((example.to_owned(), value.to_owned()));
    }

    /// Opens the block whose text has these words, with a role of its own.
    pub(super) async fn open(&mut self, words: &'static str) -> Result<()> {
        self.close()?;
        assert!(self.announced.contains(&words), "{words:?} is not announced");
        let found: Vec<&Block> = self.blocks.iter().filter(|block| block.text.contains(words)).collect();
        let [block] = found[..] else {
            return Err(Error::Unexpected(format!("{words:?} begins {} blocks of this case", found.len())));
        };
        let block = block.clone();
        self.opened.push(words);
        self.roles += 1;
        let (account, policy) = rights(&block)?;
        let name = format!("night-{}", self.roles);
        let nobody = json!({"Version": "2012-10-17", "Statement": []});
        self.aws.roles(account).create_with(("/", &name), &nobody, &policy).await?;
        let role = format!("arn:aws:iam::{account}:role/{name}");
        let keys = self.aws.control().session(&role, "ada").await?;
        self.current = Some(Current { block, keys, role, played: 0 });
        Ok(())
    }

    /// Plays the open block's next command, which must succeed.
    pub(super) async fn next(&mut self) -> Result<RunOutput> {
        self.next_exits(0).await
    }

    /// Plays the open block's next command while the queues are delivered.
    pub(super) async fn next_while_delivering(&mut self) -> Result<RunOutput> {
        let line = self.line()?;
        let output = self.aws.deliver_while(self.run(&line)).await?;
        self.done(&line, output, |code| code == 0)
    }

    /// Plays the open block's next command, which must end with this exit code.
    pub(super) async fn next_exits(&mut self, code: i32) -> Result<RunOutput> {
        let line = self.line()?;
        let output = self.run(&line).await?;
        self.done(&line, output, |exit| exit == code)
    }

    /// Plays the open block's next command, which must fail: the versions of the AWS CLI have different codes.
    pub(super) async fn next_fails(&mut self) -> Result<RunOutput> {
        let line = self.line()?;
        let output = self.run(&line).await?;
        self.done(&line, output, |exit| exit != 0)
    }

    /// Opens a block and plays all its commands.
    pub(super) async fn play(&mut self, words: &'static str) -> Result<Vec<RunOutput>> {
        self.open(words).await?;
        let mut all = Vec::new();
        while self.current.as_ref().is_some_and(|current| current.played < current.block.commands.len()) {
            all.push(self.next().await?);
        }
        Ok(all)
    }

    fn line(&self) -> Result<String> {
        let ended = || Error::Unexpected("no command is left in the open block".into());
        let current = self.current.as_ref().ok_or_else(ended)?;
        let line = current.block.commands.get(current.played).ok_or_else(ended)?;
        Ok(self.replaced.iter().fold(line.clone(), |line, (example, value)| line.replace(example, value)))
    }

    async fn run(&self, line: &str) -> Result<RunOutput> {
        let Some(current) = &self.current else { return Err(Error::Unexpected("no block is open".into())) };
        let lambda = self.aws.lambda_endpoint().await?;
        // Only the commands of operators invoke the deployer.
        let more = [("AWS_ENDPOINT_URL_LAMBDA", lambda.endpoint())];
        let more = if current.block.whose == Whose::Operate { &more[..] } else { &[] };
        self.aws.shell(&self.shell, (&current.keys, self.folder.path()), more, line).await
    }

    fn done(&mut self, line: &str, output: RunOutput, as_expected: impl Fn(i32) -> bool) -> Result<RunOutput> {
        if let Some(current) = &mut self.current {
            current.played += 1;
        }
        if output.exit.is_some_and(as_expected) {
            return Ok(output);
        }
        let RunOutput { exit, out, err } = output;
        Err(Error::Unexpected(format!("$ {line}\nended with {exit:?}, which is not expected:\n{out}\n{err}")))
    }

    fn close(&mut self) -> Result<()> {
        let Some(current) = self.current.take() else { return Ok(()) };
        if current.played < current.block.commands.len() {
            let Block { line, commands, .. } = current.block;
            return Err(Error::Unexpected(format!("runbook.md:{line}: not played: {:?}", &commands[current.played..])));
        }
        Ok(())
    }

    /// Checks that the open block's role has used every right that the text names, where the local AWS checks it.
    pub(super) async fn every_named_right_was_used(&self) -> Result<()> {
        let Some(current) = &self.current else { return Ok(()) };
        let used = self.aws.control().uses().await?;
        let used = |action: &String| used.iter().any(|one| one.role_arn == current.role && one.action == *action);
        let checked = |action: &&String| !UNCHECKED.iter().any(|(unchecked, _)| action.starts_with(unchecked));
        let actions = current.block.actions()?;
        let idle: Vec<&String> = actions.iter().filter(checked).filter(|action| !used(action)).collect();
        assert!(idle.is_empty(), "runbook.md:{}: named and not used: {idle:?}", current.block.line);
        Ok(())
    }

    /// Uploads a release to dev and brings it to these environments.
    pub(super) async fn release(&self, release: &str, environments: &[&str]) -> Result<String> {
        self.release_of(release, Zip::function(release), environments).await
    }

    /// Uploads this zip as a release to dev and brings it to these environments. Returns the upload's version id.
    pub(super) async fn release_of(&self, release: &str, zip: Zip, environments: &[&str]) -> Result<String> {
        let key = format!("dev/{FUNCTION}/{release}.zip");
        let metadata = [("commit", "4f5c2e1"), ("build-url", "https://ci.example.com/7?token=hunter2")];
        let version_id = self.aws.upload_with(&key, zip, &metadata).await?;
        self.aws.deliver().await?;
        let mut record = self.aws.result(&key, &version_id).await?;
        let mut from = "dev";
        for to in environments {
            assert_eq!(record["status"], "succeeded", "{record:#}");
            record = self.command(&["promote", "-f", FUNCTION, "--from", from, "--to", to, "-o", "json"]).await?;
            from = to;
        }
        assert_eq!(record["status"], "succeeded", "{record:#}");
        Ok(version_id)
    }

    /// Runs `deployctl` with all rights, before or between what the runbook says, and returns its JSON.
    pub(super) async fn command(&self, arguments: &[&str]) -> Result<Value> {
        let [access_key_id, secret_access_key, session_token] = [TOOLING, "none", "none"].map(str::to_owned);
        let root = SessionKeys { access_key_id, secret_access_key, session_token };
        self.aws.operate(&root, arguments).await?.json()
    }

    /// Returns the version that the function serves in prod.
    pub(super) async fn prod(&self) -> Result<ServedVersion> {
        let live = self.aws.live(SECOND, REGION, FUNCTION).await?;
        live.ok_or_else(|| Error::Unexpected("nothing serves in prod".into()))
    }

    /// The version that serves in prod.
    pub(super) async fn prod_version(&self) -> Result<String> {
        Ok(self.prod().await?.version)
    }

    /// The release that the ledger believes is live in an environment.
    pub(super) async fn believed(&self, environment: &str) -> Result<String> {
        let head = self.aws.ledger_object(&format!("heads/{environment}/{FUNCTION}.json")).await?;
        Ok(text(&head.unwrap_or_default(), "/history/0/release"))
    }
}

/// Beginnings of actions that the text names and the local AWS does not ask for, with the reason.
const UNCHECKED: [(&str, &str); 2] = [
    ("iam:", "the local AWS checks no calls to IAM"),
    (
        "lambda:PublishVersion",
        "no page says whether UpdateFunctionCode with Publish needs it; the local AWS does not ask",
    ),
];

/// Returns the account of the block's role and its policy.
fn rights(block: &Block) -> Result<(&'static str, Value)> {
    let policies = Policies::from_contract()?;
    Ok(match block.whose {
        Whose::Look => (TOOLING, policies.get("tooling/look")),
        Whose::Operate => (TOOLING, policies.get("tooling/operate")),
        Whose::Upload => (TOOLING, policies.get("github/permissions")),
        Whose::Administer => (TOOLING, named(block, TOOLING, "deployer")?),
        Whose::Target => (SECOND, named(block, SECOND, FUNCTION)?),
    })
}

/// Returns a policy with the actions that the block's text names, on this function and on the bucket that it names.
fn named(block: &Block, account: &str, function: &str) -> Result<Value> {
    let function = format!("arn:aws:lambda:{REGION}:{account}:function:{function}");
    let versions = format!("{function}:*");
    let bucket = if block.rights.contains("ledger") { LEDGER } else { ARTIFACTS };
    let only_versions = block.rights.contains(&format!("function:{FUNCTION}:*"));
    let statements = block.actions()?.into_iter().map(|action| {
        let resource = match action.as_str() {
            "lambda:ListEventSourceMappings" | "lambda:UpdateEventSourceMapping" => json!("*"),
            "lambda:DeleteFunction" if only_versions => json!(versions),
            lambda if lambda.starts_with("lambda:") => json!([function, versions]),
            s3 if s3.starts_with("s3:") => {
                json!([format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")])
            }
            "sts:AssumeRole" => json!(format!("arn:aws:iam::{account}:role/break-glass")),
            _ => json!(format!("arn:aws:iam::{account}:role/deployer-target")),
        };
        json!({"Effect": "Allow", "Action": action, "Resource": resource})
    });
    let statements: Vec<Value> = statements.collect();
    if statements.is_empty() {
        return Err(Error::Unexpected(format!("runbook.md:{}: the text names no action", block.line)));
    }
    Ok(json!({"Version": "2012-10-17", "Statement": statements}))
}

pub(super) fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Returns the columns of each line of `--output text`.
pub(super) fn columns(output: &RunOutput) -> Vec<Vec<&str>> {
    output.out.lines().map(|line| line.split('\t').collect()).collect()
}
