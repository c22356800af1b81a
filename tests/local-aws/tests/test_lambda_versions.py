"""Versions and aliases: our reading of Lambda API Reference, PublishVersion, DeleteFunction, CreateAlias and UpdateAlias."""

from __future__ import annotations

from .plain import correction
from .world import LocalAwsTest, zipped

INVALID = ("InvalidParameterValueException", 400)
CONFLICT = ("ResourceConflictException", 409)


class Versions(LocalAwsTest):
    def setUp(self) -> None:
        super().setUp()
        self.lam = self.aws("lambda")
        self.created = self.function()

    def publish(self, **more: str) -> str:
        version = self.lam.publish_version(FunctionName="orders", **more)["Version"]
        self.lam.get_function(FunctionName="orders", Qualifier=version)
        return str(version)

    def alias(self, version: str, *weights: tuple[str, float], update: bool = False) -> dict[str, object]:
        call = self.lam.update_alias if update else self.lam.create_alias
        routing = {"RoutingConfig": {"AdditionalVersionWeights": dict(weights)}} if weights or update else {}
        return dict(call(FunctionName="orders", Name="live", FunctionVersion=version, **routing))


@correction
class Publishing(Versions):
    def test_publish_after_update_with_publish_makes_no_version(self) -> None:
        self.assertEqual([self.version(b"2"), self.publish()], ["1", "1"])

    def test_publish_with_another_digest_is_refused(self) -> None:
        with self.refused(*INVALID, "CodeSHA256 (", "is different"):
            self.publish(CodeSha256="no")

    def test_numbers_are_not_used_again_after_a_version_is_deleted(self) -> None:
        self.version(b"2")
        self.version(b"3")
        self.lam.delete_function(FunctionName="orders", Qualifier="2")
        self.assertEqual(self.version(b"4"), "3")

    def test_numbers_are_not_used_again_after_the_function_is_deleted(self) -> None:
        self.publish()
        self.lam.delete_function(FunctionName="orders")
        self.function()
        self.assertEqual(self.publish(), "2")

    def test_a_version_that_an_alias_points_to_cannot_be_deleted(self) -> None:
        self.alias(self.publish())
        with self.refused(*CONFLICT):
            self.lam.delete_function(FunctionName="orders", Qualifier="1")

    def test_a_version_that_an_alias_gives_weight_to_cannot_be_deleted(self) -> None:
        self.alias(self.publish(), (self.version(b"2"), 0.1))
        with self.refused(*CONFLICT):
            self.lam.delete_function(FunctionName="orders", Qualifier="2")


@correction
class Listing(Versions):
    def pages(self, operation: str, **more: object) -> list[dict[str, object]]:
        """Returns all answers of a paginated operation."""
        answers: list[dict[str, object]] = []
        while not answers or "NextMarker" in answers[-1]:
            marker = {"Marker": answers[-1]["NextMarker"]} if answers else {}
            answers.append(getattr(self.lam, operation)(FunctionName="orders", **marker, **more))
        return answers

    def test_versions_come_in_pages_with_latest_first(self) -> None:
        for content in (b"2", b"3", b"4"):
            self.version(content)
        pages = [[v["Version"] for v in page["Versions"]] for page in self.pages("list_versions_by_function", MaxItems=2)]
        self.assertEqual(pages, [["$LATEST", "1"], ["2", "3"]])

    def test_no_page_has_more_than_50_versions(self) -> None:
        for number in range(51):
            self.version(str(number).encode())
        pages = [len(page["Versions"]) for page in self.pages("list_versions_by_function", MaxItems=10000)]
        self.assertEqual(pages, [50, 2])

    def test_aliases_come_in_pages(self) -> None:
        self.publish()
        for name in ("a", "b", "c"):
            self.lam.create_alias(FunctionName="orders", Name=name, FunctionVersion="1")
        pages = [[a["Name"] for a in page["Aliases"]] for page in self.pages("list_aliases", MaxItems=2)]
        self.assertEqual(pages, [["a", "b"], ["c"]])

    def test_aliases_of_one_version_can_be_asked_for(self) -> None:
        self.publish()
        for name, version in (("a", "1"), ("b", self.version(b"2"))):
            self.lam.create_alias(FunctionName="orders", Name=name, FunctionVersion=version)
        shown = self.lam.list_aliases(FunctionName="orders", FunctionVersion="2")["Aliases"]
        self.assertEqual([a["Name"] for a in shown], ["b"])

    def test_versions_of_a_missing_function_are_not_found(self) -> None:
        with self.refused("ResourceNotFoundException", 404):
            self.lam.list_versions_by_function(FunctionName="absent")


