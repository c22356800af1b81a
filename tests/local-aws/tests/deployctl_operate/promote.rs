//! Promotions of one function: done, refused, waiting for an approval or for a freeze's end; and promotions by pattern.

use fixtures::Zip;
use local_aws::{FIRST, REGION, Result, RunOutput, SECOND, Setup};
use serde_json::{Value, json};

use super::{Person, text, validate_answer};

pub(super) const PROMOTE: [&str; 6] = ["-f", "orders", "--from", "dev", "--to", "prod"];
const PROD: [&str; 4] = ["-e", "prod", "-f", "orders"];

/// Makes an operator where `prod` is promoted from `dev` by these rules.
pub(super) async fn promoting(rules: &Value) -> Result<Person> {
    let mut prod = json!({
        "targets": [{"account": SECOND, "region": REGION}], "external_id": "prod-51aa", "promotion": {"from": "dev"},
    });
    for (field, value) in rules.as_object().into_iter().flatten() {
        prod[field] = value.clone();
    }
    Person::in_accounts(Setup::default().environment("prod", prod).with_bus()).await
}

/// Makes the same operator and deploys release 1 of `orders` to dev.
async fn with_one(rules: &Value) -> Result<Person> {
    let person = promoting(rules).await?;
    person.deploy_upload("1", Zip::function("1")).await?;
    Ok(person)
}

/// Returns the digest of the code that a function serves in an account.
pub(super) async fn serves(person: &Person, account: &str, function: &str) -> Result<Option<String>> {
    Ok(person.aws.live(account, REGION, function).await?.map(|live| live.sha256))
}

/// Checks that dev and prod serve the same code.
async fn assert_same_code(person: &Person) -> Result<()> {
    let (dev, prod) = (serves(person, FIRST, "orders").await?, serves(person, SECOND, "orders").await?);
    assert!(dev.is_some() && dev == prod, "dev serves {dev:?}, prod {prod:?}");
    Ok(())
}

fn says_all(said: &RunOutput, words: &[&str]) {
    for words in words {
        assert!(said.out.contains(words), "{words:?} is not in:\n{}", said.out);
    }
}

#[tokio::test]
async fn promoted_code_is_the_same_and_promoting_again_is_unchanged() -> Result<()> {
    let person = with_one(&json!({})).await?;
    let status = person.run("status", &[]).await?;
    assert_eq!(status.exit, Some(0), "{status:?}");
    let said = person.run("promote", &PROMOTE).await?;
    assert_eq!((said.exit, said.err.as_str()), (Some(0), ""), "{said:?}");
    assert!(
        said.out.starts_with("prod/orders/1: succeeded ") && said.out.contains(" s after the request, deployment "),
        "{said:?}"
    );
    assert!(said.out.ends_with("\n  222222222222/eu-west-1: succeeded, a new function, version 1\n"), "{said:?}");
    assert_same_code(&person).await?;
    let record = person.aws.record("prod", "orders").await?;
    assert_eq!(text(&record, "/artifact/key"), "dev/orders/1.zip", "no bytes are moved");
    assert_eq!(
        (text(&record, "/cause/kind"), text(&record, "/cause/requested_by")),
        ("promotion".into(), "ada".into())
    );
    let (exit, again) = person.run_json("promote", &PROMOTE).await?;
    assert_eq!((exit, &again["status"]), (Some(0), &json!("unchanged")), "{again:#}");
    Ok(())
}

