//! Commands that find another deployment running: with and without waiting for it.

use std::time::Duration;

use fixtures::Zip;
use local_aws::{Error, Interrupted, Moment, Result, TerminalStreams};
use serde_json::{Value, json};

use super::{BACK, Person, text, validate_answer};

/// Makes an operator and kills the deployer during release c, whose lease then blocks others.
async fn during_a_deployment() -> Result<Person> {
    let person = Person::after(&["a", "b"]).await?;
    person.aws.upload("dev/orders/c.zip", Zip::function("c")).await?;
    assert_eq!(person.aws.deliver_and_kill_at(Moment::After(12)).await?, Interrupted::Killed);
    Ok(person)
}

/// Ends the killed deployment's lease and delivers the queues.
async fn resume(person: &Person) -> Result<()> {
    person.aws.end_leases().await?;
    person.aws.advance_queue_time(Duration::from_secs(311)).await?;
    person.aws.deliver().await.map(drop)
}

/// Returns the id of the deployment that an output names.
fn id_of(said: &str) -> Result<String> {
    let id = said.split("deployment ").nth(1).and_then(|rest| rest.get(..26));
    id.map(str::to_owned).ok_or_else(|| Error::Unexpected(format!("no deployment is named in: {said}")))
}

/// Lets the rollback complete and returns its record.
async fn completed(person: &Person, id: &str) -> Result<Value> {
    resume(person).await?;
    let record = person.aws.ledger_object(&format!("deployments/dev/orders/{id}.json")).await?;
    record.ok_or_else(|| Error::Unexpected(format!("deployment {id} has no record")))
}

/// Checks that release b serves again, whether or not c had moved the alias.
async fn assert_rolled_back(person: &Person, record: &Value) -> Result<()> {
    assert!(["succeeded", "unchanged"].contains(&text(record, "/status").as_str()), "{record:#}");
    assert_eq!(person.serves().await?, "2");
    Ok(())
}

#[tokio::test]
async fn wait_for_another_deployment_is_drawn_until_the_result() -> Result<()> {
    let person = during_a_deployment().await?;
    let json = [&BACK[..], &["--output", "json"]].concat();
    let mut waiting = person.on_a_terminal(TerminalStreams::ErrOnly, "rollback", &json).await?;
    waiting.terminal.wait_for("waiting for the deployer").await?;
    waiting.terminal.wait_for("deployment 0").await?;
    resume(&person).await?;
    let said = waiting.end().await?;
    let record = said.json()?;
    validate_answer("rollback", &record)?;
    assert_eq!((said.exit, text(&record, "/release").as_str()), (Some(0), "b"), "it means the deployment that it met");
    assert_rolled_back(&person, &record).await?;
    let other = person.run_ok("history", &[]).await?["deployments"][1].take();
    assert_eq!((text(&other, "/release").as_str(), &other["status"]), ("c", &json!("superseded")), "{other:#}");
    Ok(())
}

#[tokio::test]
async fn rollback_without_wait_is_reported_pending_and_completes_later() -> Result<()> {
    let person = during_a_deployment().await?;
    let pending = person.run_ok("rollback", &["--yes", "--no-wait"]).await?;
    assert_eq!((&pending["status"], &pending["code"]), (&json!("pending"), &json!("Waiting")), "{pending:#}");
    let (_, status) = person.run_json("status", &["orders", "-e", "dev"]).await?;
    assert_eq!(status["functions"][0]["pending"], pending["id"]);
    let said = person.run("status", &["-e", "dev"]).await?;
    assert!(said.out.contains("deploying") && said.out.contains("pending"), "{said:?}");
    let record = completed(&person, &text(&pending, "/id")).await?;
    assert_rolled_back(&person, &record).await
}

#[tokio::test]
async fn wait_timeout_exits_4_and_the_rollback_completes_later() -> Result<()> {
    let person = during_a_deployment().await?;
    let said = person.run("rollback", &[&BACK[..], &["--timeout", "3s"]].concat()).await?;
    assert_eq!((said.exit, said.out.as_str()), (Some(4), ""), "{said:?}");
    let told = said.err.split("error: ").nth(1).unwrap_or_default();
    let id = id_of(told)?;
    assert!(told.starts_with(&format!("not ended after 3s; deployment {id} goes on\n")), "{said:?}");
    // A log tells why it waits, once for each reason.
    let reason = format!("\ndeployment {id}: waits for deployment ");
    assert_eq!(said.err.matches(&reason).count(), 1, "{said:?}");
    assert!(said.err.contains("\n  deployctl history "), "{said:?}");
    assert_rolled_back(&person, &completed(&person, &id).await?).await
}

#[tokio::test]
async fn ctrl_c_exits_130_and_the_rollback_completes_later() -> Result<()> {
    let person = during_a_deployment().await?;
    let mut waiting = person.on_a_terminal(TerminalStreams::OutAndErr, "rollback", &BACK).await?;
    waiting.terminal.wait_for("waits for deployment 0").await?;
    waiting.interrupt()?;
    let said = waiting.end().await?;
    assert_eq!(said.exit, Some(130), "{said:?}");
    let told = said.err.split("error: ").nth(1).unwrap_or_default();
    let id = id_of(told)?;
    assert!(told.starts_with(&format!("interrupted; deployment {id} goes on\r\n")), "{said:?}");
    assert_rolled_back(&person, &completed(&person, &id).await?).await
}

#[tokio::test]
async fn interrupted_rollback_is_found_by_its_id_while_it_is_next_and_after_its_end() -> Result<()> {
    let person = during_a_deployment().await?;
    let again = [&BACK[..4], &["--id", "incident-7", "--no-wait"]].concat();
    let first = person.run_ok("rollback", &["--yes", "--id", "incident-7", "--no-wait"]).await?;
    assert_eq!(first["status"], "pending", "{first:#}");
    // Without a terminal, a rollback that nobody has confirmed is wrong use.
    let said = person.run("rollback", &again).await?;
    let id = text(&first, "/id");
    assert!(said.exit == Some(0) && said.out.contains(&id) && !said.err.contains("back to"), "{said:?}");
    assert_rolled_back(&person, &completed(&person, &id).await?).await?;
    let said = person.run("rollback", &again).await?;
    assert!(said.exit == Some(0) && said.out.starts_with("this request has ended already:\n"), "{said:?}");
    assert!(said.out.contains(&id), "{said:?}");
    Ok(())
}