@correction
class Aliases(Versions):
    def test_creating_an_existing_alias_is_a_conflict(self) -> None:
        self.alias(self.publish())
        with self.refused(*CONFLICT, "Alias already exists"):
            self.alias("1")

    def test_reading_and_moving_an_alias_answers_200(self) -> None:
        self.alias(self.publish())
        read = self.lam.get_alias(FunctionName="orders", Name="live")
        self.assertEqual(read["ResponseMetadata"]["HTTPStatusCode"], 200)

    def test_alias_does_not_move_to_a_failed_version(self) -> None:
        self.alias(self.publish())
        self.control("POST", "settle", {"operation": "publish", "fail": {"code": "InternalError", "reason": "no"}})
        self.version(b"2")
        with self.refused(*CONFLICT):
            self.alias("2", update=True)

    def test_weights_cannot_go_to_latest(self) -> None:
        self.publish()
        with self.refused(*INVALID, "$LATEST is not supported"):
            self.alias("1", ("$LATEST", 0.1))

    def test_weights_go_to_published_versions(self) -> None:
        self.publish()
        with self.refused("ResourceNotFoundException", 404):
            self.alias("1", ("9", 0.1))

    def test_a_weight_is_between_0_and_1(self) -> None:
        self.publish()
        self.version(b"2")
        with self.refused(*INVALID):
            self.alias("1", ("2", 1.5))

    def test_weighted_versions_have_the_same_role(self) -> None:
        self.publish()
        self.lam.update_function_configuration(FunctionName="orders", Role=self.role("second"))
        self.lam.get_function(FunctionName="orders")
        self.publish()
        with self.refused(*INVALID, "same execution role"):
            self.alias("1", ("2", 0.5))

    def test_weighted_versions_have_the_same_dead_letter_configuration(self) -> None:
        self.publish()
        dead = {"TargetArn": f"arn:aws:sqs:eu-west-1:{self.account}:dead"}
        self.lam.update_function_configuration(FunctionName="orders", DeadLetterConfig=dead)
        self.lam.get_function(FunctionName="orders")
        self.publish()
        with self.refused(*INVALID, "dead-letter"):
            self.alias("1", ("2", 0.5))

    def test_clearing_the_weights_ends_the_shift(self) -> None:
        self.alias(self.publish(), (self.version(b"2"), 0.1))
        self.assertNotIn("RoutingConfig", self.alias("2", update=True))


@correction
class Configuration(Versions):
    def test_an_update_keeps_every_field_that_it_sends(self) -> None:
        sent = {
            "DeadLetterConfig": {"TargetArn": f"arn:aws:sqs:eu-west-1:{self.account}:dead"},
            "LoggingConfig": {"LogFormat": "JSON", "LogGroup": "/custom"},
            "TracingConfig": {"Mode": "Active"},
            "EphemeralStorage": {"Size": 1024},
            "KMSKeyArn": f"arn:aws:kms:eu-west-1:{self.account}:key/k",
        }
        self.lam.update_function_configuration(FunctionName="orders", **sent)
        read = self.lam.get_function_configuration(FunctionName="orders")
        self.assertEqual({k: read.get(k) for k in sent}, sent)

    def test_more_than_4_kb_of_variables_are_refused(self) -> None:
        with self.refused(*INVALID, "exceeded the 4KB limit"):
            self.lam.update_function_configuration(FunctionName="orders", Environment={"Variables": {"A": "x" * 4096}})


@correction
class CodeUpdates(Versions):
    def test_architectures_can_be_changed(self) -> None:
        self.lam.update_function_code(FunctionName="orders", ZipFile=zipped(b"2"), Architectures=["arm64"])
        self.assertEqual(self.lam.get_function_configuration(FunctionName="orders")["Architectures"], ["arm64"])

    def test_a_dry_run_changes_nothing(self) -> None:
        self.publish()
        tried = self.lam.update_function_code(FunctionName="orders", ZipFile=zipped(b"2"), DryRun=True)
        read = self.lam.get_function_configuration(FunctionName="orders")
        self.assertEqual(read["CodeSha256"], self.created["CodeSha256"])
        self.assertNotEqual(tried["CodeSha256"], read["CodeSha256"])
        self.assertEqual(self.publish(), "1")


class AlsoOnPlainMoto(Versions):
    def test_deleting_a_version_deletes_nothing_else(self) -> None:
        self.alias(self.publish())
        self.version(b"2")
        self.version(b"3")
        self.lam.delete_function(FunctionName="orders", Qualifier="2")
        versions = self.lam.list_versions_by_function(FunctionName="orders")["Versions"]
        self.assertEqual([v["Version"] for v in versions], ["$LATEST", "1", "3"])
        self.assertEqual(self.lam.get_alias(FunctionName="orders", Name="live")["FunctionVersion"], "1")

    def test_aliases_are_listed_with_their_weights(self) -> None:
        self.alias(self.publish(), (self.version(b"2"), 0.1))
        (alias,) = self.lam.list_aliases(FunctionName="orders")["Aliases"]
        self.assertEqual(alias["RoutingConfig"], {"AdditionalVersionWeights": {"2": 0.1}})

    def test_publish_without_an_update_repeats_the_version(self) -> None:
        first = [self.publish(), self.publish()]
        self.assertEqual([*first, self.version(b"1"), self.publish()], ["1", "1", "2", "2"])
