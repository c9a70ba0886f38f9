"""Features with a file a video, a file a frame, or a folder a video."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cmgsd_lite.data.formats import columns
from cmgsd_lite.data.formats.files import UnknownLayoutError, ids_among, looks_like_ids
from cmgsd_lite.data.formats.mapping import stack_frames, tables_from_mapping
from cmgsd_lite.data.formats.names import are_frames, expert_name, frames_of_videos
from cmgsd_lite.data.formats.records import FileLog
from cmgsd_lite.data.formats.tables import FeatureTable, table_from_values
from cmgsd_lite.errors import DataError

Load = Callable[[Path], Any]
_SUFFIXES = (".npz", ".npy", ".pickle", ".pkl", ".pt", ".pth", ".safetensors", ".mat", ".h5", ".hdf5")
_ENOUGH = 4  # so many files of a folder, one of them named after a known video, are a file a video


def files_of_videos(files: Sequence[Path], known: Collection[str] = ()) -> list[Path]:
    """Those of a folder's files that hold one video or one frame each; none when it is no such folder."""
    stems = [unicodedata.normalize("NFC", file.stem) for file in files]  # macOS writes accents apart
    if frames_of_videos(stems, known):
        return list(files)
    if not known:
        return list(files) if looks_like_ids(stems) else []
    # Where videos are known, a strange name beside theirs is more likely another file than another video.
    ids = ids_among(stems, known)
    mine = [file for file, stem in zip(files, stems, strict=True) if stem in ids]
    named = len(files) >= _ENOUGH and any(stem in known for stem in stems)
    return mine if named or 2 * len(mine) >= len(files) else []


def read_files(
    folder: Path, files: Sequence[Path], load: Load, known: Collection[str] = (), log: FileLog | None = None
) -> dict[str, FeatureTable]:
    """Tables of a folder with one file a video, named after it, or one file a frame (video7_0012.npy).

    A file with several arrays of other than the usual names (s3d, vggish) holds several experts.

    Args:
        folder: The folder, for messages.
        files: Its files: .npy, .npz, .pt, .pth, .pickle, .pkl, .h5 or .hdf5.
        load: Reads one file.
        known: Video ids from annotations.
        log: Takes up files that cannot be read; without it they are an error.

    Raises:
        DataError: a file of another kind, or of another length D, or no readable one.
    """
    name = expert_name(folder)
    contents = _each(files, load, log)
    _check_once(contents)
    if any(map(_are_experts, contents.values())):
        experts: dict[str, dict[str, Any]] = {}
        for file, content in contents.items():
            for key, value in (content if isinstance(content, Mapping) else {name: content}).items():
                experts.setdefault(str(key), {})[file.stem] = value
        return tables_from_mapping(experts, name, folder, known)
    values = _each(contents, lambda file: video_value(contents[file], file), log)
    frames = frames_of_videos([file.stem for file in values], known)
    if frames is None:
        return {name: table_from_values([file.stem for file in values], list(values.values()), folder)}
    videos: dict[str, dict[str, Any]] = {}
    for video, file in zip(frames[0], values, strict=True):
        videos.setdefault(video, {})[_number(video, file)] = values[file]
    stacked = [stack_frames(mine, f"{folder}, {video}") for video, mine in videos.items()]
    return {name: table_from_values(list(videos), stacked, folder)}


def _check_once(files: Iterable[Path]) -> None:
    """Refuse video7.npy beside video7.npz: one of them would not be read."""
    for stem, times in Counter(file.stem for file in files).most_common(1):
        if times > 1:
            first = next(file for file in files if file.stem == stem)
            raise DataError(f"{first}: expected each video or frame once, found {times} files called {stem}")


def _number(video: str, file: Path) -> str:
    return file.stem.removeprefix(video).lstrip("_-. ")


def _are_experts(content: Any) -> bool:
    """Whether a video's own file holds several arrays, none of which goes by a usual name."""
    usual = (*columns.FEATURE_KEYS, "arr_0")
    return (
        isinstance(content, Mapping)
        and len(content) > 1
        and not are_frames(map(str, content))
        and columns.first_key(content, usual) is None
    )


def _each(files: Iterable[Path], load: Load, log: FileLog | None) -> dict[Path, Any]:
    """The value of each file; unreadable ones are left out aloud, as long as one can be read."""
    values, first = {}, None
    for file in files:
        try:
            values[file] = load(file)
        except DataError as error:
            if log is None:
                raise
            log.leave(file, error)
            first = first or error
    if first is not None and not values:
        raise first
    return values


def video_value(content: Any, where: Path) -> Any:
    """The features of one video out of its own file: the array, the only one, its frames, or a usual key.

    Raises:
        UnknownLayoutError: several arrays and none of the usual keys.
    """
    if not isinstance(content, Mapping):
        return content
    if len(content) == 1:
        return video_value(next(iter(content.values())), where)
    if are_frames(map(str, content)):
        return stack_frames(content, str(where))
    if columns.first_key(content, columns.FEATURE_KEYS) is not None:
        return columns.own_tokens(content, str(where))
    if "arr_0" in content:
        return content["arr_0"]
    raise UnknownLayoutError(f"{where}: expected one array, found keys {', '.join(map(str, content))}")


def is_folder_a_video(folder: Path, known: Collection[str] = ()) -> bool:
    """Whether a folder holds a folder a video, with feature files in the first of them."""
    children = [child for child in _children(folder) if child.is_dir()]
    if not looks_like_ids((child.name for child in children), known):
        return False
    return any(file.suffix.lower() in _SUFFIXES for child in children[:3] for file in _children(child))


def read_folders(folder: Path, load: Load, log: FileLog | None = None) -> dict[str, FeatureTable]:
    """Tables of a folder with a folder a video: a file a frame, one file, or a file an expert in each.

    Args:
        folder: The folder.
        load: Reads one file.
        log: Takes up files that cannot be read; without it they are an error.

    Raises:
        DataError: frames of different lengths, or nothing readable.
    """
    experts: dict[str, dict[str, Any]] = {}
    for child in filter(Path.is_dir, _children(folder)):
        files = [file for file in _children(child) if file.suffix.lower() in _SUFFIXES]
        try:
            values = _each(files, lambda file: video_value(load(file), file), log)
        except DataError as error:
            if log is None:
                raise
            log.leave(child, error)
            continue
        for expert, value in _experts_of(child.name, values, expert_name(folder)).items():
            experts.setdefault(expert, {})[child.name] = value
    if not experts:
        raise UnknownLayoutError(f"{folder}: expected a folder a video with features, found none readable")
    return {
        expert: table_from_values(list(videos), list(videos.values()), f"{folder}, {expert}")
        for expert, videos in experts.items()
    }


def _experts_of(video: str, values: Mapping[Path, Any], name: str) -> dict[str, Any]:
    _check_once(values)
    numbers = {file.stem.removeprefix(video).lstrip("_-. ") or "0": value for file, value in values.items()}
    if len(numbers) < len(values):
        raise DataError(f"{name}, {video}: expected each frame once, found a number twice (as in 1 and _1)")
    if numbers and are_frames(numbers):
        return {name: stack_frames(numbers, f"{name}, {video}")}
    if len(values) == 1:
        return {name: next(iter(values.values()))}
    return {file.stem: value for file, value in values.items()}


def _children(folder: Path) -> list[Path]:
    return sorted(child for child in folder.iterdir() if not child.name.startswith("."))
