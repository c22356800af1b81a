"""Pending, InProgress, conflicts and revisions: our reading of Lambda Developer Guide, "Lambda function states"."""

from __future__ import annotations

from .plain import correction
from .world import LocalAwsTest, must, zipped

BUSY = ("ResourceConflictException", 409)
STALE = ("PreconditionFailedException", 412)


class States(LocalAwsTest):
    def setUp(self) -> None:
        super().setUp()
        self.lam = self.aws("lambda")

    def update(self, content: bytes = b"2", **more: object) -> dict[str, str]:
        return dict(self.lam.update_function_code(FunctionName="orders", ZipFile=zipped(content), **more))

    def read(self, **more: str) -> dict[str, str]:
        return dict(self.lam.get_function(FunctionName="orders", **more)["Configuration"])


@correction
class Settling(States):
    def test_a_new_function_is_pending_until_it_is_read(self) -> None:
        self.function()
        created = self.lam.create_function(
            FunctionName="other", Runtime="provided.al2023", Handler="b", Role=self._role, Code={"ZipFile": zipped(b"1")}
        )
        self.assertEqual(created["State"], "Pending")
        self.assertEqual(self.lam.get_function_configuration(FunctionName="other")["State"], "Active")

    def test_an_update_is_in_progress_until_it_is_read(self) -> None:
        self.function()
        self.assertEqual(self.update()["LastUpdateStatus"], "InProgress")
        self.assertEqual(self.read()["LastUpdateStatus"], "Successful")

    def test_update_is_in_progress_for_the_configured_reads(self) -> None:
        self.function()
        self.control("POST", "settle", {"function": "orders", "operation": "update", "reads": 2})
        self.update()
        seen = [self.read()["LastUpdateStatus"] for _ in range(3)]
        self.assertEqual(seen, ["InProgress", "InProgress", "Successful"])

    def test_a_write_before_any_read_conflicts_once(self) -> None:
        self.function()
        self.update()
        with self.refused(*BUSY, "An update is in progress for resource"):
            self.update(b"3")
        self.update(b"4")

    def test_all_writes_conflict_while_an_update_is_in_progress(self) -> None:
        self.function()
        self.control("POST", "settle", {"account": self.account, "reads": 1})
        self.update()
        for write in (
            lambda: self.update(b"3"),
            lambda: self.lam.update_function_configuration(FunctionName="orders", Timeout=4),
            lambda: self.lam.publish_version(FunctionName="orders"),
        ):
            with self.refused(*BUSY):
                write()

    def test_an_update_can_end_in_failed_with_a_reason(self) -> None:
        self.function()
        self.control("POST", "settle", {"operation": "update", "fail": {"code": "InvalidSubnet", "reason": "no such"}})
        self.update()
        read = self.read()
        told = [read.get(f"LastUpdateStatus{x}") for x in ("", "ReasonCode", "Reason")]
        self.assertEqual(told, ["Failed", "InvalidSubnet", "no such"])

    def test_a_creation_that_failed_conflicts_for_good(self) -> None:
        self.control("POST", "settle", {"operation": "create", "fail": {"code": "InternalError", "reason": "no"}})
        self.assertEqual(self.function()["State"], "Failed")
        for _ in range(2):
            with self.refused(*BUSY, "state: 'Failed'. StateReasonCode: 'InternalError'"):
                self.update()

    def test_a_creation_under_way_conflicts_and_quotes_its_state(self) -> None:
        self.control("POST", "settle", {"operation": "create", "reads": 1})
        self.lam.create_function(
            FunctionName="orders", Runtime="provided.al2023", Handler="b", Role=self.role("exec"), Code={"ZipFile": zipped(b"1")}
        )
        with self.refused(*BUSY, "currently in the following state: 'Pending'. StateReasonCode: 'Creating'"):
            self.update()

    def test_a_published_version_is_pending_by_itself(self) -> None:
        self.function()
        self.control("POST", "settle", {"operation": "publish", "reads": 1})
        number = self.lam.publish_version(FunctionName="orders")["Version"]
        states = [self.read(Qualifier=number)["State"] for _ in range(2)]
        self.assertEqual([*states, self.read()["State"]], ["Pending", "Active", "Active"])


@correction
class Revisions(States):
    def test_revision_changes_with_a_write_and_when_it_settles(self) -> None:
        before = self.function().get("RevisionId")
        written = self.update().get("RevisionId")
        settled = self.read().get("RevisionId")
        self.assertEqual(len({before, written, settled, None}), 4)
        self.assertEqual(self.read().get("RevisionId"), settled)

    def test_a_stale_revision_is_refused_by_every_write(self) -> None:
        self.function()
        for write in (
            lambda: self.update(RevisionId="stale"),
            lambda: self.lam.update_function_configuration(FunctionName="orders", Timeout=4, RevisionId="stale"),
            lambda: self.lam.publish_version(FunctionName="orders", RevisionId="stale"),
        ):
            with self.refused(
                *STALE, "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API"
            ):
                write()

    def test_revision_of_an_alias_changes_and_is_checked(self) -> None:
        self.function()
        self.lam.publish_version(FunctionName="orders")
        made = self.lam.create_alias(FunctionName="orders", Name="live", FunctionVersion="1")["RevisionId"]
        moved = self.lam.update_alias(FunctionName="orders", Name="live", Description="x", RevisionId=made)
        self.assertNotEqual(moved["RevisionId"], made)
        with self.refused(*STALE):
            self.lam.update_alias(FunctionName="orders", Name="live", Description="y", RevisionId=made)

    def test_a_permission_changes_the_revision(self) -> None:
        before = self.function().get("RevisionId")
        self.lam.add_permission(
            FunctionName="orders", StatementId="s", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
        )
        self.assertNotEqual(self.read().get("RevisionId"), before)

    def test_update_with_publish_answers_with_the_version(self) -> None:
        self.function()
        answered = self.update(Publish=True)
        self.assertEqual((answered["Version"], answered["State"]), ("1", "Pending"))
        self.assertNotEqual(answered.get("RevisionId"), self.read().get("RevisionId"))
        self.assertTrue(answered["FunctionArn"].endswith(":orders:1"))

    def test_creation_with_publish_answers_version_1_with_its_own_revision(self) -> None:
        self.function()
        made = self.lam.create_function(
            FunctionName="other",
            Runtime="provided.al2023",
            Handler="b",
            Role=self._role,
            Code={"ZipFile": zipped(b"1")},
            Publish=True,
        )
        others = {
            self.lam.get_function_configuration(FunctionName="other", Qualifier=q).get("RevisionId") for q in ("$LATEST", "1")
        }
        self.assertEqual(made["Version"], "1")
        self.assertEqual(len({made.get("RevisionId"), None, *others}), 4)


class Unchanged(States):
    def test_revision_of_a_settled_function_is_valid_for_a_write(self) -> None:
        self.function()
        self.update()
        must(lambda: self.update(b"3", **({"RevisionId": r} if (r := self.read().get("RevisionId")) else {})))

    def test_tags_and_the_base64_digest_are_shown(self) -> None:
        self.function(Tags={"team": "orders"})
        self.assertEqual(self.lam.get_function(FunctionName="orders")["Tags"], {"team": "orders"})
        self.assertEqual(len(self.read()["CodeSha256"]), 44)
