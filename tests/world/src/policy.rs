//! Session policies: Allow and Deny, `*` and `?`, and the condition operators that the deployer uses.
//!
//! IAM User Guide, "Policy evaluation logic" and "IAM JSON policy elements". Anything unknown in a policy is a bug of
//! the deployer, and panics.

use serde_json::Value;

/// A right that a call needs: an action on a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// `lambda:GetFunction`
    pub action: &'static str,
    /// The resource's ARN, or `*` for an action without one.
    pub resource: String,
    /// Condition keys of the request with their values.
    pub context: Vec<(&'static str, String)>,
}

impl Need {
    /// Makes the need of an action on a resource.
    pub fn new(action: &'static str, resource: impl Into<String>) -> Self {
        Self { action, resource: resource.into(), context: Vec::new() }
    }

    /// Adds a condition key's value.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.context.push((key, value.into()));
        self
    }
}

/// A parsed policy.
#[derive(Debug, Clone)]
pub struct Policy(Vec<Statement>);

#[derive(Debug, Clone)]
struct Statement {
    allows: bool,
    actions: Vec<String>,
    resources: Vec<String>,
    conditions: Vec<(String, String, Vec<String>)>,
}

impl Policy {
    /// Reads a policy document.
    ///
    /// # Errors
    /// If STS would refuse the document; in STS's words.
    pub fn parse(json: &str) -> Result<Self, String> {
        let document: Value =
            serde_json::from_str(json).map_err(|error| format!("MalformedPolicyDocument: {error}"))?;
        let statements = document["Statement"].as_array().ok_or("MalformedPolicyDocument: no statements")?;
        if document["Version"] != "2012-10-17" {
            return Err("MalformedPolicyDocument: no version".to_owned());
        }
        statements.iter().map(statement).collect::<Result<_, _>>().map(Self)
    }

    /// Whether the policy allows this need.
    #[must_use]
    pub fn allows(&self, need: &Need) -> bool {
        let fits = |statement: &&Statement| statement.fits(need);
        !self.0.iter().filter(|s| !s.allows).any(|s| fits(&s)) && self.0.iter().filter(|s| s.allows).any(|s| fits(&s))
    }
}

fn statement(value: &Value) -> Result<Statement, String> {
    let known = ["Sid", "Effect", "Action", "Resource", "Condition"];
    let fields = value.as_object().ok_or("MalformedPolicyDocument: a statement that is no object")?;
    if let Some(unknown) = fields.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("MalformedPolicyDocument: unknown field {unknown}"));
    }
    let mut conditions = Vec::new();
    for (operator, keys) in value["Condition"].as_object().into_iter().flatten() {
        assert!(["StringEquals", "StringLike"].contains(&operator.as_str()), "the world does not know {operator}");
        for (key, values) in keys.as_object().into_iter().flatten() {
            conditions.push((operator.clone(), key.clone(), texts(values)));
        }
    }
    Ok(Statement {
        allows: value["Effect"] == "Allow",
        actions: texts(&value["Action"]),
        resources: texts(&value["Resource"]),
        conditions,
    })
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text.clone()],
        _ => Vec::new(),
    }
}

impl Statement {
    fn fits(&self, need: &Need) -> bool {
        let action = need.action.to_ascii_lowercase();
        self.actions.iter().any(|pattern| like(&pattern.to_ascii_lowercase(), &action))
            && self.resources.iter().any(|pattern| like(pattern, &need.resource))
            && self.conditions.iter().all(|(operator, key, allowed)| {
                let mut found = need.context.iter().filter(|(name, _)| name.eq_ignore_ascii_case(key));
                found.any(|(_, value)| {
                    allowed.iter().any(|a| if operator == "StringLike" { like(a, value) } else { a == value })
                })
            })
    }
}

/// Whether a text matches a pattern: `*` is any text, `?` any one character.
fn like(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern.len() == text.len() && same(pattern, text),
        Some((start, rest)) => {
            text.len() >= start.len()
                && text.is_char_boundary(start.len())
                && same(start, &text[..start.len()])
                && text[start.len()..]
                    .char_indices()
                    .map(|(at, _)| at)
                    .chain([text.len() - start.len()])
                    .any(|at| like(rest, &text[start.len() + at..]))
        }
    }
}

fn same(pattern: &str, text: &str) -> bool {
    pattern.bytes().zip(text.bytes()).all(|(p, t)| p == b'?' || p == t)
}
