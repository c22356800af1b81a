"""Roles' own policies, as their sessions are checked against them.

Our reading of IAM User Guide, "Policy evaluation logic", "Permissions boundaries for IAM entities" and "Troubleshoot access
denied error messages"; Lambda API Reference, CreateFunction.
"""

from __future__ import annotations

from typing import Any

from .plain import correction
from .roles import RolesTest, deny, document, may
from .world import Aws, LocalAwsTest, allow, must, zipped

DENIED = ("AccessDeniedException", 403)
NO_IDENTITY = "because no identity-based policy allows the lambda:{} action"


class Functions(RolesTest):
    def setUp(self) -> None:
        super().setUp()
        self.function()
        self.arn = f"arn:aws:lambda:eu-west-1:{self.account}:function:orders"

    def get(self) -> Any:
        return self.caller("lambda").get_function_configuration(FunctionName="orders")

    def update(self, **fields: Any) -> Any:
        return self.caller("lambda").update_function_configuration(FunctionName="orders", **fields)


@correction
class OwnPolicies(Functions):
    def test_a_role_without_policies_may_do_nothing(self) -> None:
        with self.refused(*DENIED, NO_IDENTITY.format("GetFunctionConfiguration")):
            self.get()

    def test_an_inline_policy_grants_what_it_names_and_nothing_else(self) -> None:
        self.grant(may("lambda:GetFunction*", self.arn))
        must(self.get)
        with self.refused(*DENIED, NO_IDENTITY.format("PublishVersion"), self.arn):
            self.caller("lambda").publish_version(FunctionName="orders")

    def test_default_version_of_an_attached_policy_applies(self) -> None:
        iam, policy = self.aws("iam"), self.policy("reads", may("lambda:Get*"))
        iam.attach_role_policy(RoleName="caller", PolicyArn=policy)
        must(self.get)
        iam.create_policy_version(PolicyArn=policy, PolicyDocument=document(may("sqs:*")), SetAsDefault=True)
        with self.refused(*DENIED):
            self.get()

    def test_deny_wins_and_is_named(self) -> None:
        self.grant(may("lambda:*"), deny("lambda:GetFunctionConfiguration"))
        with self.refused(*DENIED, "with an explicit deny in an identity-based policy"):
            self.get()

    def test_a_boundary_limits_and_grants_nothing(self) -> None:
        iam, boundary = self.aws("iam"), self.policy("boundary", may("lambda:GetFunction"))
        iam.put_role_permissions_boundary(RoleName="caller", PermissionsBoundary=boundary)
        with self.refused(*DENIED, "no identity-based policy"):
            self.get()
        self.grant(may("lambda:*"))
        with self.refused(*DENIED, "because no permissions boundary allows the lambda:GetFunctionConfiguration action"):
            self.get()
        must(lambda: self.caller("lambda").get_function(FunctionName="orders"))

    def test_deny_in_the_boundary_is_named(self) -> None:
        boundary = self.policy("boundary", may("*"), deny("lambda:Get*"))
        self.aws("iam").put_role_permissions_boundary(RoleName="caller", PermissionsBoundary=boundary)
        self.grant(may("lambda:*"))
        with self.refused(*DENIED, "with an explicit deny in a permissions boundary"):
            self.get()

    def test_a_session_policy_limits_and_grants_nothing(self) -> None:
        self.caller = self.session(self.caller_role, self.aws, Policy=document(may("lambda:*")))
        with self.refused(*DENIED, "no identity-based policy"):
            self.get()
        self.grant(may("*"))
        must(self.get)
        self.caller = self.session(self.caller_role, self.aws, Policy=document(may("s3:*")))
        with self.refused(*DENIED, "because no session policy allows the lambda:GetFunctionConfiguration action"):
            self.get()
        self.caller = self.session(self.caller_role, self.aws, Policy=document(may("*"), deny("lambda:*")))
        with self.refused(*DENIED, "with an explicit deny in a session policy"):
            self.get()

    def test_a_role_that_is_gone_may_do_nothing(self) -> None:
        self.grant(may("*"))
        must(self.get)
        self.aws("iam").delete_role_policy(RoleName="caller", PolicyName="own")
        self.aws("iam").delete_role(RoleName="caller")
        with self.refused(*DENIED):
            self.get()

    def test_variables_are_replaced_by_the_callers_values(self) -> None:
        self.grant(may("lambda:*", "arn:aws:lambda:eu-west-1:${aws:PrincipalAccount}:function:${aws:PrincipalTag/team}"))
        with self.refused(*DENIED):
            self.get()
        self.caller_role = self.role("tagged", [allow({"AWS": self.account}), allow({"AWS": self.account}, "sts:TagSession")])
        statement = may("lambda:*", "arn:aws:lambda:eu-west-1:${aws:PrincipalAccount}:function:${aws:PrincipalTag/team}")
        self.grant(statement, role="tagged")
        self.caller = self.session(self.caller_role, self.aws, Tags=[{"Key": "team", "Value": "orders"}])
        must(self.get)


