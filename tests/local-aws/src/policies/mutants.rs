//! Weakens each statement in turn: drops a condition, widens a resource, an action or a principal, removes a Deny.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Policies, Row, listed};

/// A policy that allows more than it should.
#[derive(Debug, Clone)]
pub struct Mutant {
    /// The policy's name.
    pub policy: String,
    /// The statement: its Sid, or its number.
    pub statement: String,
    /// The change to the statement.
    pub change: String,
    /// The whole policy with the change.
    pub document: Value,
}

impl Mutant {
    /// Returns the reason for which the mutant allows nothing more that matters, if the list below has one.
    #[must_use]
    pub fn equivalent(&self) -> Option<&'static str> {
        EQUIVALENT
            .iter()
            .find(|(policy, statement, change, _)| {
                policy.split('|').any(|name| name == self.policy)
                    && statement.split('|').any(|sid| sid == self.statement)
                    && change.split('|').any(|beginning| self.change.starts_with(beginning))
            })
            .map(|(.., reason)| *reason)
    }
}

/// Policies, statements and beginnings of changes of equivalent mutants, with the reason.
const EQUIVALENT: &[(&str, &str, &str, &str)] = &[
    (
        "dev/permissions|prod/permissions|tools/permissions",
        "PassExecutionRoles",
        "any account instead of|any resource instead of|everything instead of",
        "NeverPassAnotherRole denies all that it adds",
    ),
    (
        "dev/permissions|prod/permissions|tools/permissions",
        "WorkOnFunctions|ReadArtifacts|PassExecutionRoles",
        "lambda:*|s3:*|iam:*|every action",
        "NeverAnythingElse and NeverInvokeAnythingElse deny all that it adds",
    ),
    (
        "dev/permissions|tools/permissions",
        "DecryptArtifacts",
        "kms:*|every action",
        "NeverAnythingElse denies all that it adds",
    ),
    (
        "prod/permissions",
        "EncryptVariables|UseLayers|UseCapacityProviders",
        "kms:*|lambda:*|every action",
        "NeverAnythingElse denies all that it adds",
    ),
    (
        "prod/permissions|tools/permissions",
        "LookAtNetworks",
        "ec2:*|elasticfilesystem:*",
        "NeverAnythingElse denies all that it adds",
    ),
    ("prod/permissions", "WatchRollouts", "cloudwatch:*", "NeverAnythingElse denies all that it adds"),
    (
        "prod/permissions",
        "RunSmokeTests",
        "lambda:*|every action",
        "WorkOnFunctions allows the same on these functions, and NeverAnythingElse denies the rest",
    ),
    (
        "prod/permissions",
        "RunSmokeTests",
        "any region instead of|any account instead of|any resource instead of|everything instead of",
        "NeverInvokeAnythingElse denies all that it adds",
    ),
    (
        "dev/permissions|prod/permissions",
        "NeverTouchTheDeployer",
        "no longer deny arn:aws:iam::123456789012:role/deployer",
        "NeverPassAnotherRole spares roles of the account only, and the deployer's is of another",
    ),
    (
        "tooling/event_bus",
        "OtherAccountsAskForPromotions",
        "anybody",
        "the condition on aws:PrincipalArn names the very roles",
    ),
    (
        "tooling/event_bus",
        "OtherAccountsAskForPromotions",
        "any region instead of|any account instead of|any resource instead of|everything instead of",
        "a bus's policy speaks of that bus alone",
    ),
    (
        "chat/untold",
        "TheRuleLeavesWhatWasNotTold",
        "any region instead of|any account instead of|any resource instead of|everything instead of",
        "a queue's policy speaks of that queue alone",
    ),
    (
        "tooling/queue|guarded/queue",
        "Uploads",
        "any region instead of|any account instead of|any resource instead of|everything instead of",
        "a queue's policy speaks of that queue alone",
    ),
    (
        "tooling/wake_queue|guarded/wake_queue",
        "PromotionRequests",
        "any region instead of|any account instead of|any resource instead of|everything instead of",
        "a queue's policy speaks of that queue alone",
    ),
];

