//! Reads AWS's access denied messages: they name the kind of policy that denies, or that does not allow.
//!
//! IAM User Guide, "Troubleshoot access denied error messages".

/// The cause of a denial, as AWS's message names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// A policy of this kind denies explicitly, so another Allow does not help.
    Explicit(PolicyKind),
    /// No policy of this kind allows the action.
    Lacking(PolicyKind),
    /// The message names no cause.
    Unspecified,
}

/// The kinds of policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are IAM's")]
pub enum PolicyKind {
    Identity,
    Resource,
    Boundary,
    Session,
    ServiceControl,
    ResourceControl,
    Endpoint,
}

const KINDS: [(&str, PolicyKind); 7] = [
    ("identity-based policy", PolicyKind::Identity),
    ("resource-based policy", PolicyKind::Resource),
    ("permissions boundary", PolicyKind::Boundary),
    ("session policy", PolicyKind::Session),
    ("service control policy", PolicyKind::ServiceControl),
    ("resource control policy", PolicyKind::ResourceControl),
    ("endpoint policy", PolicyKind::Endpoint),
];

impl Denial {
    /// Reads the cause from AWS's message.
    #[must_use]
    pub fn of(words: &str) -> Self {
        let kind = |words: &str| {
            let found = KINDS.iter().filter_map(|(name, kind)| words.find(name).map(|at| (at, *kind)));
            found.min_by_key(|(at, _)| *at).map(|(_, kind)| kind)
        };
        if let Some((_, after)) = words.split_once("explicit deny") {
            // AWS does not always name the kind. An identity policy, one of the caller's own, is then assumed.
            return Self::Explicit(kind(after).unwrap_or(PolicyKind::Identity));
        }
        match words.split_once("because no ").and_then(|(_, after)| kind(after)) {
            Some(kind) => Self::Lacking(kind),
            None => Self::Unspecified,
        }
    }

    /// Returns advice on how to lift the denial. None where a missing Allow in the policies of this project's Terraform
    /// modules is the likely cause.
    #[must_use]
    pub fn advice(self) -> Option<&'static str> {
        use PolicyKind as Kind;
        Some(match self {
            Self::Explicit(Kind::Identity) => {
                "a policy denies it outright, so another Allow does not help: that denial has to go"
            }
            Self::Explicit(Kind::Resource) => {
                "the policy of the resource denies it outright, so another Allow does not help: that denial has to go"
            }
            Self::Explicit(Kind::Boundary) => {
                "the role's permissions boundary denies it outright: that denial has to go"
            }
            Self::Explicit(Kind::Session) | Self::Lacking(Kind::Session) => {
                "the policy of the deployer's own session does not let it through: no policy of the account mends that"
            }
            Self::Explicit(Kind::ServiceControl) | Self::Lacking(Kind::ServiceControl) => {
                "a service control policy has to let it through: ask whoever runs the organization"
            }
            Self::Explicit(Kind::ResourceControl) | Self::Lacking(Kind::ResourceControl) => {
                "a resource control policy has to let it through: ask whoever runs the organization"
            }
            Self::Explicit(Kind::Endpoint) | Self::Lacking(Kind::Endpoint) => {
                "the policy of the VPC endpoint has to let it through"
            }
            Self::Lacking(Kind::Boundary) => "the role's permissions boundary has to allow it too",
            Self::Lacking(Kind::Identity | Kind::Resource) | Self::Unspecified => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denial_is_read_from_awss_message() {
        let not =
            "User: arn:aws:sts::1:assumed-role/r/s is not authorized to perform: lambda:UpdateAlias on resource: arn";
        for (words, expected) in [
            (
                "because no identity-based policy allows the lambda:UpdateAlias action",
                Denial::Lacking(PolicyKind::Identity),
            ),
            ("because no resource-based policy allows the s3:GetObject action", Denial::Lacking(PolicyKind::Resource)),
            ("because no permissions boundary allows the s3:GetObject action", Denial::Lacking(PolicyKind::Boundary)),
            ("because no session policy allows the lambda:GetFunction action", Denial::Lacking(PolicyKind::Session)),
            ("with an explicit deny in a service control policy", Denial::Explicit(PolicyKind::ServiceControl)),
            ("with an explicit deny in a permissions boundary", Denial::Explicit(PolicyKind::Boundary)),
            ("with an explicit deny", Denial::Explicit(PolicyKind::Identity)),
            ("", Denial::Unspecified),
        ] {
            assert_eq!(Denial::of(&format!("{not} {words}")), expected, "{words}");
        }
    }

    #[test]
    fn message_without_a_cause_gets_no_advice() {
        assert_eq!(Denial::of("Access Denied").advice(), None);
        assert!(Denial::of("with an explicit deny in a service control policy").advice().is_some());
    }
}
