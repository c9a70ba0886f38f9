"""``python -m classroom``: the zips for students and teachers, and nbgrader's source tree."""

from __future__ import annotations

import argparse
import secrets
from pathlib import Path

from classroom.kit import build_wheel, students_files, teachers_files, write_nbgrader, write_zip


def main() -> None:
    """Build everything that needs no training; slides are taken along where they are built."""
    parser = argparse.ArgumentParser(prog="python -m classroom", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/classroom"), help="folder to write to")
    parser.add_argument(
        "--slides", type=Path, default=Path("build/slides"), help="folder of the built slides"
    )
    parser.add_argument("--seed", type=int, help="of the hidden tests' inputs (default: a new one)")
    options = parser.parse_args()
    seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    slides = options.slides if (options.slides / "index.html").is_file() else None
    tree = options.out / "nbgrader"
    try:
        write_nbgrader(tree, seed)
    except FileExistsError as error:
        parser.error(str(error))
    print(f"{tree}: hidden tests of seed {seed}")
    wheel = build_wheel(options.out)
    for name, files in {
        "cmgsd-lite-students": students_files(wheel),
        "cmgsd-lite-teachers": teachers_files(wheel, tree, slides),
    }.items():
        path = options.out / f"{name}.zip"
        write_zip(path, files)
        print(f"{path}: {len(files)} files, {path.stat().st_size / 1e6:.1f} MB")
    if slides is None:
        print(f"without slides: {options.slides} has none (make slides)")


if __name__ == "__main__":
    main()
