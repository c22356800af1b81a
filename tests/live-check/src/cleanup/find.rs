//! Lists what bears a prefix and the tag.

use aws_sdk_s3::types::Bucket;
use fixtures::error::{Error, Result};

use super::{Found, Kind, Leftover, events, keys};
use crate::aws::Aws;
use crate::lab::{ROLE_PATH, TOOL};
use crate::outcome::Answered as _;
use crate::signed::{element, elements};

/// Finds what of these kinds is under this prefix. A service that cannot be asked is noted, so that the rest is found.
pub async fn find(aws: &Aws, prefix: &str, kinds: &[Kind]) -> Found {
    let mut found = Found::default();
    for kind in kinds.iter().copied() {
        match listed(aws, prefix, kind).await {
            Ok(all) => {
                for (name, is_tagged) in all {
                    let leftover = Leftover { kind, name };
                    if is_tagged {
                        found.leftovers.push(leftover);
                    } else {
                        found.untagged.push(format!("{leftover} has no tag `{TOOL}`, and is left as it is"));
                    }
                }
            }
            Err(error) => found.errors.push(error.to_string()),
        }
    }
    found
}

async fn listed(aws: &Aws, prefix: &str, kind: Kind) -> Listed {
    match kind {
        Kind::Rule => events::rules(aws, prefix).await,
        Kind::Archive => events::archives(aws, prefix).await,
        Kind::Bus => events::buses(aws, prefix).await,
        Kind::Queue => queues(aws, prefix).await,
        Kind::Function => functions(aws, prefix).await,
        Kind::Bucket => buckets(aws, prefix).await,
        Kind::Role => roles(aws, prefix).await,
        Kind::Key => keys::keys(aws, prefix).await,
    }
}

/// Names, and whether they bear the tag.
pub(super) type Listed = Result<Vec<(String, bool)>>;

async fn functions(aws: &Aws, prefix: &str) -> Listed {
    let mut listed = Vec::new();
    let mut marker = None;
    loop {
        let page = aws.lambda.list_functions().set_marker(marker.take()).send().await;
        let page = page.done("listing functions (lambda:ListFunctions)")?;
        for function in page.functions() {
            let Some(name) = function.function_name().filter(|name| name.starts_with(prefix)) else { continue };
            let tags = aws.lambda.list_tags().resource(function.function_arn().unwrap_or_default()).send().await;
            let tags = tags.done(&format!("reading the tags of {name} (lambda:ListTags)"))?.tags.unwrap_or_default();
            listed.push((name.to_owned(), tags.contains_key(TOOL)));
        }
        marker = page.next_marker;
        if marker.is_none() {
            return Ok(listed);
        }
    }
}

async fn queues(aws: &Aws, prefix: &str) -> Listed {
    let call = aws.sqs.list_queues().queue_name_prefix(prefix).max_results(1000);
    let mut listed = Vec::new();
    for url in call.send().await.done("listing queues (sqs:ListQueues)")?.queue_urls.unwrap_or_default() {
        let tags = aws.sqs.list_queue_tags().queue_url(&url).send().await;
        let tags = tags.done(&format!("reading the tags of {url} (sqs:ListQueueTags)"))?.tags.unwrap_or_default();
        listed.push((url, tags.contains_key(TOOL)));
    }
    Ok(listed)
}

async fn buckets(aws: &Aws, prefix: &str) -> Listed {
    let mut listed = Vec::new();
    let all = aws.s3.list_buckets().prefix(prefix).send().await.done("listing buckets (s3:ListAllMyBuckets)")?;
    let is_here = |bucket: &&Bucket| bucket.bucket_region().is_none_or(|region| region == aws.region.as_str());
    let names = all.buckets().iter().filter(is_here).filter_map(|bucket| bucket.name());
    for name in names.filter(|name| name.starts_with(prefix)) {
        match aws.s3.get_bucket_tagging().bucket(name).send().await.answered("reading a bucket's tags")? {
            Ok(tags) => listed.push((name.to_owned(), tags.tag_set().iter().any(|tag| tag.key() == TOOL))),
            Err(refusal) if refusal.code == "NoSuchTagSet" => listed.push((name.to_owned(), false)),
            // It was deleted a moment ago, and the list still has it.
            Err(refusal) if refusal.code == "NoSuchBucket" => {}
            Err(refusal) if refusal.code == "PermanentRedirect" => {
                return Err(Error::Unexpected(format!("bucket {name} is in another region: add --region")));
            }
            Err(refusal) => {
                return Err(Error::failed(format!("reading the tags of {name} (s3:GetBucketTagging)"), refusal));
            }
        }
    }
    Ok(listed)
}

async fn roles(aws: &Aws, prefix: &str) -> Listed {
    let mut listed = Vec::new();
    let mut marker: Option<String> = None;
    loop {
        let mut parameters = vec![("PathPrefix", ROLE_PATH)];
        parameters.extend(marker.as_deref().map(|marker| ("Marker", marker)));
        let page = aws.iam("ListRoles", &parameters).await.done("listing roles (iam:ListRoles)")?;
        for name in elements(&page, "RoleName").into_iter().filter(|name| name.starts_with(prefix)) {
            let tags = aws.iam("ListRoleTags", &[("RoleName", &name)]).await;
            let tags = tags.done(&format!("reading the tags of {name} (iam:ListRoleTags)"))?;
            listed.push((name, elements(&tags, "Key").iter().any(|key| key == TOOL)));
        }
        marker = element(&page, "Marker");
        if marker.is_none() {
            return Ok(listed);
        }
    }
}