#[tokio::test]
async fn promotion_that_a_rule_denies_is_refused_with_its_reason() -> Result<()> {
    let person = with_one(&json!({"promotion": {"from": "dev", "soak": "30m"}})).await?;
    let (code, because) = person.run_refused("promote", &PROMOTE).await?;
    assert_eq!(code, "NotPromotable");
    assert!(because.starts_with("prod takes what has soaked for 30m in dev, and release 1 has not yet: "), "{because}");
    let said = person.run("promote", &PROMOTE).await?;
    assert_eq!((said.exit, said.err.as_str()), (Some(3), ""), "{said:?}");
    // The minutes that are left are counted anew each time.
    let (until, _) = because.split_once(" (in ").unwrap_or_default();
    let (before, time) = until.rsplit_once(' ').unwrap_or_default();
    says_all(&said, &[&format!("\n  NotPromotable: {before} {} (in ", time.replace('T', " "))]);
    let backwards = ["-f", "orders", "--from", "prod", "--to", "dev"];
    assert_eq!(
        person.run_refused("promote", &backwards).await?,
        ("NotPromotable".into(), "dev takes no promotions (it has no promotion in deployer.json)".into())
    );
    let late = [&PROMOTE[..], &["--not-after", "2020-01-01T00:00:00Z"]].concat();
    assert_eq!(person.run_refused("promote", &late).await?.0, "Expired");
    let unknown = [&PROMOTE[..], &["--release", "7"]].concat();
    assert_eq!(person.run_refused("promote", &unknown).await?.0, "NotLive");
    let nothing = person.run("promote", &["-f", "*", "--from", "dev", "--to", "prod"]).await?;
    assert_eq!(nothing.exit, Some(0), "what nobody named is not refused, it is not ready: {nothing:?}");
    let because = "nothing is ready: of *, dev has nothing that prod has not and may take now\n  \
                   orders   prod takes what has soaked for 30m in dev, and release 1 has not yet: ";
    assert!(nothing.out.starts_with(because), "{nothing:?}");
    let misspelt = person.run("promote", &["-f", "ordesr*", "--from", "dev", "--to", "prod"]).await?;
    assert_eq!(misspelt.exit, Some(3), "{misspelt:?}");
    assert_eq!(misspelt.err, "error: no function of dev matches ordesr*; did you mean orders?\n");
    assert_eq!(serves(&person, SECOND, "orders").await?, None);
    Ok(())
}

#[tokio::test]
async fn promotion_waits_for_approval_by_somebody_else() -> Result<()> {
    let person = with_one(&json!({"approval": {"required": 2}})).await?;
    let said = person.run("promote", &[&PROMOTE[..], &["--not-after", "2h"]].concat()).await?;
    assert_eq!((said.exit, said.err.as_str()), (Some(0), ""), "it is not waited for: {said:?}");
    let (_, status) = person.run_json("status", &["orders", "-e", "prod"]).await?;
    let (waiting, id) = (&status["functions"][0]["waiting"][0], text(&status, "/functions/0/waiting/0/deployment"));
    assert_eq!((&waiting["approvals_wanted"], &waiting["requested_by"]), (&json!(2), &json!("ada")), "{status:#}");
    says_all(
        &said,
        &[
            "prod/orders/1: pending, deployment ",
            "\n  Waiting: waits for 2 approvals, until ",
            &format!(
                "It goes on when 2 people approve (ada may not):\n  deployctl approve -e prod -f orders --deployment {id}\n"
            ),
        ],
    );
    let table = person.run("status", &[]).await?;
    says_all(&table, &["1 wants 2 approvals", "behind dev (1)"]);
    let detail = person.run("status", &["orders"]).await?;
    let id_again = format!("deployctl approve -e prod -f orders --deployment {id}");
    says_all(&detail, &["  waiting  1 from dev waits for 2 approvals, until ", " by ada, deployment ", &id_again]);
    says_all(&detail, &["  behind   dev by 1 release since ", "): it has 1\n"]);

    let own = person.run("approve", &PROD).await?;
    assert_eq!((own.exit, own.out.as_str()), (Some(3), ""), "{own:?}");
    let refused = "error: ada has asked for this promotion, and somebody else must approve it\n";
    assert_eq!(own.err, refused, "it comes before the plan");
    let first = person.run("approve", &[&PROD[..], &["--requested-by", "bob"]].concat()).await?;
    assert_eq!(first.exit, Some(0), "{first:?}");
    says_all(&first, &["prod/orders/1: pending", "waits for an approval, until ", "It goes on when somebody approves"]);
    says_all(&person.run("status", &["orders"]).await?, &["  waiting  approved by bob\n"]);
    let second = [&PROD[..], &["--requested-by", "eve", "--deployment", &id]].concat();
    let (exit, record) = person.run_json("approve", &second).await?;
    assert_eq!(
        (exit, &record["status"], text(&record, "/id")),
        (Some(0), &json!("succeeded"), id.clone()),
        "{record:#}"
    );
    let by = ["/promotion/approvals/0/by", "/promotion/approvals/1/by"].map(|pointer| text(&record, pointer));
    assert_eq!(by, ["bob", "eve"]);
    assert_same_code(&person).await?;
    let given_before = |mut record: Value| {
        assert_eq!(record["decision"], json!("recorded"), "{record:#}");
        record["decision"] = json!("already_given");
        record
    };
    let (exit, again) = person.run_json("approve", &second).await?;
    assert_eq!((exit, again), (Some(0), given_before(record)), "the same word again changes nothing");
    let late = person.run("decline", &second).await?;
    assert_eq!(late.exit, Some(3), "it is live already: {late:?}");
    Ok(())
}