@correction
class ConditionKeys(Functions):
    """Service Authorization Reference, "Condition keys for AWS Lambda"."""

    def test_a_network_may_be_bounded_by_its_subnets(self) -> None:
        bounds = {"ForAllValues:StringEquals": {"lambda:SubnetIds": ["subnet-1", "subnet-2"]}}
        self.grant(may("lambda:*", **bounds), may("ec2:Describe*"))
        must(lambda: self.update(VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}))
        with self.refused(*DENIED):
            self.update(VpcConfig={"SubnetIds": ["subnet-1", "subnet-3"], "SecurityGroupIds": ["sg-1"]})

    def test_functions_may_be_kept_out_of_networks(self) -> None:
        self.grant(may("lambda:*", Null={"lambda:VpcIds": "true"}), may("ec2:Describe*"))
        must(lambda: self.update(Timeout=20))
        with self.refused(*DENIED):
            self.update(VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]})

    def test_tags_may_be_bounded_by_key_and_value(self) -> None:
        bounds = {"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}
        values = {"StringEqualsIfExists": {"aws:RequestTag/team": ["orders"]}}
        self.grant(may("lambda:*", **bounds, **values))
        aws = self.caller("lambda")
        must(lambda: aws.tag_resource(Resource=self.arn, Tags={"team": "orders"}))
        for tags in ({"team": "billing"}, {"cost": "1"}, {"team": "orders", "cost": "1"}):
            with self.refused(*DENIED):
                aws.tag_resource(Resource=self.arn, Tags=tags)
        with self.refused(*DENIED):
            aws.untag_resource(Resource=self.arn, TagKeys=["cost"])
        must(lambda: aws.untag_resource(Resource=self.arn, TagKeys=["team"]))

    def test_credentials_tell_the_function_that_they_are_of(self) -> None:
        self.grant(may("lambda:*"), deny("lambda:*", ArnNotLike={"lambda:SourceFunctionArn": [self.arn, f"{self.arn}:*"]}))
        with self.refused(*DENIED):
            self.get()
        for function in (self.arn, f"{self.arn}:7"):
            self.run_in(function)
            must(self.get)
        self.run_in(f"{self.arn}-2")
        with self.refused(*DENIED):
            self.get()

    def run_in(self, function: str) -> None:
        keys = self.control("POST", "session", {"role_arn": self.caller_role, "function_arn": function})
        self.caller = Aws(self.endpoint, keys["access_key_id"], keys["secret_access_key"], keys["session_token"])


@correction
class PermissionsInOtherServices(Functions):
    def needs(self, *rights: tuple[str, str], **fields: Any) -> None:
        """Checks that the update is denied if one of `rights` is missing."""
        own = may(["lambda:UpdateFunctionConfiguration", "lambda:GetFunctionConfiguration"], self.arn)
        for missing, (action, resource) in enumerate(rights):
            self.grant(own, *(may(a, r) for i, (a, r) in enumerate(rights) if i != missing))
            with self.refused(*DENIED, f"{action} on resource: {resource}"):
                self.update(**fields)
        self.grant(own, *(may(a, r) for a, r in rights))
        must(lambda: self.update(**fields))
        must(self.get)

    def test_a_vpc_needs_the_right_to_describe_it(self) -> None:
        described = [(f"ec2:Describe{what}", "*") for what in ("SecurityGroups", "Subnets", "Vpcs")]
        self.needs(*described, VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]})

    def test_leaving_a_vpc_needs_no_such_right(self) -> None:
        with self.refused(*DENIED):
            self.update(VpcConfig={"SubnetIds": [], "SecurityGroupIds": []})
        self.needs(VpcConfig={"SubnetIds": [], "SecurityGroupIds": []})

    def test_a_key_for_variables_needs_the_right_to_it(self) -> None:
        key = f"arn:aws:kms:eu-west-1:{self.account}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
        self.needs(*((f"kms:{action}", key) for action in ("CreateGrant", "Encrypt", "Decrypt")), KMSKeyArn=key)

    def test_a_file_system_needs_the_right_to_describe_its_mount_targets(self) -> None:
        point = f"arn:aws:elasticfilesystem:eu-west-1:{self.account}:access-point/fsap-0123456789abcdef0"
        systems = [{"Arn": point, "LocalMountPath": "/mnt/x"}]
        self.needs(("elasticfilesystem:DescribeMountTargets", "*"), FileSystemConfigs=systems)

    def test_tags_at_creation_need_the_right_to_tag(self) -> None:
        new = self.arn.replace("orders", "new")
        create: dict[str, Any] = {
            "FunctionName": "new",
            "Runtime": "provided.al2023",
            "Handler": "bootstrap",
            "Role": self._role,
            "Code": {"ZipFile": zipped(b"1")},
            "Tags": {"team": "x"},
        }
        own = [may("lambda:CreateFunction", new), may("iam:PassRole", self._role)]
        self.grant(*own)
        with self.refused(*DENIED, "lambda:TagResource"):
            self.caller("lambda").create_function(**create)
        self.grant(*own, may("lambda:TagResource", new))
        must(lambda: self.caller("lambda").create_function(**create))

    def test_pass_role_can_be_limited_to_lambda(self) -> None:
        own = may("lambda:UpdateFunctionConfiguration", self.arn)
        self.grant(own, may("iam:PassRole", "*", StringEquals={"iam:PassedToService": "ecs-tasks.amazonaws.com"}))
        with self.refused(*DENIED, "iam:PassRole"):
            self.update(Role=self._role)
        self.grant(own, may("iam:PassRole", "*", StringEquals={"iam:PassedToService": "lambda.amazonaws.com"}))
        must(lambda: self.update(Role=self._role))


