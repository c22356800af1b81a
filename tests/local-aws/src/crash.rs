//! Kills the deployer during an invocation.

use std::pin::pin;

use serde_json::Value;

use super::calls::Call;
use super::runtime::Answer;
use super::{LOOKS_EVERY, LocalAws};
use fixtures::error::{Error, Result};

/// The beginning of the names of the deployer's sessions, in its own account and in target accounts.
const SESSIONS: &str = "deployer";

/// The result of a delivery during which the deployer was to be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupted {
    /// The deployer was killed before it answered.
    Killed,
    /// The deployer answered first, or there was nothing to deliver.
    EndedBefore,
}

/// A moment in an invocation, by the number of a call in the order of arrival; the first is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The call is not executed.
    Before(u32),
    /// The call is executed, and its answer does not arrive.
    After(u32),
}

impl LocalAws {
    /// Delivers a batch and kills the deployer once the emulator has answered a matching call. Afterwards every message
    /// is back in the queue. Calls that the deployer has sent by then are still executed.
    ///
    /// # Errors
    /// The harness fails.
    pub async fn deliver_and_kill_after(&self, such: impl Fn(&Call) -> bool) -> Result<Interrupted> {
        let since = self.last_call().await?;
        let such_a_call = async {
            while !self.control().calls_since(since).await?.iter().any(&such) {
                tokio::time::sleep(LOOKS_EVERY).await;
            }
            Ok::<_, Error>(())
        };
        self.deliver_and_kill_when(such_a_call).await
    }

    /// Delivers a batch and kills the deployer exactly at this moment: all earlier calls are executed, no later one is.
    /// Afterwards every message is back in the queue.
    ///
    /// # Errors
    /// The harness fails.
    pub async fn deliver_and_kill_at(&self, moment: Moment) -> Result<Interrupted> {
        let (calls, execute) = match moment {
            Moment::Before(call) => (call, false),
            Moment::After(call) => (call, true),
        };
        self.control().hold(SESSIONS, calls, execute).await?;
        self.deliver_and_kill_when_held().await
    }

    /// Delivers a batch and kills the deployer when this call of an operation is executed, counted from 1: it does not
    /// learn of the answer, and no later call is executed. Afterwards every message is back in the queue.
    ///
    /// # Errors
    /// The harness fails.
    pub async fn deliver_and_kill_at_call(&self, operation: &str, number: u32) -> Result<Interrupted> {
        self.control().hold_at(SESSIONS, operation, number).await?;
        self.deliver_and_kill_when_held().await
    }

    /// Invokes the deployer and kills it as [`LocalAws::deliver_and_kill_at_call`] does.
    ///
    /// # Errors
    /// The harness fails.
    pub async fn invoke_and_kill_at_call(&self, payload: &Value, operation: &str, number: u32) -> Result<Interrupted> {
        self.control().hold_at(SESSIONS, operation, number).await?;
        let invocation = async { self.invoke(payload).await.map(Some) };
        let interrupted = self.kill_when(self.held(), invocation).await;
        self.control().release().await?;
        interrupted
    }

    /// Whether the deployer has made a call, in any account.
    #[must_use]
    pub fn is_by_deployer(call: &Call) -> bool {
        call.session_name.as_ref().is_some_and(|name| name.starts_with(SESSIONS))
    }

    async fn held(&self) -> Result<()> {
        while !self.control().is_held().await? {}
        Ok(())
    }

    async fn deliver_and_kill_when_held(&self) -> Result<Interrupted> {
        let interrupted = self.deliver_and_kill_when(self.held()).await;
        self.control().release().await?;
        interrupted
    }

    async fn deliver_and_kill_when(&self, then: impl Future<Output = Result<()>>) -> Result<Interrupted> {
        let delivery = async {
            let delivered = self.mapping.deliver_once(&self.deployer).await?;
            Ok(delivered.map(|delivery| delivery.answer))
        };
        self.kill_when(then, delivery).await
    }

    /// Kills the deployer as soon as `then` is over, in the middle of `work`, which returns the deployer's answer.
    async fn kill_when(
        &self,
        then: impl Future<Output = Result<()>>,
        work: impl Future<Output = Result<Option<Answer>>>,
    ) -> Result<Interrupted> {
        let mut work = pin!(work);
        tokio::select! {
            biased;
            seen = then => seen?,
            done = &mut work => return done.map(|_| Interrupted::EndedBefore),
        }
        self.deployer.kill();
        match work.await? {
            Some(Answer::FunctionError { error_type, .. }) if error_type == "Runtime.ExitError" => {
                Ok(Interrupted::Killed)
            }
            _ => Ok(Interrupted::EndedBefore),
        }
    }
}
