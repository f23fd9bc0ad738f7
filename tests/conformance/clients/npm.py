"""The vendor's Node clients."""
import world


def judge():
    clients = {"CLIENTS": str(world.node_modules())}
    drivers = [["node", world.HERE / "npm" / name] for name in ("ali_oss.mjs", "sts.mjs")]
    return world.judge(*drivers, environment=clients)


if __name__ == "__main__":
    world.main(judge)
