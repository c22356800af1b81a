//! The calls of a deployment: the number of sequential ones, and the policies of their sessions.

use fixtures::Zip;
use local_aws::{Call, FIRST, LocalAws, REGION, Result, longest_chain, shown};
use serde_json::json;

use super::{serves, statuses, versions};

#[tokio::test]
async fn at_most_five_sequential_calls_from_event_to_moved_alias() -> Result<()> {
    let aws = LocalAws::start().await?;
    aws.deploy("dev/orders/1.0.0.zip", Zip::function("1.0.0")).await?;
    aws.upload("dev/orders/1.1.0.zip", Zip::function("1.1.0")).await?;
    let event = aws.mapping().event_of(&aws.take_messages().await?);
    // The latency makes concurrent calls overlap even on a busy machine.
    aws.control().latency_ms(200).await?;
    let (_, calls) = aws.calls_of(aws.invoke(&event)).await?;
    let result = aws.record("dev", "orders").await?;
    assert_eq!(statuses(&result), ["succeeded", "succeeded"], "{result:#}");
    let chain = longest_chain(&calls, "UpdateAlias");
    let all = shown(&calls);
    assert!((1..=5).contains(&chain.len()), "{} calls:\n{}\nof all:\n{all}", chain.len(), shown(chain.iter().copied()));
    Ok(())
}

#[tokio::test]
async fn code_update_has_one_session_limited_to_that() -> Result<()> {
    let aws = LocalAws::start().await?;
    aws.deploy("dev/orders/1.0.0.zip", Zip::function("1.0.0")).await?;
    let (result, calls) = aws.calls_of(aws.deploy("dev/orders/1.1.0.zip", Zip::function("1.1.0"))).await?;
    let sessions = sessions(&calls);
    assert_eq!(sessions.len(), 1, "{}", shown(&calls));
    assert_eq!(
        sessions[0].policy_actions(),
        [
            "lambda:GetAlias",
            "lambda:GetFunction",
            "lambda:GetProvisionedConcurrencyConfig",
            "lambda:ListAliases",
            "lambda:ListTags",
            "lambda:ListVersionsByFunction",
            "lambda:PublishVersion",
            "lambda:UpdateAlias",
            "lambda:UpdateFunctionCode",
            "s3:GetObject",
            "s3:GetObjectVersion",
            "kms:Decrypt"
        ]
    );
    let name = format!("deployer-{}", result["id"].as_str().unwrap_or_default());
    assert_eq!(sessions[0].parameter("role_session_name"), Some(name.as_str()));
    assert_eq!(sessions[0].parameter("source_identity"), Some(name.as_str()));
    assert_eq!(sessions[0].parameter("external_id"), Some("dev-8c1f"));
    let of_lambda: Vec<&Call> =
        calls.iter().filter(|call| call.service == "lambda" && call.account == "111111111111").collect();
    assert!(!of_lambda.is_empty());
    Ok(())
}

#[tokio::test]
async fn creation_has_a_second_session_that_passes_one_role() -> Result<()> {
    let aws = LocalAws::start().await?;
    let (_, calls) = aws.calls_of(aws.deploy("dev/orders/1.0.0.zip", Zip::function("1.0.0"))).await?;
    let sessions = sessions(&calls);
    assert_eq!(sessions.len(), 2, "{}", shown(&calls));
    let [first, second] = [sessions[0].policy_actions(), sessions[1].policy_actions()];
    for action in ["iam:PassRole", "lambda:CreateFunction", "lambda:CreateAlias"] {
        assert!(!first.iter().any(|one| one == action), "{action} in the first session: {first:?}");
        assert!(second.iter().any(|one| one == action), "no {action} in the second session: {second:?}");
    }
    assert!(!second.iter().any(|one| one == "lambda:UpdateFunctionCode"), "{second:?}");
    let policy = sessions[1].parameter("policy").unwrap_or_default();
    assert!(policy.contains("arn:aws:iam::111111111111:role/lambda-execution"), "{policy}");
    assert!(policy.len() <= 2048);
    Ok(())
}

#[tokio::test]
async fn old_versions_are_deleted_one_by_one_never_the_function() -> Result<()> {
    let aws = LocalAws::start().await?;
    aws.configure(|config| config["environments"]["dev"]["keep_versions"] = json!(2)).await?;
    for release in ["1.0.0", "1.1.0", "1.2.0"] {
        aws.deploy(&format!("dev/orders/{release}.zip"), Zip::function(release)).await?;
    }
    let (result, calls) = aws.calls_of(aws.deploy("dev/orders/1.3.0.zip", Zip::function("1.3.0"))).await?;
    assert_eq!(statuses(&result), ["succeeded", "succeeded"], "{result:#}");
    let deleted: Vec<_> = calls.iter().filter(|call| call.operation == "DeleteFunction").collect();
    assert_eq!(
        deleted.iter().map(|call| call.qualifier.as_deref()).collect::<Vec<_>>(),
        [Some("2")],
        "{}",
        shown(&calls)
    );
    // The live version and one to roll back to are left.
    assert_eq!(versions(aws.live(FIRST, REGION, "orders").await?), serves("4", &["3", "4"]));
    let policy = sessions(&calls).last().and_then(|session| session.parameter("policy")).unwrap_or_default();
    assert!(policy.contains("function:orders:2\"") && !policy.contains("function:orders\""), "{policy}");
    aws.same_events_again_change_nothing().await
}

/// Returns the AssumeRole calls.
fn sessions(calls: &[Call]) -> Vec<&Call> {
    calls.iter().filter(|call| call.operation == "AssumeRole").collect()
}
