"""The vendor's Python clients, and AWS's."""
import world


def judge():
    python = world.virtual_environment() / "bin" / "python"
    drivers = [[python, "-B", world.HERE / "pypi" / name]
               for name in ("oss2_driver.py", "oss_v2_driver.py", "sts_driver.py", "boto3_driver.py")]
    return world.judge(*drivers)


if __name__ == "__main__":
    world.main(judge)
