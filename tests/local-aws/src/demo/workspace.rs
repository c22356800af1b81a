//! A folder with a function, and `deployctl` for a person who may do everything with it: three environments in a chain.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::unix::pipe;
use tokio::process::Command;

use super::screen::plain;
use super::{FUNCTION, Screen};
use crate::policies::Policies;
use crate::waited_for::KilledGroup;
use crate::{
    ARTIFACTS, FIRST, LEDGER, LambdaEndpoint, LocalAws, REGION, SECOND, SessionKeys, Setup, TOOLING, deployctl,
};
use fixtures::error::{Doing as _, Error, Result};

/// The account of `stage`.
const THIRD: &str = "333333333333";
/// The person whose profile the folder has, and her role.
pub(super) const PERSON: &str = "ada";
const ROLE: &str = "release-engineer";
/// The files with the profiles.
const CONFIG: &str = "aws-config";
const CREDENTIALS: &str = "aws-credentials";
/// The file with the variables.
const VARIABLES: &str = "env.sh";

/// Makes the AWS CLI call the local SQS. Version 1 passes over `AWS_ENDPOINT_URL` there, because it gives SQS an endpoint
/// of its own unless `--endpoint-url` names one, and so would leave the machine.
const AWS_CLI: &str = r#"aws() {
  case " $* " in
    *" sqs "*) command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@" ;;
    *) command aws "$@" ;;
  esac
}"#;

/// The local AWS and a folder in which `deployctl` works against it. Dropping it ends and removes everything.
#[derive(Debug)]
pub struct Workspace {
    lambda: LambdaEndpoint,
    aws: LocalAws,
    folder: TempDir,
    /// The environments with their accounts.
    environments: Vec<(&'static str, &'static str)>,
}

/// The end of a command.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The exit code; `None` if a signal ended it.
    pub exit: Option<i32>,
    /// Its output on both streams, without styles.
    pub said: String,
}

impl Workspace {
    /// Starts a local AWS with `dev`, `stage` and `prod`, an account each. `stage` takes promotions from `dev`, and
    /// `prod` from `stage`, after this soak and with one approval.
    ///
    /// # Errors
    /// A program is missing, or starting fails.
    pub async fn chain(soak: &str) -> Result<Self> {
        let targets = |account: &str| json!([{"account": account, "region": REGION}]);
        let dev = json!({"targets": targets(FIRST), "external_id": "dev-8c1f"});
        let stage = json!({"targets": targets(THIRD), "external_id": "stage-77b0", "promotion": {"from": "dev"}});
        let prod = json!({"targets": targets(SECOND), "external_id": "prod-51aa",
            "promotion": {"from": "stage", "soak": soak}, "approval": {"required": 1}});
        let setup = Setup::only("dev", &dev).environment("stage", stage).environment("prod", prod).with_bus();
        Self::over(LocalAws::with(setup).await?, &[("dev", FIRST), ("stage", THIRD), ("prod", SECOND)]).await
    }

    /// Starts a local AWS with `prod`, which takes uploads and has the preview of rollouts.
    ///
    /// # Errors
    /// A program is missing, or starting fails.
    pub async fn with_rollouts() -> Result<Self> {
        let targets = json!([{"account": FIRST, "region": REGION}]);
        let aws = LocalAws::with(Setup::only("prod", &json!({"targets": targets, "external_id": "prod-51aa"}))).await?;
        aws.preview_rollouts();
        Self::over(aws, &[("prod", FIRST)]).await
    }

    /// Changes the deployer's configuration, and `deployer.json` in the folder with it.
    ///
    /// # Errors
    /// S3 answers with an error, or the file cannot be written.
    pub async fn configure(&self, change: impl Fn(&mut Value)) -> Result<()> {
        let mut config = self.aws.resources.config.clone();
        change(&mut config);
        self.write("deployer.json", &format!("{config:#}\n"))?;
        self.aws.configure(change).await
    }

    /// Makes a folder for the environments of a local AWS, each given with its account.
    ///
    /// # Errors
    /// `deployctl` cannot be built, or the folder cannot be made.
    pub async fn over(aws: LocalAws, environments: &[(&'static str, &'static str)]) -> Result<Self> {
        let program = tokio::task::spawn_blocking(deployctl).await.doing("building deployctl")??;
        let folder = tempfile::Builder::new().prefix("cargo-demo-").tempdir().doing("making a folder")?;
        let lambda = LambdaEndpoint::in_front_of(aws.endpoint(), aws.deployer.clone()).await?;
        let workspace = Self { lambda, aws, folder, environments: environments.to_vec() };
        let bin = workspace.path("bin");
        std::fs::create_dir(&bin).doing(format!("making {}", bin.display()))?;
        std::os::unix::fs::symlink(&program, bin.join("deployctl")).doing("linking deployctl")?;
        workspace.copy_function()?;
        workspace.write("deployer.json", &format!("{:#}\n", workspace.aws.resources.config))?;
        workspace.write_profiles(&workspace.person().await?)?;
        workspace.write(VARIABLES, &workspace.variables())?;
        // The first sweep writes what a CI may know of each environment.
        workspace.aws.invoke(&json!({"command": "sweep"})).await?;
        Ok(workspace)
    }

