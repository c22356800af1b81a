//! The number of accounts that one deployer takes: renders the module tooling for many accounts, measures the policies,
//! and compares `docs/limits.md` with what they say.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use local_aws::terraform::{Terraform, copy_of_infra};
use local_aws::{Doing as _, Error, Result};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::states::states;

/// The way in which accounts and environments belong together.
#[derive(Debug, Clone, Copy)]
enum Layout {
    /// Each account has one of the three environments; the number is that of each environment.
    AccountsOfTheirOwn,
    /// Each account has all three environments, and one deploy role for them.
    Shared,
    /// Each account has all three environments, and a deploy role for each.
    SharedWithRoles,
}

const LAYOUTS: [Layout; 3] = [Layout::AccountsOfTheirOwn, Layout::Shared, Layout::SharedWithRoles];

impl Layout {
    /// Returns the variable `environments`: dev, stage and prod, promoted one to the next, each in two regions.
    fn environments(self, accounts: usize) -> Value {
        let names = ["dev", "stage", "prod"];
        let environment = |(at, name): (usize, &&str)| {
            let first = if matches!(self, Self::AccountsOfTheirOwn) { at * accounts } else { 0 };
            let in_both = |number: usize| {
                ["eu-west-1", "us-east-1"].map(|region| json!({"account": format!("{number:012}"), "region": region}))
            };
            let targets: Vec<Value> = (first..first + accounts).flat_map(in_both).collect();
            let mut one = json!({"targets": targets, "function_name": "{environment}-{function}"});
            if at > 0 {
                one["promotion"] = json!({"from": names[at - 1], "automatic": true});
            }
            if matches!(self, Self::SharedWithRoles) {
                one["role_name"] = json!(format!("deployer-{name}"));
            }
            ((*name).to_owned(), one)
        };
        names.iter().enumerate().map(environment).collect::<serde_json::Map<_, _>>().into()
    }

    /// Returns the deploy roles as the module's output `deploy_roles` names them.
    fn roles(self, accounts: usize) -> BTreeSet<String> {
        let environments = self.environments(accounts);
        let of_environment = |environment: &Value| -> Vec<String> {
            let role = environment["role_name"].as_str().unwrap_or("deployer-target").to_owned();
            let targets = environment["targets"].as_array().cloned().unwrap_or_default();
            targets.iter().map(|at| format!("{}/{role}", at["account"].as_str().unwrap_or_default())).collect()
        };
        environments.as_object().into_iter().flatten().flat_map(|(_, one)| of_environment(one)).collect()
    }

    /// Returns the most accounts for whose deploy roles the eight policies have room.
    fn most_entered(self) -> usize {
        (1..).find(|accounts| enter_lengths(&self.roles(*accounts)).iter().any(|length| *length > 6144)).unwrap_or(1)
            - 1
    }
}

/// A limit of AWS: its row in the document, the characters that AWS takes, and the resource that Terraform refuses.
struct Limit {
    row: &'static str,
    characters: usize,
    refused: &'static str,
}

const LIMITS: [Limit; 3] = [
    Limit {
        row: "the artifact bucket's policy, 20,480 characters",
        characters: 20_480,
        refused: "aws_s3_bucket_policy.artifacts",
    },
    Limit {
        row: "the key's policy, 32,768 characters, with a customer key",
        characters: 32_768,
        refused: "aws_kms_key.artifacts",
    },
    Limit {
        row: "the eight policies by which the deployer's role enters deploy roles, 6,144 characters each",
        characters: 6144,
        refused: "aws_iam_role_policy.deployer",
    },
];

/// The number of accounts to which 60 are compared.
const FEWER: usize = 10;

/// The policies by name, as text.
type Rendered = BTreeMap<String, String>;

/// A run of `terraform test`: its name and command, layout and number of accounts, whether there is a customer key, and
/// the resources that Terraform must refuse.
struct Run {
    name: String,
    command: &'static str,
    layout: Layout,
    accounts: usize,
    customer_key: bool,
    refused: Vec<&'static str>,
}

