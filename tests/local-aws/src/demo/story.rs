//! The story: an upload, a refusal, a rollback, a promotion with a soak and an approval, a hold. The commands are those
//! that a user types, and the real `deployctl` and `bootstrap` give the answers.

use std::time::Duration;

use super::Screen;
use super::narrator::Narrator;
use super::workspace::Workspace;
use fixtures::error::Result;

/// The soak of `prod`, and the time by which the demo makes everything older.
const SOAK: &str = "1h";
const MORE_THAN_THE_SOAK: Duration = Duration::from_secs(61 * 60);

/// Tells the story.
///
/// # Errors
/// A program is missing, or something ends in another way than the story says.
pub async fn tell(screen: &Screen) -> Result<()> {
    screen.prose(
        "The deployer is a Lambda that deploys functions to other AWS accounts. This demo runs the real deployer and the \
         real deployctl against an emulated AWS on this machine, which starts now. It has three environments, an account \
         each: dev, stage and prod. ada, an engineer, types the commands.",
    );
    let narrator = Narrator { screen, workspace: Workspace::chain(SOAK).await? };
    upload(&narrator).await?;
    refusal(&narrator).await?;
    rollback(&narrator).await?;
    promotion(&narrator).await?;
    hold(&narrator).await?;
    drop(narrator);
    screen.title("What next?", "All of this ran on this machine, and is removed now.");
    screen.item("cargo demo --keep", "the same three environments, left to you: every verb of deployctl works");
    screen.item("cargo demo --rollout", "traffic in steps: a good release, and a bad one that is taken back");
    screen.item("cargo demo --quick", "three uploads, with each step of the deployer");
    screen.item("README.md", "the guarantees, the limits, and all pages");
    screen.item("docs/deployctl.md", "every verb, with examples");
    screen.item("infra/README.md", "install it in your accounts");
    Ok(())
}

async fn upload(narrator: &Narrator<'_>) -> Result<()> {
    narrator.screen.title(
        "1. An upload is a deployment",
        "deployctl push packs a folder and puts the zip into a bucket, mostly in a job of CI. S3 tells the deployer, \
         which publishes a version of the function and moves the alias live to it. So CI needs no right in the \
         accounts that functions run in. With --wait, push reads how the deployment ended.",
    );
    narrator
        .does("deployctl push hello -e dev -f hello -r 1.0.0 --wait", 0, &["succeeded, a new function, version 1"])
        .await?;
    narrator.screen.prose("The greeting changes, and the next release goes the same way:");
    narrator.workspace.edit("hello/function.toml", "\"Hello\"", "\"Hello again\"")?;
    narrator.does("deployctl push hello -e dev -f hello -r 1.1.0 --wait", 0, &["succeeded, version 2"]).await?;
    narrator.serves("dev", "2").await
}

async fn refusal(narrator: &Narrator<'_>) -> Result<()> {
    narrator.screen.title(
        "2. A mistake is refused",
        "function.toml says memory = 128 now, and the field is memory_size. deployctl checks the folder by the \
         deployer's rules, says what is wrong, and uploads nothing. Its exit code fails a job of CI. The \
         deployer refuses uploads of other tools by the same rules.",
    );
    narrator.workspace.edit("hello/function.toml", "memory_size = 128", "memory = 128")?;
    narrator.does("deployctl push hello -e dev -f hello -r 1.2.0 --wait", 3, &["did you mean memory_size?"]).await?;
    narrator.workspace.edit("hello/function.toml", "memory = 128", "memory_size = 128")?;
    narrator.serves("dev", "2").await
}

async fn rollback(narrator: &Narrator<'_>) -> Result<()> {
    narrator
        .screen
        .title("3. Back to what was live before", "Release 1.1.0 is bad. status says what a rollback goes back to:");
    narrator.does("deployctl status hello -e dev", 0, &["before   1.0.0"]).await?;
    narrator.screen.prose(
        "The rollback moves the alias back to version 1, which is still there: nothing is built or uploaded. --yes \
         answers its question. It ends with what is live now, and the two commands that keep 1.1.0 away:",
    );
    narrator.does("deployctl rollback -e dev -f hello --yes", 0, &["succeeded, version 1", "deployctl hold"]).await?;
    narrator.serves("dev", "1").await
}

async fn promotion(narrator: &Narrator<'_>) -> Result<()> {
    narrator.screen.title(
        "4. From dev to prod",
        "Only dev takes uploads. stage takes what is live in dev when somebody asks for it: the same bytes, which nobody builds \
         again.",
    );
    narrator.does("deployctl promote -f hello --from dev --to stage", 0, &["stage/hello/1.0.0: succeeded"]).await?;
    narrator.screen.prose(
        "prod takes what has been live in stage for an hour (its soak), and somebody other than ada must approve it. \
         Now is too early:",
    );
    let promote = "deployctl promote -f hello --from stage --to prod";
    narrator.does(promote, 3, &["prod takes what has soaked for 1h"]).await?;
    narrator.workspace.let_time_pass(MORE_THAN_THE_SOAK).await?;
    narrator.screen.prose(
        "The demo does not wait for that hour: it makes all deployments so far an hour older, in everything that \
         follows. Now the promotion waits for its approval only:",
    );
    narrator.does(promote, 0, &["waits for an approval", "deployctl approve -e prod -f hello"]).await?;
    narrator.screen.prose("bob, a colleague of ada, approves. The command shows him the plan first:");
    narrator.does("deployctl approve -e prod -f hello --requested-by bob", 0, &["prod/hello/1.0.0: succeeded"]).await?;
    narrator.screen.prose("The same release is live everywhere:");
    let live = ["1.0.0 v1 1.0.0 v1 1.0.0 v1", "1 h ago by ada 1 h ago by ada"];
    narrator.does("deployctl status", 0, &live).await?;
    narrator.serves("prod", "1").await
}

async fn hold(narrator: &Narrator<'_>) -> Result<()> {
    narrator.screen.title(
        "5. Nothing new, please",
        "During the stock-taking nothing shall change in dev. A hold refuses what is new, and whoever uploads reads why. \
         Rollbacks stay possible.",
    );
    narrator.workspace.edit("hello/function.toml", "\"Hello again\"", "\"Good day\"")?;
    narrator.does("deployctl hold -e dev -f hello --reason stock-taking", 0, &["held"]).await?;
    narrator.does("deployctl push hello -e dev -f hello -r 1.2.0 --wait", 3, &["Held: held by ada"]).await?;
    narrator.serves("dev", "1").await?;
    narrator.screen.prose(
        "The zip stays in the bucket. Nothing deploys it by itself after the hold; deploy brings it by its name:",
    );
    narrator.does("deployctl release-hold -e dev -f hello", 0, &["hello in dev"]).await?;
    narrator.does("deployctl deploy -e dev -f hello -r 1.2.0", 0, &["dev/hello/1.2.0: succeeded"]).await?;
    narrator.serves("dev", "3").await
}
