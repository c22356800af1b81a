//! Removes what was found, until nothing is found any more.

use std::time::{Duration, Instant};

use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use fixtures::error::{Doing as _, Error, Result};

use super::{Kind, Leftover, events, find, keys};
use crate::aws::Aws;
use crate::outcome::Answered as _;
use crate::signed::elements;

/// Lists lag behind, and a bus goes only after its archive: AWS is looked at again for so long.
const GONE_WITHIN: Duration = Duration::from_secs(120);
const LOOKS_EVERY: Duration = Duration::from_secs(2);

/// The result of a removal.
#[derive(Debug, Default)]
pub struct Removed {
    /// The removed things, each once.
    pub removed: Vec<Leftover>,
    /// The things that are still there, and why, in words.
    pub left: Vec<String>,
    /// The things that have the name and not the tag.
    pub untagged: Vec<String>,
}

/// Removes everything of these kinds under this prefix, and looks again until nothing is listed any more.
pub async fn remove_all(aws: &Aws, prefix: &str, kinds: &[Kind], tell: &dyn Fn(&str)) -> Removed {
    let mut removed = Removed::default();
    let began = Instant::now();
    loop {
        let found = find(aws, prefix, kinds).await;
        removed.untagged = found.untagged;
        removed.left = found.errors;
        if found.leftovers.is_empty() && removed.left.is_empty() {
            return removed;
        }
        for leftover in found.leftovers {
            match remove(aws, &leftover).await {
                Ok(()) if !removed.removed.contains(&leftover) => {
                    tell(&format!("removed {leftover}"));
                    removed.removed.push(leftover);
                }
                Ok(()) => {}
                Err(error) => removed.left.push(error.to_string()),
            }
        }
        if began.elapsed() >= GONE_WITHIN {
            return removed;
        }
        // After a pass without an error one more look finds whether the lists are empty.
        if !removed.left.is_empty() {
            tokio::time::sleep(LOOKS_EVERY).await;
        }
    }
}

/// Removes one thing with everything that belongs to it.
async fn remove(aws: &Aws, leftover: &Leftover) -> Result<()> {
    let name = &leftover.name;
    let removed = match leftover.kind {
        Kind::Rule => events::remove_rule(aws, name).await,
        Kind::Archive => events::remove_archive(aws, name).await,
        Kind::Bus => events::remove_bus(aws, name).await,
        Kind::Queue => {
            let call = aws.sqs.delete_queue().queue_url(name);
            call.send().await.done("removing a queue (sqs:DeleteQueue)").map(drop)
        }
        Kind::Function => remove_function(aws, name).await,
        Kind::Bucket => remove_bucket(aws, name).await,
        Kind::Role => remove_role(aws, name).await,
        Kind::Key => keys::remove_key(aws, name).await,
    };
    removed.map_err(|error| Error::failed(format!("{leftover} is left"), error))
}

async fn remove_function(aws: &Aws, name: &str) -> Result<()> {
    let deleted = aws.lambda.delete_function().function_name(name).send().await;
    match deleted.answered("removing a function (lambda:DeleteFunction)")? {
        Err(refusal) if refusal.status != 404 => Err(Error::failed("lambda:DeleteFunction", refusal)),
        _ => Ok(()),
    }
}

async fn remove_bucket(aws: &Aws, name: &str) -> Result<()> {
    loop {
        let versions = aws.s3.list_object_versions().bucket(name).send().await;
        let page = versions.done("listing a bucket's objects (s3:ListBucketVersions)")?;
        let objects = page.versions().iter().map(|version| (version.key(), version.version_id()));
        let markers = page.delete_markers().iter().map(|marker| (marker.key(), marker.version_id()));
        let all: Vec<ObjectIdentifier> = objects
            .chain(markers)
            .map(|(key, version)| {
                let named = ObjectIdentifier::builder().key(key.unwrap_or_default());
                named.set_version_id(version.map(str::to_owned)).build().doing("naming an object")
            })
            .collect::<Result<_>>()?;
        if all.is_empty() {
            break;
        }
        let delete = Delete::builder().set_objects(Some(all)).quiet(true).build().doing("naming objects")?;
        let deleted = aws.s3.delete_objects().bucket(name).delete(delete).send().await;
        let deleted = deleted.done("removing a bucket's objects (s3:DeleteObjectVersion)")?;
        if let Some(error) = deleted.errors().first() {
            let cause = error.message().unwrap_or_default();
            return Err(Error::failed("removing a bucket's objects (s3:DeleteObjectVersion)", cause));
        }
    }
    aws.s3.delete_bucket().bucket(name).send().await.done("removing a bucket (s3:DeleteBucket)").map(drop)
}

async fn remove_role(aws: &Aws, name: &str) -> Result<()> {
    let policies = aws.iam("ListRolePolicies", &[("RoleName", name)]).await;
    let policies = policies.done("listing a role's policies (iam:ListRolePolicies)")?;
    for policy in elements(&policies, "member") {
        let deleted = aws.iam("DeleteRolePolicy", &[("RoleName", name), ("PolicyName", &policy)]).await;
        deleted.done("removing a role's policy (iam:DeleteRolePolicy)")?;
    }
    aws.iam("DeleteRole", &[("RoleName", name)]).await.done("removing a role (iam:DeleteRole)").map(drop)
}
