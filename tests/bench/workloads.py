"""The rows of the table: what is done through a mount, and the same asked for by a raw HTTP client.

A scenario is one mount, fresh, so that nothing is remembered that an earlier row has seen; its rows are
measured on it one after the other.
"""
import dataclasses
import typing

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
RANGE = 8 * MIB
# Enough to fill two cores, and to fill a network where each connection has its limit.
CONNECTIONS = {"unshaped": 16, "shaped": 64}
PAGE = 1000  # keys in an answer to a listing
FOLDERS = 100


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much each row moves. `seconds` ends rows that are rates; `longest` ends the others, which then
    have no figure."""
    big: int = 2 * GIB
    side: int = 512 * MIB
    write: int = GIB
    medium: int = 24
    first: int = 12
    small: int = 1000
    lists: tuple = (10_000, 100_000)
    stats: int = 2000
    creates: int = 2000
    seconds: float = 2.5
    reading: float = 6
    longest: float = 15


QUICK = Sizes(big=512 * MIB, side=128 * MIB, write=128 * MIB, medium=6, first=4, small=300, lists=(10_000,),
              stats=1000, creates=300, seconds=1, reading=3, longest=6)


@dataclasses.dataclass(frozen=True)
class Row:
    """`unit`: MB/s and /s are rates; s is the whole, ms one operation's part of it."""
    key: str
    title: str
    unit: str
    smaller: str = ""  # the row that is the same with less: too long there, then here too

    @property
    def more_is_better(self):
        return self.unit in ("MB/s", "/s")

    def value(self, done):
        """Of what a helper reported."""
        seconds = max(done["seconds"], 1e-9)
        return {"MB/s": done["bytes"] / seconds / 1e6, "/s": done["operations"] / seconds, "s": seconds,
                "ms": 1000 * seconds / max(done["operations"], 1)}[self.unit]


@dataclasses.dataclass(frozen=True)
class Scenario:
    """`mounted(session, path)` and `raw(session)` measure the rows. `plain`: attributes may come from listings.
    `remembering`: answers may be five minutes old. `bulk`: much memory is touched."""
    rows: tuple
    mounted: typing.Callable
    raw: typing.Callable = None
    plain: bool = False
    remembering: bool = False
    bulk: bool = False
    writes: bool = False


def size_name(count):
    return f"{count:,}"