/// Returns a row that fails with the mutant and holds without it.
#[must_use]
pub fn noticed_by<'a>(mutant: &Mutant, policies: &Policies, rows: &'a [Row]) -> Option<&'a Row> {
    let weaker = policies.with(&mutant.policy, mutant.document.clone());
    let asked = |row: &&Row| row.ask.documents().any(|document| document == mutant.policy);
    rows.iter().filter(asked).find(|row| !row.holds(&weaker) && row.holds(policies))
}

/// Returns all mutants of these policies.
#[must_use]
pub fn mutants(policies: &Policies) -> Vec<Mutant> {
    let mut all = Vec::new();
    for name in policies.names() {
        let policy = policies.get(name);
        for (number, statement) in policy["Statement"].as_array().into_iter().flatten().enumerate() {
            let sid = statement["Sid"].as_str().map_or_else(|| format!("#{}", number + 1), str::to_owned);
            let changes = if statement["Effect"] == "Deny" { narrowed(statement) } else { widened(statement) };
            all.extend(changes.into_iter().map(|(change, weaker)| {
                let mut document = policy.clone();
                match weaker {
                    Some(weaker) => document["Statement"][number] = weaker,
                    None => drop(document["Statement"].as_array_mut().map(|all| all.remove(number))),
                }
                Mutant { policy: name.to_owned(), statement: sid.clone(), change, document }
            }));
        }
    }
    all
}

type Change = (String, Option<Value>);

/// Returns the changes by which a Deny forbids less.
fn narrowed(statement: &Value) -> Vec<Change> {
    let mut changes = vec![("drop the deny".to_owned(), None)];
    for element in ["Action", "Resource"] {
        let all = listed(&statement[element]);
        for one in all.iter().filter(|_| all.len() > 1) {
            let fewer: Vec<&String> = all.iter().filter(|other| *other != one).collect();
            changes.push((format!("no longer deny {one}"), Some(with(statement, element, json!(fewer)))));
        }
        for one in all.iter().filter(|one| one.ends_with('*') && one.len() > 1) {
            let exact = one.trim_end_matches('*');
            let fewer = json!(replaced(&statement[element], one, exact));
            changes.push((format!("deny {exact} alone instead of {one}"), Some(with(statement, element, fewer))));
        }
    }
    let spared = &statement["NotResource"];
    for one in listed(spared) {
        let mut parts: Vec<&str> = one.splitn(6, ':').collect();
        if parts.len() == 6 && parts[5] != "*" {
            parts[5] = "*";
            let more = json!(replaced(spared, &one, &parts.join(":")));
            changes.push((format!("spare any resource instead of {one}"), Some(with(statement, "NotResource", more))));
        }
        let more = json!(replaced(spared, &one, "*"));
        changes.push((format!("spare everything instead of {one}"), Some(with(statement, "NotResource", more))));
    }
    // Those that a Deny spares.
    for operator in ["ArnNotLike", "ArnNotEquals"] {
        let spared = &statement["Condition"][operator]["aws:PrincipalArn"];
        for one in listed(spared) {
            let Some((account, _)) = one.split_once(":role/") else { continue };
            let more = replaced(spared, &one, &format!("{account}:role/*"));
            let mut weaker = statement.clone();
            weaker["Condition"][operator]["aws:PrincipalArn"] = json!(more);
            changes.push((format!("spare every role instead of {one}"), Some(weaker)));
        }
    }
    let spared = listed(&statement["NotAction"]);
    let services: BTreeSet<&str> = spared.iter().filter_map(|one| one.split(':').next()).collect();
    for service in services {
        let more = [spared.as_slice(), &[format!("{service}:*")]].concat();
        changes.push((format!("spare {service}:*"), Some(with(statement, "NotAction", json!(more)))));
    }
    for (operator, keys) in statement["Condition"].as_object().into_iter().flatten() {
        for key in keys.as_object().into_iter().flat_map(|keys| keys.keys()).filter(|_| operator.contains("Not")) {
            let mut weaker = statement.clone();
            weaker["Condition"][operator][key] = json!("*");
            changes.push((format!("spare any {key}"), Some(weaker)));
        }
    }
    let mut weaker = statement.clone();
    weaker["Condition"]["StringEquals"] = json!({"aws:PrincipalArn": "nobody"});
    changes.push(("deny nobody".to_owned(), Some(weaker)));
    changes
}

