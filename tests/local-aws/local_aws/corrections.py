"""Puts every correction in its place in moto. The corrections themselves are in the modules named here."""

from __future__ import annotations

from . import kms, lambda_, logs, s3, sqs, sts


def install() -> None:
    for topic in (lambda_, s3, sqs, sts, kms, logs):
        topic.install()
