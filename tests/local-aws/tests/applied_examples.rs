//! Applies the other examples of `infra/examples` to the local AWS, each as a user would, and looks for drift. `cargo test`
//! applies the smallest of them, which waits for no bucket and no queue; the others are long.

use std::collections::BTreeSet;

use fixtures::Zip;
use local_aws::terraform::{Applied, Terraform, copy_of_infra, with_callers};
use local_aws::{
    ARTIFACTS, Control, DEPLOYER_ROLE, Doing as _, FIRST, LEDGER, LocalAws, OTHER_REGION, REGION, Result, Roles,
    SECOND, Server, Signed, TOOLING, Transport,
};
use serde_json::{Value, json};

/// The account of `stage`.
const STAGE: &str = "333333333333";
/// The account from which Terraform enters the others.
const MANAGEMENT: &str = "999999999999";
/// The deploy role.
const DEPLOY_ROLE: &str = "deployer-target";
/// The role that AWS Organizations makes in each account.
const ADMIN_ROLE: &str = "OrganizationAccountAccessRole";

#[test]
fn every_example_is_applied_by_a_test() -> Result<()> {
    let applied = ["two-accounts", "one-account", "target-account", "organization", "chat", "scheduled-promotions"];
    // moto has no StackSets of an organization; a test of the package `infra` plans it.
    let planned_only = ["stack-set"];
    let named: BTreeSet<String> = applied.iter().chain(&planned_only).map(ToString::to_string).collect();
    let infra = copy_of_infra()?;
    let entries = std::fs::read_dir(infra.path().join("examples")).doing("listing the examples")?;
    let there: BTreeSet<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(there, named);
    Ok(())
}

#[tokio::test]
#[ignore = "long: cargo verify"]
async fn target_account_example_makes_a_role_by_which_the_deployer_deploys() -> Result<()> {
    let Some(terraform) = Terraform::for_applying()? else { return Ok(()) };
    let aws = LocalAws::start().await?;
    let roles = aws.roles(SECOND);
    roles.delete_policy(DEPLOY_ROLE, DEPLOY_ROLE).await?;
    roles.delete(DEPLOY_ROLE).await?;
    tell_the_target(&aws).await?;
    let endpoint = aws.endpoint().to_owned();
    let applying = tokio::task::spawn_blocking(move || target_account(&terraform, &endpoint));
    let target = applying.await.doing("applying the example")??;

    let zip = Zip::function("1.0.0").with("lambda-execution", "lambda/hello").build().doing("zipping")?;
    let result = aws.deploy("prod/hello/1.0.0.zip", zip).await?;
    assert_eq!(result["status"], "succeeded", "{result:#}");
    aws.same_events_again_change_nothing().await?;
    tokio::task::spawn_blocking(move || are_as_planned_and_destroyed(&[target]))
        .await
        .doing("destroying the example")?
}

/// Writes the SSM parameters that the module tooling has for the deploy role of `prod`.
async fn tell_the_target(aws: &LocalAws) -> Result<()> {
    let arn = |service: &str, name: &str| format!("arn:aws:{service}:{REGION}:{TOOLING}:{name}");
    let deployer = json!({
        "role_arn": DEPLOYER_ROLE, "function_arn": arn("lambda", "function:deployer"), "queue_arn": arn("sqs", "deployer"),
        "wake_queue_arn": arn("sqs", "deployer-wakes"), "ledger_bucket": LEDGER, "artifact_bucket": ARTIFACTS,
        "artifact_key_arn": null, "region": REGION,
    });
    let deploy_role = json!({
        "account": SECOND, "role_name": DEPLOY_ROLE, "environments": ["prod"], "promoted_from": [],
        "regions": [REGION, OTHER_REGION], "external_ids": ["prod-51aa"],
    });
    let signed = Signed { account: TOOLING, region: REGION, service: "ssm" };
    for (name, value) in [("deployer", deployer), ("deploy-roles/222222222222/deployer-target", deploy_role)] {
        let parameter =
            json!({"Name": format!("/deployers/deployer/{name}"), "Type": "String", "Value": value.to_string()});
        aws.control().json_call(&signed, "AmazonSSM.PutParameter", &parameter).await?;
    }
    Ok(())
}

