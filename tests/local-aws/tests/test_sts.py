"""AssumeRole and trust policies.

Our reading of STS API Reference, AssumeRole, and IAM User Guide, "AWS JSON policy elements: Principal".
"""

from __future__ import annotations

import json
from typing import Any

from .plain import correction
from .world import Aws, LocalAwsTest, allow, must

DENIED = ("AccessDenied", 403)


class Trust(LocalAwsTest):
    """Tests of a deployer's session in one account and roles in another."""

    def setUp(self) -> None:
        super().setUp()
        self.other = self.new_account()
        self.deployer_role = self.role("deployer", allow({"AWS": self.account}))
        self.deployer = self.session(self.deployer_role, self.aws)

    def target(self, *trust: dict[str, Any]) -> str:
        return self.role("target", list(trust), aws=self.other)

    def deployers(self, action: str = "sts:AssumeRole", **condition: dict[str, str]) -> dict[str, Any]:
        return allow({"AWS": self.deployer_role}, action, **({"Condition": condition} if condition else {}))

    def assume(self, role: str, **more: Any) -> Any:
        return must(lambda: self.session(role, self.deployer, **more))


@correction
class Refusals(Trust):
    def test_a_role_that_does_not_exist_looks_like_a_denial(self) -> None:
        role = f"arn:aws:iam::{self.other.account}:role/absent"
        with self.refused(*DENIED, "is not authorized to perform: sts:AssumeRole on resource: " + role):
            self.session(role, self.deployer)

    def test_another_principal_than_the_one_trusted_is_denied(self) -> None:
        role = self.target(allow({"AWS": f"arn:aws:iam::{self.account}:role/somebody"}))
        with self.refused(*DENIED, f"User: arn:aws:sts::{self.account}:assumed-role/deployer/tests"):
            self.session(role, self.deployer)

    def test_a_wrong_external_id_is_denied_and_so_is_none(self) -> None:
        role = self.target(self.deployers(StringEquals={"sts:ExternalId": "dev-8c1f"}))
        for wrong in ({"ExternalId": "dev-0000"}, {}):
            with self.refused(*DENIED):
                self.session(role, self.deployer, **wrong)

    def test_a_source_identity_of_another_pattern_is_denied_and_so_is_none(self) -> None:
        role = self.target(
            self.deployers(StringLike={"sts:SourceIdentity": "deployer-*"}), self.deployers("sts:SetSourceIdentity")
        )
        for wrong in ({"SourceIdentity": "person"}, {}):
            with self.refused(*DENIED):
                self.session(role, self.deployer, **wrong)

    def test_a_source_identity_needs_a_statement_of_its_own(self) -> None:
        with self.refused(*DENIED, "sts:SetSourceIdentity"):
            self.session(self.target(self.deployers()), self.deployer, SourceIdentity="deployer-1")

    def test_tags_need_a_statement_of_their_own(self) -> None:
        with self.refused(*DENIED, "sts:TagSession"):
            self.session(self.target(self.deployers()), self.deployer, Tags=[{"Key": "team", "Value": "x"}])

    def test_another_organization_is_denied(self) -> None:
        role = self.target(self.deployers(StringEquals={"aws:PrincipalOrgID": "o-ours"}))
        self.control("POST", "organization", {"accounts": {self.account: "o-theirs"}})
        with self.refused(*DENIED):
            self.session(role, self.deployer)

    def test_a_session_policy_of_more_than_2048_characters_is_refused(self) -> None:
        with self.refused("PackedPolicyTooLarge", 400):
            self.session(self.target(self.deployers()), self.deployer, Policy='{"Statement":[]}' + " " * 2048)

    def test_a_chained_session_lasts_an_hour_at_most(self) -> None:
        with self.refused("ValidationError", 400, "role chaining"):
            self.session(self.target(self.deployers()), self.deployer, DurationSeconds=3601)

    def test_the_root_of_an_account_is_its_root(self) -> None:
        self.assertEqual(self.aws("sts").get_caller_identity()["Arn"], f"arn:aws:iam::{self.account}:root")


class Assumed(Trust):
    def test_credentials_belong_to_the_roles_account_if_all_conditions_hold(self) -> None:
        self.control("POST", "organization", {"accounts": {self.account: "o-ours"}})
        role = self.target(
            self.deployers(
                StringEquals={"sts:ExternalId": "dev-8c1f", "aws:PrincipalOrgID": "o-ours"},
                StringLike={"sts:SourceIdentity": "deployer-*"},
            ),
            self.deployers("sts:SetSourceIdentity"),
            self.deployers("sts:TagSession", **{"ForAllValues:StringEquals": {"aws:TagKeys": "team"}}),
        )
        tags = [{"Key": "team", "Value": "x"}]
        session = self.assume(role, ExternalId="dev-8c1f", SourceIdentity="deployer-1", Tags=tags)
        who = session("sts").get_caller_identity()
        self.assertEqual(who["Account"], self.other.account)
        self.assertEqual(who["Arn"], f"arn:aws:sts::{self.other.account}:assumed-role/target/tests")

    def test_trust_in_the_root_allows_the_whole_account(self) -> None:
        self.assume(self.target(allow({"AWS": f"arn:aws:iam::{self.account}:root"})))

    def test_a_role_with_a_path_can_be_assumed(self) -> None:
        iam = self.other("iam")
        trust = json.dumps({"Version": "2012-10-17", "Statement": [self.deployers()]})
        role = iam.create_role(RoleName="target", Path="/deploy/", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        self.assume(role)

    def test_assume_role_is_logged_with_its_parameters(self) -> None:
        self.control("DELETE", "calls")
        self.assume(self.target(self.deployers()), Policy='{"Statement":[]}')
        (call,) = self.control("GET", "calls")["calls"][-1:]
        self.assertEqual(call["parameters"]["policy"], '{"Statement":[]}')
        self.assertEqual((call["operation"], call["session_name"]), ("AssumeRole", "tests"))


class Signed(LocalAwsTest):
    """Tests of GetCallerIdentity of a session."""

    def setUp(self) -> None:
        super().setUp()
        keys = self.aws("sts").assume_role(RoleArn=self.role("signer", allow({"AWS": self.account})), RoleSessionName="ann")
        self.keys = keys["Credentials"]

    def by(self, secret: str) -> Aws:
        return Aws(self.endpoint, self.keys["AccessKeyId"], secret, self.keys["SessionToken"])


class OwnSignatures(Signed):
    def test_the_own_secret_is_taken(self) -> None:
        self.assertTrue(self.by(self.keys["SecretAccessKey"])("sts").get_caller_identity()["Arn"].endswith("/signer/ann"))


@correction
class ForeignSignatures(Signed):
    def test_another_secret_is_refused_with_the_whole_call(self) -> None:
        with self.refused("SignatureDoesNotMatch", 403, "does not match", self.keys["SessionToken"]):
            self.by("another")("sts").get_caller_identity()
