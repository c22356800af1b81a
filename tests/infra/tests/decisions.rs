//! The decision matrix over the policies that Terraform renders for the contract's example, and a check that it notices
//! weaker policies. `cargo policies` prints both as tables.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use local_aws::policies::{AccessDecision, Policies, mutants, noticed_by, rows, session_actions};
use serde_json::Value;

fn listed(element: &Value) -> Vec<&str> {
    match element {
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

/// Whether it is a key's policy, whose resource is always the key itself.
fn is_key(policy: &str) -> bool {
    policy.ends_with("/key") || policy.contains("/key_of_")
}

#[test]
fn all_rows_of_the_matrix_hold() {
    let policies = Policies::from_contract().unwrap();
    let broken: Vec<String> = rows()
        .iter()
        .filter(|row| !row.holds(&policies))
        .map(|row| format!("{} ({} {} {})", row.description, row.ask.who, row.ask.action, row.ask.resource))
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_policy_has_rows_that_it_allows_and_denies() {
    let policies = Policies::from_contract().unwrap();
    let mut asked: BTreeMap<&str, [u32; 2]> = policies.names().map(|name| (name, [0, 0])).collect();
    for row in rows() {
        for document in row.ask.documents() {
            let counted = asked.get_mut(document).unwrap_or_else(|| panic!("no policy is called {document}"));
            counted[usize::from(row.allowed)] += 1;
        }
    }
    // All policies are among them, also the boundary and those of buckets and people.
    for (name, [refused, allowed]) in asked {
        assert!(refused > 0 && allowed > 0, "{name}: {allowed} rows may, {refused} may not");
    }
}

#[test]
fn every_weakened_statement_is_noticed() {
    // The step is a prime, so that some of each kind of change are tried. `cargo policies` tries all.
    are_noticed(13);
}

#[test]
#[ignore = "long: cargo verify"]
fn every_weakened_statement_is_noticed_in_full() {
    are_noticed(1);
}

fn are_noticed(step: usize) {
    let policies = Policies::from_contract().unwrap();
    let rows = rows();
    let mutants = mutants(&policies);
    assert!(mutants.len() > 500, "{}", mutants.len());
    let survivors: Vec<String> = mutants
        .iter()
        .step_by(step)
        .filter(|mutant| mutant.equivalent().is_none() && noticed_by(mutant, &policies, &rows).is_none())
        .map(|mutant| format!("{} {}: {}", mutant.policy, mutant.statement, mutant.change))
        .collect();
    assert!(survivors.is_empty(), "no row notices:\n{}", survivors.join("\n"));
}

/// `cargo policies` checks it too, which `cargo verify --quick` plays.
#[test]
#[ignore = "long: cargo verify"]
fn equivalent_mutants_are_noticed_by_no_row() {
    let policies = Policies::from_contract().unwrap();
    let rows = rows();
    for mutant in mutants(&policies).iter().filter(|mutant| mutant.equivalent().is_some()) {
        let noticed = noticed_by(mutant, &policies, &rows).map(|row| &row.description);
        assert_eq!(noticed, None, "{} {}: {}", mutant.policy, mutant.statement, mutant.change);
    }
}

#[test]
fn deploy_role_allows_exactly_the_actions_of_session_policies() {
    let policies = Policies::from_contract().unwrap();
    let role = policies.get("prod/permissions");
    let allowed: BTreeSet<String> = role["Statement"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|statement| statement["Effect"] == "Allow")
        .flat_map(|statement| listed(&statement["Action"]))
        .map(str::to_owned)
        .collect();
    assert_eq!(allowed, session_actions());
}

#[test]
fn no_statement_allows_a_whole_service_or_a_foreign_account() {
    let policies = Policies::from_contract().unwrap();
    for (name, statement) in policies.statements().filter(|(_, statement)| statement["Effect"] == "Allow") {
        // A boundary allows nothing by itself.
        let limits = name.ends_with("/execution_boundary") || name.starts_with("session/");
        for action in listed(&statement["Action"]).into_iter().filter(|_| !limits) {
            let manages_the_key = is_key(name) && action.starts_with("kms:") && action != "kms:*";
            assert!(!action.contains('*') || manages_the_key, "{name}: {action}");
        }
        for principal in
            statement["Principal"].as_object().into_iter().flat_map(|kinds| kinds.values().flat_map(listed))
        {
            let is_root = principal.ends_with(":root");
            let condition = |operator: &str| listed(&statement["Condition"][operator]["aws:PrincipalArn"]);
            let (exact, like) = (condition("ArnEquals"), condition("ArnLike"));
            // The principals leave no account open, so that a pattern may leave it to them.
            let by_name = |arn: &&str| {
                arn.strip_prefix("arn:aws:iam::*:role/").is_some_and(|name| !name.is_empty() && !name.contains('*'))
            };
            let named = !exact.is_empty() || !like.is_empty() && like.iter().all(by_name);
            let own_key = is_key(name) && principal == "arn:aws:iam::123456789012:root";
            assert!(!is_root || named || own_key, "{name} trusts {principal}");
        }
        for resource in listed(&statement["Resource"]) {
            let parts: Vec<&str> = resource.splitn(6, ':').collect();
            let looks = |action: &&str| action.contains(":Describe") || *action == "cloudwatch:GetMetricData";
            let looks_only = listed(&statement["Action"]).iter().all(looks);
            let of_a_key = is_key(name);
            assert!(parts.len() == 6 && parts[4] != "*" || looks_only || of_a_key || limits, "{name}: {resource}");
        }
        let sid = statement["Sid"].as_str().unwrap_or_default();
        assert!(!sid.is_empty() || name.starts_with("session/"), "{name} has a statement without a Sid");
    }
}

#[test]
fn readme_gives_the_reason_of_each_statement() {
    let policies = Policies::from_contract().unwrap();
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let sids: BTreeSet<&str> = policies.statements().filter_map(|(_, statement)| statement["Sid"].as_str()).collect();
    // There is one of these for each set of readers, and the README names them once.
    let missing: Vec<&&str> =
        sids.iter().filter(|sid| !sid.starts_with("TargetsRead") && !readme.contains(&format!("`{sid}`"))).collect();
    assert!(missing.is_empty(), "infra/README.md does not mention {missing:?}");
}

/// AWS Organizations takes 5,120 characters (AWS Organizations User Guide, "Quotas and service limits").
#[test]
fn service_control_policy_of_the_readme_is_one_that_aws_takes() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let (_, after) = readme.split_once("```json\n{\n  \"Version\"").unwrap();
    let (text, _) = after.split_once("```").unwrap();
    let policy: Value = serde_json::from_str(&format!("{{\"Version\"{text}")).unwrap();
    assert!(policy.to_string().len() <= 5120);
    for statement in policy["Statement"].as_array().unwrap() {
        assert_eq!(statement["Effect"], "Deny");
        assert!(!statement["Condition"]["ArnNotLike"]["aws:PrincipalArn"].is_null(), "{statement}");
    }
}

#[test]
fn denied_request_names_the_policy_that_denied_it() {
    let policies = Policies::from_contract().unwrap();
    let denials: BTreeSet<&str> = rows()
        .iter()
        .filter_map(|row| match row.ask.decide(&policies) {
            AccessDecision::Denied(side) => Some(side),
            AccessDecision::Allowed => None,
        })
        .collect();
    for side in [
        "a Deny of the identity's policy",
        "a Deny of the boundary",
        "a Deny of the resource's policy",
        "no policy allows it",
        "the boundary does not allow it",
        "the identity's policy does not allow it",
        "the resource's policy does not allow it",
        "the session's policy does not allow it",
    ] {
        assert!(denials.contains(side), "{side} is never the reason: {denials:?}");
    }
}
