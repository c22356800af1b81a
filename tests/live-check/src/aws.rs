//! The account that is asked: clients under the user's own credentials.

use std::time::Duration;

use aws_config::SdkConfig;
use deployer_core::id::Region;
use fixtures::error::{Doing as _, Error, Result};

use crate::outcome::{Answered as _, Refusal};
use crate::passing::retries;
use crate::signed::{Endpoint, Signed};

/// The version of IAM's API (IAM API Reference, Making query requests).
const IAM_VERSION: &str = "2010-05-08";

/// Makes a client of this SDK crate that retries conflicts too.
macro_rules! client {
    ($service:ident, $config:expr) => {
        $service::Client::from_conf(
            $service::config::Builder::from($config).retry_classifier($crate::passing::Conflicts).build(),
        )
    };
}
pub(crate) use client;

/// Clients of one account and region.
#[derive(Debug, Clone)]
pub struct Aws {
    /// The configuration that the clients are made from.
    pub config: SdkConfig,
    /// The account.
    pub account: String,
    /// The region.
    pub region: Region,
    /// The ARN of the caller.
    pub caller: String,
    /// Lambda.
    pub lambda: aws_sdk_lambda::Client,
    /// S3.
    pub s3: aws_sdk_s3::Client,
    /// SQS.
    pub sqs: aws_sdk_sqs::Client,
    /// EventBridge.
    pub events: aws_sdk_eventbridge::Client,
    /// STS.
    pub sts: aws_sdk_sts::Client,
    /// Everything else.
    pub signed: Signed,
}

impl Aws {
    /// Finds the account and the caller of these credentials. The first pause is that before a call is tried again.
    ///
    /// # Errors
    /// There is no region, or STS refuses the credentials.
    pub async fn connect(config: SdkConfig, first_pause: Duration) -> Result<Self> {
        let region = config.region().map(ToString::to_string);
        let region = region.ok_or_else(|| Error::Unexpected("no region is set: add --region".into()))?;
        let region = Region::parse(&region).doing(format!("reading the region {region:?}"))?;
        let config = config.into_builder().retry_config(retries(first_pause)).build();
        let sts = client!(aws_sdk_sts, &config);
        let caller = sts.get_caller_identity().send().await.done("finding the account (sts:GetCallerIdentity)")?;
        let text = |text: Option<String>| text.unwrap_or_default();
        Ok(Self {
            account: text(caller.account),
            caller: text(caller.arn),
            region,
            lambda: client!(aws_sdk_lambda, &config),
            s3: client!(aws_sdk_s3, &config),
            sqs: client!(aws_sdk_sqs, &config),
            events: client!(aws_sdk_eventbridge, &config),
            sts,
            signed: Signed::new(&config),
            config,
        })
    }

    /// Makes an ARN of this account.
    #[must_use]
    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{resource}", self.region.partition(), self.region, self.account)
    }

    /// Makes the ARN of a bucket or of objects.
    #[must_use]
    pub fn s3_arn(&self, resource: &str) -> String {
        format!("arn:{}:s3:::{resource}", self.region.partition())
    }

    /// Makes the ARN of a role.
    #[must_use]
    pub fn role_arn(&self, path_and_name: &str) -> String {
        format!("arn:{}:iam::{}:role/{path_and_name}", self.region.partition(), self.account)
    }

    /// The endpoint of a regional service.
    #[must_use]
    pub fn endpoint(&self, service: &'static str) -> Endpoint {
        let (region, suffix) = (self.region.to_string(), self.region.dns_suffix());
        let url = self
            .config
            .endpoint_url()
            .map_or_else(|| format!("https://{service}.{region}.{suffix}"), |url| url.trim_end_matches('/').to_owned());
        Endpoint { url, service, region }
    }

    /// Calls IAM, a global service with one endpoint a partition (AWS General Reference, "IAM endpoints").
    ///
    /// # Errors
    /// No answer came.
    pub async fn iam(&self, action: &str, parameters: &[(&str, &str)]) -> Result<Result<String, Refusal>> {
        let mut to = self.endpoint("iam");
        let (host, region) = match self.region.partition() {
            "aws-cn" => ("iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            "aws-us-gov" => ("iam.us-gov.amazonaws.com", "us-gov-west-1"),
            _ => ("iam.amazonaws.com", "us-east-1"),
        };
        if self.config.endpoint_url().is_none() {
            to.url = format!("https://{host}");
        }
        to.region = region.to_owned();
        self.signed.query(&to, IAM_VERSION, action, parameters).await
    }

    /// Calls KMS.
    ///
    /// # Errors
    /// No answer came.
    pub async fn kms(&self, action: &str, body: &serde_json::Value) -> Result<Result<serde_json::Value, Refusal>> {
        self.signed.json(&self.endpoint("kms"), &format!("TrentService.{action}"), body).await
    }
}
