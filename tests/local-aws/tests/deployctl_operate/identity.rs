//! Commands that prove who sends them: deployctl signs, the deployer asks STS, and STS checks the signature.

use fixtures::Zip;
use local_aws::policies::Policies;
use local_aws::{REGION, Result, SECOND, SessionKeys, TOOLING};
use serde_json::json;

use super::promote::{PROMOTE, promoting, serves};
use super::{DEV, Person, text};

#[tokio::test]
async fn deployctl_proves_who_holds_and_who_rolls_back() -> Result<()> {
    let person = Person::after(&["1", "2"]).await?;
    let held = person.run("hold", &[&DEV[..], &["--reason", "audit", "--output", "json"]].concat()).await?;
    assert_eq!((held.exit, held.err.as_str()), (Some(0), ""), "{held:?}");
    let principal = text(&held.json()?, "/functions/0/hold/principal");
    assert!(principal.starts_with(&format!("arn:aws:sts::{TOOLING}:assumed-role/")), "{principal}");
    let back = person.run("rollback", &[&super::BACK[..], &["--requested-by", "bob"]].concat()).await?;
    assert_eq!(back.exit, Some(0), "{back:?}");
    let record = person.aws.record("dev", "orders").await?;
    assert_eq!(text(&record, "/cause/requested_by"), "bob", "a name is what somebody says");
    assert_eq!(text(&record, "/cause/principal"), principal, "and the principal what AWS says");
    Ok(())
}

#[tokio::test]
async fn approval_counts_by_the_role_that_aws_names() -> Result<()> {
    let approvers = format!("arn:aws:iam::{TOOLING}:role/team/approver");
    let person = promoting(&json!({"approval": {"required": 1, "proven": true, "approvers": [approvers]}})).await?;
    person.deploy_upload("1", Zip::function("1")).await?;
    let asked = person.run("promote", &[&PROMOTE[..], &["--output", "json"]].concat()).await?.json()?;
    assert_eq!(text(&asked, "/status"), "pending", "{asked}");
    let approve = ["approve", "-e", "prod", "-f", "orders", "--requested-by", "bob"];
    let own = person.aws.operate(&person.keys, &approve).await?;
    assert_eq!(own.exit, Some(3), "{own:?}");
    assert!(own.err.contains("/operate/ada is none of the approvers of this environment"), "{own:?}");
    assert_eq!(serves(&person, SECOND, "orders").await?, None);
    let policies = Policies::from_contract()?;
    let (trust, rights) = (policies.get("tooling/deployer_trust"), policies.get("tooling/operate"));
    person.aws.roles(TOOLING).create_with(("/team/", "approver"), &trust, &rights).await?;
    let role = format!("arn:aws:iam::{TOOLING}:role/team/approver");
    let bob = person.aws.control().session(&role, "bob").await?;
    // The same key with another secret: Lambda is not asked for its signature here, and STS is.
    let forger = SessionKeys { secret_access_key: "another".into(), ..bob.clone() };
    let arn = format!("arn:aws:lambda:{REGION}:{TOOLING}:function:deployer");
    let forged = person
        .aws
        .operate(&forger, &[&approve[..], &["--deployment", &text(&asked, "/id"), "--function-name", &arn]].concat())
        .await?;
    assert_eq!(forged.exit, Some(2), "{forged:?}");
    assert!(forged.err.contains("the proof of identity does not fit"), "{forged:?}");
    assert!(!forged.err.contains(&bob.access_key_id) && !forged.err.contains("Canonical"), "{forged:?}");
    let done = person.aws.operate(&bob, &[&approve[..], &["--output", "json"]].concat()).await?;
    assert_eq!(done.exit, Some(0), "{done:?}");
    let approval = format!("arn:aws:sts::{TOOLING}:assumed-role/approver/bob");
    assert_eq!(text(&done.json()?, "/promotion/approvals/0/principal"), approval, "STS tells no path");
    let outputs = [own, forged, done];
    has_no_proof(&person, &[&person.keys, &bob], &outputs.map(|output| format!("{output:?}"))).await
}

/// Checks that no part of a signed call is in the deployer's log, the ledger (records and results are there), the events
/// or these outputs. Every signer has a session token.
async fn has_no_proof(person: &Person, signers: &[&SessionKeys], outputs: &[String]) -> Result<()> {
    let log = person.aws.deployer().log();
    assert!(!log.is_empty());
    let mut told = format!("{outputs:?} {log:?} {:?}", person.aws.published_events().await?);
    for key in person.aws.ledger_keys("").await? {
        told += &person.aws.ledger_object(&key).await?.map(|object| object.to_string()).unwrap_or_default();
    }
    assert!(told.contains("deployments/") || told.contains("\"principal\""), "the ledger is looked at");
    for signer in signers {
        for secret in [&signer.session_token, &signer.secret_access_key, &signer.access_key_id] {
            assert!(!secret.is_empty() && !told.contains(secret.as_str()), "{secret}");
        }
    }
    for word in ["aws4_request", "Signature=", "\"signature\"", "session_token"] {
        assert!(!told.contains(word), "{word}");
    }
    Ok(())
}
