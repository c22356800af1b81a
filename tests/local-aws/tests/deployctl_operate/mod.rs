//! The real `deployctl` and `bootstrap`, as people operate a deployer: status, rollbacks, holds, promotions and waits.
//!
//! People have the policy `operate` or `look` that Terraform renders, and the deployer's sessions are checked against
//! theirs. JSON output is validated against the published schemas.

mod bad_input;
mod confirm;
mod group;
mod identity;
mod names;
mod plan;
mod promote;
mod recall;
mod redrive;
mod repeat;
mod rollback;
mod status;
mod waiting;

use fixtures::schema::Schema;
use fixtures::{MANIFEST, Zip};
use local_aws::policies::Policies;
use local_aws::{
    Error, FIRST, LocalAws, REGION, Result, RunOnTerminal, RunOutput, ServedVersion, SessionKeys, Setup, TOOLING,
    TerminalStreams,
};
use serde_json::Value;

/// The function of most tests.
const DEV: [&str; 4] = ["--environment", "dev", "--function", "orders"];

/// The options of a rollback without confirmation.
const BACK: [&str; 5] = ["--environment", "dev", "--function", "orders", "--yes"];

/// A person of the tooling account, with one of the policies for people.
struct Person {
    aws: LocalAws,
    keys: SessionKeys,
}

impl Person {
    /// Makes an operator, before any deployment.
    async fn operator() -> Result<Self> {
        Self::with("operate", LocalAws::start().await?).await
    }

    /// Makes an operator in the accounts of this setup.
    async fn in_accounts(setup: Setup) -> Result<Self> {
        Self::with("operate", LocalAws::with(setup).await?).await
    }

    /// Makes an operator and deploys these releases of `orders` to dev, one after the other.
    async fn after(releases: &[&str]) -> Result<Self> {
        let person = Self::operator().await?;
        for release in releases {
            person.deploy_upload(release, Zip::function(release)).await?;
        }
        Ok(person)
    }

    async fn with(policy: &str, aws: LocalAws) -> Result<Self> {
        let keys = keys(&aws, policy).await?;
        Ok(Self { aws, keys })
    }

    /// Deploys an upload to dev.
    async fn deploy_upload(&self, release: &str, zip: Zip) -> Result<Value> {
        let result = self.aws.deploy(&format!("dev/orders/{release}.zip"), zip).await?;
        assert_eq!(result["status"], "succeeded", "{result:#}");
        Ok(result)
    }

    /// Uploads to dev and drops the event.
    async fn upload_without_event(&self, release: &str, zip: Zip) -> Result<String> {
        let version_id = self.aws.upload(&format!("dev/orders/{release}.zip"), zip).await?;
        self.aws.take_messages().await?;
        Ok(version_id)
    }

    /// Runs a verb with output for people.
    async fn run(&self, verb: &str, arguments: &[&str]) -> Result<RunOutput> {
        self.aws.operate(&self.keys, &[&[verb], arguments].concat()).await
    }

    /// Runs a verb and returns its exit code and its JSON, which is validated against its schema.
    async fn run_json(&self, verb: &str, arguments: &[&str]) -> Result<(Option<i32>, Value)> {
        let said = self.run(verb, &[arguments, &["--output", "json"]].concat()).await?;
        let told = said.json()?;
        validate_answer(verb, &told)?;
        Ok((said.exit, told))
    }

    /// Runs a verb as `run_json` does, while the queues are delivered.
    async fn run_json_while_delivering(&self, verb: &str, arguments: &[&str]) -> Result<(Option<i32>, Value)> {
        self.aws.deliver_while(self.run_json(verb, arguments)).await
    }

    /// Runs a verb about `orders` in dev, which must succeed, and returns its JSON.
    async fn run_ok(&self, verb: &str, more: &[&str]) -> Result<Value> {
        let (exit, told) = self.run_json(verb, &[&DEV, more].concat()).await?;
        assert_eq!(exit, Some(0), "{verb}: {told:#}");
        Ok(told)
    }

    /// Runs a verb that must be refused, and returns code and reason.
    async fn run_refused(&self, verb: &str, arguments: &[&str]) -> Result<(String, String)> {
        let (exit, told) = self.run_json(verb, arguments).await?;
        assert_eq!((exit, &told["status"]), (Some(3), &Value::from("refused")), "{verb}: {told:#}");
        Ok((text(&told, "/code"), text(&told, "/because")))
    }

    async fn on_a_terminal(&self, shown: TerminalStreams, verb: &str, arguments: &[&str]) -> Result<RunOnTerminal> {
        self.aws.operate_on_a_terminal(&self.keys, shown, &[&[verb], arguments].concat()).await
    }

    async fn live(&self) -> Result<ServedVersion> {
        let live = self.aws.live(FIRST, REGION, "orders").await?;
        live.ok_or_else(|| Error::Unexpected("nothing is live".into()))
    }

    /// Returns the version that serves in dev.
    async fn serves(&self) -> Result<String> {
        Ok(self.live().await?.version)
    }
}

/// Returns credentials of a role with this policy.
async fn keys(aws: &LocalAws, policy: &str) -> Result<SessionKeys> {
    let policies = Policies::from_contract()?;
    let trust = policies.get("tooling/deployer_trust");
    let rights = policies.get(&format!("tooling/{policy}"));
    aws.roles(TOOLING).create_with(("/", policy), &trust, &rights).await?;
    aws.control().session(&format!("arn:aws:iam::{TOOLING}:role/{policy}"), "ada").await
}

/// Validates an answer against its published schema, and checks that an error has the two fields that programs read.
fn validate_answer(verb: &str, told: &Value) -> Result<()> {
    let mut told = told.clone();
    if told.get("errorType").is_some() && told.get("status").is_some() {
        // A word that came too late is answered with the state, and the two fields beside it.
        for field in ["errorType", "errorMessage"] {
            let because = told.as_object_mut().and_then(|fields| fields.remove(field));
            assert!(because.is_some_and(|because| because.is_string()), "{field} of {told:#}");
        }
    } else if told.get("errorType").is_some() {
        let fields: Vec<&String> = told.as_object().into_iter().flatten().map(|(name, _)| name).collect();
        assert_eq!(fields, ["errorMessage", "errorType"], "{told:#}");
        return Ok(());
    }
    if matches!(verb, "approve" | "decline") {
        // The published schema lays this field over that of the record or of the group.
        let decision = told.as_object_mut().and_then(|fields| fields.remove("decision"));
        let known = ["recorded", "already_given", "too_late"].map(Value::from);
        assert!(decision.as_ref().is_some_and(|decision| known.contains(decision)), "{decision:?} in {told:#}");
    }
    let schema = match verb {
        "promote" | "approve" | "decline" if told.get("functions").is_some() => "group",
        "promote" if told.get("deployments").is_some() => "history",
        "deploy" | "redeploy" | "rollback" | "promote" | "approve" | "decline" => "record",
        "plan" if told.get("plans").is_some() => "group-plans",
        "plan" | "history" | "recall" => verb,
        "redrive" => "dead-letters",
        _ => "status",
    };
    Schema::published(schema)?.holds(&told)
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Returns a function with this memory and this variable.
fn configured(content: &str, memory: u32, variable: &str) -> Zip {
    let manifest = MANIFEST.replace("memory_size = 256", &format!("memory_size = {memory}"));
    Zip::function(content).manifest(&manifest.replace("LOG_LEVEL = \"info\"", variable))
}
