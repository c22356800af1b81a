//! Rows about the trust policies of the module `uploader`: the tokens, services and principals that take CI's role.

use super::{ADMIN, AccessRequest, Caller, PolicyRef, Row, STRANGE, STRANGER, TOOLING, anything, may, may_not};

const ROLE: &str = "arn:aws:iam::123456789012:role/ci";

pub(super) fn rows(rows: &mut Vec<Row>) {
    build_agents(rows);
    principals(rows);
    pods(rows);
    for kind in KINDS {
        kind.rows(rows);
    }
}

fn takes(who: Caller, trust: &'static str, action: &'static str) -> AccessRequest {
    AccessRequest::of(&who, PolicyRef::Silent, action, ROLE).trusted_by(PolicyRef::Named(trust), TOOLING)
}

fn build_agents(rows: &mut Vec<Row>) {
    let ec2 = || takes(Caller::Service("ec2.amazonaws.com"), "build_agent/trust", "sts:AssumeRole");
    may(rows, "a build agent takes the uploader's role", ec2());
    may_not(rows, "no other service does", AccessRequest { who: Caller::Service("lambda.amazonaws.com"), ..ec2() });
    may_not(rows, "and in no other way", AccessRequest { action: "sts:TagSession", ..ec2() });
}

fn principals(rows: &mut Vec<Row>) {
    let ci = Caller::Role("333333333333", "ci");
    let named = |who: &Caller, action| anything(who, action, ROLE).trusted_by(PolicyRef::Named("named/trust"), TOOLING);
    may(rows, "the principal that is named takes the uploader's role", named(&ci, "sts:AssumeRole"));
    for other in [&Caller::Role("333333333333", "admin"), &ADMIN, &STRANGER] {
        may_not(rows, "nobody else does", named(other, "sts:AssumeRole"));
    }
    may_not(rows, "and in no other way", named(&ci, "sts:TagSession"));
}

fn pods(rows: &mut Vec<Row>) {
    let (cluster, namespace) = ("aws:RequestTag/eks-cluster-arn", "aws:RequestTag/kubernetes-namespace");
    let account = "aws:RequestTag/kubernetes-service-account";
    let eks = "pods.eks.amazonaws.com";
    let pod = |service, action| {
        takes(Caller::Service(service), "eks_pods/trust", action)
            .with("aws:SourceAccount", TOOLING)
            .with(cluster, "arn:aws:eks:eu-west-1:123456789012:cluster/ci")
            .with(namespace, "builds")
            .with(account, "orders")
    };
    for action in ["sts:AssumeRole", "sts:TagSession"] {
        may(rows, "EKS takes the uploader's role for pods of the service account, with their tags", pod(eks, action));
        for other in
            ["arn:aws:eks:eu-west-1:123456789012:cluster/apps", "arn:aws:eks:us-east-1:123456789012:cluster/ci"]
        {
            may_not(rows, "not for another cluster", pod(eks, action).with(cluster, other));
        }
        may_not(rows, "not for another namespace", pod(eks, action).with(namespace, "default"));
        may_not(rows, "not for another service account", pod(eks, action).with(account, "default"));
        may_not(rows, "not for another account", pod(eks, action).with("aws:SourceAccount", STRANGE));
        let untagged = takes(Caller::Service(eks), "eks_pods/trust", action).with("aws:SourceAccount", TOOLING);
        may_not(rows, "not without the tags", untagged);
        may_not(rows, "no other service does", pod("eks.amazonaws.com", action));
    }
    for action in ["sts:SetSourceIdentity", "sts:AssumeRoleWithWebIdentity"] {
        may_not(rows, "and in no other way", pod(eks, action));
    }
}

/// Spells out the UUIDs of the contract's example, which the texts below abbreviate to their last letter.
fn spelled(text: &str) -> String {
    let uuid = |letter: &str| format!("c0ffee00-0000-4000-8000-0000000000{letter}{letter}");
    ["a", "b", "c", "d", "e"]
        .iter()
        .fold(text.to_owned(), |text, letter| text.replace(&format!("<{letter}>"), &uuid(letter)))
}

