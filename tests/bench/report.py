"""Results of scripts/bench table as Markdown with plots; read by people, so every figure has its unit."""
import collections
import html
import json
import statistics

import workloads

OURS = "stsfs"
RAW = "raw HTTP"
NAMES = ("ls-", "find", "stat-")  # rows about names; the others are about bytes
# What is nearer to the peer's figure than this is no loss, and no win either.
NOISE = 0.05
CONDITIONS = {"unshaped": "No limit but the machine",
              "shaped": "20 ms to the first byte, 100 MB/s a connection"}


def number(value):
    """Three digits that matter."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 0.001 else "0"


def middle(values):
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


class Cell:
    """A row of one candidate under one condition, all rounds of it."""

    def __init__(self, records):
        self.good = [record for record in records if "value" in record]
        self.longer = next((record["longer"] for record in records if "longer" in record), None)
        self.failed = next((record["failed"] for record in records if "failed" in record), None)
        self.value = middle(record["value"] for record in self.good)

    def median(self, name):
        return middle(record.get(name) for record in self.good)

    def peak(self):
        return max((record["peak_mib"] for record in self.good), default=0)

    def requests(self):
        """Medians by kind."""
        kinds = sorted({kind for record in self.good for kind in record["requests"]})
        return {kind: middle(record["requests"].get(kind, 0) for record in self.good) for kind in kinds}

    def spread(self):
        """How far the rounds are apart, in parts of the median."""
        values = [record["value"] for record in self.good]
        return (max(values) - min(values)) / self.value if len(values) > 1 and self.value else 0


class Results:
    """What was measured, by condition, row and candidate."""

    def __init__(self, path):
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        self.about = lines[0]["about"]
        self.records = lines[1:]
        grouped = collections.defaultdict(list)
        for record in self.records:
            grouped[record["condition"], record["row"], record["candidate"]].append(record)
        self.cells = {key: Cell(records) for key, records in grouped.items()}
        self.mounts = [name for name, _ in self.about["candidates"]]
        sizes = workloads.QUICK if self.about["quick"] else workloads.Sizes()
        self.rows = [row for one in workloads.scenarios(sizes) for row in one.rows]

    def conditions(self):
        return [name for name in CONDITIONS if any(key[0] == name for key in self.cells)]

    def rows_of(self, condition):
        return [row for row in self.rows if any(key[:2] == (condition, row.key) for key in self.cells)]

    def cell(self, condition, row, name):
        return self.cells.get((condition, row.key, name))

    def speed(self, condition, row, name):
        """More is better; None: no figure."""
        cell = self.cell(condition, row, name)
        if cell is None or not cell.value:
            return None
        return cell.value if row.more_is_better else 1 / cell.value

    def best(self, condition, row):
        """The fastest mount and its speed."""
        speeds = {name: self.speed(condition, row, name) for name in self.mounts}
        known = {name: speed for name, speed in speeds.items() if speed}
        return max(known.items(), key=lambda item: item[1]) if known else (None, None)


def shown(cell, row):
    if cell is None:
        return "–"
    if cell.value is not None:
        return f"{number(cell.value)} {row.unit}"
    return f"over {cell.longer:g} s" if cell.longer else "failed"


def table(results, condition):
    yield f"| | {RAW} | {' | '.join(results.mounts)} |"
    yield "| --- " * (2 + len(results.mounts)) + "|"
    for row in results.rows_of(condition):
        best, _ = results.best(condition, row)
        cells = [shown(results.cell(condition, row, RAW), row)]
        for name in results.mounts:
            text = shown(results.cell(condition, row, name), row)
            cells.append(f"**{text}**" if name == best else text)
        yield f"| {row.title} | {' | '.join(cells)} |"


def losses(results):
    """Rows in which another mount is faster than ours."""
    for condition in results.conditions():
        for row in results.rows_of(condition):
            best, speed = results.best(condition, row)
            ours = results.speed(condition, row, OURS)
            if best in (None, OURS) or OURS not in results.mounts:
                continue
            mine = shown(results.cell(condition, row, OURS), row)
            theirs = shown(results.cell(condition, row, best), row)
            if ours is None:
                yield f"- {row.title}, {condition}: {mine}; {best} has {theirs}."
            elif speed > ours * (1 + NOISE):
                yield f"- {row.title}, {condition}: {mine}, {number(ours / speed)} of the speed of {best} ({theirs})."


def failures(results):
    for (condition, key, name), cell in results.cells.items():
        if cell.value is None and cell.failed:
            said = " ".join(cell.failed.split())
            yield f"- `{key}`, {condition}, {name}: {said}"


def cpu(cell, row):
    used, operations, moved = cell.median("cpu"), cell.median("operations"), cell.median("bytes")
    if row.unit == "s":
        return f"{used:.2f} s"
    if row.unit == "MB/s":
        return f"{used / (moved / 1e9):.2f} s/GB"
    return f"{1000 * used / max(operations, 1):.2f} ms each"


def requests(cell, row):
    """Of the whole row, or of one operation where the row counts them."""
    parts = []
    for kind, count in cell.requests().items():
        if row.unit in ("/s", "ms"):
            parts.append(f"{kind} {count / max(cell.median('operations'), 1):.2f}")
        else:
            parts.append(f"{kind} {count:,.0f}")
    return ", ".join(parts) or "none"


def costs(results, condition):
    yield "| | who | CPU | peak memory | requests | moved per byte asked | spread |"
    yield "| --- " * 7 + "|"
    for row in results.rows_of(condition):
        title = row.title
        for name in [RAW, *results.mounts]:
            cell = results.cell(condition, row, name)
            if cell is None or cell.value is None:
                continue
            moved, peak = cell.median("moved"), cell.peak()
            cells = (title, name, cpu(cell, row), f"{peak:,.0f} MiB" if peak else "–", requests(cell, row),
                     "–" if moved is None else f"{moved:.2f}", f"{cell.spread():.0%}" if len(cell.good) > 1 else "–")
            yield f"| {' | '.join(cells)} |"
            title = ""


STYLE = """
text{font:12px system-ui,sans-serif;fill:#1f2328}.head{font-weight:600;font-size:14px}.soft{fill:#59636e}
.track{fill:#818b981f}.c0{fill:#0969da}.c1{fill:#bf8700}.c2{fill:#8250df}.c3{fill:#1a7f37}.c4{fill:#cf222e}.c5{fill:#59636e}
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.soft{fill:#9198a1}.c0{fill:#4493f8}.c1{fill:#d29922}.c2{fill:#ab7df8}
.c3{fill:#3fb950}.c4{fill:#f85149}.c5{fill:#9198a1}}
"""
WIDTH, LEFT, BAR, STEP = 860, 330, 360, 16


class Plot:
    """Bars, a group a row, each as long as its speed beside the fastest mount of the row."""

    def __init__(self, results, condition, rows, title):
        self.results = results
        self.condition = condition
        self.parts = []
        self.top = 24
        self.text(12, title, "head")
        self.top += 20
        self.text(12, "Longer is faster; the longest bar of a row is the fastest mount.", "soft")
        self.legend()
        for row in rows:
            self.group(row)

    def text(self, x, words, kind=""):
        self.parts.append(f'<text x="{x}" y="{self.top}"{f" class={chr(34)}{kind}{chr(34)}" if kind else ""}>'
                          f"{html.escape(words.replace('`', ''))}</text>")

    def box(self, x, width, kind, height=STEP - 4):
        self.parts.append(f'<rect x="{x}" y="{self.top - 10}" width="{max(width, 1):.1f}" height="{height}" rx="2" '
                          f'class="{kind}"/>')

    def legend(self):
        self.top += 22
        x = 12
        for index, name in enumerate(self.results.mounts):
            self.box(x, 12, f"c{index % 6}")
            self.text(x + 17, name)
            x += 40 + 8 * len(name)
        self.top += 10

    def group(self, row):
        self.top += 18
        raw = self.results.cell(self.condition, row, RAW)
        _, best = self.results.best(self.condition, row)
        self.text(12, row.title)
        if raw is not None:
            self.parts.append(f'<text x="12" y="{self.top + STEP}" class="soft">{RAW}: {shown(raw, row)}</text>')
        after = self.top + 2 * STEP
        for index, name in enumerate(self.results.mounts):
            speed = self.results.speed(self.condition, row, name)
            self.box(LEFT, BAR, "track")
            if speed and best:
                self.box(LEFT, BAR * speed / best, f"c{index % 6}")
            self.text(LEFT + BAR + 8, shown(self.results.cell(self.condition, row, name), row))
            self.top += STEP
        self.top = max(self.top, after)

    def svg(self):
        height = self.top + 4
        return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}">'
                f"<style>{STYLE}</style>\n" + "\n".join(self.parts) + "\n</svg>\n")


def plots(results, to):
    """Writes them; names and titles."""
    for condition in results.conditions():
        rows = results.rows_of(condition)
        for kind, chosen in (("bytes", [row for row in rows if not row.key.startswith(NAMES)]),
                             ("names", [row for row in rows if row.key.startswith(NAMES)])):
            if chosen:
                title = f"{kind.capitalize()}, {condition}: {CONDITIONS[condition]}"
                name = f"{kind}-{condition}.svg"
                (to / name).write_text(Plot(results, condition, chosen, title).svg(), encoding="utf-8")
                yield name, title


def missing(results):
    """Rows that a run which was broken off did not come to."""
    known = results.conditions()
    for condition in known:
        other = {row.key for one in known for row in results.rows_of(one)}
        titles = [row.title for row in results.rows
                  if row.key in other and row not in results.rows_of(condition) and "again" not in row.title]
        if titles:
            yield f"This run was broken off before, {condition}: {'; '.join(titles)}."


def introduction(results):
    about = results.about
    rounds = max(record["round"] for record in results.records)
    others = [record["others"] for record in results.records if "others" in record]
    yield "# Benchmarks"
    yield ""
    yield (f"Measured on {about['date']} by `{about['command']}` (stsfs {about['commit']}), {rounds} "
           f"round{'s' if rounds > 1 else ''}; the figures are medians. The machine: {about['machine']}. Client, daemon and "
           f"server (`stsfs emulator`) share it, so compare within the table only. Others on the machine took "
           f"{number(statistics.median(others))} CPUs meanwhile (median; {number(max(others))} at worst).")
    yield ""
    yield ("*Raw HTTP* is libcurl with the requests that are needed, known beforehand, over kept connections (16 unshaped and "
           "64 shaped for bulk; as many as there are threads, or one, for the rest) and with nothing done to the bytes: what a "
           "network and a server give. Raw listings go page by page. Each row is a fresh mount; *again* is the same mount once "
           "more. *plain* lets attributes come from listings where the mount can do so; *exact* shows those that the objects "
           "carry. For lists and `find` stsfs may remember for five minutes, as rclone does by itself and s3fs for fifteen. "
           "Rates are of what was done in a few seconds; what is marked *over* was given up. A write ends when the object is whole "
           "in the bucket. The fastest mount is bold.")
    yield ""
    for line in missing(results):
        yield line
        yield ""
    for _, line in about["candidates"]:
        yield f"- {line}"


def publish(path, to):
    """README.md and its plots in the folder `to`, of the results in `path`."""
    results = Results(path)
    pictures = list(plots(results, to))
    lines = [*introduction(results)]
    for condition in results.conditions():
        lines += ["", f"## {condition.capitalize()}: {CONDITIONS[condition][0].lower()}{CONDITIONS[condition][1:]}", "",
                  *table(results, condition), ""]
        lines += [f"![{title}]({name})" for name, title in pictures if name.endswith(f"-{condition}.svg")]
    lines += ["", "## Where stsfs loses", "", *(list(losses(results)) or ["Nowhere in this run."])]
    if failed := list(failures(results)):
        lines += ["", "## What failed", "", *failed]
    for condition in results.conditions():
        lines += ["", f"## What it costs, {condition}", ""]
        if condition == results.conditions()[0]:
            lines += ["CPU of the daemon (of the client, for raw HTTP); the most memory in any round; requests that reached the "
                      "service, of one operation where the row counts operations; bytes of objects that went over the network "
                      "for each byte that the program asked for; and how far the rounds lie apart.", ""]
        lines += costs(results, condition)
    (to / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"written: {to / 'README.md'}", flush=True)
