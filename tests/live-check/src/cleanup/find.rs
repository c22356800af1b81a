//! Lists the things under a prefix, and whether they bear the tag.

use super::{Cleared as _, Found, Kind, Leftover, Result, buckets, events, keys};
use crate::aws::Aws;
use crate::lab::{ROLE_PATH, TOOL};
use crate::signed::{element, elements};

/// Finds the things of these kinds under this prefix. A service that cannot be asked is noted, so that the rest is
/// found.
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
            Err(error) => found.errors.push(error),
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
        Kind::Bucket => buckets::buckets(aws, prefix).await,
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
        let page = page.cleared("listing functions (lambda:ListFunctions)")?;
        for function in page.functions() {
            let Some(name) = function.function_name().filter(|name| name.starts_with(prefix)) else { continue };
            let tags = aws.lambda.list_tags().resource(function.function_arn().unwrap_or_default()).send().await;
            let tags = tags.cleared(&format!("reading the tags of {name} (lambda:ListTags)"))?.tags.unwrap_or_default();
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
    for url in call.send().await.cleared("listing queues (sqs:ListQueues)")?.queue_urls.unwrap_or_default() {
        let tags = aws.sqs.list_queue_tags().queue_url(&url).send().await;
        let tags = tags.cleared(&format!("reading the tags of {url} (sqs:ListQueueTags)"))?.tags.unwrap_or_default();
        listed.push((url, tags.contains_key(TOOL)));
    }
    Ok(listed)
}

async fn roles(aws: &Aws, prefix: &str) -> Listed {
    let mut listed = Vec::new();
    let mut marker: Option<String> = None;
    loop {
        let mut parameters = vec![("PathPrefix", ROLE_PATH)];
        parameters.extend(marker.as_deref().map(|marker| ("Marker", marker)));
        let page = aws.iam("ListRoles", &parameters).await.cleared("listing roles (iam:ListRoles)")?;
        for name in elements(&page, "RoleName").into_iter().filter(|name| name.starts_with(prefix)) {
            let tags = aws.iam("ListRoleTags", &[("RoleName", &name)]).await;
            let tags = tags.cleared(&format!("reading the tags of {name} (iam:ListRoleTags)"))?;
            listed.push((name, elements(&tags, "Key").iter().any(|key| key == TOOL)));
        }
        marker = element(&page, "Marker");
        if marker.is_none() {
            return Ok(listed);
        }
    }
}
