//! The dead-letter queue as a person sees and redrives it: a look at its messages, and SQS's message move tasks.
//!
//! Amazon SQS API Reference, `StartMessageMoveTask`, `ListMessageMoveTasks` and `CancelMessageMoveTask`; SQS Developer
//! Guide, "Troubleshoot Amazon SQS dead-letter queue and DLQ redrive issues" (the permissions).

use aws_config::{Region, SdkConfig};
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, Message, MessageSystemAttributeName as MessageAttribute,
    QueueAttributeName as Attribute,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use deployer_core::dead_letters::{DeadLetter, DeadLetters, Redrive, RedriveStatus};
use jiff::Timestamp;

use super::failure::Failure;
use super::obstacle::Obstacle;

/// The dead-letter queue.
pub struct DeadLetterQueue {
    client: Client,
    url: String,
    arn: String,
    waiting: u64,
    in_flight: u64,
}

/// A failed call about the dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{call}: {message}")]
pub struct DeadLetterError {
    /// The cause, as far as the caller's advice depends on it.
    pub kind: DeadLetterErrorKind,
    /// The API operation.
    pub call: &'static str,
    /// AWS's message.
    pub message: String,
    /// The obstacle between the caller and AWS, if AWS itself did not refuse the call.
    pub obstacle: Option<Obstacle>,
}

/// The cause of a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadLetterErrorKind {
    /// There is no such queue, or the caller may not know of it.
    NoQueue,
    /// The caller lacks a permission.
    Denied,
    /// A redrive of the queue is under way already.
    AlreadyRunning,
    /// The redrive to cancel is not under way.
    NotRunning,
    /// No answer came, so that SQS may have done it.
    Unanswered,
    /// Anything else.
    Failed,
}

/// A redrive, with the handle by which it can be cancelled while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveTask {
    /// The handle; SQS shows it while the task runs.
    pub handle: Option<String>,
    /// The number of messages that it moves in a second; `None` for as many as SQS can.
    pub max_per_second: Option<i32>,
    /// Its state.
    pub redrive: Redrive,
}

/// The time for which a message that is looked at stays invisible if it is not given back.
const LOOK_SECONDS: i32 = 60;
const CANCEL: &str = "CancelMessageMoveTask";
/// The largest number of messages in one call (SQS API Reference, `ReceiveMessage`).
const MAX_BATCH: usize = 10;

impl DeadLetterQueue {
    /// Finds the queue by its name, its URL or its ARN.
    ///
    /// # Errors
    /// [`DeadLetterError`].
    pub async fn find(sdk: &SdkConfig, queue: &str) -> Result<Self, DeadLetterError> {
        let parts: Vec<&str> = queue.split(':').collect();
        let (region, account, name) = match parts.as_slice() {
            &["arn", _, "sqs", region, account, name] => (Some(region), Some(account), name),
            _ => (None, None, queue),
        };
        let mut config = aws_sdk_sqs::config::Builder::from(sdk);
        config.set_region(region.map(|region| Region::new(region.to_owned())).or_else(|| sdk.region().cloned()));
        let client = Client::from_conf(config.build());
        let url = if queue.starts_with("https://") || queue.starts_with("http://") {
            queue.to_owned()
        } else {
            let call =
                client.get_queue_url().queue_name(name).set_queue_owner_aws_account_id(account.map(str::to_owned));
            let answer = call.send().await.map_err(|error| failed("GetQueueUrl", &error))?;
            answer.queue_url.unwrap_or_default()
        };
        let call = client
            .get_queue_attributes()
            .queue_url(&url)
            .attribute_names(Attribute::QueueArn)
            .attribute_names(Attribute::ApproximateNumberOfMessages)
            .attribute_names(Attribute::ApproximateNumberOfMessagesNotVisible);
        let answer = call.send().await.map_err(|error| failed("GetQueueAttributes", &error))?;
        let attribute = |name: Attribute| answer.attributes().and_then(|all| all.get(&name)).cloned();
        let count = |name| attribute(name).and_then(|text| text.parse().ok()).unwrap_or_default();
        Ok(Self {
            url,
            arn: attribute(Attribute::QueueArn).unwrap_or_default(),
            waiting: count(Attribute::ApproximateNumberOfMessages),
            in_flight: count(Attribute::ApproximateNumberOfMessagesNotVisible),
            client,
        })
    }

