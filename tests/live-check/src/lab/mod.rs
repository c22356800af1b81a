//! The things that the questions use: a bucket, two roles, and functions, all under one random name.
//!
//! The role `caller` may do everything with the lab's own things. A question narrows it by a session policy, which
//! counts at once, whereas a role's own policy takes seconds until every service knows it.

mod events;
mod function;
mod key;
mod names;
mod queue;
mod roles;
mod session;

use std::time::Duration;

use aws_sdk_s3::types::{BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration};
use aws_sdk_s3::types::{Tag, Tagging, VersioningConfiguration};
use fixtures::Zip;
use fixtures::error::{Doing as _, Error, Result};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::aws::Aws;
use crate::outcome::Answered as _;

pub use function::Function;
pub use names::{Names, ROLE_PATH, TOOL};
pub use queue::Queue;
pub use session::{Session, allow, allow_if, policy, trust};

/// The time within which a new key's tags count for rights: five minutes (AWS KMS Developer Guide, "ABAC for AWS KMS").
pub const TAGS_KNOWN_WITHIN: Duration = Duration::from_secs(360);

/// The time within which Lambda ends an update.
const SETTLES_WITHIN: Duration = Duration::from_secs(300);

/// The bucket, the roles and the means to make more.
#[derive(Debug)]
pub struct Lab {
    /// The account that is asked.
    pub aws: Aws,
    /// The names of this run.
    pub names: Names,
    key: OnceCell<String>,
}

impl Lab {
    /// Makes bucket and roles. The things that were made before an error bear the names of this run.
    ///
    /// # Errors
    /// AWS refuses something.
    pub async fn set_up(aws: Aws, names: Names, tell: &dyn Fn(&str)) -> Result<Self> {
        let lab = Self { aws, names, key: OnceCell::new() };
        tell("making a bucket");
        lab.make_bucket().await?;
        tell("making two roles");
        let of_lambda = json!({"Service": "lambda.amazonaws.com"});
        lab.make_role("execution", &trust(&of_lambda), None).await?;
        let of_account = json!({"AWS": format!("arn:{}:iam::{}:root", lab.aws.region.partition(), lab.aws.account)});
        lab.make_role("caller", &trust(&of_account), Some(&lab.callers_policy())).await?;
        tell("making a function, which waits until Lambda knows the role");
        let base = lab.function("base").await?;
        tell("waiting until the role may read the function");
        lab.await_caller(&base).await?;
        Ok(lab)
    }

    /// The bucket's name.
    #[must_use]
    pub fn bucket(&self) -> &str {
        self.names.prefix()
    }

    /// The ARN of a function of this run.
    #[must_use]
    pub fn function_arn(&self, what: &str) -> String {
        self.aws.arn("lambda", &format!("function:{}", self.names.of(what)))
    }

    /// The name of a regional service as the value of `kms:ViaService`.
    #[must_use]
    pub fn service(&self, name: &str) -> String {
        format!("{name}.{}.{}", self.aws.region, self.aws.region.dns_suffix())
    }

    /// Puts an object into the bucket and returns its version id.
    ///
    /// # Errors
    /// S3 refuses it.
    pub async fn put(&self, key: &str, body: impl Into<Vec<u8>>) -> Result<String> {
        let call = self.aws.s3.put_object().bucket(self.bucket()).key(key).body(body.into().into());
        let put = call.send().await.done(&format!("putting {key}"))?;
        put.version_id.ok_or_else(|| Error::Unexpected(format!("{key} got no version id")))
    }

    async fn make_bucket(&self) -> Result<()> {
        let (s3, name, region) = (&self.aws.s3, self.bucket(), self.aws.region.as_str());
        // The first region must not be named (Amazon S3 API Reference, CreateBucket).
        let place = (region != "us-east-1").then(|| {
            CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::from(region)).build()
        });
        let call = s3.create_bucket().bucket(name).set_create_bucket_configuration(place);
        call.send().await.done("making a bucket (s3:CreateBucket)")?;
        let tag = Tag::builder().key(TOOL).value(self.names.id()).build().doing("describing a tag")?;
        let tags = Tagging::builder().tag_set(tag).build().doing("describing tags")?;
        let call = s3.put_bucket_tagging().bucket(name).tagging(tags);
        call.send().await.done("tagging the bucket (s3:PutBucketTagging)")?;
        let versioning = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        let call = s3.put_bucket_versioning().bucket(name).versioning_configuration(versioning);
        call.send().await.done("turning on versioning (s3:PutBucketVersioning)").map(drop)
    }

    /// The policy of `caller`: everything is allowed with the things of this run.
    fn callers_policy(&self) -> Value {
        let prefix = self.names.prefix();
        let bucket = self.aws.s3_arn(self.bucket());
        policy(&[
            json!({"Effect": "Allow", "Action": "lambda:*",
                "Resource": self.aws.arn("lambda", &format!("function:{prefix}-*"))}),
            json!({"Effect": "Allow", "Action": "s3:*", "Resource": [bucket, format!("{bucket}/*")]}),
            json!({"Effect": "Allow", "Action": "iam:PassRole",
                "Resource": self.aws.role_arn(&format!("live-check/{prefix}-*"))}),
            json!({"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
                "Resource": self.aws.role_arn(&format!("live-check/{prefix}-*"))}),
            json!({"Effect": "Allow", "Action": "events:PutEvents",
                "Resource": self.aws.arn("events", &format!("event-bus/{prefix}-*"))}),
            json!({"Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": "*",
                "Condition": {"StringEquals": {format!("aws:ResourceTag/{TOOL}"): self.names.id()}}}),
        ])
    }
}

/// The function's code: it answers with the ARN and the version under which it was called. Another `content` makes
/// other bytes.
///
/// # Errors
/// The zip library fails.
pub fn code(content: &str) -> Result<Vec<u8>> {
    let text = format!(
        "# {content}\ndef handler(event, context):\n    \
         return {{\"arn\": context.invoked_function_arn, \"version\": context.function_version}}\n"
    );
    Zip::empty().file("index.py", text).build().doing("making a zip")
}
