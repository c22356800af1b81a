//! The questions that a test asks of a world: its calls and writes, and answers to commands.

use super::*;

impl World {
    /// Gives a command by hand, and returns its answer.
    ///
    /// # Panics
    /// If the command is not carried out.
    pub async fn command(&self, command: Value) -> Value {
        match self.invocation().run(&Trigger::Command(command)).await.outcome {
            Outcome::Answered(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    /// Gives a command that is answered with a record, and returns the record.
    ///
    /// # Panics
    /// If the answer is no record.
    pub async fn command_record(&self, command: Value) -> DeploymentRecord {
        serde_json::from_value(self.command(command).await).unwrap()
    }

    /// Gives an invalid command, and returns the function's error type and message.
    ///
    /// # Panics
    /// If the command is carried out.
    pub async fn command_error(&self, command: Value) -> (String, String) {
        match self.invocation().run(&Trigger::Command(command)).await.outcome {
            Outcome::Refused { error_type, message } => (error_type, message),
            other => panic!("{other:?}"),
        }
    }

    /// Returns every port call so far.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.shared.log.lock().unwrap().clone()
    }

    /// Returns every call of an operation so far.
    #[must_use]
    pub fn calls_of(&self, op: Op) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.op == op).collect()
    }

    /// Returns the writing calls to Lambda so far, in a line each: `UpdateAlias 111111111111/eu-west-1 orders: ok`.
    #[must_use]
    pub fn writes(&self) -> Vec<String> {
        self.calls().iter().filter(|call| call.op.is_lambda_write()).map(ToString::to_string).collect()
    }

    /// Returns the maximal number of targets that were worked on at once, each from its first call to its last.
    #[must_use]
    pub fn most_places_at_once(&self) -> usize {
        let mut places: BTreeMap<String, (Duration, Duration)> = BTreeMap::new();
        for call in self.calls().into_iter().filter(|call| call.op >= Op::AssumeRole) {
            let (began, ended) = (call.began, call.ended.unwrap_or(call.began));
            let span = places.entry(call.place).or_insert((began, ended));
            *span = (span.0.min(began), span.1.max(ended));
        }
        most_at_once(places.into_values())
    }

    /// Delivers every event so far once more, by both channels. The answer must be an ended record or that it is
    /// ignored, nothing may be written, and no target account may see more than an AssumeRole.
    ///
    /// # Panics
    /// If a delivery changes something.
    pub async fn same_again_changes_nothing(&self) {
        let uploads = self.delivered.lock().unwrap().clone();
        assert!(!uploads.is_empty(), "nothing was delivered");
        // Updates that are still under way end within this second.
        self.pass(Duration::from_secs(1)).await;
        for upload in uploads {
            // S3's notification and EventBridge's event of the same upload carry different times.
            let later = Upload { time: upload.time + Duration::from_secs(2), ..upload.clone() };
            for event in [upload, later] {
                let (before, calls) = (self.snapshot(), self.calls().len());
                let first = self.deliver(&event).await.unwrap_or_else(|transient| panic!("{transient}"));
                if let EventOutcome::Recorded(record) = &first {
                    assert!(record.status.is_ended(), "{record:?}");
                }
                assert_eq!(self.snapshot(), before, "the same event again changed something");
                for call in &self.calls()[calls..] {
                    assert!(!call.is_lasting_write() && !call.op.is_lambda(), "the same event again called {call}");
                }
            }
        }
        self.aws(|aws| {
            for lambda in aws.lambdas.values() {
                assert!(lambda.forbidden.is_empty(), "{:?}", lambda.forbidden);
            }
        });
    }
}