    /// Looks at so many messages at most, and gives them back at once.
    ///
    /// # Errors
    /// [`DeadLetterError`]. A message that could not be given back comes back by itself within a minute.
    pub async fn look(&self, limit: usize) -> Result<DeadLetters, DeadLetterError> {
        let (received, failure) = self.receive(limit).await;
        let given_back = self.give_back(&received).await;
        failure.map_or(Ok(()), Err).and(given_back)?;
        let mut messages: Vec<DeadLetter> = received.iter().map(dead_letter).collect();
        messages.sort_by(|one, other| (one.sent, &one.message_id).cmp(&(other.sent, &other.message_id)));
        // A standard queue may hand out one message twice.
        messages.dedup_by(|one, other| one.message_id == other.message_id);
        let redrive = self.latest().await?.map(|task| task.redrive);
        let counted = self.waiting.max(messages.len().try_into().unwrap_or(u64::MAX));
        let (queue, in_flight) = (self.arn.clone(), self.in_flight);
        Ok(DeadLetters { queue, waiting: counted, in_flight, messages, redrive })
    }

    /// Receives messages until there are none, and returns them with the error that ended it.
    async fn receive(&self, limit: usize) -> (Vec<Message>, Option<DeadLetterError>) {
        let mut received = Vec::new();
        let expected = usize::try_from(self.waiting).unwrap_or(usize::MAX).clamp(1, limit);
        while received.len() < expected {
            let wanted = i32::try_from((limit - received.len()).min(MAX_BATCH)).unwrap_or(1);
            // Without a wait SQS asks only some of its servers (SQS Developer Guide, "Short and long polling").
            let call = self
                .client
                .receive_message()
                .queue_url(&self.url)
                .max_number_of_messages(wanted)
                .visibility_timeout(LOOK_SECONDS)
                .wait_time_seconds(1)
                .message_system_attribute_names(MessageAttribute::SentTimestamp)
                .message_system_attribute_names(MessageAttribute::DeadLetterQueueSourceArn);
            match call.send().await {
                Ok(answer) if answer.messages().is_empty() => break,
                Ok(answer) => received.extend(answer.messages.unwrap_or_default()),
                Err(error) => return (received, Some(failed("ReceiveMessage", &error))),
            }
        }
        (received, None)
    }

    async fn give_back(&self, received: &[Message]) -> Result<(), DeadLetterError> {
        const CALL: &str = "ChangeMessageVisibilityBatch";
        for batch in received.chunks(MAX_BATCH) {
            let entries = batch.iter().enumerate().map(|(number, message)| {
                ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(number.to_string())
                    .receipt_handle(message.receipt_handle().unwrap_or_default())
                    .visibility_timeout(0)
                    .build()
            });
            let entries: Result<Vec<_>, _> = entries.collect();
            let other = |message: String| DeadLetterError {
                kind: DeadLetterErrorKind::Failed,
                call: CALL,
                message,
                obstacle: None,
            };
            let entries = entries.map_err(|error| other(error.to_string()))?;
            let call = self.client.change_message_visibility_batch().queue_url(&self.url).set_entries(Some(entries));
            let answer = call.send().await.map_err(|error| failed(CALL, &error))?;
            // Such a message is back already: it came twice, or the look took a minute.
            let failed = answer.failed().iter().find(|entry| !entry.code().contains("MessageNotInflight"));
            if let Some(entry) = failed {
                let because = entry.message().unwrap_or("no message");
                return Err(other(format!("{}: {because}; the message comes back within a minute", entry.code())));
            }
        }
        Ok(())
    }

