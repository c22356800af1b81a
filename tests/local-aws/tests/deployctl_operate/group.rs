//! Groups: several functions are promoted together, all or none.

use fixtures::Zip;
use local_aws::{FIRST, Fault, Result, SECOND};
use serde_json::{Value, json};

use super::promote::{promoting, serves};
use super::{Person, text};

const TOGETHER: [&str; 8] = ["-f", "orders", "-f", "bills", "--from", "dev", "--to", "prod"];

/// Deploys this release of both functions to dev.
async fn uploaded(person: &Person, release: &str) -> Result<()> {
    for function in ["orders", "bills"] {
        let zip = Zip::function(&format!("{function} {release}"));
        let result = person.aws.deploy(&format!("dev/{function}/{release}.zip"), zip).await?;
        assert_eq!(result["status"], "succeeded", "{result:#}");
    }
    Ok(())
}

/// Returns function, release and status of both members of a group.
fn members(group: &Value) -> [(String, String, String); 2] {
    [0, 1].map(|at| {
        let of = |field: &str| text(group, &format!("/functions/{at}/{field}"));
        (of("function"), of("release"), of("status"))
    })
}

fn both(release: &str, status: &str) -> [(String, String, String); 2] {
    ["bills", "orders"].map(|function| (function.into(), release.into(), status.into()))
}

#[tokio::test]
async fn group_moves_together_and_rolls_back_if_one_fails() -> Result<()> {
    let person = promoting(&json!({})).await?;
    uploaded(&person, "1").await?;
    let said = person.aws.deliver_while(person.run("promote", &TOGETHER)).await?;
    assert_eq!((said.exit, said.err.as_str()), (Some(0), ""), "{said:?}");
    assert!(said.out.starts_with("bills and orders from dev to prod: succeeded "), "{said:?}");
    let lines: Vec<&str> =
        said.out.lines().map(|line| line.split("   deployment ").next().unwrap_or_default()).collect();
    assert_eq!(lines[1..], ["  bills    1   succeeded", "  orders   1   succeeded"], "{}", said.out);
    let before = serves(&person, SECOND, "orders").await?;
    assert_eq!(before, serves(&person, FIRST, "orders").await?);

    uploaded(&person, "2").await?;
    // A refusal that cannot pass: a denied call is tried again for 15 seconds.
    let refused = Fault::new("UpdateAlias", 400, "InvalidParameterValueException", "not today").of_function("bills");
    person.aws.control().fault(&refused.in_account(SECOND).forever()).await?;
    let id = ["--id", "release-train-7"];
    let (exit, begun) = person.run_json("promote", &[&TOGETHER[..], &id, &["--no-wait"]].concat()).await?;
    assert_eq!((exit, &begun["status"]), (Some(0), &json!("in_progress")), "{begun:#}");
    // `orders` succeeds and must run first, because members that have not begun when another fails are stopped.
    let mut ticks = person.aws.take_messages().await?;
    ticks.sort_by_key(|tick| text(tick, "/tick/function") != "orders");
    for tick in ticks {
        person.aws.invoke(&person.aws.mapping().event_of(&[tick])).await?;
    }
    let (exit, group) = person.run_json_while_delivering("promote", &[&TOGETHER[..], &id].concat()).await?;
    assert_eq!((exit, &group["status"]), (Some(1), &json!("rolled_back")), "{group:#}");
    assert_eq!(text(&group, "/because"), "bills did not get there, and the others went back");
    assert_eq!(members(&group).map(|(_, _, status)| status), ["failed", "rolled_back"]);
    assert_eq!(serves(&person, SECOND, "orders").await?, before, "what had moved is back");
    let again = person.run("promote", &[&TOGETHER[..], &id].concat()).await?;
    assert_eq!(again.exit, Some(1), "the same request is the same group: {again:?}");
    assert!(again.out.starts_with("this request has ended already:\n"), "{again:?}");
    assert!(again.out.contains(&format!(", group {}\n", text(&group, "/id"))), "{again:?}");
    assert!(again.out.contains("  TargetFailed: bills did not get there, and the others went back\n"), "{again:?}");
    assert!(again.out.contains("not today") && again.out.contains(", brought back by 0"), "{again:?}");
    Ok(())
}

