//! The real `deployctl` and the real `bootstrap`, as people operate a deployer with them: they look, go back, hold and wait.
//!
//! People have the policy `operate` or `look` that Terraform renders, and the deployer's sessions are held to theirs. What is
//! printed as JSON is judged by the published schemas.

mod again;
mod back;
mod confirm;
mod group;
mod look;
mod plan;
mod promote;
mod recall;
mod waiting;
mod wrong;

use fixtures::schema::Schema;
use fixtures::{MANIFEST, Zip};
use local_aws::policies::Policies;
use local_aws::{Error, FIRST, Live, LocalAws, Operating, REGION, Result, Said, SessionKeys, Setup, Shown, TOOLING};
use serde_json::Value;

/// Where nearly everything happens.
const DEV: [&str; 4] = ["--environment", "dev", "--function", "orders"];

/// The same for a rollback that nobody is asked about.
const BACK: [&str; 5] = ["--environment", "dev", "--function", "orders", "--yes"];

/// A person of the tooling account, with one of the policies for people.
struct Person {
    aws: LocalAws,
    keys: SessionKeys,
}

impl Person {
    /// One who may command the deployer, and nothing was deployed yet.
    async fn operator() -> Result<Self> {
        Self::with("operate", LocalAws::start().await?).await
    }

    /// The same where accounts are laid so.
    async fn among(setup: Setup) -> Result<Self> {
        Self::with("operate", LocalAws::with(setup).await?).await
    }

    /// The same where these releases of `orders` were deployed to dev, one after the other.
    async fn after(releases: &[&str]) -> Result<Self> {
        let person = Self::operator().await?;
        for release in releases {
            person.uploads(release, Zip::function(release)).await?;
        }
        Ok(person)
    }

    async fn with(policy: &str, aws: LocalAws) -> Result<Self> {
        let keys = keys(&aws, policy).await?;
        Ok(Self { aws, keys })
    }

    /// An upload to dev, which is deployed.
    async fn uploads(&self, release: &str, zip: Zip) -> Result<Value> {
        let result = self.aws.deploy(&format!("dev/orders/{release}.zip"), zip).await?;
        assert_eq!(result["status"], "succeeded", "{result:#}");
        Ok(result)
    }

    /// An upload to dev that nobody is told of.
    async fn uploads_silently(&self, release: &str, zip: Zip) -> Result<String> {
        let version_id = self.aws.upload(&format!("dev/orders/{release}.zip"), zip).await?;
        self.aws.take_messages().await?;
        Ok(version_id)
    }

    /// What is printed for people.
    async fn says(&self, verb: &str, arguments: &[&str]) -> Result<Said> {
        self.aws.operate(&self.keys, &[&[verb], arguments].concat()).await
    }

    /// The exit code, and what is printed for programs, as its schema says.
    async fn tells(&self, verb: &str, arguments: &[&str]) -> Result<(Option<i32>, Value)> {
        let said = self.says(verb, &[arguments, &["--output", "json"]].concat()).await?;
        let told = said.json()?;
        judged(verb, &told)?;
        Ok((said.exit, told))
    }

    /// The same while the queue is delivered.
    async fn tells_meanwhile(&self, verb: &str, arguments: &[&str]) -> Result<(Option<i32>, Value)> {
        self.aws.delivering_meanwhile(self.tells(verb, arguments)).await
    }

    /// A verb about `orders` in dev that ends as it should.
    async fn does(&self, verb: &str, more: &[&str]) -> Result<Value> {
        let (exit, told) = self.tells(verb, &[&DEV, more].concat()).await?;
        assert_eq!(exit, Some(0), "{verb}: {told:#}");
        Ok(told)
    }

    /// A verb about `orders` in dev that a rule says no to: the code and the reason.
    async fn is_refused(&self, verb: &str, arguments: &[&str]) -> Result<(String, String)> {
        let (exit, told) = self.tells(verb, arguments).await?;
        assert_eq!((exit, &told["status"]), (Some(3), &Value::from("refused")), "{verb}: {told:#}");
        Ok((text(&told, "/code"), text(&told, "/because")))
    }

    async fn on_a_terminal(&self, shown: Shown, verb: &str, arguments: &[&str]) -> Result<Operating> {
        self.aws.operate_on_a_terminal(&self.keys, shown, &[&[verb], arguments].concat()).await
    }

    async fn live(&self) -> Result<Live> {
        let live = self.aws.live(FIRST, REGION, "orders").await?;
        live.ok_or_else(|| Error::Unexpected("nothing is live".into()))
    }

    /// The version that serves in dev.
    async fn serves(&self) -> Result<String> {
        Ok(self.live().await?.version)
    }
}

/// Credentials of somebody with this policy.
async fn keys(aws: &LocalAws, policy: &str) -> Result<SessionKeys> {
    let policies = Policies::of_the_contract()?;
    let trust = policies.get("tooling/deployer_trust");
    let rights = policies.get(&format!("tooling/{policy}"));
    aws.roles(TOOLING).create_with(("/", policy), &trust, &rights).await?;
    aws.control().session(&format!("arn:aws:iam::{TOOLING}:role/{policy}"), "ada").await
}

/// Proves that an answer is as its published schema says; of an error, that it has the two fields that programs read.
fn judged(verb: &str, told: &Value) -> Result<()> {
    if told.get("errorType").is_some() {
        let fields: Vec<&String> = told.as_object().into_iter().flatten().map(|(name, _)| name).collect();
        assert_eq!(fields, ["errorMessage", "errorType"], "{told:#}");
        return Ok(());
    }
    let schema = match verb {
        "promote" | "approve" | "decline" if told.get("functions").is_some() => "group",
        "promote" if told.get("deployments").is_some() => "history",
        "deploy" | "redeploy" | "rollback" | "promote" | "approve" | "decline" => "record",
        "plan" | "history" | "recall" => verb,
        _ => "status",
    };
    Schema::published(schema)?.holds(told)
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A function with this memory and this variable.
fn configured(content: &str, memory: u32, variable: &str) -> Zip {
    let manifest = MANIFEST.replace("memory_size = 256", &format!("memory_size = {memory}"));
    Zip::function(content).manifest(&manifest.replace("LOG_LEVEL = \"info\"", variable))
}