    /// Begins to move every message back to the queue that it came from. SQS takes no token by which it knows a call
    /// again, so the call is sent once: the answer that a redrive is under way is then never about this one.
    ///
    /// # Errors
    /// [`DeadLetterError`].
    pub async fn redrive(&self, max_per_second: Option<i32>) -> Result<(), DeadLetterError> {
        let once = aws_sdk_sqs::config::Builder::new().retry_config(RetryConfig::disabled());
        let call = self.client.start_message_move_task().source_arn(&self.arn);
        let call = call.set_max_number_of_messages_per_second(max_per_second);
        let answer = call.customize().config_override(once).send().await;
        answer.map(drop).map_err(|error| failed("StartMessageMoveTask", &error))
    }

    /// Returns the latest redrive.
    ///
    /// # Errors
    /// [`DeadLetterError`].
    pub async fn latest(&self) -> Result<Option<MoveTask>, DeadLetterError> {
        let answer = self.client.list_message_move_tasks().source_arn(&self.arn).max_results(1).send().await;
        let answer = answer.map_err(|error| failed("ListMessageMoveTasks", &error))?;
        let counted = |count: i64| u64::try_from(count).unwrap_or_default();
        Ok(answer.results().first().map(|task| MoveTask {
            handle: task.task_handle().map(str::to_owned),
            max_per_second: task.max_number_of_messages_per_second(),
            redrive: Redrive {
                status: RedriveStatus::of(task.status().unwrap_or_default()),
                moved: counted(task.approximate_number_of_messages_moved()),
                to_move: task.approximate_number_of_messages_to_move().map(counted),
                started: Timestamp::from_millisecond(task.started_timestamp()).ok(),
                because: task.failure_reason().map(Into::into),
            },
        }))
    }

    /// Cancels a redrive, and returns how many messages have gone back.
    ///
    /// # Errors
    /// [`DeadLetterError`].
    pub async fn cancel(&self, handle: &str) -> Result<u64, DeadLetterError> {
        let answer = self.client.cancel_message_move_task().task_handle(handle).send().await;
        let answer = answer.map_err(|error| failed(CANCEL, &error))?;
        Ok(u64::try_from(answer.approximate_number_of_messages_moved()).unwrap_or_default())
    }
}

fn dead_letter(message: &Message) -> DeadLetter {
    let attribute = |name| message.attributes().and_then(|all| all.get(&name)).map(String::as_str);
    let sent = attribute(MessageAttribute::SentTimestamp).and_then(|text| text.parse().ok());
    let sent = sent.and_then(|sent| Timestamp::from_millisecond(sent).ok());
    let from = attribute(MessageAttribute::DeadLetterQueueSourceArn);
    DeadLetter::of(message.message_id().unwrap_or_default(), sent, from, message.body().unwrap_or_default())
}