#[tokio::test]
async fn group_waits_for_one_approval_before_any_moves() -> Result<()> {
    let person = promoting(&json!({"approval": {"required": 1}})).await?;
    uploaded(&person, "1").await?;
    let id = ["--id", "release-train-8"];
    let (exit, group) = person.run_json("promote", &[&TOGETHER[..], &id].concat()).await?;
    assert_eq!((exit, &group["status"], &group["approvals_wanted"]), (Some(0), &json!("pending"), &json!(1)));
    let said = person.run("promote", &[&TOGETHER[..], &id].concat()).await?;
    let place = format!("-e prod --deployment {}", text(&group, "/id"));
    assert!(said.out.contains(" from dev to prod: pending, group "), "{said:?}");
    assert!(said.out.contains("\n  Waiting: bills: waits for an approval, until "), "{said:?}");
    assert!(said.out.ends_with(&format!("(ada may not):\n  deployctl approve {place}\n")), "{said:?}");
    assert_eq!(serves(&person, SECOND, "orders").await?, None);
    // The id alone names the group, and each of its members.
    let (exit, planned) = person.run_json("plan", &["--deployment", &text(&group, "/id")]).await?;
    assert_eq!((exit, planned["plans"].as_array().map(Vec::len)), (Some(0), Some(2)), "{planned:#}");
    let of = ["/plans/0/function", "/plans/1/function", "/plans/1/environment"].map(|at| text(&planned, at));
    assert_eq!(of, ["bills", "orders", "prod"], "{planned:#}");
    let (exit, one) = person.run_json("plan", &["--deployment", &text(&group, "/functions/1/deployment")]).await?;
    assert_eq!((exit, text(&one, "/function").as_str()), (Some(0), "orders"), "{one:#}");
    let only = ["-e", "prod", "--requested-by", "bob"];
    let said = person.aws.deliver_while(person.run("approve", &only)).await?;
    assert_eq!(said.exit, Some(0), "a group needs no function: {said:?}");
    for function in ["bills", "orders"] {
        let plan = format!("{function} in prod, release 1, promoted from dev\n");
        assert!(said.err.contains(&plan), "{plan:?} is not in: {said:?}");
    }
    let approve: Vec<&str> = place.split(' ').chain(["--requested-by", "bob"]).collect();
    let (exit, group) = person.run_json_while_delivering("approve", &approve).await?;
    assert_eq!((exit, &group["status"]), (Some(0), &json!("succeeded")), "{group:#}");
    assert_eq!(members(&group), both("1", "succeeded"));
    let (exit, late) = person.run_json("decline", &approve).await?;
    assert_eq!((exit, &late["status"]), (Some(3), &json!("succeeded")), "{late:#}");
    Ok(())
}

#[tokio::test]
async fn group_with_one_denied_member_is_refused_whole() -> Result<()> {
    let person = promoting(&json!({})).await?;
    uploaded(&person, "1").await?;
    person.run("hold", &["-e", "prod", "-f", "bills", "--reason", "stock-taking"]).await?;
    let (exit, group) = person.run_json("promote", &TOGETHER).await?;
    assert_eq!((exit, &group["status"], &group["code"]), (Some(3), &json!("refused"), &json!("Held")), "{group:#}");
    assert!(text(&group, "/because").ends_with(": stock-taking; nothing was moved"), "{group:#}");
    let said = person.run("promote", &TOGETHER).await?;
    assert!(said.out.contains("\n  orders   1   not begun\n"), "{said:?}");
    assert_eq!(serves(&person, SECOND, "orders").await?, None);
    Ok(())
}
