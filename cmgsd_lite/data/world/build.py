"""Build the embedded data set from code: annotations byte for byte, features by the frozen encoders."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm.auto import tqdm

from cmgsd_lite.data.world.captions import NOISE_RATE, VARIANTS, clip_captions
from cmgsd_lite.data.world.motion_features import motion_descriptor
from cmgsd_lite.data.world.render import render
from cmgsd_lite.data.world.scenes import SECOND_SUBJECT_RATE, SEED, clip_scene
from cmgsd_lite.data.world.vocabulary import ENTITIES, ENTITY
from cmgsd_lite.errors import DataError
from cmgsd_lite.runtime import check_writable, write_atomically

SPLITS = {"train": range(2000), "validate": range(2000, 2300), "test": range(2300, 3300)}
APPEARANCE_DIM, FRAME_DIM, MOTION_DIM = 128, 64, 64
Matrix = npt.NDArray[np.float32]


def split_of(index: int) -> str:
    """Name the split of clip number ``index``: train, validate or test."""
    return next(name for name, indices in SPLITS.items() if index in indices)


def clip_annotations(variant: str, indices: Sequence[int]) -> dict[str, Any]:
    """Captions of some clips in MSR-VTT's own schema, with ``scene`` a clip and ``claim`` a sentence more.

    A mistaken caption has ``noise`` too; its claim is what it says.
    """
    groups = list(dict.fromkeys(entity.group for entity in ENTITIES))
    videos: list[dict[str, Any]] = []
    sentences: list[dict[str, Any]] = []
    for index in indices:
        scene, name = clip_scene(SEED, index), f"video{index}"
        category = groups.index(ENTITY[scene.subjects[0].entity].group)
        videos.append(
            {"id": index, "video_id": name, "category": category, "url": "", "start time": 0.0}
            | {"end time": 2.0, "split": split_of(index), "scene": scene.to_json()}
        )
        for caption in clip_captions(scene, variant, SEED, index):
            sentence = {"sen_id": len(sentences), "video_id": name, "caption": caption.text}
            noise = {"noise": True} if caption.noise else {}
            sentences.append({**sentence, "claim": caption.claim.to_json(), **noise})
    about = {"name": "MiniVTT", "variant": variant, "seed": SEED, "noise_rate": NOISE_RATE}
    return {
        "info": {**about, "second_subject_rate": SECOND_SUBJECT_RATE},
        "category_names": dict(enumerate(groups)),
        "videos": videos,
        "sentences": sentences,
    }


def zipped_json(content: dict[str, Any], name: str) -> bytes:
    """Zip a JSON object so that equal objects give equal bytes (no dates, sorted keys)."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, text)
    return buffer.getvalue()


def raw_features(indices: Sequence[int], progress: bool = True) -> tuple[Matrix, Matrix]:
    """Render clips and run the frozen encoders over them: frames [N, 8, 1280] and motion [N, 139].

    Raises DataError if the optional packages of the appearance encoder are missing.
    """
    from cmgsd_lite.encoders import EfficientNetLite0Encoder  # optional packages, needed here alone

    encoder = EfficientNetLite0Encoder()
    appearance, motion = [], []
    for index in tqdm(indices, desc="clips", disable=not progress):
        frames = render(clip_scene(SEED, index))
        appearance.append(encoder.encode(_smaller(frames)).numpy())
        motion.append(motion_descriptor(frames))
    return np.stack(appearance), np.stack(motion)


def feature_tables(
    indices: Sequence[int], appearance: Matrix, motion: Matrix
) -> dict[str, dict[str, npt.NDArray[Any]]]:
    """Reduce raw features by PCA fitted on the training clips, as they lie on disk.

    Motion is standardised on the training clips before. Columns of three files, float16: ``appearance_mean``
    (128-d), ``appearance_frames`` (the leading 64 of them for each frame: a file of less than 4 MB), and
    ``motion`` (64-d) without the clips in which nothing moves: they lack that expert.
    """
    numbers = np.array(indices)
    train = np.isin(numbers, list(SPLITS["train"]))
    if train.sum() <= APPEARANCE_DIM:
        raise ValueError(f"indices: expected more than {APPEARANCE_DIM} training clips, got {train.sum()}")
    mean, basis = _principal(appearance[train].mean(axis=1), APPEARANCE_DIM)
    frames = (appearance - mean) @ basis
    scale = motion[train].std(axis=0) + 1e-3
    motion_mean, motion_basis = _principal(motion[train] / scale, MOTION_DIM)
    moving = np.array([not clip_scene(SEED, index).static for index in indices])
    reduced = (motion[moving] / scale - motion_mean) @ motion_basis
    return {
        "appearance_mean": {"video_id": numbers, "features": frames.mean(axis=1).astype(np.float16)},
        "appearance_frames": {
            "video_id": np.repeat(numbers, frames.shape[1]),
            "frame": np.tile(np.arange(frames.shape[1]), len(numbers)),
            "features": frames[:, :, :FRAME_DIM].reshape(-1, FRAME_DIM).astype(np.float16),
        },
        "motion": {"video_id": numbers[moving], "features": reduced.astype(np.float16)},
    }


def build_minivtt(out: Path, progress: bool = True) -> None:
    """See ``cmgsd_lite.data.minivtt.build_minivtt``."""
    check_writable(out)
    if any(out.iterdir()) and not any(out.glob("minivtt_*")):  # which is written first
        raise DataError(f"{out}: expected a new folder, or one of before, found something else in it")
    indices = [index for split in SPLITS.values() for index in split]
    tables = feature_tables(indices, *raw_features(indices, progress))
    for variant in VARIANTS:
        name = f"minivtt_{variant}"
        _write(out / f"{name}.json.zip", zipped_json(clip_annotations(variant, indices), f"{name}.json"))
    for split, numbers in SPLITS.items():
        lines = ["video_id", *(f"video{index}" for index in numbers)]
        _write(out / f"minivtt_{split}.csv", ("\n".join(lines) + "\n").encode())
    for table, columns in tables.items():
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **columns)
        _write(out / f"{table}.npz", buffer.getvalue())


def _principal(values: Matrix, keep: int) -> tuple[Matrix, Matrix]:
    """Mean and the leading principal directions [D, keep], each with its largest entry positive."""
    mean = values.mean(axis=0)
    _, _, rows = np.linalg.svd((values - mean).astype(np.float64), full_matrices=False)
    rows = rows[:keep] * np.sign(rows[np.arange(keep), np.abs(rows[:keep]).argmax(axis=1)])[:, None]
    return mean, rows.T.astype(np.float32)


def _smaller(frames: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Frames of 96 pixels: 128 cost twice the time and read the figures hardly better."""
    from PIL import Image

    size = (96, 96)
    return np.stack([np.asarray(Image.fromarray(f).resize(size, Image.Resampling.BILINEAR)) for f in frames])


def _write(path: Path, content: bytes) -> None:
    write_atomically(path, lambda temporary: temporary.write_bytes(content))