    /// Returns the local AWS.
    #[must_use]
    pub fn aws(&self) -> &LocalAws {
        &self.aws
    }

    /// Returns the folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the lines after which `deployctl` and the AWS CLI work in a shell (sh, bash, zsh).
    #[must_use]
    pub fn shell_lines(&self) -> [String; 2] {
        [format!("cd {}", quoted(&self.folder().to_string_lossy())), format!(". ./{VARIABLES}")]
    }

    /// Returns the lines that set the variables, for a shell that is in the folder. The person is the user there, whatever
    /// the machine's user is called.
    fn variables(&self) -> String {
        let lines = [
            "export PATH=\"$PWD/bin:$PATH\"".to_owned(),
            "export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1".to_owned(),
            format!("export AWS_CONFIG_FILE=\"$PWD/{CONFIG}\" AWS_PROFILE={PERSON}"),
            format!("export AWS_SHARED_CREDENTIALS_FILE=\"$PWD/{CREDENTIALS}\""),
            format!("export AWS_REGION={REGION} AWS_DEFAULT_REGION={REGION}"),
            format!("export AWS_ENDPOINT_URL={}", self.aws.endpoint()),
            format!("export AWS_ENDPOINT_URL_LAMBDA={}", self.lambda.endpoint()),
            format!("export DEPLOYER_ARTIFACT_BUCKET={ARTIFACTS}"),
            format!("export DEPLOYER_LEDGER_BUCKET={LEDGER}"),
            format!("export USER={PERSON}"),
            "unset GITHUB_ACTOR GITLAB_USER_LOGIN".to_owned(),
            "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_DEFAULT_PROFILE".to_owned(),
            "unset AWS_ENDPOINT_URL_S3 AWS_ENDPOINT_URL_STS AWS_IGNORE_CONFIGURED_ENDPOINT_URLS".to_owned(),
            "unset DEPLOYER_FUNCTION_NAME DEPLOYER_BUCKET_OWNER".to_owned(),
            AWS_CLI.to_owned(),
        ];
        lines.join("\n") + "\n"
    }

    /// Runs a command line in the folder, as a person does in a shell with these lines, while the queues are delivered.
    /// A screen shows each line of output when it comes.
    ///
    /// # Errors
    /// The shell does not start, or a delivery fails.
    pub async fn run(&self, line: &str, screen: Option<&Screen>) -> Result<Ended> {
        self.aws.deliver_while(self.run_undelivered(line, screen)).await
    }

