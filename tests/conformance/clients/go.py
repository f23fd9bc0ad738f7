"""The vendor's Go clients: the SDK v2 and ossutil."""
import sys

import world


def judge():
    programs = world.go_programs()
    return world.judge([programs / "sdk"], [sys.executable, "-B", world.HERE / "go" / "ossutil_driver.py"],
                       environment={"OSSUTIL": str(programs / "ossutil")})


if __name__ == "__main__":
    world.main(judge)