#[tokio::test]
async fn promote_with_wait_ends_at_its_timeout_or_a_decline() -> Result<()> {
    let person = with_one(&json!({"approval": {"required": 1}})).await?;
    let said = person.run("promote", &[&PROMOTE[..], &["--wait", "--timeout", "6s"]].concat()).await?;
    assert_eq!((said.exit, said.out.as_str()), (Some(4), ""), "{said:?}");
    assert!(said.err.contains("\nerror: not ended after 6s; deployment 0"), "{said:?}");
    assert!(said.err.contains("\n  deployctl history -e prod -f orders\n"), "{said:?}");
    let decline = [&PROD[..], &["--requested-by", "bob", "--reason", "not before the sale"]].concat();
    let (exit, record) = person.run_json("decline", &decline).await?;
    assert_eq!((exit, &record["status"]), (Some(0), &json!("refused")), "{record:#}");
    let because = text(&record, "/because");
    assert!(because.starts_with("declined by bob (arn:aws:sts::"), "{because}");
    assert!(because.ends_with("): not before the sale"), "{because}");
    let id = text(&record, "/id");
    let (exit, mut again) = person.run_json("decline", &[&decline[..], &["--deployment", &id]].concat()).await?;
    assert_eq!((&again["decision"], &record["decision"]), (&json!("already_given"), &json!("recorded")));
    again["decision"] = json!("recorded");
    assert_eq!((exit, again), (Some(0), record));
    let said = person.run("decline", &[&decline[..], &["--deployment", &id]].concat()).await?;
    assert!(said.exit == Some(0) && said.out.starts_with("prod/orders/1: declined "), "{said:?}");
    assert!(said.out.contains("\n  declined by bob (") && !said.out.contains("refused"), "{said:?}");
    assert_eq!(serves(&person, SECOND, "orders").await?, None);
    Ok(())
}

