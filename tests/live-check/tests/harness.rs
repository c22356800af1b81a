//! `live-check` as a process, in an account of the local AWS.

use std::process::Stdio;

use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use local_aws::{
    Clients, Control, Doing as _, Error, NOBODYS_AUTHORITY, Result, Server, SessionKeys, Signed, TRUSTED, Transport,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};

/// The account.
pub const ACCOUNT: &str = "123456789012";
/// The region.
pub const REGION: &str = "eu-west-1";

const KMS: Signed<'_> = Signed { account: ACCOUNT, region: REGION, service: "kms" };

/// Each look waits some seconds for the call.
const LOOKS_AT_A_HOLD: u32 = 18;

/// The local AWS without the deployer.
pub struct Account {
    /// The emulator's control API.
    pub control: Control,
    /// Clients of the account's root.
    pub clients: Clients,
    server: Server,
    home: TempDir,
}

/// The end of a run.
#[derive(Debug)]
pub struct Ended {
    /// The exit code.
    pub exit: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Account {
    pub async fn start() -> Result<Self> {
        let starting = tokio::task::spawn_blocking(|| Server::start(Transport::Http));
        let server = starting.await.doing("starting the local AWS")??;
        let (control, clients) = (Control::new(&server)?, Clients::new(&server)?);
        // The roles' policies count as in AWS; the root may do everything.
        control.enforce_role_policies().await?;
        Ok(Self { control, clients, server, home: TempDir::new().doing("making a home")? })
    }

    /// The program with the root's credentials and nothing else of this process's environment.
    pub fn program(&self, arguments: &[&str]) -> Command {
        let mut command = self.program_without_keys(arguments);
        command.env("AWS_ACCESS_KEY_ID", ACCOUNT).env("AWS_SECRET_ACCESS_KEY", "none");
        command
    }

    /// The program under a session's credentials.
    pub fn program_of(&self, keys: &SessionKeys, arguments: &[&str]) -> Command {
        let mut command = self.program_without_keys(arguments);
        command.env("AWS_ACCESS_KEY_ID", &keys.access_key_id).env("AWS_SECRET_ACCESS_KEY", &keys.secret_access_key);
        command.env("AWS_SESSION_TOKEN", &keys.session_token);
        command
    }

    pub fn program_without_keys(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_live-check"));
        command
            .args(["--first-pause", "1"])
            .args(arguments)
            .env_clear()
            .env("HOME", self.home.path())
            .env("AWS_REGION", REGION);
        command.env("AWS_ENDPOINT_URL", self.server.endpoint()).env("AWS_EC2_METADATA_DISABLED", "true");
        command.env(TRUSTED, NOBODYS_AUTHORITY);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    pub async fn run(&self, arguments: &[&str]) -> Result<Ended> {
        ended(self.program(arguments).spawn().doing("starting live-check")?).await
    }

    /// Starts a run whose second call as `caller` is never answered, and waits until it hangs there: the first one is
    /// the lab's own.
    pub async fn hanging(&self, arguments: &[&str]) -> Result<Child> {
        self.control.hold("live-check", 2, false).await?;
        let mut child = self.program(arguments).spawn().doing("starting live-check")?;
        for _ in 0..LOOKS_AT_A_HOLD {
            tokio::select! {
                is_held = self.control.is_held() => if is_held? {
                    return Ok(child);
                },
                status = child.wait() => {
                    let status = status.doing("waiting for live-check")?;
                    return Err(Error::Unexpected(format!("live-check ended ({status}) before it hung")));
                }
            }
        }
        Err(Error::Unexpected("live-check does not come to the call at which it is to hang".into()))
    }

    /// Makes a customer key with one tag, and returns its id.
    pub async fn key(&self, tag: &str, value: &str) -> Result<String> {
        let asked = json!({"Tags": [{"TagKey": tag, "TagValue": value}]});
        let made = self.control.json_call(&KMS, "TrentService.CreateKey", &asked).await?;
        Ok(made["KeyMetadata"]["KeyId"].as_str().unwrap_or_default().to_owned())
    }

    /// The state of a customer key.
    pub async fn key_state(&self, id: &str) -> Result<Value> {
        let mut read = self.control.json_call(&KMS, "TrentService.DescribeKey", &json!({"KeyId": id})).await?;
        Ok(read["KeyMetadata"]["KeyState"].take())
    }

    /// Makes a bucket without tags.
    pub async fn bucket(&self, name: &str) -> Result<()> {
        let place = BucketLocationConstraint::from(REGION);
        let place = CreateBucketConfiguration::builder().location_constraint(place).build();
        let call = self.clients.s3(ACCOUNT, REGION).create_bucket().bucket(name).create_bucket_configuration(place);
        call.send().await.doing("making a bucket").map(drop)
    }

    /// Reads standard error until it has this text.
    pub async fn until_told(&self, child: &mut Child, text: &str) -> Result<()> {
        let stderr = child.stderr.as_mut().ok_or_else(|| Error::Unexpected("nobody reads standard error".into()))?;
        let mut told = Vec::new();
        while !String::from_utf8_lossy(&told).contains(text) {
            if stderr.read_buf(&mut told).await.doing("reading standard error")? == 0 {
                return Err(Error::Unexpected(format!("{text:?} was not told: {}", String::from_utf8_lossy(&told))));
            }
        }
        Ok(())
    }

    /// Names the functions, buckets and queues that are left, without the tool.
    pub async fn left(&self) -> Result<Vec<String>> {
        let functions =
            self.clients.lambda(ACCOUNT, REGION).list_functions().send().await.doing("listing functions")?;
        let buckets = self.clients.s3(ACCOUNT, REGION).list_buckets().send().await.doing("listing buckets")?;
        let queues = self.clients.sqs(ACCOUNT, REGION).list_queues().send().await.doing("listing queues")?;
        let functions = functions.functions().iter().filter_map(|one| one.function_name());
        let buckets = buckets.buckets().iter().filter_map(|one| one.name());
        let all = functions.chain(buckets).chain(queues.queue_urls().iter().map(String::as_str));
        Ok(all.map(str::to_owned).collect())
    }

    /// Checks, without the tool's lists, that everything that was made was removed.
    pub async fn nothing_is_left(&self) -> Result<()> {
        assert_eq!(self.left().await?, Vec::<String>::new());
        let calls = self.control.calls_since(0).await?;
        let done = |operation: &str| {
            let is_done = |call: &&local_aws::Call| call.operation == operation && call.status == Some(200);
            calls.iter().filter(is_done).count()
        };
        for (made, removed) in [
            ("CreateRole", "DeleteRole"),
            ("CreateEventBus", "DeleteEventBus"),
            ("PutRule", "DeleteRule"),
            ("CreateArchive", "DeleteArchive"),
            ("CreateKey", "ScheduleKeyDeletion"),
        ] {
            assert_eq!(done(made), done(removed), "{made}");
        }
        Ok(())
    }
}

/// Waits for the end of a run.
pub async fn ended(child: Child) -> Result<Ended> {
    let output = child.wait_with_output().await.doing("waiting for live-check")?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Ended { exit: output.status.code(), out: text(output.stdout), err: text(output.stderr) })
}

impl Ended {
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.out).map_err(|error| Error::Unexpected(format!("{error}: {self:?}")))
    }

    /// The verdict on a question.
    pub fn verdict(&self, name: &str) -> Result<String> {
        self.cell(name, "verdict")
    }

    /// The answer to a question.
    pub fn answer(&self, name: &str) -> Result<String> {
        self.cell(name, "answer")
    }

    fn cell(&self, name: &str, column: &str) -> Result<String> {
        let json = self.json()?;
        let row = json["questions"].as_array().into_iter().flatten().find(|row| row["name"] == name);
        let cell = row.and_then(|row| row[column].as_str());
        cell.map(str::to_owned).ok_or_else(|| Error::Unexpected(format!("there is no row {name}: {json:#}")))
    }
}