    /// Runs a command line while somebody else delivers the queues.
    ///
    /// # Errors
    /// The shell does not start.
    pub async fn run_undelivered(&self, line: &str, screen: Option<&Screen>) -> Result<Ended> {
        let what = || format!("running {line}");
        let (reader, writer) = std::io::pipe().doing(what())?;
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{}\n{line}", self.shell_lines().join("\n"))]).kill_on_drop(true);
        // A group of its own, which ends with this future as a whole. Ctrl-C reaches the demo only, which ends the group.
        command.process_group(0);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        if let Some(columns) = screen.and_then(Screen::columns_of_output) {
            command.env("COLUMNS", columns.to_string());
        }
        if screen.is_some_and(Screen::has_colours) {
            command.env("CLICOLOR_FORCE", "1");
            // They say how many colours there are.
            command.envs(["TERM", "COLORTERM"].iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        }
        command.envs(std::env::var_os("LLVM_PROFILE_FILE").map(|file| ("LLVM_PROFILE_FILE", file)));
        command.stdin(Stdio::null()).stdout(writer.try_clone().doing(what())?).stderr(writer);
        let mut child = command.spawn().doing(what())?;
        let group = KilledGroup::of(&child);
        // The reader ends when nobody has the other end any more.
        drop(command);
        let mut lines = BufReader::new(pipe::Receiver::from_owned_fd(reader.into()).doing(what())?).lines();
        let mut said = String::new();
        while let Some(line) = lines.next_line().await.doing(what())? {
            if let Some(screen) = screen {
                screen.output(&line);
            }
            said.push_str(&plain(&line));
            said.push('\n');
        }
        let status = child.wait().await.doing(what())?;
        group.ended();
        Ok(Ended { exit: status.code(), said })
    }

    /// Replaces a text in a file of the folder.
    ///
    /// # Errors
    /// The file does not have it.
    pub fn edit(&self, name: &str, what: &str, instead: &str) -> Result<()> {
        let path = self.path(name);
        let text = std::fs::read_to_string(&path).doing(format!("reading {}", path.display()))?;
        if !text.contains(what) {
            return Err(Error::Unexpected(format!("{name} has no {what}")));
        }
        self.write(name, &text.replace(what, instead))
    }

    /// Returns `deployer.json` in the folder.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn configuration(&self) -> Result<String> {
        let path = self.path("deployer.json");
        std::fs::read_to_string(&path).doing(format!("reading {}", path.display()))
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path(name);
        std::fs::write(&path, text).doing(format!("writing {}", path.display()))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// Copies the sources of the function.
    fn copy_function(&self) -> Result<()> {
        let (from, to) = (sources(), self.path(FUNCTION));
        std::fs::create_dir(&to).doing(format!("making {}", to.display()))?;
        for entry in std::fs::read_dir(&from).doing(format!("reading {}", from.display()))? {
            let path = entry.doing(format!("reading {}", from.display()))?.path();
            let name = path.file_name().unwrap_or_default();
            std::fs::copy(&path, to.join(name)).doing(format!("copying {}", path.display()))?;
        }
        Ok(())
    }

    /// Makes the person's role: the policy `operate`, uploads, and reads of artifacts. Returns a session of it.
    async fn person(&self) -> Result<SessionKeys> {
        let policies = Policies::from_contract()?;
        let mut rights = policies.get("tooling/operate");
        let artifacts = format!("arn:aws:s3:::{ARTIFACTS}/*");
        let uploads = json!({"Effect": "Allow", "Action": ["s3:PutObject", "s3:AbortMultipartUpload",
            "s3:GetObjectVersion"], "Resource": artifacts});
        rights["Statement"].as_array_mut().into_iter().for_each(|all| all.push(uploads.clone()));
        let trust = policies.get("tooling/deployer_trust");
        self.aws.roles(TOOLING).create_with(("/", ROLE), &trust, &rights).await?;
        self.aws.control().session(&format!("arn:aws:iam::{TOOLING}:role/{ROLE}"), PERSON).await
    }

    /// Writes the person's profile, and one of the administrator of each account.
    fn write_profiles(&self, keys: &SessionKeys) -> Result<()> {
        let SessionKeys { access_key_id, secret_access_key, session_token } = keys;
        let mut credentials = format!(
            "[{PERSON}]\naws_access_key_id = {access_key_id}\naws_secret_access_key = {secret_access_key}\n\
             aws_session_token = {session_token}\n"
        );
        let mut config = format!("[profile {PERSON}]\nregion = {REGION}\n");
        for (name, account) in self.environments.iter().copied().chain([("tooling", TOOLING)]) {
            credentials += &format!("\n[{name}]\naws_access_key_id = {account}\naws_secret_access_key = none\n");
            config += &format!("\n[profile {name}]\nregion = {REGION}\n");
        }
        self.write(CONFIG, &config)?;
        self.write(CREDENTIALS, &credentials)
    }

    /// Returns the accounts of the environments.
    pub(super) fn accounts(&self) -> impl Iterator<Item = &'static str> {
        self.environments.iter().map(|(_, account)| *account)
    }

    /// Returns the names of the environments.
    pub(super) fn environments(&self) -> impl Iterator<Item = &'static str> {
        self.environments.iter().map(|(name, _)| *name)
    }

    /// Returns the names of the environments' profiles, for a sentence.
    pub(super) fn profiles(&self) -> String {
        self.environments().collect::<Vec<_>>().join(", ")
    }

    /// Returns the version that the function's alias serves in an environment.
    ///
    /// # Errors
    /// There is no such environment, or Lambda answers with an error.
    pub async fn serves(&self, environment: &str) -> Result<Option<String>> {
        let account = self.environments.iter().find(|(name, _)| *name == environment).map(|(_, account)| *account);
        let account = account.ok_or_else(|| Error::Unexpected(format!("there is no environment {environment}")))?;
        Ok(self.aws.live(account, REGION, FUNCTION).await?.map(|live| live.version))
    }
}

/// Returns a path as a shell takes it.
fn quoted(path: &str) -> String {
    let is_plain = path.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+".contains(c));
    if is_plain { path.to_owned() } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

/// Returns the folder with the function's sources.
pub(super) fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../artifacts/dev").join(FUNCTION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_cli_gets_the_endpoint_for_sqs_only() -> Result<()> {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = TempDir::new().doing("making a folder")?;
        let program = folder.path().join("aws");
        std::fs::write(&program, "#!/bin/sh\necho \"$*\"\n").doing("writing a program")?;
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).doing("making it a program")?;
        let script = format!("{AWS_CLI}\naws sqs list-queues\naws --profile dev sqs purge-queue\naws s3 ls s3://sqs");
        let mut shell = std::process::Command::new("/bin/sh");
        shell.args(["-c", &script]).env("PATH", folder.path()).env("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
        let said = shell.output().doing("running a shell")?;
        assert_eq!(
            String::from_utf8_lossy(&said.stdout),
            "--endpoint-url http://127.0.0.1:1 sqs list-queues\n\
             --endpoint-url http://127.0.0.1:1 --profile dev sqs purge-queue\n\
             s3 ls s3://sqs\n"
        );
        Ok(())
    }

    #[test]
    fn folder_with_a_space_is_quoted_for_the_shell() {
        assert_eq!(quoted("/tmp/cargo-demo-x1"), "/tmp/cargo-demo-x1");
        assert_eq!(quoted("/tmp/my files/it's"), r"'/tmp/my files/it'\''s'");
    }
}
