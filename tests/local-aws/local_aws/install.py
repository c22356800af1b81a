"""Installs every correction in moto; the corrections are in the modules that it imports."""

from __future__ import annotations

from . import cloudwatch, kms, lambda_, logs, s3, sqs, sqs_moves, sts


def install() -> None:
    for topic in (lambda_, s3, sqs, sqs_moves, sts, kms, logs, cloudwatch):
        topic.install()
