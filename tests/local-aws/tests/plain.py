"""`python -m tests.plain` shows that each test of a correction fails on plain moto.

It runs every test of a class marked `@correction` against plain moto, and fails if one of them passes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import unittest
from collections.abc import Iterator
from pathlib import Path

_MARK = "__correction__"


def correction(test: type[unittest.TestCase]) -> type[unittest.TestCase]:
    """Marks a class whose tests must all fail on plain moto."""
    setattr(test, _MARK, True)
    return test


def _corrections(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from _corrections(test)
        elif getattr(type(test), _MARK, False):
            yield test


def main() -> int:
    here = Path(__file__).parent
    if os.environ.get("LOCAL_AWS_PLAIN") != "1":
        return subprocess.run(
            [sys.executable, "-m", "tests.plain"], cwd=here.parent, env={**os.environ, "LOCAL_AWS_PLAIN": "1"}
        ).returncode
    tests = list(_corrections(unittest.defaultTestLoader.discover(str(here), top_level_dir=str(here.parent))))
    result = unittest.TestResult()
    unittest.TestSuite(tests).run(result)
    failed = {t.id() for t, _ in result.failures}
    for test in tests:
        print(f"{'fails, as it must' if test.id() in failed else 'DOES NOT FAIL':18} {test.id()}")
    # An error does not count as a failure, because the test has broken for another reason.
    for test, trace in result.errors:
        print(f"\nbroken on plain moto: {test.id()}\n{trace}")
    return 0 if len(failed) == len(tests) and tests else 1


if __name__ == "__main__":
    sys.exit(main())
