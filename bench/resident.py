"""How much memory classifying takes: this is the process that is measured.

Run by `bench.pace`: python -m bench.resident batches|table TIMES FILE. Prints the MiB that were at
most resident before any data was read, and at the end.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa

from leftopen.classifier import classify
from leftopen.classifier.profile import Profiler


def peak() -> float:
    """MiB at most resident (Linux). getrusage would count the process that started this one."""
    lines = Path("/proc/self/status").read_text().splitlines()
    told = next(line for line in lines if line.startswith("VmHWM"))
    return int(told.split()[1]) / 1024


def main(way: str, times: int, path: str) -> None:
    before = peak()
    if way == "table":
        with pa.OSFile(path) as source:
            table = pa.ipc.open_file(source).read_all()
        classify(pa.concat_tables([table] * times), "dump")
    else:
        profiler = Profiler("dump")
        for _ in range(times):
            with pa.OSFile(path) as source:
                reader = pa.ipc.open_file(source)
                for at in range(reader.num_record_batches):
                    profiler.update(reader.get_batch(at))
        profiler.finish()
    print(f"{before:.1f} {peak():.1f}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
