"""Write the tables of docs/DATA.md from the registry of layouts.

python docs/build_data.py
"""

from pathlib import Path

from cmgsd_lite.data.formats.layouts import layout_tables

PAGE = Path(__file__).parent / "DATA.md"
BEGIN = "### Features\n"

if __name__ == "__main__":
    PAGE.write_text(PAGE.read_text().split(BEGIN)[0].rstrip() + "\n\n" + layout_tables())
