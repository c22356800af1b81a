//! EventBridge's and S3's part of the lab: buses, rules, notifications, archives.

use std::time::{Duration, SystemTime};

use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::{ReplayDestination, Tag, Target};
use aws_sdk_s3::types::{Event, EventBridgeConfiguration, NotificationConfiguration, QueueConfiguration};
use fixtures::error::{Doing as _, Error, Result};
use serde_json::Value;

use super::{Lab, Queue, TOOL};
use crate::outcome::Answered as _;
use crate::polling::{SPREADS_WITHIN, until};

/// The time after which a replay that brought nothing is started anew: an archive has an event after some minutes
/// (Amazon EventBridge User Guide, "Archiving and replaying events").
const REPLAYS_EVERY: Duration = Duration::from_secs(180);
const REPLAYS_WITHIN: Duration = Duration::from_secs(1200);

impl Lab {
    /// Makes an event bus and returns its name.
    ///
    /// # Errors
    /// EventBridge refuses it.
    pub async fn bus(&self, what: &str) -> Result<String> {
        let name = self.names.of(what);
        let call = self.aws.events.create_event_bus().name(&name).tags(self.event_tag()?);
        call.send().await.done(&format!("making the event bus {name} (events:CreateEventBus)"))?;
        Ok(name)
    }

    /// Makes a rule that sends the events of the pattern to a queue, on a bus or on the default one.
    ///
    /// # Errors
    /// EventBridge refuses it.
    pub async fn rule(&self, bus: Option<&str>, what: &str, pattern: &Value, queue: &Queue<'_>) -> Result<()> {
        let (name, bus) = (self.names.of(what), bus.unwrap_or("default"));
        let call = self.aws.events.put_rule().event_bus_name(bus).name(&name).event_pattern(pattern.to_string());
        call.tags(self.event_tag()?).send().await.done(&format!("making the rule {name} (events:PutRule)"))?;
        let target = Target::builder().id("queue").arn(&queue.arn).build().doing("describing a target")?;
        let call = self.aws.events.put_targets().event_bus_name(bus).rule(name).targets(target);
        call.send().await.done("giving a rule its target (events:PutTargets)").map(drop)
    }

    /// Lets the bucket tell a queue and EventBridge of its objects. S3 takes a new queue only when it knows the policy.
    ///
    /// # Errors
    /// S3 refuses it.
    pub async fn notify(&self, queue: &Queue<'_>) -> Result<()> {
        let to = QueueConfiguration::builder().queue_arn(&queue.arn).events(Event::from("s3:ObjectCreated:*"));
        let notifications = NotificationConfiguration::builder()
            .queue_configurations(to.build().doing("describing a notification")?)
            .event_bridge_configuration(EventBridgeConfiguration::builder().build())
            .build();
        let doing = "setting up notifications (s3:PutBucketNotification)";
        let answer = until(doing, SPREADS_WITHIN, async || {
            let call = self.aws.s3.put_bucket_notification_configuration().bucket(self.bucket());
            match call.notification_configuration(notifications.clone()).send().await.answered(doing)? {
                Err(refusal) if refusal.is(400, "InvalidArgument") => Ok(None),
                answer => Ok(Some(answer)),
            }
        });
        answer.await?.map(drop).map_err(|refusal| Error::failed(doing, refusal))
    }

    /// Makes an archive of everything that comes to a bus.
    ///
    /// # Errors
    /// EventBridge refuses it.
    pub async fn archive(&self, what: &str, bus: &str) -> Result<()> {
        let name = self.names.of(what);
        let call = self.aws.events.create_archive().archive_name(&name).event_source_arn(self.bus_arn(bus));
        call.send().await.done(&format!("making the archive {name} (events:CreateArchive)")).map(drop)
    }

    /// Replays an archive until a message comes that this function takes.
    ///
    /// # Errors
    /// EventBridge refuses it, or nothing came.
    pub async fn replay<T>(
        &self,
        (archive, bus): (&str, &str),
        since: SystemTime,
        queue: &Queue<'_>,
        take: impl Fn(&Value) -> Option<T>,
    ) -> Result<T> {
        let mut number = 0;
        until("waiting for a replayed event", REPLAYS_WITHIN, async || {
            number += 1;
            let to = ReplayDestination::builder().arn(self.bus_arn(bus)).build().doing("describing a replay")?;
            let replay = self.aws.events.start_replay().replay_name(self.names.of(&format!("{archive}-{number}")));
            let replay =
                replay.event_source_arn(self.aws.arn("events", &format!("archive/{}", self.names.of(archive))));
            let replay =
                replay.event_start_time(DateTime::from(since)).event_end_time(DateTime::from(SystemTime::now()));
            replay.destination(to).send().await.done("replaying an archive (events:StartReplay)")?;
            Ok(queue.wait_for("waiting for a replayed event", REPLAYS_EVERY, &take).await.ok())
        })
        .await
    }

    /// The ARN of a bus.
    #[must_use]
    pub fn bus_arn(&self, name: &str) -> String {
        self.aws.arn("events", &format!("event-bus/{name}"))
    }

    fn event_tag(&self) -> Result<Tag> {
        Tag::builder().key(TOOL).value(self.names.id()).build().doing("describing a tag")
    }
}
