"""The vendor's article on temporary access, by the vendor's Python clients. SEED may name its text."""
import world


def judge():
    python = world.virtual_environment() / "bin" / "python"
    return world.judge([python, "-B", world.HERE / "pypi" / "seed_driver.py"])


if __name__ == "__main__":
    world.main(judge)