#[tokio::test]
async fn freeze_delays_a_promotion_unless_overridden_with_a_reason() -> Result<()> {
    let frozen = json!({"freeze": [{"first": "2020-01-01", "last": "2099-12-31", "zone": "Europe/Berlin"}]});
    let person = with_one(&frozen).await?;
    let (exit, record) = person.run_json("promote", &PROMOTE).await?;
    assert_eq!((exit, &record["status"]), (Some(0), &json!("pending")), "{record:#}");
    assert_eq!(text(&record, "/promotion/frozen_until"), "2099-12-31T23:00:00Z");
    let said = person.run("status", &["orders"]).await?;
    says_all(&said, &["  waiting  1 from dev waits until 2099-12-31 23:00:00Z for the freeze to end (asked for "]);
    says_all(&person.run("status", &[]).await?, &["1 frozen until 12-31 23:00Z"]);
    let override_it = [&PROMOTE[..], &["--override-freeze", "orders are lost"]].concat();
    let (exit, record) = person.run_json("promote", &override_it).await?;
    assert_eq!((exit, &record["status"]), (Some(0), &json!("succeeded")), "{record:#}");
    assert_eq!(text(&record, "/promotion/freeze_override"), "orders are lost");
    assert_same_code(&person).await?;
    let (_, history) = person.run_json("history", &PROD).await?;
    assert_eq!(history["deployments"][1]["status"], "superseded", "what had waited gives way: {history:#}");

    person.aws.configure(|config| config["environments"]["prod"]["when_frozen"] = json!("refuse")).await?;
    person.deploy_upload("2", Zip::function("2")).await?;
    let (code, because) = person.run_refused("promote", &PROMOTE).await?;
    assert_eq!(code, "NotPromotable");
    assert!(because.contains("is frozen until 2099-12-31T23:00:00Z and refuses promotions meanwhile"), "{because}");
    Ok(())
}

#[tokio::test]
async fn pattern_promotes_only_the_functions_that_are_ready() -> Result<()> {
    let person = with_one(&json!({})).await?;
    for function in ["bills", "stock"] {
        let result = person.aws.deploy(&format!("dev/{function}/7.zip"), Zip::function(function)).await?;
        assert_eq!(result["status"], "succeeded", "{result:#}");
    }
    person.run_json("promote", &["-f", "stock", "--from", "dev", "--to", "prod"]).await?;
    let all = ["-f", "*", "--from", "dev", "--to", "prod"];
    let said = person.aws.deliver_while(person.run("promote", &all)).await?;
    assert!(said.exit == Some(0) && !said.err.contains("error"), "{said:?}");
    let lines: Vec<&str> =
        said.out.lines().map(|line| line.split("   deployment ").next().unwrap_or_default()).collect();
    let left_out = ["not ready:", "  stock   prod has 7 already"];
    assert_eq!(lines, [&["bills    7   succeeded", "orders   1   succeeded"][..], &left_out].concat(), "{}", said.out);
    assert_same_code(&person).await?;
    let before = person.aws.snapshot().await?;
    let (exit, told) = person.run_json("promote", &all).await?;
    let has =
        |function: &str, release: &str| json!({"function": function, "because": format!("prod has {release} already")});
    let not_ready = json!([has("bills", "7"), has("orders", "1"), has("stock", "7")]);
    assert_eq!((exit, told), (Some(0), json!({"deployments": [], "not_ready": not_ready})));
    assert_eq!(before.changes_to(&person.aws.snapshot().await?), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn status_shows_how_far_an_environment_lags() -> Result<()> {
    let person = with_one(&json!({"promotion": {"from": "dev", "soak": "0s"}})).await?;
    person.run_json("promote", &PROMOTE).await?;
    person.deploy_upload("2", Zip::function("2")).await?;
    let first = text(&person.run_ok("status", &[]).await?, "/functions/0/live/since");
    for release in ["3", "4"] {
        person.deploy_upload(release, Zip::function(release)).await?;
    }
    let (_, told) = person.run_json("status", &["orders", "-e", "prod"]).await?;
    validate_answer("status", &told)?;
    let behind = &told["functions"][0]["behind"][0];
    assert_eq!((&behind["environment"], &behind["releases"]), (&json!("dev"), &json!(3)), "{told:#}");
    assert_eq!((&behind["release"], text(behind, "/ahead_since")), (&json!("4"), first));
    says_all(&person.run("status", &[]).await?, &["3 behind dev (4)"]);
    let detail = person.run("status", &["orders"]).await?;
    says_all(&detail, &["  behind   dev by 3 releases since ", "): it has 4\n"]);
    Ok(())
}