/// Applies the example with the deploy role of `prod`.
fn target_account(terraform: &Terraform, endpoint: &str) -> Result<Applied> {
    let variables = json!({
        "accounts": {"tooling": TOOLING, "target": SECOND}, "functions": ["hello"], "execution_roles": ["lambda/*"],
    });
    let overriding = with_callers(&[(None, SECOND), (Some("tooling"), TOOLING)]);
    let target = Applied::example("target-account", (terraform, endpoint), &variables, &overriding)?;
    assert_eq!(target.output("role_arn")?, format!("arn:aws:iam::{SECOND}:role/{DEPLOY_ROLE}"));
    Ok(target)
}

#[test]
#[ignore = "long: cargo verify"]
fn one_account_and_a_target_with_its_own_configuration_apply_without_drift() -> Result<()> {
    let Some(terraform) = Terraform::for_applying()? else { return Ok(()) };
    let server = Server::start(Transport::Http)?;
    let place = (&terraform, server.endpoint());
    // prod is an environment of the deployer in an account of its own, which the example does not have.
    let environment = |name: &str, account: &str| json!({"targets": [{"account": account, "region": REGION}], "external_id": format!("{name}-acme")});
    let environments = json!({"dev": environment("dev", TOOLING), "prod": environment("prod", SECOND)});
    let mut overriding = with_callers(&[(None, TOOLING)]);
    overriding["module"] = json!({"tooling": {"force_destroy": true, "environments": environments}});
    let tooling = Applied::example("one-account", place, &json!({"account": TOOLING, "prefix": "acme"}), &overriding)?;
    let target = target_account(&terraform, server.endpoint())?;
    are_as_planned_and_destroyed(&[target, tooling])
}

#[test]
#[ignore = "long: cargo verify"]
fn organization_with_chat_and_schedule_applies_without_drift() -> Result<()> {
    let Some(terraform) = Terraform::for_applying()? else { return Ok(()) };
    let server = Server::start(Transport::Http)?;
    let place = (&terraform, server.endpoint());
    let runtime = tokio::runtime::Runtime::new().doing("starting tokio")?;
    runtime.block_on(make_admin_roles(&Control::new(&server)?))?;
    let callers = ["tooling", "dev", "stage", "prod"].map(|alias| (Some(alias), MANAGEMENT));
    let mut overriding = with_callers(&callers);
    overriding["module"] = json!({"tooling": {"force_destroy": true}});
    let accounts = json!({"tooling": TOOLING, "dev": FIRST, "stage": STAGE, "prod": SECOND});
    let variables = json!({"accounts": accounts, "organization_id": "o-acme123456", "prefix": "acme"});
    let organization = Applied::example("organization", place, &variables, &overriding)?;
    let bus = format!("arn:aws:events:{REGION}:{TOOLING}:event-bus/deployer");
    let of_the_bus = with_callers(&[(None, TOOLING)]);
    let chat = json!({"event_bus_arn": bus, "webhook_url": "https://chat.example.com/hook", "api_key": "Bearer none"});
    let chat = Applied::example("chat", place, &chat, &with_region(&of_the_bus))?;
    let schedule = json!({ "event_bus_arn": bus });
    let schedule = Applied::example("scheduled-promotions", place, &schedule, &with_region(&of_the_bus))?;
    are_as_planned_and_destroyed(&[schedule, chat, organization])
}

/// The examples beside the deployer take the region from the environment, which Terraform's commands here do not have.
fn with_region(overriding: &Value) -> Value {
    let mut overriding = overriding.clone();
    overriding["provider"]["aws"][0]["region"] = json!(REGION);
    overriding
}

/// Makes the role by which Terraform enters each account.
async fn make_admin_roles(control: &Control) -> Result<()> {
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{MANAGEMENT}:root")}, "Action": "sts:AssumeRole"},
    ]});
    let all = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
    for account in [TOOLING, FIRST, STAGE, SECOND] {
        Roles::of(control, account).create_with(("/", ADMIN_ROLE), &trust, &all).await?;
    }
    Ok(())
}

/// Checks that a second plan of each changes nothing, and destroys them in this order.
fn are_as_planned_and_destroyed(examples: &[Applied]) -> Result<()> {
    for example in examples {
        assert_eq!(example.drift()?, None);
    }
    examples.iter().try_for_each(is_destroyed)
}

fn is_destroyed(example: &Applied) -> Result<()> {
    let resources = example.resources()?;
    assert_eq!(example.destroy()?, resources);
    Ok(())
}
