//! Removes the things that were found, until nothing is found any more.

use std::time::{Duration, Instant};

use super::{CleanupError, Cleared as _, Kind, Leftover, Result, buckets, events, find, keys};
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
    /// The errors because of which something is or may be still there.
    pub left: Vec<CleanupError>,
    /// The things that have the name and not the tag.
    pub untagged: Vec<String>,
}

impl Removed {
    /// Whether rights are missing and nothing else.
    pub fn lacks_rights_only(&self) -> bool {
        !self.left.is_empty() && self.left.iter().all(CleanupError::is_denied)
    }
}

/// Removes everything of these kinds under this prefix, and looks again until nothing is listed any more, or only
/// missing rights are in the way.
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
        let (mut has_news, mut has_gone) = (false, false);
        for leftover in found.leftovers {
            match remove(aws, &leftover).await {
                Ok(()) => {
                    has_gone = true;
                    if !removed.removed.contains(&leftover) {
                        has_news = true;
                        tell(&format!("removed {leftover}"));
                        removed.removed.push(leftover);
                    }
                }
                Err(error) => removed.left.push(error),
            }
        }
        if began.elapsed() >= GONE_WITHIN || removed.lacks_rights_only() && !has_gone {
            return removed;
        }
        // After a pass without an error one more look finds whether the lists are empty.
        if !has_news || !removed.left.is_empty() {
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
            call.send().await.cleared("removing a queue (sqs:DeleteQueue)").map(drop)
        }
        Kind::Function => remove_function(aws, name).await,
        Kind::Bucket => buckets::remove_bucket(aws, name).await,
        Kind::Role => remove_role(aws, name).await,
        Kind::Key => keys::remove_key(aws, name).await,
    };
    removed.map_err(|error| error.leaving(leftover))
}

async fn remove_function(aws: &Aws, name: &str) -> Result<()> {
    let doing = "removing a function (lambda:DeleteFunction)";
    match aws.lambda.delete_function().function_name(name).send().await.any_answer(doing)? {
        Err(refusal) if refusal.status == 404 => Ok(()),
        Err(refusal) => Err(CleanupError::refused(doing, &refusal)),
        Ok(_) => Ok(()),
    }
}

async fn remove_role(aws: &Aws, name: &str) -> Result<()> {
    let policies = aws.iam("ListRolePolicies", &[("RoleName", name)]).await;
    let policies = policies.cleared("listing a role's policies (iam:ListRolePolicies)")?;
    for policy in elements(&policies, "member") {
        let deleted = aws.iam("DeleteRolePolicy", &[("RoleName", name), ("PolicyName", &policy)]).await;
        deleted.cleared("removing a role's policy (iam:DeleteRolePolicy)")?;
    }
    aws.iam("DeleteRole", &[("RoleName", name)]).await.cleared("removing a role (iam:DeleteRole)").map(drop)
}
