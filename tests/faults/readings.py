"""The other side of the tests of files that lie: reads what it is told to, a path a line."""

import json
import sys
import time

from cmgsd_lite.data import describe, format_description, read_annotations, read_features, read_split_list
from cmgsd_lite.data.dataset import load_folder
from cmgsd_lite.errors import DataError
from tests.faults.hostile import SECRET


def outcome(read, path):
    """How a reader answers: "read", "leaked", "DataError: ..." or another error; and its seconds of work."""
    begin = time.process_time()
    said = _said(read, path)
    return said, time.process_time() - begin


def _said(read, path):
    try:
        content = read(path)
    except DataError as error:
        return f"DataError: {error}"
    except BaseException as error:
        return f"{type(error).__name__}: {error!s:.300}"
    tables = content if isinstance(content, dict) else {}
    leaked = any((table.rows == SECRET).any() for table in tables.values() if hasattr(table, "rows"))
    return "leaked" if leaked else "read"


def told(folder):
    return format_description(describe(folder))


if __name__ == "__main__":
    for line in sys.stdin:
        path, folder = json.loads(line)
        readers = [(read_features, path), (read_annotations, path), (read_split_list, path)]
        readers += [(told, folder), (load_folder, folder)]
        outcomes = {read.__name__: outcome(read, where) for read, where in readers}
        print(json.dumps(outcomes), flush=True)
