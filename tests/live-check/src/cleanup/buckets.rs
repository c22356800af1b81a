//! S3's part.
//!
//! A bucket gets its tag a moment after it is made. A run that was killed in that moment has left a bucket without tags
//! and without objects, whose name has a run's form.

use aws_sdk_s3::types::{Bucket, Delete, ObjectIdentifier};
use fixtures::error::{Doing as _, Error};

use super::find::Listed;
use super::{CleanupError, Cleared as _, Result};
use crate::aws::Aws;
use crate::lab::{Names, TOOL};
use crate::outcome::Answered as _;

pub(super) async fn buckets(aws: &Aws, prefix: &str) -> Listed {
    let mut listed = Vec::new();
    // S3 lists the buckets that this account owns, and no others (Amazon S3 API Reference, ListBuckets).
    let all = aws.s3.list_buckets().prefix(prefix).send().await.cleared("listing buckets (s3:ListAllMyBuckets)")?;
    let is_here = |bucket: &&Bucket| bucket.bucket_region().is_none_or(|region| region == aws.region.as_str());
    let names = all.buckets().iter().filter(is_here).filter_map(|bucket| bucket.name());
    for name in names.filter(|name| name.starts_with(prefix)) {
        let is_ours = match tags(aws, name).await? {
            Tags::Bucketless => continue,
            Tags::None => Names::is_prefix_of_a_run(name) && is_empty(aws, name).await?,
            Tags::Some { ours } => ours,
        };
        listed.push((name.to_owned(), is_ours));
    }
    Ok(listed)
}

/// The tags of a bucket.
enum Tags {
    /// The bucket was deleted a moment ago, and the list still has it.
    Bucketless,
    /// It has no tags.
    None,
    /// It has tags, and this tool's is among them if `ours`.
    Some {
        /// Whether this tool's tag is among them.
        ours: bool,
    },
}

async fn tags(aws: &Aws, name: &str) -> Result<Tags> {
    let doing = format!("reading the tags of bucket {name} (s3:GetBucketTagging)");
    let read = aws.s3.get_bucket_tagging().bucket(name).expected_bucket_owner(&aws.account).send().await;
    match read.any_answer(&doing)? {
        Ok(tags) => Ok(Tags::Some { ours: tags.tag_set().iter().any(|tag| tag.key() == TOOL) }),
        Err(refusal) if refusal.code == "NoSuchTagSet" => Ok(Tags::None),
        Err(refusal) if refusal.code == "NoSuchBucket" => Ok(Tags::Bucketless),
        Err(refusal) if refusal.code == "PermanentRedirect" => {
            Err(Error::Unexpected(format!("bucket {name} is in another region: add --region")).into())
        }
        Err(refusal) => Err(CleanupError::refused(&doing, &refusal)),
    }
}

async fn is_empty(aws: &Aws, name: &str) -> Result<bool> {
    let call = aws.s3.list_object_versions().bucket(name).max_keys(1).expected_bucket_owner(&aws.account);
    let page = call.send().await.cleared(&format!("looking into bucket {name} (s3:ListBucketVersions)"))?;
    Ok(page.versions().is_empty() && page.delete_markers().is_empty())
}

/// Removes a bucket, and before it the objects of one that bears the tag: S3 keeps any other that is not empty.
pub(super) async fn remove_bucket(aws: &Aws, name: &str) -> Result<()> {
    if matches!(tags(aws, name).await?, Tags::Some { ours: true }) {
        remove_objects(aws, name).await?;
    }
    let call = aws.s3.delete_bucket().bucket(name).expected_bucket_owner(&aws.account);
    call.send().await.cleared("removing a bucket (s3:DeleteBucket)").map(drop)
}

async fn remove_objects(aws: &Aws, name: &str) -> Result<()> {
    loop {
        let versions = aws.s3.list_object_versions().bucket(name).expected_bucket_owner(&aws.account).send().await;
        let page = versions.cleared("listing a bucket's objects (s3:ListBucketVersions)")?;
        let objects = page.versions().iter().map(|version| (version.key(), version.version_id()));
        let markers = page.delete_markers().iter().map(|marker| (marker.key(), marker.version_id()));
        let all: Vec<ObjectIdentifier> = objects
            .chain(markers)
            .map(|(key, version)| {
                let named = ObjectIdentifier::builder().key(key.unwrap_or_default());
                named.set_version_id(version.map(str::to_owned)).build().doing("naming an object")
            })
            .collect::<Result<_, Error>>()?;
        if all.is_empty() {
            return Ok(());
        }
        let delete = Delete::builder().set_objects(Some(all)).quiet(true).build().doing("naming objects")?;
        let call = aws.s3.delete_objects().bucket(name).delete(delete).expected_bucket_owner(&aws.account);
        let deleted = call.send().await.cleared("removing a bucket's objects (s3:DeleteObjectVersion)")?;
        if let Some(error) = deleted.errors().first() {
            let cause = error.message().unwrap_or_default();
            return Err(Error::failed("removing a bucket's objects (s3:DeleteObjectVersion)", cause).into());
        }
    }
}