/// A kind of CI that comes with tokens of an OIDC provider.
struct Kind {
    trust: &'static str,
    /// The provider, as it is named in its ARN.
    provider: &'static str,
    /// The condition keys of the token's audience and subject.
    keys: [&'static str; 2],
    audience: &'static str,
    /// Subjects that take the role.
    subjects: &'static [&'static str],
    /// Subjects of other branches, projects and repositories.
    others: &'static [&'static str],
    /// An audience of other tokens of the same provider.
    other_audience: &'static str,
}

const GITHUB: &str = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com";
const GITHUB_KEYS: [&str; 2] = ["token.actions.githubusercontent.com:aud", "token.actions.githubusercontent.com:sub"];

const KINDS: &[Kind] = &[
    Kind {
        trust: "github/trust",
        provider: GITHUB,
        keys: GITHUB_KEYS,
        audience: "sts.amazonaws.com",
        subjects: &["repo:acme/orders:ref:refs/heads/main"],
        others: &[
            "repo:acme/orders:ref:refs/heads/feature",
            "repo:acme/orders:pull_request",
            "repo:mallory/orders:ref:refs/heads/main",
        ],
        other_audience: "https://github.com/mallory",
    },
    Kind {
        trust: "several/trust",
        provider: GITHUB,
        keys: GITHUB_KEYS,
        audience: "sts.amazonaws.com",
        subjects: &["repo:acme/orders:ref:refs/heads/main", "repo:acme@1/billing@2:environment:release"],
        others: &[
            "repo:acme/orders:environment:release",
            "repo:acme@1/billing@2:ref:refs/heads/main",
            "repo:acme@1/billing@2:environment:test",
            "repo:acme@1/billing@3:environment:release",
            "repo:acme/billing:environment:release",
            "repo:acme/reports:ref:refs/heads/main",
        ],
        other_audience: "https://github.com/mallory",
    },
    Kind {
        trust: "gitlab/trust",
        provider: "arn:aws:iam::123456789012:oidc-provider/gitlab.com",
        keys: ["gitlab.com:aud", "gitlab.com:sub"],
        audience: "https://gitlab.com",
        subjects: &["project_path:acme/billing:ref_type:branch:ref:main"],
        others: &[
            "project_path:acme/billing:ref_type:branch:ref:feature",
            "project_path:acme/billing:ref_type:tag:ref:main",
            "project_path:mallory/billing:ref_type:branch:ref:main",
        ],
        other_audience: "https://gitlab.example",
    },
    Kind {
        trust: "bitbucket/trust",
        provider: concat!(
            "arn:aws:iam::123456789012:oidc-provider/",
            "api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"
        ),
        keys: [
            "api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc:aud",
            "api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc:sub",
        ],
        audience: "ari:cloud:bitbucket::workspace/<a>",
        subjects: &["{<b>}:{<c>}:{<d>}"],
        others: &[
            // A step without a deployment environment.
            "{<b>}:{<d>}",
            "{<b>}:{<e>}:{<d>}",
            "{<e>}:{<c>}:{<d>}",
        ],
        other_audience: "ari:cloud:bitbucket::workspace/<e>",
    },
    Kind {
        trust: "buildkite/trust",
        provider: "arn:aws:iam::123456789012:oidc-provider/agent.buildkite.com",
        keys: ["agent.buildkite.com:aud", "agent.buildkite.com:sub"],
        audience: "sts.amazonaws.com",
        subjects: &[
            "organization:acme:pipeline:orders:ref:refs/heads/main:commit:1da177e4c3f4:step:deploy",
            "organization:acme:pipeline:orders:ref:refs/heads/main:commit:1da177e4c3f4:step:",
        ],
        others: &[
            "organization:acme:pipeline:orders:ref:refs/heads/feature:commit:1da177e4c3f4:step:deploy",
            "organization:acme:pipeline:orders:ref:refs/heads/main-of-mine:commit:1da177e4c3f4:step:deploy",
            "organization:acme:pipeline:billing:ref:refs/heads/main:commit:1da177e4c3f4:step:deploy",
            "organization:mallory:pipeline:orders:ref:refs/heads/main:commit:1da177e4c3f4:step:deploy",
        ],
        other_audience: "https://vault.example.com",
    },
    Kind {
        trust: "circleci/trust",
        provider: "arn:aws:iam::123456789012:oidc-provider/oidc.circleci.com/org/c0ffee00-0000-4000-8000-0000000000aa",
        keys: [
            "oidc.circleci.com/org/c0ffee00-0000-4000-8000-0000000000aa:aud",
            "oidc.circleci.com/org/c0ffee00-0000-4000-8000-0000000000aa:sub",
        ],
        audience: "<a>",
        subjects: &["org/<a>/project/<b>/user/<d>/vcs-origin/github.com/acme/orders/vcs-ref/refs/heads/main"],
        others: &[
            // The token CIRCLE_OIDC_TOKEN, which names no branch.
            "org/<a>/project/<b>/user/<d>",
            "org/<a>/project/<b>/user/<d>/vcs-origin/github.com/acme/orders/vcs-ref/refs/heads/feature",
            "org/<a>/project/<b>/user/<d>/vcs-origin/github.com/mallory/orders/vcs-ref/refs/heads/main",
            "org/<a>/project/<e>/user/<d>/vcs-origin/github.com/acme/orders/vcs-ref/refs/heads/main",
            // A branch whose name goes on with the origin and the ref that are trusted.
            concat!(
                "org/<a>/project/<b>/user/<d>/vcs-origin/github.com/acme/orders/vcs-ref/refs/heads/x",
                "/vcs-origin/github.com/acme/orders/vcs-ref/refs/heads/main"
            ),
        ],
        other_audience: "<e>",
    },
    Kind {
        trust: "oidc/trust",
        provider: "arn:aws:iam::123456789012:oidc-provider/ci.example.com/oidc/acme",
        keys: ["ci.example.com/oidc/acme:aud", "ci.example.com/oidc/acme:sub"],
        audience: "deployer",
        subjects: &["repo:acme/orders:ref:main:run:7", "release-bot"],
        others: &["repo:acme/orders:ref:feature:run:7", "repo:mallory/orders:ref:main:run:7", "release-bot2", "other"],
        other_audience: "vault",
    },
];

