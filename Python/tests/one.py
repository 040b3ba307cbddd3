"""Runs one file of tests: the lines that begin with "= " say how many ran, and what was skipped and why."""

import pathlib
import sys
import unittest


def main(module):
    # A SkipTest while the file is imported becomes a skipped test.
    suite = unittest.defaultTestLoader.discover(str(pathlib.Path(__file__).parent), f"{module}.py")
    result = unittest.TextTestRunner(verbosity=1).run(suite)
    reasons = {}
    for test, reason in result.skipped:
        reasons.setdefault(reason, []).append(test)
    # A part of a test that is skipped leaves the test itself.
    ran = result.testsRun - sum(type(test).__name__ != "_SubTest" for test, _ in result.skipped)
    if ran:
        print(f"= ran {ran} tests")
    for reason, tests in reasons.items():
        print(f"= skipped {len(tests)}, {reason}")
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
