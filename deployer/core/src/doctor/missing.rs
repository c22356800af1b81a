//! The missing statements of a whole report, ready to be pasted.

use serde_json::{Value, json};

use super::{Check, DoctorReport, Missing};

/// Statements that belong to one policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingInPolicy {
    /// The policy in words.
    pub belongs: String,
    /// The statements as JSON for IAM. Those that differ in their action only are one.
    pub statements: Vec<Value>,
}

impl DoctorReport {
    /// Returns all statements that are missing for certain, by policy. A check with several is left out: one of them is
    /// enough, and nobody knows which.
    #[must_use]
    pub fn missing_by_policy(&self) -> Vec<MissingInPolicy> {
        by_policy(self.checks().filter_map(|check| match &check.missing[..] {
            [one] => Some(one),
            _ => None,
        }))
    }

    /// Returns the statements that the refused calls need too, by policy: AWS looks at them only when those of
    /// [`Self::missing_by_policy`] are there.
    #[must_use]
    pub fn also_needed_by_policy(&self) -> Vec<MissingInPolicy> {
        let missing = self.missing_by_policy();
        let is_missing =
            |one: &Missing| missing.iter().any(|policy| policy.belongs == one.belongs && policy.has(&one.statement));
        by_policy(self.checks().flat_map(|check| &check.also_needed).filter(|one| !is_missing(one)))
    }

    fn checks(&self) -> impl Iterator<Item = &Check> {
        self.tooling.iter().chain(self.targets.iter().flat_map(|target| &target.checks))
    }
}

fn by_policy<'m>(all: impl Iterator<Item = &'m Missing>) -> Vec<MissingInPolicy> {
    let mut policies: Vec<MissingInPolicy> = Vec::new();
    for Missing { belongs, statement } in all {
        match policies.iter_mut().find(|policy| policy.belongs == *belongs) {
            Some(policy) => policy.add(statement),
            None => {
                let statements = vec![statement.clone()];
                policies.push(MissingInPolicy { belongs: belongs.clone(), statements });
            }
        }
    }
    policies
}

impl MissingInPolicy {
    /// Whether a statement here allows all that this one does.
    fn has(&self, statement: &Value) -> bool {
        let like = self.statements.iter().find(|other| without_actions(other) == without_actions(statement));
        like.is_some_and(|other| actions(statement).iter().all(|action| actions(other).contains(action)))
    }

    fn add(&mut self, statement: &Value) {
        match self.statements.iter_mut().find(|other| without_actions(other) == without_actions(statement)) {
            Some(other) => {
                let mut actions = actions(other);
                for action in self::actions(statement) {
                    if !actions.contains(&action) {
                        actions.push(action);
                    }
                }
                other["Action"] = if let [one] = &actions[..] { one.clone() } else { json!(actions) };
            }
            None => self.statements.push(statement.clone()),
        }
    }
}

fn without_actions(statement: &Value) -> Value {
    let mut statement = statement.clone();
    if let Some(fields) = statement.as_object_mut() {
        fields.remove("Action");
    }
    statement
}

fn actions(statement: &Value) -> Vec<Value> {
    match &statement["Action"] {
        Value::Array(several) => several.clone(),
        one => vec![one.clone()],
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::TargetReport;
    use super::*;

    fn lacks(check: &str, of: &[(&str, Value)]) -> Check {
        let missing = |(belongs, statement): &(&str, Value)| Missing {
            belongs: (*belongs).to_owned(),
            statement: statement.clone(),
        };
        Check::fail(check, "denied").with_missing(of.iter().map(missing).collect())
    }

    #[test]
    fn statements_of_one_policy_that_differ_in_the_action_are_one() {
        let allow = |action: Value, resource: &str| json!({"Effect": "Allow", "Action": action, "Resource": resource});
        let target = TargetReport {
            environment: crate::id::EnvironmentName::parse("dev").unwrap(),
            target: serde_json::from_value(json!({"account": "111111111111", "region": "eu-west-1"})).unwrap(),
            checks: vec![
                lacks("a", &[("the role", allow(json!("lambda:A"), "f"))]),
                lacks("b", &[("the role", allow(json!("lambda:B"), "f"))]),
                lacks("again", &[("the role", allow(json!(["lambda:B", "lambda:C"]), "f"))]),
                lacks("other resource", &[("the role", allow(json!("lambda:A"), "g"))]),
                lacks("either", &[("x", allow(json!("s3:Get"), "o")), ("y", allow(json!("s3:Get"), "o"))]),
                Check::ok("well"),
            ],
        };
        let tooling = vec![lacks("ledger", &[("the deployer", allow(json!("s3:PutObject"), "l"))])];
        let report = DoctorReport { now: None, tooling, targets: vec![target] };
        let found: Vec<(String, Vec<Value>)> =
            report.missing_by_policy().into_iter().map(|policy| (policy.belongs, policy.statements)).collect();
        let of_role = vec![allow(json!(["lambda:A", "lambda:B", "lambda:C"]), "f"), allow(json!("lambda:A"), "g")];
        assert_eq!(
            found,
            [("the deployer".to_owned(), vec![allow(json!("s3:PutObject"), "l")]), ("the role".to_owned(), of_role)]
        );
    }

    #[test]
    fn statements_that_aws_looks_at_next_are_told_unless_they_are_missing_anyway() {
        let allow = |action: Value| json!({"Effect": "Allow", "Action": action, "Resource": "o"});
        let of = |belongs: &str, action: Value| Missing { belongs: belongs.to_owned(), statement: allow(action) };
        let next = |check: Check, of: Missing| check.with_also_needed(vec![of]);
        let tooling = vec![
            next(lacks("read", &[("the role", allow(json!("a")))]), of("the bucket", json!("a"))),
            next(lacks("again", &[("the bucket", allow(json!(["b", "c"])))]), of("the role", json!("a"))),
            next(lacks("other", &[("the bucket", allow(json!("b")))]), of("the bucket", json!("c"))),
        ];
        let report = DoctorReport { now: None, tooling, targets: vec![] };
        let expected = MissingInPolicy { belongs: "the bucket".to_owned(), statements: vec![allow(json!("a"))] };
        assert_eq!(report.also_needed_by_policy(), [expected]);
    }
}