@correction
class UsesAndDenials(Functions):
    def listed(self, what: str) -> list[dict[str, str]]:
        try:
            found: list[dict[str, str]] = self.control("GET", what)[what]
        except OSError as e:
            raise AssertionError(f"{what} are not listed: {e}") from e
        return [one for one in found if one["role_arn"] == self.caller_role]

    def test_allowed_actions_are_listed_once(self) -> None:
        self.grant(may("lambda:GetFunctionConfiguration"))
        must(self.get)
        must(self.get)
        used = {"role_arn": self.caller_role, "action": "lambda:GetFunctionConfiguration", "resource": self.arn}
        self.assertEqual(self.listed("uses"), [used])
        self.control("DELETE", "uses")
        self.assertEqual(self.listed("uses"), [])

    def test_denied_actions_are_listed_with_the_denying_policy(self) -> None:
        with self.refused(*DENIED):
            self.get()
        denied = {
            "role_arn": self.caller_role,
            "action": "lambda:GetFunctionConfiguration",
            "resource": self.arn,
            "because": NO_IDENTITY.format("GetFunctionConfiguration"),
            "session_name": "tests",
        }
        self.assertEqual(self.listed("denials"), [denied])
        self.control("DELETE", "denials")
        self.assertEqual(self.listed("denials"), [])

    def test_denials_of_the_session_policy_are_not_listed(self) -> None:
        self.grant(may("*"))
        self.caller = self.session(self.caller_role, self.aws, Policy=document(may("s3:*")))
        with self.refused(*DENIED):
            self.get()
        self.assertEqual(self.listed("denials"), [])


class TurnedOff(LocalAwsTest):
    def test_at_the_start_a_role_needs_no_policy(self) -> None:
        self.function()
        session = self.session(self.role("caller", allow({"AWS": self.account})), self.aws)
        session("lambda").get_function(FunctionName="orders")

    def test_enforce_without_identity_keeps_identity(self) -> None:
        self.addCleanup(self.control, "POST", "enforce", {"on": True, "identity": False})
        self.function()
        session = self.session(self.role("caller", allow({"AWS": self.account})), self.aws)
        for body, denied in (({"on": True, "identity": True}, True), ({"on": False}, False), ({"on": True}, True)):
            self.control("POST", "enforce", body)
            with self.subTest(body):
                if denied:
                    with self.refused(*DENIED):
                        session("lambda").get_function(FunctionName="orders")
                else:
                    session("lambda").get_function(FunctionName="orders")
