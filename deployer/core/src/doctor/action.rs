//! The calls that a deployer must be allowed to make in a target, tried on a function and an alarm that do not exist.
//!
//! AWS checks permissions before it looks for the function. So for a function that does not exist, "not found" means
//! that the call is allowed. Nothing here can name another function than [`PROBE`].

use crate::config::Environment;
use crate::config::rollout::Rollout;

/// The name of the function and of the alarm that calls are tried on, and the key of the tag that they try. No function
/// of this name may exist.
pub const PROBE: &str = "deployer-doctor-probe";

macro_rules! actions {
    ($( $(#[$doc:meta])* $variant:ident = $action:literal; )+) => {
        /// A call that a deployment may need, by AWS's name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "the names are AWS's")]
        pub enum ProbedAction { $( $(#[$doc])* $variant, )+ }

        impl ProbedAction {
            /// All calls: first those that only read, then those that every deployment needs, then the rest, and at
            /// last those of rollouts.
            pub const ALL: &[Self] = &[ $( Self::$variant, )+ ];

            /// Returns the name of the IAM action.
            #[must_use]
            pub fn action(self) -> &'static str {
                match self { $( Self::$variant => $action, )+ }
            }

        }
    };
}

actions! {
    /// This call is made first. Only if it answers that the function does not exist are the writing calls made.
    GetFunction = "lambda:GetFunction";
    GetAlias = "lambda:GetAlias";
    /// This call tells if Lambda holds back the traffic of an alias.
    GetProvisionedConcurrencyConfig = "lambda:GetProvisionedConcurrencyConfig";
    ListAliases = "lambda:ListAliases";
    ListVersionsByFunction = "lambda:ListVersionsByFunction";
    ListTags = "lambda:ListTags";
    /// This call is made with `DryRun`.
    UpdateFunctionCode = "lambda:UpdateFunctionCode";
    PublishVersion = "lambda:PublishVersion";
    UpdateAlias = "lambda:UpdateAlias";
    CreateAlias = "lambda:CreateAlias";
    UpdateFunctionConfiguration = "lambda:UpdateFunctionConfiguration";
    TagResource = "lambda:TagResource";
    UntagResource = "lambda:UntagResource";
    PutFunctionConcurrency = "lambda:PutFunctionConcurrency";
    DeleteFunctionConcurrency = "lambda:DeleteFunctionConcurrency";
    /// This call is always made with a qualifier.
    DeleteFunction = "lambda:DeleteFunction";
    /// This call and the next two name no function. The deploy role needs them for all alarms: composite alarms are shown
    /// only so (CloudWatch API Reference, DescribeAlarms and DescribeAlarmHistory), and GetMetricData knows no resource.
    DescribeAlarms = "cloudwatch:DescribeAlarms";
    DescribeAlarmHistory = "cloudwatch:DescribeAlarmHistory";
    GetMetricData = "cloudwatch:GetMetricData";
    /// This call is made with `DryRun`, and always with a qualifier.
    InvokeFunction = "lambda:InvokeFunction";
}

impl ProbedAction {
    /// Returns the calls that deployments to this environment need.
    pub fn of(environment: &Environment) -> impl Iterator<Item = Self> {
        let rolls_out = environment.rollout.is_some();
        Self::ALL.iter().copied().filter(move |action| rolls_out || !action.is_of_rollouts())
    }

    /// Whether the call only reads the function.
    #[must_use]
    pub fn only_reads(self) -> bool {
        self <= Self::ListTags
    }

    /// Whether the call names a function. The others read alarms and metrics.
    #[must_use]
    pub fn names_a_function(self) -> bool {
        !matches!(self, Self::DescribeAlarms | Self::DescribeAlarmHistory | Self::GetMetricData)
    }

    /// Whether only rollouts need the call.
    fn is_of_rollouts(self) -> bool {
        self >= Self::DescribeAlarms
    }

    /// Returns the switch of the target module without which the role may not make this call.
    pub(super) fn switch(self) -> Option<&'static str> {
        match self {
            Self::PutFunctionConcurrency | Self::DeleteFunctionConcurrency => Some("concurrency"),
            Self::DescribeAlarms | Self::DescribeAlarmHistory | Self::GetMetricData => Some("rollouts"),
            Self::InvokeFunction => Some("smoke_tests"),
            _ => None,
        }
    }

    /// Returns what needs this call, if deployments to an environment with this rollout may do without it.
    #[must_use]
    pub fn needed_only_by(self, rollout: Option<&Rollout>) -> Option<&'static str> {
        match self {
            Self::PutFunctionConcurrency | Self::DeleteFunctionConcurrency => {
                Some("a manifest with reserved_concurrent_executions")
            }
            Self::InvokeFunction if rollout.is_none_or(|rollout| rollout.smoke_tests.is_empty()) => {
                Some("a release with a smoke.json")
            }
            _ => None,
        }
    }
}

/// The actions that cannot be tried on a function that does not exist, each with the reason.
pub const UNPROBED: [(&str, &str); 4] = [
    ("lambda:CreateFunction", "it could only be tried by creating a function: the first deployment of one will show"),
    ("iam:PassRole", "it is asked for only when a function gets a role: the first deployment that sets one will show"),
    (
        "kms:GenerateDataKey",
        "it is asked for only where a function has a key of its own for its code: the first deployment of one will show",
    ),
    (
        "lambda:PassCapacityProvider",
        "it is asked for only where a function gets a capacity provider: the first deployment that sets one will show",
    ),
];

impl std::fmt::Display for ProbedAction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.action())
    }
}
