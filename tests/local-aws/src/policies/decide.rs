//! Decides an access request by all policies that apply to it (IAM User Guide, "Policy evaluation logic").
//!
//! An explicit Deny in any policy denies. Otherwise the Allow of one side, the caller's or the resource's, is enough
//! within an account, and both must allow across accounts. A role's trust policy and a key's policy must always allow.
//! A boundary and a session policy, if there are any, must allow too.

use std::collections::BTreeMap;
use std::fmt;

use iam_rs::{
    Arn, Context, ContextValue, Decision, EvaluationOptions, IAMPolicy, IAMRequest, PolicyEvaluator, Principal,
    PrincipalId,
};
use serde_json::{Value, json};

use super::Policies;

/// A caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A session of a role, by account and by path and name.
    Role(&'static str, &'static str),
    /// A service of AWS.
    Service(&'static str),
    /// A user of an identity provider.
    Federated(&'static str),
}

impl Caller {
    fn account(&self) -> Option<&str> {
        match self {
            Self::Role(account, _) => Some(account),
            _ => None,
        }
    }

    /// Returns the principals that mean the caller itself, and those that mean its account.
    fn names(&self) -> (Vec<Principal>, Vec<Principal>) {
        let aws = |arn: String| Principal::Aws(PrincipalId::String(arn));
        match self {
            Self::Role(account, name) => {
                let short = name.rsplit('/').next().unwrap_or(name);
                let itself = [
                    format!("arn:aws:iam::{account}:role/{name}"),
                    format!("arn:aws:sts::{account}:assumed-role/{short}/session"),
                ];
                (itself.map(aws).into(), vec![aws(format!("arn:aws:iam::{account}:root"))])
            }
            Self::Service(name) => (vec![Principal::Service(PrincipalId::String((*name).into()))], vec![]),
            Self::Federated(arn) => (vec![Principal::Federated(PrincipalId::String((*arn).into()))], vec![]),
        }
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role(account, name) => write!(f, "{account}/{name}"),
            Self::Service(name) => f.write_str(name),
            Self::Federated(arn) => f.write_str(arn.rsplit('/').next().unwrap_or(arn)),
        }
    }
}

/// A policy.
#[derive(Debug, Clone, PartialEq)]
pub enum PolicyRef {
    /// The policy of this name.
    Named(&'static str),
    /// A policy that allows everything to everybody, so that the other side decides.
    Open,
    /// A resource's policy that leaves everything to the policies of its account, as a key's default policy does (KMS
    /// Developer Guide, "Default key policy").
    LeftTo(&'static str),
    /// A policy without statements.
    Silent,
}

impl PolicyRef {
    fn of(&self, policies: &Policies) -> Value {
        let statements = match self {
            Self::Named(name) => return policies.get(name),
            Self::Open => json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}]),
            Self::LeftTo(account) => json!([{"Effect": "Allow", "Action": "*", "Resource": "*",
                "Principal": {"AWS": format!("arn:aws:iam::{account}:root")}}]),
            Self::Silent => json!([]),
        };
        json!({"Version": "2012-10-17", "Statement": statements})
    }
}

/// The resource's owner and policy.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ResourcePolicy {
    doc: PolicyRef,
    owner: &'static str,
    /// Whether the resource's policy must allow a call that the caller's policy allows.
    decides: bool,
}

/// An access request, with the policies that apply to it.
#[derive(Debug, Clone, PartialEq)]
pub struct AccessRequest {
    /// The caller.
    pub who: Caller,
    /// The IAM action.
    pub action: &'static str,
    /// The resource's ARN.
    pub resource: String,
    pub(super) identity: PolicyRef,
    pub(super) boundary: Option<PolicyRef>,
    pub(super) session: Option<PolicyRef>,
    pub(super) at: Option<ResourcePolicy>,
    pub(super) context: BTreeMap<&'static str, Value>,
}

/// The decision about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessDecision {
    /// The request is allowed.
    Allowed,
    /// The request is denied, by this kind of policy.
    Denied(&'static str),
}

impl AccessRequest {
    /// Makes a request of `who` under this policy of its own.
    #[must_use]
    pub fn of(who: &Caller, identity: PolicyRef, action: &'static str, resource: impl Into<String>) -> Self {
        let is_service = matches!(who, Caller::Service(_));
        let mut context =
            BTreeMap::from([("aws:SecureTransport", json!(true)), ("aws:PrincipalIsAWSService", json!(is_service))]);
        if let Caller::Role(account, name) = who {
            context.insert("aws:PrincipalArn", json!(format!("arn:aws:iam::{account}:role/{name}")));
            context.insert("aws:PrincipalAccount", json!(account));
            if *who == super::rows::DEPLOYER {
                context.insert("lambda:SourceFunctionArn", json!(super::rows::DEPLOYER_FUNCTION));
            }
        }
        Self {
            who: who.clone(),
            action,
            resource: resource.into(),
            identity,
            boundary: None,
            session: None,
            at: None,
            context,
        }
    }

    /// Adds the resource's policy and owner.
    #[must_use]
    pub fn at(mut self, doc: PolicyRef, owner: &'static str) -> Self {
        self.at = Some(ResourcePolicy { doc, owner, decides: false });
        self
    }

    /// Adds the policy and owner of a role or a key, whose policy must allow every caller.
    #[must_use]
    pub fn trusted_by(mut self, doc: PolicyRef, owner: &'static str) -> Self {
        self.at = Some(ResourcePolicy { doc, owner, decides: true });
        self
    }

