"""Print the test files in which tests were skipped: skipped_files.py REPORT.xml.

The report is that of pytest's --junitxml. What was skipped for want of a peer is what has to run
again beside it.
"""

import sys
from pathlib import Path
from xml.etree import ElementTree


def file_of(dotted: str) -> Path:
    """Return the file that a name such as tests.data.test_order.TestClass begins with."""
    parts = dotted.split(".")
    for end in range(len(parts), 0, -1):
        if (path := Path(*parts[:end]).with_suffix(".py")).is_file():
            return path
    raise SystemExit(f"no test file is called {dotted}")


cases = ElementTree.parse(sys.argv[1]).iter("testcase")
skipped = (case for case in cases if case.find("skipped") is not None)
print(*sorted({str(file_of(case.get("classname") or case.get("name", ""))) for case in skipped}))
