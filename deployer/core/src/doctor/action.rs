//! The Lambda calls that a deployer must be allowed to make, tried on a function that does not exist.
//!
//! AWS checks permissions before it looks for the function. So for a function that does not exist, "not found" means
//! that the call is allowed. Nothing here can name another function than [`PROBE`].

/// The name of the function that calls are tried on, and the key of the tag that they try. No function of this name may
/// exist.
pub const PROBE: &str = "deployer-doctor-probe";

macro_rules! actions {
    ($( $(#[$doc:meta])* $variant:ident = $action:literal; )+) => {
        /// A call that a deployment may need, by Lambda's name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "the names are Lambda's")]
        pub enum ProbedAction { $( $(#[$doc])* $variant, )+ }

        impl ProbedAction {
            /// All calls: first those that only read, then those that every deployment needs, then the rest.
            pub const ALL: &[Self] = &[ $( Self::$variant, )+ ];

            /// Returns the name of the IAM action.
            #[must_use]
            pub fn action(self) -> &'static str {
                match self { $( Self::$variant => concat!("lambda:", $action), )+ }
            }

            /// Whether the call only reads.
            #[must_use]
            pub fn only_reads(self) -> bool {
                self <= Self::ListTags
            }

            /// Whether only a manifest with `reserved_concurrent_executions` needs the call. The target module allows
            /// it only where it is asked to.
            #[must_use]
            pub fn is_about_concurrency(self) -> bool {
                matches!(self, Self::PutFunctionConcurrency | Self::DeleteFunctionConcurrency)
            }
        }
    };
}

actions! {
    /// This call is made first. Only if it answers that the function does not exist are the writing calls made.
    GetFunction = "GetFunction";
    GetAlias = "GetAlias";
    /// This call tells if Lambda holds back the traffic of an alias.
    GetProvisionedConcurrencyConfig = "GetProvisionedConcurrencyConfig";
    ListAliases = "ListAliases";
    ListVersionsByFunction = "ListVersionsByFunction";
    ListTags = "ListTags";
    /// This call is made with `DryRun`.
    UpdateFunctionCode = "UpdateFunctionCode";
    PublishVersion = "PublishVersion";
    UpdateAlias = "UpdateAlias";
    CreateAlias = "CreateAlias";
    UpdateFunctionConfiguration = "UpdateFunctionConfiguration";
    TagResource = "TagResource";
    UntagResource = "UntagResource";
    PutFunctionConcurrency = "PutFunctionConcurrency";
    DeleteFunctionConcurrency = "DeleteFunctionConcurrency";
    /// This call is always made with a qualifier.
    DeleteFunction = "DeleteFunction";
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
