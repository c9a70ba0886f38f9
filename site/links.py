"""Follow every link of the built site: those inside must lead somewhere, those outside are listed.

    python site/links.py build/site/html    # exit code 1 on a broken link

Nothing is fetched; the addresses outside stand in external-links.txt beside the folder.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The names of a page's places, and where its links and files lead.

    Args:
        text: The page.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.places: set[str] = {"", "top"}
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take down what an element is called and where it leads."""
        given = {name: value or "" for name, value in attrs}
        self.places |= {given[name] for name in ("id", "name") if name in given}
        self.links += [given["href"]] if tag == "a" and given.get("href") else []
        fetched = tag == "link" and given.get("rel") in ("stylesheet", "icon", "preload", "preconnect")
        self.loaded += [given["href"]] if fetched and "href" in given else []
        self.loaded += [given["src"]] if given.get("src") else []


def read_pages(folder: Path) -> dict[Path, Page]:
    """Return every page below a folder, by its path."""
    return {path.resolve(): Page(path.read_text("utf-8")) for path in sorted(folder.rglob("*.html"))}


def is_outside(link: str) -> bool:
    """Say whether a link leaves the site."""
    return bool(urlsplit(link).netloc) or urlsplit(link).scheme in ("http", "https", "mailto")


def broken_links(pages: dict[Path, Page]) -> list[str]:
    """Return "page: link" for each link that leads nowhere and each file fetched from outside."""
    found = []
    for path, page in pages.items():
        fetched = [link for link in page.loaded if is_outside(link)]
        inside = [link for link in page.links + page.loaded if not is_outside(link)]
        nowhere = [link for link in inside if not leads(link, path, pages)]
        found += [f"{path.name}: {link}" for link in fetched + nowhere]
    return found


def leads(link: str, path: Path, pages: dict[Path, Page]) -> bool:
    """Say whether a link of a page leads to a file of the site, and to a place in it if it names one."""
    parts = urlsplit(link)
    if parts.scheme:  # data:
        return True
    file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    place = unquote(parts.fragment)
    return file.is_file() and (file not in pages or place in pages[file].places)


def outside_links(pages: dict[Path, Page]) -> list[str]:
    """Return the addresses outside that the pages link to, each once."""
    return sorted({link for page in pages.values() for link in page.links if is_outside(link)})


def main(folder: Path) -> int:
    """Check a site and list what is outside; returns the exit code."""
    pages = read_pages(folder)
    broken, outside = broken_links(pages), outside_links(pages)
    (folder.parent / "external-links.txt").write_text("\n".join(outside) + "\n", encoding="utf-8")
    links = sum(len(page.links) for page in pages.values())
    print(f"{len(pages)} pages, {links} links, {len(broken)} broken; {len(outside)} addresses outside listed")
    print("".join(f"broken: {line}\n" for line in broken), end="", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