#[test]
fn limits_of_accounts_are_those_of_the_document() -> Result<()> {
    let Some(terraform) = Terraform::for_tests()? else { return Ok(()) };
    let mut runs = Vec::new();
    for (at, layout) in LAYOUTS.into_iter().enumerate() {
        for accounts in [FEWER, 60] {
            let name = format!("layout_{at}_{accounts}");
            runs.push(Run { name, command: "apply", layout, accounts, customer_key: true, refused: vec![] });
        }
    }
    let rendered = rendered(&terraform, &runs)?;
    let policies = |layout: usize, accounts: usize| -> Result<&Rendered> {
        let name = format!("layout_{layout}_{accounts}");
        rendered.get(&name).ok_or_else(|| Error::Unexpected(format!("{name} was not rendered")))
    };
    let mut most = [[0; LAYOUTS.len()]; LIMITS.len()];
    for (at, layout) in LAYOUTS.into_iter().enumerate() {
        let (fewer, more) = (policies(at, FEWER)?, policies(at, 60)?);
        sixty_accounts_fit(layout, more);
        for (limit, name) in [(0, "artifact_bucket"), (1, "key")] {
            // Each account adds the same.
            let one = (more[name].len() - fewer[name].len()) / (60 - FEWER);
            most[limit][at] = 60 + (LIMITS[limit].characters - more[name].len()) / one;
        }
        // They fill unevenly; the role's own policy has room for fewer roles.
        let lengths: Vec<usize> =
            (1..=8).filter_map(|number| more.get(&format!("enter_{number}"))).map(String::len).collect();
        if !matches!(layout, Layout::Shared) {
            assert_eq!(lengths, enter_lengths(&layout.roles(60)), "{layout:?}");
        }
        most[2][at] = layout.most_entered();
    }
    let document = document()?;
    for (limit, most) in LIMITS.iter().zip(most) {
        let row = format!("| {} | {} | {} | {} |", limit.row, most[0], most[1], most[2]);
        assert!(document.lines().any(|line| line == row), "docs/limits.md must have this row:\n{row}");
    }
    Ok(())
}

/// Terraform takes as many accounts as the document says, and refuses one more before AWS does.
#[test]
#[ignore = "long: cargo verify"]
fn accounts_above_the_documented_limits_are_refused() -> Result<()> {
    let Some(terraform) = Terraform::for_tests()? else { return Ok(()) };
    let document = document()?;
    let documented = |limit: &Limit| {
        let row =
            document.lines().find_map(|line| line.strip_prefix(&format!("| {} | ", limit.row))?.strip_suffix(" |"));
        let numbers: Vec<usize> = row.into_iter().flat_map(|row| row.split(" | ")).flat_map(str::parse).collect();
        <[usize; LAYOUTS.len()]>::try_from(numbers)
            .map_err(|numbers| Error::Unexpected(format!("docs/limits.md has {numbers:?} for {}", limit.row)))
    };
    let most: Vec<[usize; LAYOUTS.len()]> = LIMITS.iter().map(documented).collect::<Result<_>>()?;
    let mut runs = Vec::new();
    for (at, layout) in LAYOUTS.into_iter().enumerate() {
        // The bucket's limit is the first to be met; the others are tried in one layout.
        for limit in 0..if at == 0 { LIMITS.len() } else { 1 } {
            for accounts in [most[limit][at], most[limit][at] + 1] {
                // Terraform looks at the role's policy once the key has none to refuse.
                let customer_key = limit < 2;
                let above =
                    LIMITS.iter().zip(&most).filter(|(_, most)| accounts > most[at]).map(|(limit, _)| limit.refused);
                let refused = above.filter(|one| customer_key || *one != "aws_kms_key.artifacts").collect();
                let name = format!("layout_{at}_limit_{limit}_{accounts}");
                runs.push(Run { name, command: "plan", layout, accounts, customer_key, refused });
            }
        }
    }
    rendered(&terraform, &runs).map(drop)
}

fn document() -> Result<String> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/limits.md");
    fs::read_to_string(file).doing("reading docs/limits.md")
}

