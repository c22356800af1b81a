//! Faults that a test sets in the emulator, and the time that writes to Lambda take to settle
//! (tests/local-aws/README.md).

use std::collections::BTreeMap;

use serde::Serialize;

/// The calls that a rule applies to; an absent field means any.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Selector {
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
}

/// An error answer, in place of a call or after it, once unless [`Fault::times`] or [`Fault::forever`] is used.
#[derive(Debug, Clone, Serialize)]
pub struct Fault {
    #[serde(flatten)]
    which: Selector,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_prefix: Option<String>,
    times: Option<u32>,
    after: u32,
    status: u16,
    code: String,
    message: String,
    execute: bool,
    late: bool,
}

impl Fault {
    /// Makes an error answer for an API operation.
    #[must_use]
    pub fn new(operation: &str, status: u16, code: &str, message: &str) -> Self {
        Self {
            which: Selector { operation: Some(operation.into()), ..Selector::default() },
            session: None,
            key_prefix: None,
            times: Some(1),
            after: 0,
            status,
            code: code.into(),
            message: message.into(),
            execute: false,
            late: false,
        }
    }

    /// Executes the call and closes the connection without an answer.
    #[must_use]
    pub fn lost_answer(operation: &str) -> Self {
        Self { execute: true, ..Self::new(operation, 0, "", "") }
    }

    /// Closes the connection without an answer, and executes the call at [`execute_late_calls`].
    ///
    /// [`execute_late_calls`]: super::control::Control::execute_late_calls
    #[must_use]
    pub fn late(operation: &str) -> Self {
        Self { late: true, ..Self::new(operation, 0, "", "") }
    }

    /// Closes the connection of any call without an answer.
    #[must_use]
    pub fn no_answer() -> Self {
        let any = Self::new("", 0, "", "");
        Self { which: Selector::default(), ..any }
    }

    /// Answers with Lambda's 409 of an update in progress.
    #[must_use]
    pub fn busy(operation: &str) -> Self {
        let message = "The operation cannot be performed at this time. An update is in progress for resource: \
                       arn:aws:lambda:eu-west-1:111111111111:function:local";
        Self::new(operation, 409, "ResourceConflictException", message)
    }

    /// Answers with Lambda's 429.
    #[must_use]
    pub fn throttled(operation: &str) -> Self {
        Self::new(operation, 429, "TooManyRequestsException", "Rate exceeded")
    }

    /// Limits the fault to an account; for AssumeRole it may be the role's.
    #[must_use]
    pub fn in_account(mut self, account: &str) -> Self {
        self.which.account = Some(account.into());
        self
    }

    /// Limits the fault to a region.
    #[must_use]
    pub fn in_region(mut self, region: &str) -> Self {
        self.which.region = Some(region.into());
        self
    }

    /// Limits the fault to sessions whose names begin with this text.
    #[must_use]
    pub fn of_session(mut self, session: &str) -> Self {
        self.session = Some(session.into());
        self
    }

    /// Limits the fault to a function.
    #[must_use]
    pub fn of_function(mut self, function: &str) -> Self {
        self.which.function = Some(function.into());
        self
    }

    /// Limits the fault to S3 keys that begin with this text.
    #[must_use]
    pub fn under(mut self, key_prefix: &str) -> Self {
        self.key_prefix = Some(key_prefix.into());
        self
    }

    /// Sets the number of calls that the fault applies to.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Applies the fault to all calls.
    #[must_use]
    pub fn forever(mut self) -> Self {
        self.times = None;
        self
    }

    /// Lets the first calls pass.
    #[must_use]
    pub fn after(mut self, calls: u32) -> Self {
        self.after = calls;
        self
    }

    /// Executes the call, so that only its answer is wrong.
    #[must_use]
    pub fn although_done(mut self) -> Self {
        self.execute = true;
        self
    }
}

/// The settling of writes to Lambda.
#[derive(Debug, Clone, Serialize)]
pub struct Settle {
    #[serde(flatten)]
    which: Selector,
    reads: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    fail: Option<BTreeMap<String, String>>,
    times: Option<u32>,
}

impl Settle {
    /// Lets each write of this kind (`create`, `update`, `publish`) stay in progress for a number of reads.
    #[must_use]
    pub fn after_reads(kind: &str, reads: u32) -> Self {
        let which = Selector { operation: Some(kind.into()), ..Selector::default() };
        Self { which, reads, fail: None, times: None }
    }

    /// Lets the next write of this kind end in Failed.
    #[must_use]
    pub fn failing(kind: &str, code: &str, reason: &str) -> Self {
        let fail = BTreeMap::from([("code".into(), code.into()), ("reason".into(), reason.into())]);
        Self { fail: Some(fail), times: Some(1), ..Self::after_reads(kind, 1) }
    }

    /// Limits the rule to an account.
    #[must_use]
    pub fn in_account(mut self, account: &str) -> Self {
        self.which.account = Some(account.into());
        self
    }
}