impl Kind {
    fn rows(&self, rows: &mut Vec<Row>) {
        let [audience, subject] = self.keys;
        let comes = |provider, sub: &str| {
            takes(Caller::Federated(provider), self.trust, "sts:AssumeRoleWithWebIdentity")
                .with(audience, spelled(self.audience))
                .with(subject, spelled(sub))
        };
        for sub in self.subjects {
            may(rows, "a run that is trusted takes the uploader's role", comes(self.provider, sub));
            let elsewhere = comes(self.provider, sub).with(audience, spelled(self.other_audience));
            may_not(rows, "not with a token for another audience", elsewhere);
            may_not(
                rows,
                "and in no other way",
                AccessRequest { action: "sts:TagSession", ..comes(self.provider, sub) },
            );
            for other in KINDS.iter().filter(|other| other.provider != self.provider) {
                may_not(rows, "nor somebody whom another provider vouches for", comes(other.provider, sub));
            }
        }
        for other in self.others {
            may_not(
                rows,
                "no other branch, tag, pull request, project or repository does",
                comes(self.provider, other),
            );
        }
        let nameless = takes(Caller::Federated(self.provider), self.trust, "sts:AssumeRoleWithWebIdentity");
        may_not(rows, "nor a token that says neither", nameless);
    }
}