/// Returns the changes by which an Allow allows more.
fn widened(statement: &Value) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    let mut change = |what: String, weaker: Value| changes.push((what, Some(weaker)));
    for (operator, keys) in statement["Condition"].as_object().into_iter().flatten() {
        for (key, value) in keys.as_object().into_iter().flatten() {
            let mut weaker = statement.clone();
            if let Some(keys) = weaker["Condition"][operator].as_object_mut() {
                keys.remove(key);
            }
            if weaker["Condition"][operator].as_object().is_some_and(serde_json::Map::is_empty)
                && let Some(condition) = weaker["Condition"].as_object_mut()
            {
                condition.remove(operator);
            }
            change(format!("drop the condition {key}"), weaker);
            if let Some(name) = operator.strip_prefix("ForAllValues:") {
                let mut weaker = statement.clone();
                if let Some(condition) = weaker["Condition"].as_object_mut() {
                    condition.remove(operator);
                    condition.insert(format!("ForAnyValue:{name}"), json!(keys));
                }
                change(format!("any value of {key} is enough"), weaker);
            }
            for one in listed(value).iter().filter(|_| operator.ends_with("Like")) {
                let mut weaker = statement.clone();
                weaker["Condition"][operator][key] = json!(replaced(value, one, "*"));
                change(format!("{key}: any instead of {one}"), weaker);
                if one.contains('?') {
                    let mut weaker = statement.clone();
                    weaker["Condition"][operator][key] = json!(replaced(value, one, &any_length(one)));
                    change(format!("{key}: any length of what {one} counts"), weaker);
                }
            }
        }
    }
    let actions = &statement["Action"];
    for one in listed(actions).iter().filter(|one| !one.ends_with(":*")) {
        let service = one.split(':').next().unwrap_or_default();
        change(
            format!("{service}:* instead of {one}"),
            with(statement, "Action", json!(replaced(actions, one, &format!("{service}:*")))),
        );
    }
    change("every action".to_owned(), with(statement, "Action", json!("*")));
    let resources = &statement["Resource"];
    for one in listed(resources).iter().filter(|one| *one != "*") {
        let parts: Vec<&str> = one.splitn(6, ':').collect();
        for (at, part) in [(3, "region"), (4, "account"), (5, "resource")] {
            if parts.len() < 6 || ["", "*"].contains(&parts[at]) {
                continue;
            }
            let mut wider = parts.clone();
            wider[at] = "*";
            let wider = json!(replaced(resources, one, &wider.join(":")));
            change(format!("any {part} instead of {one}"), with(statement, "Resource", wider));
        }
        change(
            format!("everything instead of {one}"),
            with(statement, "Resource", json!(replaced(resources, one, "*"))),
        );
    }
    for (kind, named) in statement["Principal"].as_object().into_iter().flatten() {
        change("anybody".to_owned(), with(statement, "Principal", json!("*")));
        for one in listed(named).iter().filter(|one| kind == "AWS" && !one.ends_with(":root")) {
            let account: Vec<&str> = one.splitn(6, ':').collect();
            let root = format!("{}:root", account[..5.min(account.len())].join(":"));
            change(
                format!("the whole account instead of {one}"),
                with(statement, "Principal", json!({kind: replaced(named, one, &root)})),
            );
        }
    }
    changes
}

fn with(statement: &Value, element: &str, value: Value) -> Value {
    let mut changed = statement.clone();
    changed[element] = value;
    changed
}

/// Returns a pattern with each row of `?` replaced by a `*`.
fn any_length(pattern: &str) -> String {
    let (mut wider, mut signs) = (String::new(), pattern.chars().peekable());
    while let Some(sign) = signs.next() {
        match sign {
            '?' if signs.peek() == Some(&'?') => {}
            '?' => wider.push('*'),
            sign => wider.push(sign),
        }
    }
    wider
}

/// Returns the list with one of its texts replaced.
fn replaced(all: &Value, one: &str, by: &str) -> Vec<String> {
    listed(all).into_iter().map(|text| if text == one { by.to_owned() } else { text }).collect()
}