fn failed<E>(call: &'static str, error: &SdkError<E, HttpResponse>) -> DeadLetterError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let failure = Failure::of(error);
    // Behind another obstacle nothing was sent.
    let may_be_sent = matches!(failure.obstacle, None | Some(Obstacle::Unreachable(_)));
    let is_unanswered = failure.is_unanswered() && may_be_sent;
    let Failure { code, status, message, text, obstacle } = failure;
    let kind = match code.as_str() {
        _ if is_unanswered => DeadLetterErrorKind::Unanswered,
        "ResourceNotFoundException" if call == CANCEL => DeadLetterErrorKind::NotRunning,
        code if ["NonExistentQueue", "QueueDoesNotExist", "ResourceNotFound"]
            .iter()
            .any(|part| code.contains(part)) =>
        {
            DeadLetterErrorKind::NoQueue
        }
        code if status == 403 || code.contains("AccessDenied") => DeadLetterErrorKind::Denied,
        _ if text.contains("already a task running") => DeadLetterErrorKind::AlreadyRunning,
        _ => DeadLetterErrorKind::Failed,
    };
    DeadLetterError { kind, call, message: message.to_string(), obstacle }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::stub_http::{Answer, ok, stub_config};
    use super::*;

    const ATTRIBUTES: &str = r#"{"Attributes": {"QueueArn": "arn:aws:sqs:eu-west-1:1:dead",
        "ApproximateNumberOfMessages": "2", "ApproximateNumberOfMessagesNotVisible": "1"}}"#;

    async fn queue(answers: Vec<Answer>) -> DeadLetterQueue {
        let found = [ok(r#"{"QueueUrl": "https://sqs.eu-west-1.amazonaws.com/1/dead"}"#), ok(ATTRIBUTES)];
        DeadLetterQueue::find(&stub_config(found.into_iter().chain(answers)), "dead").await.unwrap()
    }

    #[tokio::test]
    async fn messages_are_shown_once_and_the_oldest_first() {
        let received = r#"{"Messages": [
            {"MessageId": "b", "ReceiptHandle": "1", "Body": "x", "Attributes": {"SentTimestamp": "2000"}},
            {"MessageId": "a", "ReceiptHandle": "2", "Body": "x", "Attributes": {"SentTimestamp": "1000",
                "DeadLetterQueueSourceArn": "arn:aws:sqs:eu-west-1:1:deployer"}},
            {"MessageId": "b", "ReceiptHandle": "3", "Body": "x", "Attributes": {"SentTimestamp": "2000"}}]}"#;
        let task = r#"{"Results": [{"Status": "FAILED", "FailureReason": "AccessDenied", "StartedTimestamp": 3000}]}"#;
        let letters = queue(vec![ok(received), ok("{}"), ok(task)]).await.look(20).await.unwrap();
        let shown: Vec<_> = letters.messages.iter().map(|one| (one.message_id.as_str(), one.from.as_deref())).collect();
        assert_eq!(shown, [("a", Some("deployer")), ("b", None)]);
        assert_eq!((letters.waiting, letters.in_flight), (2, 1));
        let redrive = letters.redrive.unwrap();
        assert_eq!((redrive.status, redrive.because), (RedriveStatus::Failed, Some("AccessDenied".into())));
    }

    #[tokio::test]
    async fn message_that_is_not_given_back_is_an_error_that_says_when_it_comes() {
        let received = r#"{"Messages": [{"MessageId": "a", "ReceiptHandle": "1", "Body": "x"}]}"#;
        let refused = r#"{"Failed": [{"Id": "0", "SenderFault": true, "Code": "NotInflight", "Message": "gone"}]}"#;
        let error = queue(vec![ok(received), ok(refused)]).await.look(1).await.unwrap_err();
        assert!(error.to_string().contains("NotInflight: gone; the message comes back within a minute"), "{error}");
    }

    #[tokio::test]
    async fn error_is_told_by_its_cause() {
        let no = |status, body| (status, vec![], body);
        for (answer, kind) in [
            (no(400, r#"{"__type": "QueueDoesNotExist", "message": "no"}"#), DeadLetterErrorKind::NoQueue),
            (no(404, r#"{"__type": "ResourceNotFoundException", "message": "no"}"#), DeadLetterErrorKind::NoQueue),
            (no(403, r#"{"__type": "AccessDenied", "message": "no"}"#), DeadLetterErrorKind::Denied),
            (
                no(400, r#"{"__type": "InvalidParameterValue", "message": "There is already a task running."}"#),
                DeadLetterErrorKind::AlreadyRunning,
            ),
            (no(400, r#"{"__type": "Broken", "message": "no"}"#), DeadLetterErrorKind::Failed),
            (no(500, r#"{"__type": "Broken", "message": "no"}"#), DeadLetterErrorKind::Unanswered),
        ] {
            let error = queue(vec![answer]).await.redrive(None).await.unwrap_err();
            assert_eq!((error.kind, error.call), (kind, "StartMessageMoveTask"), "{error}");
        }
    }

    #[tokio::test]
    async fn redrive_that_is_over_cannot_be_cancelled() {
        let gone = r#"{"__type": "ResourceNotFoundException", "message": "The task handle is not valid."}"#;
        let error = queue(vec![(400, vec![], gone)]).await.cancel("handle").await.unwrap_err();
        assert_eq!((error.kind, error.call), (DeadLetterErrorKind::NotRunning, "CancelMessageMoveTask"), "{error}");
    }
}