    /// Adds the session's inline policy.
    #[must_use]
    pub fn session(mut self, doc: PolicyRef) -> Self {
        self.session = Some(doc);
        self
    }

    /// Adds a permissions boundary.
    #[must_use]
    pub fn boundary(mut self, doc: PolicyRef) -> Self {
        self.boundary = Some(doc);
        self
    }

    /// Adds a condition key. An array is a key of several values.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.context.insert(key, value.into());
        self
    }

    /// Removes a condition key.
    #[must_use]
    pub fn without(mut self, key: &str) -> Self {
        self.context.remove(key);
        self
    }

    /// Returns the names of the policies that apply.
    pub fn documents(&self) -> impl Iterator<Item = &'static str> {
        let at = self.at.as_ref().map(|at| &at.doc);
        let docs = [Some(&self.identity), self.boundary.as_ref(), self.session.as_ref(), at];
        docs.into_iter().flatten().filter_map(|doc| match doc {
            PolicyRef::Named(name) => Some(*name),
            _ => None,
        })
    }

    /// Returns the condition keys that distinguish the request from others for the same call.
    #[must_use]
    pub fn circumstances(&self) -> String {
        let shown = self.context.iter().filter(|(key, value)| {
            let is_usual = matches!(**key, "aws:PrincipalArn" | "aws:PrincipalAccount" | "aws:PrincipalIsAWSService")
                || (**key == "lambda:SourceFunctionArn" && **value == super::rows::DEPLOYER_FUNCTION);
            !is_usual && **value != Value::Bool(true)
        });
        shown
            .map(|(key, value)| format!("{key}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Returns the decision of all policies together.
    #[must_use]
    pub fn decide(&self, policies: &Policies) -> AccessDecision {
        let (itself, account) = self.who.names();
        let anybody = &itself[..1];
        let is_role = self.who.account().is_some();
        let silent = PolicyRef::Silent;
        let identity = self.evaluate_policy(&self.identity.of(policies), anybody);
        let boundary = self.boundary.as_ref().map(|doc| self.evaluate_policy(&doc.of(policies), anybody));
        let session = self.session.as_ref().map(|doc| self.evaluate_policy(&doc.of(policies), anybody));
        let at = self.at.as_ref().map_or(&silent, |at| &at.doc).of(policies);
        let (direct, delegated) = (self.evaluate_policy(&at, &itself), self.evaluate_policy(&at, &account));
        for (side, decision) in [
            ("a Deny of the identity's policy", Some(identity)),
            ("a Deny of the boundary", boundary),
            ("a Deny of the session's policy", session),
            ("a Deny of the resource's policy", Some(direct)),
            ("a Deny of the resource's policy", Some(delegated)),
        ] {
            if decision == Some(Decision::Deny) {
                return AccessDecision::Denied(side);
            }
        }
        let [identity, direct, delegated] = [identity, direct, delegated].map(|decision| decision == Decision::Allow);
        let resource = direct || delegated;
        let across = self.at.as_ref().is_some_and(|at| Some(at.owner) != self.who.account());
        let decides = self.at.as_ref().is_some_and(|at| at.decides);
        let denied = match (is_role, across, decides) {
            (false, ..) => (!direct).then_some("the resource's policy does not allow it"),
            (true, true, _) if !resource => Some("the resource's policy does not allow it"),
            (true, true, _) => (!identity).then_some("the identity's policy does not allow it"),
            (true, false, true) if !resource => Some("the resource's policy does not allow it"),
            (true, false, _) => (!identity && !direct).then_some("no policy allows it"),
        };
        let limits =
            [("the boundary does not allow it", boundary), ("the session's policy does not allow it", session)];
        let limited = limits.into_iter().find(|(_, decision)| decision.is_some_and(|one| one != Decision::Allow));
        match denied.or(limited.map(|(side, _)| side)) {
            Some(side) => AccessDecision::Denied(side),
            None => AccessDecision::Allowed,
        }
    }

    /// Returns one policy's decision about a caller with these names.
    fn evaluate_policy(&self, policy: &Value, names: &[Principal]) -> Decision {
        // Trust policies name no resource: it is the role itself.
        let named = |statement: &Value| statement.get("Resource").or(statement.get("NotResource")).is_some();
        let anywhere = !policy["Statement"].as_array().into_iter().flatten().all(named);
        let Ok(policy) = serde_json::from_value::<IAMPolicy>(policy.clone()) else { return Decision::Deny };
        let options = EvaluationOptions { ignore_resource_constraints: anywhere, ..EvaluationOptions::default() };
        let evaluator = PolicyEvaluator::with_policies(vec![policy]).with_options(options);
        let mut decision = Decision::NotApplicable;
        for name in names {
            let Ok(resource) = Arn::parse(&self.resource) else { return Decision::Deny };
            let request = IAMRequest::new_with_context(name.clone(), self.action, resource, self.context());
            match evaluator.evaluate(&request).map(|result| result.decision) {
                Ok(Decision::Allow) => decision = Decision::Allow,
                Ok(Decision::NotApplicable) => {}
                Ok(Decision::Deny) | Err(_) => return Decision::Deny,
            }
        }
        decision
    }

    fn context(&self) -> Context {
        let mut context = Context::new();
        for (key, value) in &self.context {
            // `iam-rs` does not apply a Deny on a boolean that is given as text.
            let value = match value {
                Value::Bool(value) => ContextValue::Boolean(*value),
                several @ Value::Array(_) => ContextValue::StringList(super::listed(several)),
                other => ContextValue::String(other.as_str().unwrap_or_default().to_owned()),
            };
            context.insert((*key).to_owned(), value);
        }
        context
    }
}
