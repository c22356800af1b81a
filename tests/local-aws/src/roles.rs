//! Roles of an account and their inline policies, over IAM's query API. Six calls do not pay for the SDK's crate of IAM, the
//! largest of all to compile.

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;

use super::control::{Control, Signed};
use fixtures::error::{Doing as _, Error, Result};

/// The version of IAM's API (IAM API Reference, Making query requests).
const VERSION: &str = "2010-05-08";

/// The roles of one account.
#[derive(Debug, Clone, Copy)]
pub struct Roles<'a> {
    control: &'a Control,
    account: &'a str,
}

impl<'a> Roles<'a> {
    /// The roles of an account of this server.
    #[must_use]
    pub fn of(control: &'a Control, account: &'a str) -> Self {
        Self { control, account }
    }

    /// Makes a role with this trust policy (IAM API Reference, CreateRole).
    ///
    /// # Errors
    /// IAM's words.
    pub async fn create(&self, (path, name): (&str, &str), trust: &Value) -> Result<()> {
        let trust = trust.to_string();
        let parameters = [("Path", path), ("RoleName", name), ("AssumeRolePolicyDocument", &trust)];
        self.call("CreateRole", &parameters).await.map(drop)
    }

    /// Makes a role with this trust policy and one inline policy of the role's name.
    ///
    /// # Errors
    /// IAM's words.
    pub async fn create_with(&self, (path, name): (&str, &str), trust: &Value, policy: &Value) -> Result<()> {
        self.create((path, name), trust).await?;
        self.put_policy(name, name, policy).await
    }

    /// Deletes a role without policies (IAM API Reference, DeleteRole).
    ///
    /// # Errors
    /// IAM's words.
    pub async fn delete(&self, role: &str) -> Result<()> {
        self.call("DeleteRole", &[("RoleName", role)]).await.map(drop)
    }

    /// Gives a role an inline policy, or puts it in place of the one with that name (IAM API Reference, PutRolePolicy).
    ///
    /// # Errors
    /// IAM's words.
    pub async fn put_policy(&self, role: &str, name: &str, policy: &Value) -> Result<()> {
        let policy = policy.to_string();
        let parameters = [("RoleName", role), ("PolicyName", name), ("PolicyDocument", &policy)];
        self.call("PutRolePolicy", &parameters).await.map(drop)
    }

    /// Takes an inline policy away (IAM API Reference, DeleteRolePolicy).
    ///
    /// # Errors
    /// IAM's words.
    pub async fn delete_policy(&self, role: &str, name: &str) -> Result<()> {
        self.call("DeleteRolePolicy", &[("RoleName", role), ("PolicyName", name)]).await.map(drop)
    }

    /// Attaches a managed policy (IAM API Reference, AttachRolePolicy).
    ///
    /// # Errors
    /// IAM's words.
    pub async fn attach_policy(&self, role: &str, arn: &str) -> Result<()> {
        self.call("AttachRolePolicy", &[("RoleName", role), ("PolicyArn", arn)]).await.map(drop)
    }

    /// Detaches a managed policy (IAM API Reference, DetachRolePolicy).
    ///
    /// # Errors
    /// IAM's words.
    pub async fn detach_policy(&self, role: &str, arn: &str) -> Result<()> {
        self.call("DetachRolePolicy", &[("RoleName", role), ("PolicyArn", arn)]).await.map(drop)
    }

    /// Reads an inline policy (IAM API Reference, GetRolePolicy: the document comes percent-encoded).
    ///
    /// # Errors
    /// IAM's words.
    pub async fn policy(&self, role: &str, name: &str) -> Result<Value> {
        let answer = self.call("GetRolePolicy", &[("RoleName", role), ("PolicyName", name)]).await?;
        let document = answer.split_once("<PolicyDocument>").and_then(|(_, rest)| rest.split_once("</PolicyDocument>"));
        let (document, _) =
            document.ok_or_else(|| Error::Unexpected(format!("IAM answers without a policy: {answer}")))?;
        let document = percent_decode_str(document).decode_utf8().doing("reading a policy")?;
        serde_json::from_str(&document).doing("reading a policy")
    }

    async fn call(&self, action: &str, parameters: &[(&str, &str)]) -> Result<String> {
        let all = [("Action", action), ("Version", VERSION)].into_iter().chain(parameters.iter().copied());
        let pairs = all.map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
        let form = pairs.collect::<Vec<_>>().join("&");
        // IAM is a global service; its endpoint signs for this region.
        let signed = Signed { account: self.account, region: "us-east-1", service: "iam" };
        self.control.form_call(&signed, form).await
    }
}
