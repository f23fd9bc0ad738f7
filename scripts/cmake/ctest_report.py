"""Sums up a JUnit report of ctest: "PASSED FAILED SKIPPED", then what did not pass whole, and why."""
import re
import sys
import xml.etree.ElementTree as tree


def why(case):
    """What the test itself says, which ctest keeps to itself where it does not call it a failure."""
    said = re.search(r"SKIPPED[^:\n]*: *(.*)", case.findtext("system-out") or "")
    return f": {said[1]}" if said else ""


passed = failed = skipped = 0
lines = []
for case in tree.parse(sys.argv[1]).getroot().iter("testcase"):
    name = case.get("name")
    if case.get("status") == "run":
        passed += 1
        if reason := why(case):
            lines.append(f"skipped in part: {name}{reason}")
    elif case.get("status") in ("notrun", "disabled"):
        skipped += 1
        lines.append(f"skipped: {name}{why(case)}")
    else:
        failed += 1
        lines.append(f"failed: {name}")
print(passed, failed, skipped)
print("\n".join(lines))
