"""Run the benchmarks, all or those named, and write what they found into the guide.

python3 do.py bench              all questions (about 20 minutes)
python3 do.py bench events start
"""

from __future__ import annotations

import importlib
import subprocess
import sys
import time

from tests.bench.report import Answer, busy, keep, table

ORDER = ("wire", "pixels", "recognition", "added", "cpu", "kernel", "events", "file", "hours", "start", "click")

PRINTED = ("engine", "view")
"""Looks into one part, with nothing beside it: run by name only, and printed."""


def main(names: list[str]) -> int:
    """Measure one question after another; 1 if one of them broke, whose old numbers then stay."""
    unknown = set(names) - {*ORDER, *PRINTED}
    if unknown:
        print(f"no such benchmark: {', '.join(sorted(unknown))}; there are: {', '.join((*ORDER, *PRINTED))}")
        return 2
    broken = []
    for name in (name for name in PRINTED if name in names):
        if subprocess.call([sys.executable, "-m", f"tests.bench.bench_{name}"]) != 0:
            broken.append(name)
    for name in (name for name in ORDER if not names or name in names):
        print(f"\n=== {name}", flush=True)
        began, load = time.monotonic(), busy()
        try:
            answer: Answer = importlib.import_module(f"tests.bench.bench_{name}").measure()
        except Exception as error:  # the others are still of use
            import traceback

            traceback.print_exc()
            broken.append(f"{name} ({error})")
            continue
        keep(name, answer, load)
        print(f"{answer.question}\n\n{table(answer)}\n\n{answer.verdict}")
        for who, why in answer.missing.items():
            print(f"not run: {who}, because {why}")
        print(f"=== {name}: {time.monotonic() - began:.0f} s", flush=True)
    if broken:
        print(f"broken: {', '.join(broken)}")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
