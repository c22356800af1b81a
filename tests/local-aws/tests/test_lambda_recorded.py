"""Answers that were recorded on AWS, because the API reference leaves them open."""

from __future__ import annotations

from .plain import correction
from .world import LocalAwsTest, must


class Recorded(LocalAwsTest):
    def setUp(self) -> None:
        super().setUp()
        self.arn = self.function()["FunctionArn"]
        self.lam = self.aws("lambda")

    def revision(self) -> str | None:
        return self.lam.get_function_configuration(FunctionName="orders").get("RevisionId")


@correction
class AsRecorded(Recorded):
    def test_publishing_a_version_changes_the_revision_of_latest(self) -> None:
        before = self.revision()
        self.lam.publish_version(FunctionName="orders")
        published = self.revision()
        self.assertNotEqual(published, before)
        # Without an update no version is made, and nothing changes.
        self.lam.publish_version(FunctionName="orders")
        self.assertEqual(self.revision(), published)

    def test_tags_change_the_revision_of_latest(self) -> None:
        seen = [self.revision()]
        self.lam.tag_resource(Resource=self.arn, Tags={"team": "orders"})
        seen.append(self.revision())
        self.lam.untag_resource(Resource=self.arn, TagKeys=["team"])
        seen.append(self.revision())
        self.assertEqual(len(set(seen)), 3)

    def test_an_alias_is_answered_with_its_own_arn(self) -> None:
        self.lam.publish_version(FunctionName="orders")
        self.lam.create_alias(FunctionName="orders", Name="live", FunctionVersion="1")
        shown = self.lam.get_function(FunctionName="orders", Qualifier="live")["Configuration"]
        self.assertEqual((shown["FunctionArn"], shown["Version"]), (f"{self.arn}:live", "1"))

    def test_deleting_a_missing_version_succeeds(self) -> None:
        must(lambda: self.lam.delete_function(FunctionName="orders", Qualifier="7"))
        must(lambda: self.lam.get_function(FunctionName="orders"))

    def test_list_of_versions_has_no_states(self) -> None:
        self.lam.publish_version(FunctionName="orders")
        versions = self.lam.list_versions_by_function(FunctionName="orders")["Versions"]
        self.assertEqual([version for version in versions if "State" in version], [])


class AlsoOnPlainMoto(Recorded):
    def test_a_version_is_answered_with_its_own_arn(self) -> None:
        self.lam.publish_version(FunctionName="orders")
        shown = self.lam.get_function(FunctionName="orders", Qualifier="1")["Configuration"]
        self.assertEqual(shown["FunctionArn"], f"{self.arn}:1")
