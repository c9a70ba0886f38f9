"""Write the tables of docs/DATA.md from the lists of layouts, protocols and published files.

python docs/build_data.py
"""

from pathlib import Path

from cmgsd_lite.data.download import offer_table
from cmgsd_lite.data.formats.layouts import layout_tables
from cmgsd_lite.data.published import protocol_table

PAGE = Path(__file__).parent / "DATA.md"
TABLES = {"| protocol |": protocol_table, "| download |": offer_table, "### Features\n": layout_tables}
"""By what a table begins with; it ends before the next heading of the second level."""

if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    for begin, table in TABLES.items():
        before, _, old = text.partition(begin)
        _, heading, after = old.partition("\n## ")
        text = before + table() + heading + after
    PAGE.write_text(text, encoding="utf-8")
