//! Dead letters are shown, given back, and sent back to their queues.

use local_aws::{Doing as _, Error, LocalAws, REGION, Result, SessionKeys, TOOLING, TerminalStreams};
use serde_json::{Value, json};

use super::{Person, keys, text};
use fixtures::Zip;

const DEAD: &str = "deployer-dead-letters";
const ID: &str = "01M8A5K79RQBSV76AT3ARZPEW6";

fn sqs(aws: &LocalAws) -> aws_sdk_sqs::Client {
    aws.clients().sqs(TOOLING, REGION)
}

async fn url(aws: &LocalAws, queue: &str) -> Result<String> {
    let answer = sqs(aws).get_queue_url().queue_name(queue).send().await.doing("finding a queue")?;
    answer.queue_url.ok_or_else(|| Error::Unexpected(format!("{queue} has no URL")))
}

/// Lets a message fail in its queue until it is a dead letter.
async fn bury(aws: &LocalAws, queue: &str, body: &Value) -> Result<()> {
    let (sqs, url) = (sqs(aws), url(aws, queue).await?);
    let before = aws.dead_letters().await?;
    sqs.send_message().queue_url(&url).message_body(body.to_string()).send().await.doing("sending a message")?;
    while aws.dead_letters().await? == before {
        sqs.receive_message().queue_url(&url).visibility_timeout(0).send().await.doing("failing a message")?;
    }
    Ok(())
}

/// The account's root, to whom SQS says that a queue does not exist.
fn root() -> SessionKeys {
    let [access_key_id, secret_access_key, session_token] = [TOOLING, "none", "none"].map(str::to_owned);
    SessionKeys { access_key_id, secret_access_key, session_token }
}

fn tick(number: u32) -> Value {
    json!({"format": 1, "number": number,
        "tick": {"environment": "dev", "function": "orders", "id": ID, "claim": null}})
}

/// Makes an operator in whose queue so many ticks are dead letters.
async fn operator_with_dead_ticks(count: u32) -> Result<Person> {
    let person = Person::operator().await?;
    for number in 0..count {
        bury(&person.aws, "deployer-wakes", &tick(number)).await?;
    }
    Ok(person)
}

/// Begins a redrive that moves one message at each look.
async fn begin_slowly(aws: &LocalAws) -> Result<()> {
    let arn = format!("arn:aws:sqs:{REGION}:{TOOLING}:{DEAD}");
    let call = sqs(aws).start_message_move_task().source_arn(arn).max_number_of_messages_per_second(1);
    call.send().await.doing("beginning a redrive").map(drop)
}

#[tokio::test]
async fn dead_letters_are_shown_given_back_and_redriven() -> Result<()> {
    let person = Person::operator().await?;
    let version_id = person.aws.upload("dev/orders/a.zip", Zip::function("a")).await?;
    let uploads = person.aws.take_messages().await?;
    bury(&person.aws, "deployer", &uploads[0]).await?;
    bury(&person.aws, "deployer-wakes", &tick(1)).await?;

    // Looking twice shows the same, because each message is given back.
    for _ in 0..2 {
        let (exit, told) = person.run_json("redrive", &["--peek"]).await?;
        assert_eq!((exit, &told["waiting"], &told["redrive"]), (Some(0), &json!(2), &Value::Null), "{told:#}");
        assert_eq!(text(&told, "/queue"), format!("arn:aws:sqs:{REGION}:{TOOLING}:{DEAD}"));
        assert_eq!(told["messages"][0]["from"], "deployer");
        let upload = json!([{"kind": "upload", "key": "dev/orders/a.zip", "version_id": version_id}]);
        assert_eq!(told["messages"][0]["events"], upload);
        let tick = json!([{"kind": "tick", "environment": "dev", "function": "orders", "deployment": ID}]);
        assert_eq!((&told["messages"][1]["from"], &told["messages"][1]["events"]), (&json!("deployer-wakes"), &tick));
    }
    let shown = person.run("redrive", &["--dry-run", "-n", "1"]).await?;
    assert!(shown.out.starts_with(&format!("{DEAD}: 2 messages, the oldest sent ")), "{shown:?}");
    assert!(shown.out.contains("and 1 more\nwhy: aws logs tail /aws/lambda/deployer --since "), "{shown:?}");

    let said = person.run("redrive", &[]).await?;
    assert_eq!(said.exit, Some(2), "nobody is asked without a terminal: {said:?}");
    let (exit, told) = person.run_json("redrive", &["--yes"]).await?;
    assert_eq!((exit, &told["redrive"]["status"]), (Some(0), &json!("COMPLETED")), "{told:#}");
    assert_eq!((&told["redrive"]["moved"], person.aws.dead_letters().await?), (&json!(2), 0));
    person.aws.deliver().await?;
    assert_eq!(person.aws.result("dev/orders/a.zip", &version_id).await?["status"], "succeeded");

    for arguments in [&["--yes"][..], &["--peek"], &[]] {
        let said = person.run("redrive", arguments).await?;
        assert!(said.out.starts_with(&format!("{DEAD}: no message lies there\nlatest redrive: ")), "{said:?}");
        assert_eq!((said.exit, said.err.as_str()), (Some(0), ""), "{said:?}");
    }
    person.aws.same_events_again_change_nothing().await
}

