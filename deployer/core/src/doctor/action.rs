//! What a deployer must be allowed to do with a function, tried on one that does not exist.
//!
//! AWS looks at rights before it looks for the function: of one that is not there, "not found" means "you may". Nothing here
//! can name another function than [`PROBE`].

/// The function that rights are tried on. There must be none of this name.
pub const PROBE: &str = "deployer-doctor-probe";

macro_rules! actions {
    ($( $(#[$doc:meta])* $variant:ident = $action:literal; )+) => {
        /// A call that a deployment may need, by Lambda's name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "the names are Lambda's")]
        pub enum ProbedAction { $( $(#[$doc])* $variant, )+ }

        impl ProbedAction {
            /// All of them: reading first, and of what writes what a deployment always needs.
            pub const ALL: &[Self] = &[ $( Self::$variant, )+ ];

            /// The action in IAM's words.
            #[must_use]
            pub fn action(self) -> &'static str {
                match self { $( Self::$variant => concat!("lambda:", $action), )+ }
            }

            /// Whether it only looks.
            #[must_use]
            pub fn only_reads(self) -> bool {
                self <= Self::ListTags
            }
        }
    };
}

actions! {
    /// Is made first: only where it says that there is no such function are those made that write.
    GetFunction = "GetFunction";
    GetAlias = "GetAlias";
    /// Tells whether Lambda holds the traffic of an alias back.
    GetProvisionedConcurrencyConfig = "GetProvisionedConcurrencyConfig";
    ListAliases = "ListAliases";
    ListVersionsByFunction = "ListVersionsByFunction";
    ListTags = "ListTags";
    /// With `DryRun`.
    UpdateFunctionCode = "UpdateFunctionCode";
    PublishVersion = "PublishVersion";
    UpdateAlias = "UpdateAlias";
    CreateAlias = "CreateAlias";
    UpdateFunctionConfiguration = "UpdateFunctionConfiguration";
    TagResource = "TagResource";
    UntagResource = "UntagResource";
    PutFunctionConcurrency = "PutFunctionConcurrency";
    DeleteFunctionConcurrency = "DeleteFunctionConcurrency";
    /// Always with a qualifier.
    DeleteFunction = "DeleteFunction";
}

/// What cannot be tried on something that does not exist, and why.
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
