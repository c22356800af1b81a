//! Applies the other examples of `infra/examples` to the local AWS, each as a user would, and looks for drift.

use std::collections::BTreeSet;

use local_aws::terraform::{Applied, Terraform, copy_of_infra, with_callers};
use local_aws::{Control, Doing as _, FIRST, REGION, Result, Roles, SECOND, Server, TOOLING, Transport};
use serde_json::{Value, json};

/// The account of `stage`.
const STAGE: &str = "333333333333";
/// The account from which Terraform enters the others.
const MANAGEMENT: &str = "999999999999";
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
    let target = Applied::example(
        "target-account",
        place,
        &json!({
            "accounts": {"tooling": TOOLING, "target": SECOND}, "functions": ["hello"], "execution_roles": ["lambda/*"],
        }),
        &with_callers(&[(None, SECOND), (Some("tooling"), TOOLING)]),
    )?;
    assert_eq!(target.output("role_arn")?, format!("arn:aws:iam::{SECOND}:role/deployer-target"));
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
    for example in examples {
        let resources = example.resources()?;
        assert_eq!(example.destroy()?, resources);
    }
    Ok(())
}
