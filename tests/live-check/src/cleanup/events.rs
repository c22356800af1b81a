//! EventBridge's part: rules on the default bus, archives, and buses with their rules.

use super::find::Listed;
use super::{Cleared as _, Result};
use crate::aws::Aws;
use crate::lab::TOOL;
use aws_sdk_eventbridge::types::Tag;

const DEFAULT: &str = "default";

pub(super) async fn rules(aws: &Aws, prefix: &str) -> Listed {
    let rules = aws.events.list_rules().event_bus_name(DEFAULT).name_prefix(prefix).send().await;
    let mut listed = Vec::new();
    for rule in rules.cleared("listing rules (events:ListRules)")?.rules.unwrap_or_default() {
        let is_tagged = is_tagged(aws, rule.arn.as_deref().unwrap_or_default()).await?;
        listed.push((rule.name.unwrap_or_default(), is_tagged));
    }
    Ok(listed)
}

pub(super) async fn archives(aws: &Aws, prefix: &str) -> Listed {
    let archives = aws.events.list_archives().name_prefix(prefix).send().await;
    let archives = archives.cleared("listing archives (events:ListArchives)")?.archives.unwrap_or_default();
    let ours = |source: Option<&str>| source.is_some_and(|arn| arn.contains(&format!(":event-bus/{prefix}")));
    Ok(archives
        .into_iter()
        .map(|archive| (archive.archive_name.clone().unwrap_or_default(), ours(archive.event_source_arn())))
        .collect())
}

pub(super) async fn buses(aws: &Aws, prefix: &str) -> Listed {
    let buses = aws.events.list_event_buses().name_prefix(prefix).send().await;
    let mut listed = Vec::new();
    for bus in buses.cleared("listing event buses (events:ListEventBuses)")?.event_buses.unwrap_or_default() {
        let is_tagged = is_tagged(aws, bus.arn.as_deref().unwrap_or_default()).await?;
        listed.push((bus.name.unwrap_or_default(), is_tagged));
    }
    Ok(listed)
}

async fn is_tagged(aws: &Aws, arn: &str) -> Result<bool> {
    let tags = aws.events.list_tags_for_resource().resource_arn(arn).send().await;
    let tags = tags.cleared(&format!("reading the tags of {arn} (events:ListTagsForResource)"))?;
    Ok(tags.tags().iter().map(Tag::key).any(|key| key == TOOL))
}

pub(super) async fn remove_rule(aws: &Aws, name: &str) -> Result<()> {
    remove_rule_of(aws, DEFAULT, name).await
}

pub(super) async fn remove_archive(aws: &Aws, name: &str) -> Result<()> {
    let call = aws.events.delete_archive().archive_name(name);
    call.send().await.cleared("removing an archive (events:DeleteArchive)").map(drop)
}

pub(super) async fn remove_bus(aws: &Aws, name: &str) -> Result<()> {
    let rules = aws.events.list_rules().event_bus_name(name).send().await;
    for rule in rules.cleared("listing a bus's rules (events:ListRules)")?.rules.unwrap_or_default() {
        // An archive's rule belongs to EventBridge and goes with the archive.
        if rule.managed_by.is_none() {
            remove_rule_of(aws, name, rule.name.as_deref().unwrap_or_default()).await?;
        }
    }
    let call = aws.events.delete_event_bus().name(name);
    call.send().await.cleared("removing an event bus (events:DeleteEventBus)").map(drop)
}

async fn remove_rule_of(aws: &Aws, bus: &str, name: &str) -> Result<()> {
    let targets = aws.events.list_targets_by_rule().event_bus_name(bus).rule(name).send().await;
    let targets = targets.cleared("listing a rule's targets (events:ListTargetsByRule)")?.targets.unwrap_or_default();
    if !targets.is_empty() {
        let ids = targets.into_iter().map(|target| target.id).collect();
        let call = aws.events.remove_targets().event_bus_name(bus).rule(name).set_ids(Some(ids));
        call.send().await.cleared("removing a rule's targets (events:RemoveTargets)")?;
    }
    let call = aws.events.delete_rule().event_bus_name(bus).name(name);
    call.send().await.cleared("removing a rule (events:DeleteRule)").map(drop)
}