#[tokio::test]
async fn redrive_requires_a_confirmation() -> Result<()> {
    let person = operator_with_dead_ticks(1).await?;
    let said = person.run("redrive", &[]).await?;
    assert!(said.exit == Some(2) && said.err.contains("nobody is at a terminal who could confirm it"), "{said:?}");
    for (answer, exit, left) in [("n", 3, 1), ("", 3, 1), ("y", 0, 0)] {
        let mut asked = person.on_a_terminal(TerminalStreams::OutAndErr, "redrive", &[]).await?;
        asked.terminal.wait_for(&format!("tick for deployment {ID} of orders in dev")).await?;
        asked.terminal.wait_for("Send them back to their queues? [y/N] ").await?;
        asked.terminal.type_line(answer)?;
        let said = asked.end().await?;
        assert_eq!((said.exit, person.aws.dead_letters().await?), (Some(exit), left), "{answer:?}: {said:?}");
    }
    Ok(())
}

#[tokio::test]
async fn redrive_under_way_is_shown_and_can_be_cancelled() -> Result<()> {
    let person = operator_with_dead_ticks(5).await?;
    begin_slowly(&person.aws).await?;
    let said = person.run("redrive", &["--yes"]).await?;
    assert_eq!(said.exit, Some(3), "{said:?}");
    assert!(said.err.contains("is under way already: 1 of 5 messages went back"), "{said:?}");
    let (exit, told) = person.run_json("redrive", &["--peek"]).await?;
    assert_eq!((exit, &told["redrive"]["status"]), (Some(0), &json!("RUNNING")), "{told:#}");

    let (exit, told) = person.run_json("redrive", &["--cancel"]).await?;
    assert_eq!((exit, &told["redrive"]["moved"]), (Some(0), &json!(3)), "{told:#}");
    assert_eq!(person.aws.dead_letters().await?, 2);
    let again = person.run("redrive", &["--cancel"]).await?;
    assert!(
        again.exit == Some(2) && again.err.contains("no redrive of deployer-dead-letters is under way"),
        "{again:?}"
    );
    Ok(())
}

#[tokio::test]
async fn ctrl_c_leaves_the_redrive_running_and_says_so() -> Result<()> {
    let person = operator_with_dead_ticks(30).await?;
    let arguments = ["--yes", "--max-per-second", "1"];
    let mut running = person.on_a_terminal(TerminalStreams::OutAndErr, "redrive", &arguments).await?;
    running.terminal.wait_for(" of 30 messages went back").await?;
    running.interrupt()?;
    let said = running.end().await?;
    assert_eq!(said.exit, Some(130), "{said:?}");
    assert!(said.err.contains("so far, and the redrive goes on"), "{said:?}");
    let (_, told) = person.run_json("redrive", &["--peek"]).await?;
    assert_eq!(told["redrive"]["status"], "RUNNING", "{told:#}");
    Ok(())
}

#[tokio::test]
async fn redrive_that_cannot_be_done_says_what_to_do() -> Result<()> {
    let person = Person::operator().await?;
    for (arguments, words) in [
        (["--peek", "--queue", "nothing"], "\"nothing\": GetQueueUrl: "),
        (["--peek", "--function-name", "other"], "\"other-dead-letters\": GetQueueUrl: "),
    ] {
        let said = person.run("redrive", &arguments).await?;
        assert!(said.exit == Some(1) && said.err.contains(words), "{said:?}");
    }
    let looker = keys(&person.aws, "look").await?;
    let said = person.aws.operate(&looker, &["redrive", "--peek"]).await?;
    assert!(said.exit == Some(1) && said.err.contains("you need sqs:GetQueueUrl and the other rights"), "{said:?}");
    let said = person.aws.operate(&root(), &["redrive", "--peek", "--queue", "nothing"]).await?;
    assert!(said.exit == Some(1) && said.err.contains("--queue names the queue of one"), "{said:?}");

    // Nobody can say where a message comes from that somebody has sent to the dead-letter queue by hand.
    let dead = url(&person.aws, DEAD).await?;
    let call = sqs(&person.aws).send_message().queue_url(&dead).message_body(tick(1).to_string());
    call.send().await.doing("sending a message")?;
    let said = person.run("redrive", &["--yes", "--queue", &dead]).await?;
    assert!(
        said.exit == Some(1) && said.out.contains("failed: CouldNotDetermineMessageSource; 0 messages"),
        "{said:?}"
    );
    assert!(said.out.contains("by hand") && said.err.contains("of an unknown queue"), "{said:?}");
    Ok(())
}