fn sixty_accounts_fit(layout: Layout, policies: &Rendered) {
    let enters = policies.iter().filter(|(name, _)| *name == "deployer" || name.starts_with("enter_"));
    let roles: Vec<String> = enters.flat_map(|(_, policy)| entered(policy)).collect();
    assert_eq!(roles.len(), layout.roles(60).len(), "{layout:?}: {roles:?}");
    for (name, policy) in policies {
        let characters = match name.as_str() {
            "artifact_bucket" | "ledger_bucket" => 20_480,
            "key" => 32_768,
            "deployer" | "event_bus" | "queue" | "wake_queue" | "sweep" => 10_240,
            "deployer_trust" | "sweep_trust" => 2048,
            _ => 6144,
        };
        assert!(policy.len() <= characters, "{layout:?}: {name} has {} characters", policy.len());
    }
}

/// Returns the lengths of the policies by which these roles are entered: a hash of its name says which one names a role.
fn enter_lengths(roles: &BTreeSet<String>) -> [usize; 8] {
    let empty = json!({"Statement": [{"Action": ["sts:AssumeRole", "sts:SetSourceIdentity"], "Effect": "Allow",
        "Resource": [], "Sid": "EnterTargets"}], "Version": "2012-10-17"});
    // One comma less than roles.
    let mut lengths = [empty.to_string().len() - 1; 8];
    for role in roles {
        let hash = Sha256::digest(role.as_bytes());
        let number = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]) % 8;
        lengths[number as usize] += "\"arn:aws:iam:::role\",".len() + role.len();
    }
    lengths
}

/// Returns the roles that a policy lets the deployer enter.
fn entered(policy: &str) -> Vec<String> {
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    let statements = policy["Statement"].as_array().into_iter().flatten();
    let enters = statements.filter(|statement| statement["Sid"] == "EnterTargets");
    enters.flat_map(|one| one["Resource"].as_array().into_iter().flatten()).map(ToString::to_string).collect()
}

/// Runs the module tooling and returns the policies by run. Refused runs have none.
fn rendered(terraform: &Terraform, runs: &[Run]) -> Result<BTreeMap<String, Rendered>> {
    let copy = copy_of_infra()?;
    let folder = copy.path().join("modules/tooling");
    let mut text = String::from("mock_provider \"aws\" {\n  source = \"../../mocks\"\n}\n");
    for run in runs {
        let variables = json!({"artifact_bucket": "acme-artifacts", "ledger_bucket": "acme-deployer-ledger",
            "package": {"path": "versions.tf"}, "customer_key": run.customer_key,
            "alarm_actions": ["arn:aws:sns:eu-west-1:123456789012:on-call"],
            "environments": run.layout.environments(run.accounts)});
        let file = format!("{}.json", run.name);
        fs::write(folder.join(&file), variables.to_string()).doing(format!("writing {file}"))?;
        let expected = match run.refused.is_empty() {
            true => String::new(),
            false => format!("  expect_failures = [{}]\n", run.refused.join(", ")),
        };
        let variables: String =
            ["artifact_bucket", "ledger_bucket", "package", "customer_key", "alarm_actions", "environments"]
                .map(|name| format!("    {name} = jsondecode(file(\"{file}\")).{name}\n"))
                .concat();
        let _written = writeln!(
            text,
            "run \"{}\" {{\n  command = {}\n  variables {{\n{variables}  }}\n{expected}}}",
            run.name, run.command
        );
    }
    fs::write(folder.join("tests/scale.tftest.hcl"), text).doing("writing scale.tftest.hcl")?;
    terraform.run(&folder, &["init", "-backend=false"])?;
    let said = terraform.run(&folder, &["test", "-json", "-verbose", "-filter=tests/scale.tftest.hcl"])?;
    let told = states(&said).into_iter().filter_map(|(run, state)| {
        let policies = state.output("policies")?.as_object()?.clone();
        let policies = policies.into_iter().filter_map(|(name, text)| Some((name, text.as_str()?.to_owned())));
        Some((run, policies.collect()))
    });
    Ok(told.collect())
}
