"""Split lists as published: which ids a file names, and which protocol and part its name states."""

import re
from pathlib import Path

from cmgsd_lite.data.formats.arrays import is_names_file, read_names
from cmgsd_lite.data.formats.captions import csv_columns, csv_sentences, csv_table
from cmgsd_lite.data.formats.files import UnknownLayoutError, read_text, video_id_of
from cmgsd_lite.data.formats.tables import ids_of

PROTOCOLS = ("1k-A", "7k", "full", "miech")
PLAIN = "plain"  # lists whose names carry no protocol: NAME_train.csv, NAME_val.csv, NAME_test.csv
_TAGS = {"9k": "1k-A", "jsfusion": "1k-A", "1ka": "1k-A", "7k": "7k", "full": "full", "miech": "miech"}
_ALIASES = {**_TAGS, "1k-a": "1k-A", "1k-b": "miech", "1kb": "miech", PLAIN: PLAIN}
_ROLES = {
    **dict.fromkeys(("train", "trn"), "train"),
    **dict.fromkeys(("val", "validate", "validation"), "validation"),
    **dict.fromkeys(("test", "tst"), "test"),
}
_NO_LIST = {"caption", "captions", "caps", "videodatainfo", "annotation"}


def protocol_name(protocol: str) -> str:
    """The protocol behind a name: "9k" is "1k-A", "1k-B" is "miech".

    Raises:
        ValueError: an unknown name.
    """
    known = _ALIASES.get(str(protocol).lower())
    if known is None:
        raise ValueError(f"protocol: expected one of {', '.join(PROTOCOLS)} (or 9k, plain), got {protocol!r}")
    return known


def read_split_list(path: str | Path) -> list[str]:
    """Video ids of a split file, in its order.

    Taken are: csv with a column video_id (comma, semicolon or tab; CRLF or LF; with or without BOM), csv or
    txt with one id a line, .npy of names. A csv with sentences may repeat an id.

    Raises:
        DataError: no ids, or an id twice in a plain list.

    Example:
        >>> read_split_list("MSRVTT_train.9k.csv")[:2]  # doctest: +SKIP
        ['video0', 'video1']
    """
    path = Path(path)
    if path.suffix == ".npy":
        return ids_of(read_names(path), path)
    text = read_text(path)
    header, rows = csv_table(text, path) if path.suffix == ".csv" else ([], [])
    id_key, caption_key = csv_columns(header)
    if id_key is None:
        ids = [line.strip().strip('",;') for line in text.splitlines() if line.strip()]
    else:
        ids = [row[id_key].strip() for row in rows if row.get(id_key)]
        ids = ids if caption_key is None else list(dict.fromkeys(ids))
    if not ids or any(re.search(r"[,;\s]", name) for name in ids):
        found = repr(ids[0]) if ids else "nothing"
        raise UnknownLayoutError(f"{path}: expected a column video_id or one id a line, found {found}")
    return ids_of(ids, path)


def read_queries(path: str | Path) -> dict[str, list[str]]:
    """The sentences of a test csv (key,vid_key,video_id,sentence), by video.

    Raises:
        DataError: no such columns, or a row that is cut off.
    """
    queries: dict[str, list[str]] = {}
    for video, sentence in csv_sentences(read_text(Path(path)), Path(path)):
        queries.setdefault(video_id_of(video), []).append(sentence)
    return queries


def role_of(path: Path) -> tuple[str, str] | None:
    """(protocol, part) that a file name states, or None: the name patterns of split lists.

    The name of a .csv, .txt or X_names.npy is cut at `_ . -` and blanks. One word says the part: train/trn,
    val/validate/validation, test/tst. Another may say the protocol: 9k, jsfusion or 1ka is 1k-A; 7k; full;
    miech. Without it the protocol is "plain". So MSRVTT_train.9k.csv, train_list_jsfusion.txt,
    MSRVTT_JSFUSION_test.csv, minivtt_val.csv, trn_names.npy (HGR), msrvtt10ktrain.txt (BigFile) are read.
    """
    words = [word.removeprefix("msrvtt10k") for word in re.split(r"[_.\-\s]+", path.stem.lower())]
    listing = path.suffix in (".csv", ".txt") or (path.suffix == ".npy" and is_names_file(path))
    part = next((_ROLES[word] for word in words if word in _ROLES), None)
    if not listing or part is None or _NO_LIST & set(words):
        return None
    protocol = next((_TAGS[word] for word in words if word in _TAGS), PLAIN)
    # CE's val_list_jsfusion.txt is the 1k-A test set under a misleading name.
    return protocol, "test" if protocol == "1k-A" and part == "validation" else part
