//! A request that is repeated by its id (`--id`): the deployer tells what became of it, before anything is shown, asked
//! or sent. Whoever repeats a request has confirmed it already, so that nothing is shown and asked again; one that has
//! ended is not sent again.

use std::time::Duration;

use deployer_core::id::FunctionName;
use deployer_core::record::DeploymentRecord;
use deployer_core::trigger::{Command, CommandRequest};

use crate::answer::{Answer, CliError};
use crate::follow::{self, Followed, Stage, Until};
use crate::remote;

/// The time that the look for the earlier request takes at most. If it fails, the request is like a new one.
const LOOK: Duration = Duration::from_secs(60);

/// An earlier request of the same id.
#[derive(Debug)]
pub(crate) enum Repeated<T> {
    /// There is none, as far as the deployer could be asked.
    New,
    /// It is under way, is next or waits: the same request again is answered with its progress.
    /// Tells the function that it is about, where it is about one.
    Open(Option<FunctionName>),
    /// It has ended.
    Ended(Box<T>),
}

/// Says that a request has ended before it was repeated.
const ENDED: &str = "this request has ended already:\n";

/// Answers with a request that has ended, and says so.
pub(crate) fn ended<T: Followed>(answer: &T) -> Answer {
    ended_as(&answer.text(), answer)
}

/// Answers the same in these words.
pub(crate) fn ended_as<T: Followed>(text: &str, answer: &T) -> Answer {
    Answer::with_text(format!("{ENDED}{text}"), answer, answer.exit())
}

impl follow::Options {
    /// Sends a command whose answer is a record, and reports how the deployment ended.
    ///
    /// # Errors
    /// [`CliError`]: 4 where the deployment has not ended in time, 130 where the user interrupts the wait; the message
    /// says whether the deployer has accepted the request.
    pub async fn run_command(&self, command: Command) -> Result<Answer, CliError> {
        match self.repeated::<DeploymentRecord>(&command).await? {
            Repeated::Ended(record) => Ok(ended(&*record)),
            Repeated::New | Repeated::Open(_) => {
                let record = self.follow_command::<DeploymentRecord>(command, Until::WaitingOrEnded).await?;
                Ok(Self::answer_of(&record))
            }
        }
    }

    /// Asks the deployer what became of the request that the user repeats by `--id`. An older deployer, which refuses the
    /// question, and one that does not answer have told nothing.
    ///
    /// # Errors
    /// Wrong use: the id was another command's, or is that of a deployment or a group.
    pub async fn repeated<T: Followed>(&self, command: &Command) -> Result<Repeated<T>, CliError> {
        let Some(id) = self.id() else { return Ok(Repeated::New) };
        let request = self.requester.request(command.clone(), Some(id.to_owned()));
        let request = CommandRequest { only_if_known: true, ..request };
        let look = async { self.remote.remote().await?.send::<Option<T>>(&request).await };
        match tokio::time::timeout(LOOK, look).await {
            Ok(Ok(Some(earlier))) if earlier.stage() == Stage::Ended => Ok(Repeated::Ended(Box::new(earlier))),
            Ok(Ok(Some(open))) => Ok(Repeated::Open(open.function().cloned())),
            Ok(Err(error)) if remote::is_of_used_id(&error) || remote::is_of_deployments_id(&error) => Err(error),
            Ok(Ok(None) | Err(_)) | Err(_) => Ok(Repeated::New),
        }
    }
}
