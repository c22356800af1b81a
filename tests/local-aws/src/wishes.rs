//! What a test asks the emulator to do otherwise: faults, and how long writes to Lambda take to settle
//! (tests/local-aws/README.md).

use std::collections::BTreeMap;

use serde::Serialize;

/// Which calls a rule is about; what is absent means any.
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

/// An error answer in place of, or after, what a call does. Once, unless said otherwise.
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
    /// This answer to this API operation.
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

    /// The call is done and the connection closes without an answer.
    #[must_use]
    pub fn lost_answer(operation: &str) -> Self {
        Self { execute: true, ..Self::new(operation, 0, "", "") }
    }

    /// The connection closes without an answer, and the call is done when [`carry_out_late`] says so.
    ///
    /// [`carry_out_late`]: super::control::Control::carry_out_late
    #[must_use]
    pub fn late(operation: &str) -> Self {
        Self { late: true, ..Self::new(operation, 0, "", "") }
    }

    /// Whatever call it is: the connection closes without an answer.
    #[must_use]
    pub fn no_answer() -> Self {
        let any = Self::new("", 0, "", "");
        Self { which: Selector::default(), ..any }
    }

    /// Lambda's 409 while an update is in progress.
    #[must_use]
    pub fn busy(operation: &str) -> Self {
        let message = "The operation cannot be performed at this time. An update is in progress for resource: \
                       arn:aws:lambda:eu-west-1:111111111111:function:local";
        Self::new(operation, 409, "ResourceConflictException", message)
    }

    /// Lambda's 429.
    #[must_use]
    pub fn throttled(operation: &str) -> Self {
        Self::new(operation, 429, "TooManyRequestsException", "Rate exceeded")
    }

    /// Only in this account. Of AssumeRole: the role's.
    #[must_use]
    pub fn in_account(mut self, account: &str) -> Self {
        self.which.account = Some(account.into());
        self
    }

    /// Only in this region.
    #[must_use]
    pub fn in_region(mut self, region: &str) -> Self {
        self.which.region = Some(region.into());
        self
    }

    /// Only calls of sessions whose names begin so.
    #[must_use]
    pub fn of_session(mut self, session: &str) -> Self {
        self.session = Some(session.into());
        self
    }

    /// Only of this function.
    #[must_use]
    pub fn of_function(mut self, function: &str) -> Self {
        self.which.function = Some(function.into());
        self
    }

    /// Only S3 keys that begin so.
    #[must_use]
    pub fn under(mut self, key_prefix: &str) -> Self {
        self.key_prefix = Some(key_prefix.into());
        self
    }

    /// So often.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Always.
    #[must_use]
    pub fn forever(mut self) -> Self {
        self.times = None;
        self
    }

    /// After so many calls that are answered as usual.
    #[must_use]
    pub fn after(mut self, calls: u32) -> Self {
        self.after = calls;
        self
    }

    /// The call is done all the same; only its answer is wrong.
    #[must_use]
    pub fn although_done(mut self) -> Self {
        self.execute = true;
        self
    }
}

/// How a write to Lambda settles.
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
    /// Writes of this kind (`create`, `update`, `publish`) stay under way for so many reads, each time.
    #[must_use]
    pub fn after_reads(kind: &str, reads: u32) -> Self {
        let which = Selector { operation: Some(kind.into()), ..Selector::default() };
        Self { which, reads, fail: None, times: None }
    }

    /// The next write of this kind ends in Failed.
    #[must_use]
    pub fn failing(kind: &str, code: &str, reason: &str) -> Self {
        let fail = BTreeMap::from([("code".into(), code.into()), ("reason".into(), reason.into())]);
        Self { fail: Some(fail), times: Some(1), ..Self::after_reads(kind, 1) }
    }

    /// Only in this account.
    #[must_use]
    pub fn in_account(mut self, account: &str) -> Self {
        self.which.account = Some(account.into());
        self
    }
}