def fill(emulator, sizes):
    """The objects that everything is read from."""
    emulator.objects("big", 1, sizes.big)
    emulator.objects("side/", 4, sizes.side)
    emulator.objects("first/", sizes.first, 64 * MIB)
    emulator.objects("medium/", sizes.medium, 16 * MIB)
    emulator.objects("small/", sizes.small, 16 * KIB)
    for count in sizes.lists:
        emulator.objects(f"list{count}/", count, 16)
    emulator.objects("stat/", sizes.stats, 16)
    for folder in range(FOLDERS):
        emulator.objects(f"tree/{folder:03}/", sizes.lists[0] // FOLDERS, 16)


def ranges(key, size, step=RANGE):
    return [("GET", key, at, min(step, size - at)) for at in range(0, size, step)]


BIG = "big00000000"


def sequential(session, path):
    row, again = session.scenario.rows
    done = session.work(row, "read", MIB, session.sizes.big, session.sizes.reading, path / BIG)
    if done:
        session.work(again, "read", MIB, done["bytes"], session.sizes.reading, path / BIG, asks=False)


def sequential_raw(session):
    session.requests(session.scenario.rows[0], session.connections, ranges(BIG, session.sizes.big),
                     seconds=session.sizes.reading)


def side_by_side(session, path):
    session.work(session.scenario.rows[0], "read", MIB, session.sizes.side, session.sizes.reading,
                 *(path / f"side/{n:08}" for n in range(4)))


def side_by_side_raw(session):
    wanted = [ranges(f"side/{n:08}", session.sizes.side) for n in range(4)]
    session.requests(session.scenario.rows[0], session.connections, [one for four in zip(*wanted) for one in four],
                     seconds=session.sizes.reading)


def whole_files(folder, threads, count, limit=GIB):
    """Reads files that are there from the beginning, `limit` bytes of each."""
    def mounted(session, path):
        session.work(session.scenario.rows[0], "files", threads, session.sizes.seconds, limit, path / folder,
                     getattr(session.sizes, count))
    return mounted


def first_raw(session):
    session.requests(session.scenario.rows[0], 1,
                     [("GET", f"first/{n:08}", 0, 128 * KIB) for n in range(session.sizes.first)])


def medium_raw(session):
    """Each file by four ranges at once, one file after the other."""
    wanted = []
    for n in range(session.sizes.medium):
        wanted += [*ranges(f"medium/{n:08}", 16 * MIB, 4 * MIB), None]
    session.requests(session.scenario.rows[0], 4, wanted, per=1 / 4)


def small_raw(threads):
    def raw(session):
        session.requests(session.scenario.rows[0], threads,
                         [("GET", f"small/{n:08}", 0, 0) for n in range(session.sizes.small)])
    return raw


def at_random(block, threads):
    def mounted(session, path):
        session.work(session.scenario.rows[0], "random", block, threads, session.sizes.seconds, path / BIG)
    return mounted


def at_random_raw(block, threads):
    """Far apart, which is all that random means to a server."""
    def raw(session):
        blocks = session.sizes.big // block
        session.requests(session.scenario.rows[0], threads,
                         [("GET", BIG, n * 7919 % blocks * block, block) for n in range(min(blocks, 40_000))])
    return raw


def listing(count):
    def mounted(session, path):
        for row in session.scenario.rows:
            if not session.command(row, ["ls", "-l", str(path / f"list{count}")], lines=count + 1, names=count):
                return
    return mounted


def pages(prefix, lasts):
    """GETs of a flat listing page by page; the keys are known, so each page's beginning is too."""
    return [("LIST", prefix, last, PAGE) for last in lasts]


def listing_raw(count):
    def raw(session):
        prefix = f"list{count}/"
        lasts = [f"{prefix}{n - 1:08}" if n else prefix for n in range(0, count, PAGE)]
        session.requests(session.scenario.rows[0], 1, pages(prefix, lasts), seconds=session.sizes.longest, per=PAGE)
    return raw


def walking(session, path):
    count = session.sizes.lists[0]
    for row in session.scenario.rows:
        if not session.command(row, ["find", str(path / "tree"), "-type", "f"], lines=count, names=count):
            return


def walking_raw(session):
    count = session.sizes.lists[0]
    each = count // FOLDERS
    lasts = [f"tree/{(n - 1) // each:03}/{(n - 1) % each:08}" if n else "tree/" for n in range(0, count, PAGE)]
    session.requests(session.scenario.rows[0], 1, pages("tree/", lasts), seconds=session.sizes.longest, per=PAGE)


def looking(session, path):
    session.work(session.scenario.rows[0], "stat", session.sizes.seconds, path / "stat", session.sizes.stats)


def looking_raw(session):
    session.requests(session.scenario.rows[0], 1,
                     [("HEAD", f"stat/{n:08}", 0, 0) for n in range(session.sizes.stats)])


def writing(session, path):
    session.work(session.scenario.rows[0], "write", session.sizes.write, path / "written",
                 whole=[("written", session.sizes.write)])


def writing_raw(session):
    """Objects of 8 MiB: the requests that parts take, without the two that begin and end an upload."""
    session.requests(session.scenario.rows[0], 8,
                     [("PUT", f"written/{n:08}", 0, RANGE) for n in range(session.sizes.write // RANGE)],
                     seconds=session.sizes.reading)


def creating(threads):
    def mounted(session, path):
        (path / "made").mkdir()
        session.work(session.scenario.rows[0], "create", threads, session.sizes.seconds, path / "made",
                     session.sizes.creates, 16 * KIB, whole="made/")
    return mounted


def creating_raw(threads):
    def raw(session):
        session.requests(session.scenario.rows[0], threads,
                         [("PUT", f"made/{n:08}", 0, 16 * KIB) for n in range(session.sizes.creates)])
    return raw


def random_scenario(block, threads):
    row = Row(f"random-{block // KIB}k-{threads}", f"random reads of {block // KIB} KiB, {threads} "
              f"thread{'s' if threads > 1 else ''}", "/s")
    return Scenario((row,), at_random(block, threads), at_random_raw(block, threads), bulk=True)


def small_scenario(threads):
    row = Row(f"small-{threads}", f"files of 16 KiB read, {threads} thread{'s' if threads > 1 else ''}", "/s")
    return Scenario((row,), whole_files("small", threads, "small"), small_raw(threads))


def create_scenario(threads):
    row = Row(f"create-{threads}", f"files of 16 KiB created, {threads} thread{'s' if threads > 1 else ''}", "/s")
    return Scenario((row,), creating(threads), creating_raw(threads), writes=True)


def list_scenario(count, plain, smaller=None):
    how = "plain" if plain else "exact"
    first = Row(f"ls-{count}-{how}", f"`ls -l` of {size_name(count)}, {how}, cold", "s",
                f"ls-{smaller}-{how}" if smaller else "")
    second = Row(f"ls-{count}-{how}-again", f"`ls -l` of {size_name(count)}, {how}, again", "s")
    return Scenario((first, second), listing(count), listing_raw(count), plain=plain, remembering=True)


def scenarios(sizes):
    """Every row, in the order of the table."""
    yield Scenario((Row("read", "sequential read", "MB/s"), Row("reread", "the same again, from the page cache", "MB/s")),
                   sequential, sequential_raw, bulk=True)
    yield Scenario((Row("read-4", "four files read at once", "MB/s"),), side_by_side, side_by_side_raw, bulk=True)
    yield Scenario((Row("first", "first 128 KiB of a cold file", "ms"),), whole_files("first", 1, "first", 128 * KIB),
                   first_raw)
    yield Scenario((Row("medium", "files of 16 MiB read one after another, each", "ms"),),
                   whole_files("medium", 1, "medium"), medium_raw, bulk=True)
    for block in (4 * KIB, 128 * KIB):
        for threads in (1, 16):
            yield random_scenario(block, threads)
    yield small_scenario(1)
    yield small_scenario(16)
    for plain in (True, False):
        for smaller, count in zip((None, *sizes.lists), sizes.lists):
            yield list_scenario(count, plain, smaller)
    tree = f"`find` over {size_name(sizes.lists[0])} in {FOLDERS} folders"
    yield Scenario((Row("find", f"{tree}, cold", "s"), Row("find-again", f"{tree}, again", "s")),
                   walking, walking_raw, remembering=True)
    for plain in (True, False):
        how = "plain" if plain else "exact"
        yield Scenario((Row(f"stat-{how}", f"`stat` of {size_name(sizes.stats)} names, {how}, cold", "/s"),),
                       looking, looking_raw, plain=plain)
    yield Scenario((Row("write", "sequential write", "MB/s"),), writing, writing_raw, bulk=True,
                   writes=True)
    yield create_scenario(1)
    yield create_scenario(16)
