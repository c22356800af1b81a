//! The story of rollouts: a good release gets its traffic in steps and becomes live; a bad one is taken back. The demo's
//! clock runs fast: it makes the rollout older, and counts what customers would have called meanwhile.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::narrator::Narrator;
use super::workspace::Workspace;
use super::{FUNCTION, Screen};
use crate::{Answer, FIRST, REGION};
use fixtures::error::{Doing as _, Error, Result};

/// The rollout of the environment.
const ROLLOUT: &str = r#"{
  "steps": [{ "weight": 10, "for": "10m" }, { "weight": 50, "for": "10m" }],
  "smoke_test": { "event": { "ping": true }, "expect": { "ok": true } }
}"#;
/// The time by which the demo makes the rollout older. Each wait of it is shorter.
const JUMP: Duration = Duration::from_secs(12 * 60);
/// The minutes before now of which CloudWatch has the counts: the last three are too young, and the others came before
/// the jump.
const COUNTED: std::ops::Range<i64> = 3..11;
/// The minutes of the hour before, of which the guard compares all traffic of a version.
const BEFORE: std::ops::Range<i64> = 40..60;
/// The customers' calls in a minute.
const CALLS: u64 = 900;

/// Tells the story.
///
/// # Errors
/// A program is missing, or something ends in another way than the story says.
pub async fn tell(screen: &Screen) -> Result<()> {
    screen.prose(
        "A rollout gives a new version its traffic in steps, tests it before, watches it, and takes it back by itself where it \
         fails. This demo runs the real deployer and the real deployctl against an emulated AWS on this machine, which \
         starts now. Rollouts are a preview.",
    );
    let narrator = Narrator { screen, workspace: Workspace::with_rollouts().await? };
    configuration(&narrator).await?;
    good(&narrator).await?;
    bad(&narrator).await?;
    drop(narrator);
    screen.title("What next?", "All of this ran on this machine, and is removed now.");
    screen.item("docs/concepts/rollouts.md", "what a rollout watches, how fast it is, and what it does not see");
    screen.item("cargo demo", "uploads, rollbacks, promotions and holds");
    Ok(())
}

async fn configuration(narrator: &Narrator<'_>) -> Result<()> {
    narrator.screen.title(
        "1. An environment asks for it",
        "Release 1.0.0 is live in prod. From now on a new version gets 10 % of the traffic for ten minutes, then half of \
         it, then all; and a smoke test first. That is all there is to set up: the guard needs no alarms.",
    );
    narrator
        .does("deployctl push hello -e prod -f hello -r 1.0.0 --wait", 0, &["succeeded, a new function, version 1"])
        .await?;
    narrator.screen.prose("This goes into the environment prod of deployer.json:");
    narrator.screen.gap();
    for line in format!("\"rollout\": {ROLLOUT}").lines() {
        narrator.screen.output(line);
    }
    let rollout: Value = serde_json::from_str(ROLLOUT).doing("reading the rollout")?;
    narrator.workspace.configure(|config| config["environments"]["prod"]["rollout"] = rollout.clone()).await?;
    narrator.workspace.aws().control().answer_invocations(&json!({ "ok": true })).await
}

async fn good(narrator: &Narrator<'_>) -> Result<()> {
    narrator.screen.title(
        "2. A good release",
        "The deployer publishes version 2, invokes it once by its number, and moves a tenth of the traffic to it:",
    );
    narrator.workspace.edit("hello/function.toml", "\"Hello\"", "\"Hello again\"")?;
    push(narrator, "1.1.0").await?;
    shows(narrator, "1.1.0 gets 10 %").await?;
    narrator.screen.prose(
        "Customers call the function 900 times a minute, and nothing fails. The demo does not wait for the ten minutes: it makes \
         the rollout twelve minutes older, and CloudWatch counts the calls. The sweep looks each minute, and takes the next step:",
    );
    jump(narrator, &[("2", CALLS / 10, 0), ("1", CALLS - CALLS / 10, 1)]).await?;
    shows(narrator, "1.1.0 gets 50 %").await?;
    narrator.screen.prose("Twelve minutes later:");
    jump(narrator, &[("2", CALLS / 2, 1), ("1", CALLS / 2, 0)]).await?;
    shows(narrator, "1.1.0 gets all traffic").await?;
    narrator.screen.prose("All traffic is watched for ten minutes more. Only then the release is live:");
    jump(narrator, &[("2", CALLS, 1)]).await?;
    narrator.does("deployctl status hello -e prod", 0, &["1.1.0"]).await?;
    narrator.serves("prod", "2").await
}

async fn bad(narrator: &Narrator<'_>) -> Result<()> {
    narrator.screen.title("3. A bad release", "Release 1.2.0 passes its smoke test, too:");
    narrator.workspace.edit("hello/function.toml", "\"Hello again\"", "\"Good day\"")?;
    push(narrator, "1.2.0").await?;
    shows(narrator, "1.2.0 gets 10 %").await?;
    narrator.screen.prose(
        "But it fails for one customer in eight. Nobody looks, and no alarm is set. The next look of the sweep compares its \
         failures with those of the old version in the same minutes, and takes it back:",
    );
    jump(narrator, &[("3", CALLS / 10, CALLS / 80), ("2", CALLS - CALLS / 10, 1)]).await?;
    narrator.does("deployctl history -e prod -f hello --limit 1", 0, &["rolled back  1.2.0", "1.2.0 failed"]).await?;
    narrator.does("deployctl status hello -e prod", 0, &["1.1.0"]).await?;
    narrator.serves("prod", "2").await
}

/// Pushes a release, and lets the deployer do what there is to do now.
async fn push(narrator: &Narrator<'_>, release: &str) -> Result<()> {
    narrator.does(&format!("deployctl push hello -e prod -f hello -r {release}"), 0, &[release]).await?;
    narrator.workspace.aws().deliver().await.map(drop)
}

async fn shows(narrator: &Narrator<'_>, words: &str) -> Result<()> {
    narrator.does("deployctl rollout -e prod -f hello", 0, &[words]).await
}

/// Makes the rollout older, lets CloudWatch count these invocations and errors of versions in each minute, and sweeps.
async fn jump(narrator: &Narrator<'_>, counts: &[(&str, u64, u64)]) -> Result<()> {
    let aws = narrator.workspace.aws();
    aws.let_rollouts_wait(JUMP).await?;
    let now = Timestamp::now();
    let recent = COUNTED.flat_map(|ago| counts.iter().map(move |count| (ago, *count)));
    let before = BEFORE.flat_map(|ago| counts.last().map(|(version, ..)| (ago, (*version, CALLS, 1))));
    for (minutes_ago, (version, invocations, errors)) in recent.chain(before) {
        let minute = (now - SignedDuration::from_mins(minutes_ago)).as_second();
        let counted = json!({
            "account": FIRST, "region": REGION, "function": FUNCTION, "resource": "live",
            "version": version, "minute": minute, "invocations": invocations, "errors": errors,
        });
        aws.control().count_invocations(&counted).await?;
    }
    match aws.invoke(&json!({ "command": "sweep" })).await? {
        Answer::Payload(_) => aws.deliver().await.map(drop),
        other => Err(Error::Unexpected(format!("the sweep: {other:?}"))),
    }
}
