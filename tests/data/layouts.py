"""Small folders in exactly the structure in which public projects leave features, captions and lists.

Every builder writes one layout of a `World` (invented sentences, random vectors) below a folder. Builders of
features come with plain captions and lists beside them, builders of captions with plain features.
"""

import csv
import io
import json
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from safetensors.numpy import save_file
from scipy.io import savemat

DIM = 6
NAN = float("nan")
Builder = Callable[[Path, "World"], Any]


def youtube(number: int) -> str:
    """An id as YouTube's are; some begin with a dash, some have underscores and dashes inside."""
    return ["-abC_d{:02d}xYz", "Q{:02d}-fG_hIjk", "_k{:02d}LmN-opq", "a{:02d}bcDEfgh1"][number % 4].format(
        number
    )


ID_STYLES: dict[str, Callable[[int], str]] = {
    "video": lambda n: f"video{n}",
    "youtube": youtube,
    "number": lambda n: str(7000 + n),
    "uuid": lambda n: f"{n:08x}-1b2c-4d3e-8f4a-{n:012x}",
    "activitynet": lambda n: f"v_{youtube(n)}",
    "lsmdc": lambda n: f"10{n:02d}_Some_Film_00.{n:02d}.45.123-00.{n:02d}.48.456",
    "vatex": lambda n: f"{youtube(n)}_0000{n:02d}_0000{n + 10}",
    "didemo": lambda n: f"1234{n}@N00_56{n}_ab{n}.mov",
}


@dataclass
class World:
    """Videos by part, with their captions; features follow from the id.

    Args:
        style: Name of an id style.
        each: Captions a video; 0 for one to four.
    """

    style: str = "video"
    each: int = 0
    parts: dict[str, list[str]] = field(init=False)
    captions: dict[str, list[str]] = field(init=False)

    def __post_init__(self) -> None:
        ids = [ID_STYLES[self.style](n) for n in range(20)]
        self.parts = {"train": ids[:10], "val": ids[10:13], "test": ids[13:]}
        self.captions = {
            # Some have a comma, an accent, an apostrophe, as captions do.
            video: [
                f"sentence {i} on clip {n}" + (", perché no", " it's so")[(n + i) % 2]
                for i in range(self.each or 1 + n % 4)
            ]
            for n, video in enumerate(ids)
        }

    @property
    def ids(self) -> list[str]:
        return list(self.captions)

    def features(self, video: str, tokens: int | None = None, dim: int = DIM) -> np.ndarray:
        """float32 [dim] or [tokens, dim]; the values are the video's own."""
        shape = (dim,) if tokens is None else (tokens, dim)
        return np.random.default_rng([*video.encode(), dim]).normal(size=shape).astype("f4")

    def tokens(self, video: str) -> int:
        return 2 + self.ids.index(video) % 3


def put(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def put_json(path: Path, content: Any) -> Path:
    return put(path, json.dumps(content))


def put_lines(path: Path, rows: Sequence[Any]) -> Path:
    return put(path, "".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))


def put_pickle(path: Path, content: Any, protocol: int = 4) -> Path:
    return put(path, pickle.dumps(content, protocol=protocol))


def put_python2(path: Path, content: Any) -> Path:
    """A pickle as Python 2 and numpy 1 wrote them: protocol 2, the bytes of arrays as a str."""
    raw = pickle.dumps(content, protocol=2).replace(b"numpy._core", b"numpy.core")
    return put(path, raw)


def put_csv(path: Path, header: Sequence[str] | None, rows: Sequence[Sequence[Any]], sep: str = ",") -> Path:
    stream = io.StringIO()
    csv.writer(stream, delimiter=sep, lineterminator="\n").writerows([*([header] if header else []), *rows])
    return put(path, stream.getvalue())


def put_array(path: Path, array: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array)
    return path


def open_h5(path: Path) -> h5py.File:
    path.parent.mkdir(parents=True, exist_ok=True)
    return h5py.File(path, "w")


def pairs(world: World, videos: Sequence[str] | None = None) -> list[tuple[str, str]]:
    """(video, caption) of the videos."""
    return [(v, c) for v in (world.ids if videos is None else videos) for c in world.captions[v]]


def plain_text(folder: Path, world: World) -> None:
    """Captions and lists in the plainest layout, for features."""
    put_json(folder / "ref_captions.json", world.captions)
    for part, mine in world.parts.items():
        put_lines(folder / f"{part}_list.txt", mine)


def plain_features(folder: Path, world: World) -> None:
    """One expert, i3d, in the plainest layout, for captions."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = np.stack([world.features(v) for v in world.ids])
    np.savez(folder / "i3d.npz", video_id=np.array(world.ids), features=rows)


# --- features: {layout: (id style, tokens, expected experts, builder)} ---------------------------------


def mmt(folder: Path, world: World) -> None:
    """MMT: vid_feat_files/mult_h5/v/i/d/video7.h5; an expert is missing when its first number is NaN."""
    for video in world.ids:
        path = folder / "vid_feat_files" / "mult_h5" / video[0] / video[1] / video[2] / f"{video}.h5"
        with open_h5(path) as file:
            n = world.tokens(video)
            for i, caption in enumerate(world.captions[video]):
                file[f"raw_captions.{i}"] = np.array([w.encode() for w in caption.split()])
                file[f"raw_captions_t.{i}"] = np.zeros((len(caption.split()), 2))
            file["features.rgb"] = world.features(video, n)
            file["features_t.rgb"] = np.zeros((n, 2))
            file["features.speech"] = np.full((1, 300), np.nan)
            file["features_avgpool.rgb"] = world.features(video)


def mmt_lists(folder: Path, world: World) -> None:
    mmt(folder, world)
    for part, mine in world.parts.items():
        put_lines(folder / f"{part}_list.txt", mine)


def mmt_activitynet(folder: Path, world: World) -> None:
    mmt(folder, world)
    put_lines(folder / "train_list.txt", world.parts["train"])
    put_lines(folder / "val_1_list.txt", world.parts["test"])


def ce(folder: Path, world: World) -> None:
    """CE: structured-symlinks/aggregated_TYPE.../MODEL-avg.pickle, raw-captions.pkl, lists."""
    base = folder / "structured-symlinks"
    mine = {v: world.features(v)[None] for v in world.ids}
    put_pickle(base / "aggregated_i3d_25fps_256px_stride25_offset0_inner_stride1" / "i3d-avg.pickle", mine)
    audio: dict[str, Any] = {v: world.features(v, 3, 8) for v in world.ids}
    audio[world.ids[1]] = NAN
    put_pickle(base / "aggregated_audio_feats" / "Audio_MSRVTT_new.pickle", audio)
    words = {v: [c.split() for c in mine] for v, mine in world.captions.items()}
    put_pickle(base / "raw-captions.pkl", words)
    text = {v: [world.features(v, 4)] * len(c) for v, c in world.captions.items()}
    put_pickle(base / "aggregated_text_feats" / "w2v_MSRVTT.pickle", text)
    for part, videos in world.parts.items():
        put_lines(base / f"{part}_list_full.txt", videos)


def paddle(folder: Path, world: World) -> None:
    """T2VLAD in PaddleVideo: mmt_feats/features.s3d.pkl beside CE's captions and lists."""
    base = folder / "data" / "MSRVTT"
    put_pickle(base / "raw-captions.pkl", {v: [c.split() for c in m] for v, m in world.captions.items()})
    put_pickle(base / "mmt_feats" / "features.s3d.pkl", {v: world.features(v, 3) for v in world.ids})
    text = {v: [world.features(v, 4)] * len(c) for v, c in world.captions.items()}
    put_pickle(base / "aggregated_text_feats" / "w2v_MSRVTT_openAIGPT.pickle", text)
    for part, videos in world.parts.items():
        put_lines(base / f"{part}_list_full.txt", videos)


def moee(folder: Path, world: World) -> None:
    """MoEE: Python 2 pickles, one an expert, and word features of captions that are none."""
    plain_text(folder, world)
    put_python2(folder / "resnet_features.pickle", {v: world.features(v) for v in world.ids})
    captions = {v: [world.features(v, 3, 30)] * len(mine) for v, mine in world.captions.items()}
    put_python2(folder / "w2v_MSRVTT.pickle", captions)


def univl(folder: Path, world: World) -> None:
    """UniVL: msrvtt_videos_features.pickle with one vector a second."""
    plain_text(folder, world)
    put_pickle(
        folder / "msrvtt_videos_features.pickle", {v: world.features(v, world.tokens(v)) for v in world.ids}
    )


def howto(folder: Path, world: World) -> None:
    """HowTo100M: one .pth with two experts."""
    plain_text(folder, world)
    two = {v: torch.tensor(world.features(v)) for v in world.ids}
    torch.save({"2d": two, "3d": {v: two[v] + 1 for v in two}}, folder / "feats.pth")


def hgr_mp(folder: Path, world: World) -> None:
    """HGR: mean-pooled tables by part with names in public_split."""
    put_json(folder / "annotation" / "RET" / "ref_captions.json", world.captions)
    put_json(folder / "annotation" / "RET" / "sent2rolegraph.augment.json", {"a b": {"0": [1]}})
    for part, short in (("train", "trn"), ("val", "val"), ("test", "tst")):
        mine = world.parts[part]
        put_array(folder / "annotation" / "RET" / "public_split" / f"{short}_names.npy", np.array(mine))
        put_array(
            folder / "ordered_feature" / "MP" / "resnet152.pth" / f"{short}_ft.npy",
            np.stack([world.features(v) for v in mine]),
        )


def hgr_sa(folder: Path, world: World) -> None:
    """HGR: frame-level HDF5 by part, ids as names of the data sets."""
    put_json(folder / "annotation" / "RET" / "ref_captions.json", world.captions)
    for part, short in (("train", "trn"), ("val", "val"), ("test", "tst")):
        put_array(folder / "public_split" / f"{short}_names.npy", np.array(world.parts[part]))
        path = folder / "ordered_feature" / "SA" / "resnet152.pth" / f"{short}_ft.hdf5"
        with open_h5(path) as file:
            for v in world.parts[part]:
                file[v] = world.features(v, world.tokens(v))


def bigfile(folder: Path, world: World) -> None:
    """dual_encoding: a collection a part, FeatureData/NAME/{feature.bin,shape.txt,id.txt}, TextData."""
    for part, name in (("train", "msrvtt10ktrain"), ("val", "msrvtt10kval"), ("test", "msrvtt10ktest")):
        mine = world.parts[part]
        feature = folder / name / "FeatureData" / "pyresnet-152_imagenet11k,flatten0_output,os"
        put(feature / "feature.bin", np.stack([world.features(v) for v in mine]).tobytes())
        put(feature / "shape.txt", f"{len(mine)} {DIM}")
        put(feature / "id.txt", " ".join(mine))
        lines = [f"{v}#{i} {c}" for v in mine for i, c in enumerate(world.captions[v])]
        put_lines(folder / name / "TextData" / f"{name}.caption.txt", lines)
        put_lines(folder / name / "VideoSets" / f"{name}.txt", mine)


def frame_table(suffix: str) -> Builder:
    """CLIP frame embeddings, one table [N, T, D] and its names, or one dict a container."""

    def build(folder: Path, world: World) -> None:
        plain_text(folder, world)
        rows = np.stack([world.features(v, 4) for v in world.ids])
        mine = dict(zip(world.ids, rows, strict=True))
        if suffix == "npy":
            put_array(folder / "clip.npy", rows)
            put_lines(folder / "clip_names.txt", world.ids)
        elif suffix == "npz":
            np.savez(folder / "clip.npz", **mine)
        elif suffix == "pt":
            torch.save({v: torch.tensor(x).half() for v, x in mine.items()}, folder / "clip.pt")
        elif suffix == "safetensors":
            save_file(mine, folder / "clip.safetensors")
        elif suffix == "mat":
            names = np.array(world.ids, dtype=object)
            savemat(folder / "clip.mat", {"names": names, "features": rows})
        elif suffix == "h5":
            with open_h5(folder / "clip.h5") as file:
                for v, x in mine.items():
                    file[v] = x
        else:
            with open_h5(folder / "clip.h5") as file:
                for v, x in mine.items():
                    file.create_group(v)["clip_features"] = x

    return build


def h5_columns(folder: Path, world: World) -> None:
    """One HDF5 with a column of ids as bytes, features and lengths."""
    plain_text(folder, world)
    rows = np.zeros((len(world.ids), 5, DIM), "f4")
    for row, v in zip(rows, world.ids, strict=True):
        row[: world.tokens(v)] = world.features(v, world.tokens(v))
    with open_h5(folder / "clip.h5") as file:
        file["video_ids"] = [v.encode() for v in world.ids]
        file["features"] = rows
        file["lengths"] = [world.tokens(v) for v in world.ids]


def h5_captioning(folder: Path, world: World) -> None:
    """Video captioning's ActivityNet C3D: a group a video, `c3d_features` in it."""
    plain_text(folder, world)
    with open_h5(folder / "sub_activitynet_v1-3.c3d.hdf5") as file:
        for v in world.ids:
            file.create_group(v)["c3d_features"] = world.features(v, world.tokens(v))


def mat_by_video(folder: Path, world: World) -> None:
    """Karpathy's .mat: `feats` [D, N], in the order of the names beside it."""
    plain_text(folder, world)
    savemat(folder / "vgg_feats.mat", {"feats": np.stack([world.features(v) for v in world.ids]).T})
    put_lines(folder / "vgg_feats_names.txt", world.ids)


def padded(folder: Path, world: World) -> None:
    """Padded arrays with lengths in files beside them."""
    plain_text(folder, world)
    rows = np.zeros((len(world.ids), 5, DIM), "f4")
    for row, v in zip(rows, world.ids, strict=True):
        row[: world.tokens(v)] = world.features(v, world.tokens(v))
    put_array(folder / "clip.npy", rows)
    put_json(folder / "clip_ids.json", world.ids)
    put_array(folder / "clip_lengths.npy", np.array([world.tokens(v) for v in world.ids]))


def file_a_video(suffix: str) -> Builder:
    """A folder with a file a video, in folders by part."""

    def build(folder: Path, world: World) -> None:
        plain_text(folder, world)
        for part, mine in world.parts.items():
            for v in mine:
                path = folder / "i3d" / part / f"{v}.{suffix}"
                if suffix == "npy":
                    put_array(path, world.features(v, world.tokens(v)))
                elif suffix == "mat":
                    path.parent.mkdir(parents=True, exist_ok=True)
                    savemat(path, {"feature": world.features(v, world.tokens(v))})
                else:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    torch.save(torch.tensor(world.features(v, world.tokens(v))), path)

    return build


def folder_a_video(folder: Path, world: World) -> None:
    """A folder a video with a file a frame."""
    plain_text(folder, world)
    for v in world.ids:
        for n, row in enumerate(world.features(v, world.tokens(v)), start=1):
            put_array(folder / "frames" / v / f"{n}.npy", row)


def frames_a_file(folder: Path, world: World) -> None:
    """A file a frame, the video's id and the frame's number in its name."""
    plain_text(folder, world)
    for v in world.ids:
        for n, row in enumerate(world.features(v, 11)):
            put_array(folder / "frames" / f"{v}_{n}.npy", row)


def parts_in_a_pickle(folder: Path, world: World) -> None:
    """{"train": {id: array}, "val": ..., "test": ...} in one pickle."""
    plain_text(folder, world)
    put_pickle(
        folder / "i3d.pkl", {p: {v: world.features(v) for v in mine} for p, mine in world.parts.items()}
    )


def csv_table(folder: Path, world: World) -> None:
    """A spreadsheet: one row a video, its id and D numbers."""
    plain_text(folder, world)
    rows = [[v, *(repr(float(x)) for x in world.features(v))] for v in world.ids]
    put_csv(folder / "i3d_features.csv", ["video_id", *(f"f{i}" for i in range(DIM))], rows)


def tsv_table(folder: Path, world: World) -> None:
    """W2VV's text tables: an id and D numbers a line, separated by blanks or tabs, without a header."""
    plain_text(folder, world)
    rows = [[v, *(repr(float(x)) for x in world.features(v))] for v in world.ids]
    put_csv(folder / "i3d.tsv", None, rows, "\t")


@dataclass(frozen=True)
class Features:
    """A layout of features: who leaves it, ids it has, and the experts with their tokens that must come out.

    `tokens` is None for one vector a video, a number for all, -1 for `World.tokens`.
    """

    build: Builder
    style: str
    experts: dict[str, int | None]


FEATURES: dict[str, Features] = {
    "mmt-msrvtt": Features(mmt_lists, "video", {"rgb": -1}),
    "mmt-activitynet": Features(mmt_activitynet, "activitynet", {"rgb": -1}),
    "mmt-lsmdc": Features(mmt_lists, "lsmdc", {"rgb": -1}),
    "ce": Features(ce, "video", {"i3d-avg": None, "Audio_MSRVTT_new": 3}),
    "t2vlad-paddle": Features(paddle, "video", {"features.s3d": 3}),
    "moee": Features(moee, "video", {"resnet_features": None}),
    "univl": Features(univl, "video", {"msrvtt_videos_features": -1}),
    "howto100m": Features(howto, "video", {"feats_2d": None, "feats_3d": None}),
    "hgr-mp": Features(hgr_mp, "video", {"resnet152.pth": None}),
    "hgr-sa": Features(hgr_sa, "video", {"resnet152.pth": -1}),
    "bigfile": Features(bigfile, "video", {"pyresnet-152_imagenet11k,flatten0_output,os": None}),
    **{
        f"clip-{suffix}": Features(frame_table(suffix), "youtube", {"clip": 4})
        for suffix in ("npy", "npz", "pt", "safetensors", "mat", "h5", "h5-groups")
    },
    "h5-columns": Features(h5_columns, "youtube", {"clip": -1}),
    "h5-c3d": Features(h5_captioning, "activitynet", {"sub_activitynet_v1-3.c3d": -1}),
    "mat-feats": Features(mat_by_video, "youtube", {"vgg_feats": None}),
    "padded": Features(padded, "youtube", {"clip": -1}),
    "file-a-video-npy": Features(file_a_video("npy"), "youtube", {"i3d": -1}),
    "file-a-video-pt": Features(file_a_video("pt"), "lsmdc", {"i3d": -1}),
    "file-a-video-mat": Features(file_a_video("mat"), "youtube", {"i3d": -1}),
    "folder-a-video": Features(folder_a_video, "youtube", {"frames": -1}),
    "frames-a-file": Features(frames_a_file, "youtube", {"frames": 11}),
    "parts-pickle": Features(parts_in_a_pickle, "uuid", {"i3d": None}),
    "csv-table": Features(csv_table, "youtube", {"i3d_features": None}),
    "tsv-table": Features(tsv_table, "number", {"i3d": None}),
}


# --- captions ------------------------------------------------------------------------------------------


def msrvtt_official(folder: Path, world: World) -> None:
    """The release of 2016: videos with their part, sentences by video."""
    words = {"train": "train", "val": "validate", "test": "test"}
    for name, parts in (("train_val_videodatainfo", ("train", "val")), ("test_videodatainfo", ("test",))):
        videos = [
            {"category": 3, "url": "u", "video_id": v, "start time": 1.0, "end time": 9.0,
             "split": words[p], "id": n}
            for p in parts for n, v in enumerate(world.parts[p])
        ]  # fmt: skip
        told = [
            {"caption": c, "video_id": v, "sen_id": n}
            for n, (v, c) in enumerate(pairs(world, [video["video_id"] for video in videos]))
        ]
        put_json(folder / f"{name}.json", {"info": {}, "videos": videos, "sentences": told})


def msrvtt_italian(folder: Path, world: World) -> None:
    """MSR-VTT-it: one file of all parts."""
    words = {"train": "train", "val": "validate", "test": "test"}
    videos = [
        {"video_id": v, "split": words[p], "id": 1, "category": 0} for p in words for v in world.parts[p]
    ]
    told = [{"caption": c, "video_id": v, "sen_id": n} for n, (v, c) in enumerate(pairs(world))]
    name = "videodatainfoITALIANO_2017_6513_497_2990.json"
    put_json(folder / "msr-vtt-it" / name, {"info": {}, "videos": videos, "sentences": told})


def clip4clip(folder: Path, world: World) -> None:
    """CLIP4Clip: MSRVTT_data.json, a csv of training ids and the 1k-A test csv."""
    videos = [{"video_id": v, "category": 1} for v in world.ids]
    told = [{"video_id": v, "caption": c} for v, c in pairs(world)]
    put_json(folder / "msrvtt_data" / "MSRVTT_data.json", {"videos": videos, "sentences": told})
    train = world.parts["train"] + world.parts["val"]
    put_csv(folder / "msrvtt_data" / "MSRVTT_train.9k.csv", ["video_id"], [[v] for v in train])
    rows = [[f"ret{n}", f"msr{n}", v, world.captions[v][0]] for n, v in enumerate(world.parts["test"])]
    put_csv(
        folder / "msrvtt_data" / "MSRVTT_JSFUSION_test.csv", ["key", "vid_key", "video_id", "sentence"], rows
    )


def frozen(folder: Path, world: World) -> None:
    """Frozen in Time: COCO-like annotations and CE's lists."""
    told = [{"image_id": v, "caption": c, "id": n} for n, (v, c) in enumerate(pairs(world))]
    images = [{"id": v} for v in world.ids]
    put_json(folder / "annotation" / "MSR_VTT.json", {"info": {}, "images": images, "annotations": told})
    for part, mine in world.parts.items():
        put_lines(folder / "structured-symlinks" / f"{part}_list_full.txt", mine)


def lsmdc(folder: Path, world: World) -> None:
    """LSMDC: csv without a header, cells separated by tabs."""
    names = {
        "train": "LSMDC16_annos_training",
        "val": "LSMDC16_annos_val",
        "test": "LSMDC16_challenge_1000_publictect",
    }
    for part, mine in world.parts.items():
        rows = [
            f"{v}\t00.00.51.926\t00.00.54.129\t00.00.51.926\t00.00.54.129\t{c}" for v, c in pairs(world, mine)
        ]
        put_lines(folder / f"{names[part]}.csv", rows)


def activitynet(folder: Path, world: World) -> None:
    """ActivityNet Captions: {id: {duration, timestamps, sentences}} and lists of ids."""
    for name, videos in (
        ("train", world.parts["train"] + world.parts["val"]),
        ("val_1", world.parts["test"]),
    ):
        told = {
            v: {
                "duration": 82.7,
                "timestamps": [[0, 9.5]] * len(world.captions[v]),
                "sentences": world.captions[v],
            }
            for v in videos
        }
        put_json(folder / f"{name}.json", told)
        put_json(folder / f"{name.removesuffix('_1')}_ids.json", videos)


def activitynet_jsonl(folder: Path, world: World) -> None:
    """ClipBERT and ALPRO: ActivityNet as jsonl, one list of sentences a video."""
    for part, mine in world.parts.items():
        put_lines(
            folder / "anet_retrieval" / f"{part}.jsonl",
            [{"clip_name": v, "caption": world.captions[v], "duration": 9.5} for v in mine],
        )


def didemo(folder: Path, world: World) -> None:
    """DiDeMo: one record a description of a moment."""
    for part, mine in world.parts.items():
        rows = [
            {"annotation_id": n, "description": c, "video": v, "times": [[0, 0], [0, 1]], "num_segments": 6,
             "dl_link": "https://example.org/x", "train": None}
            for n, (v, c) in enumerate(pairs(world, mine))
        ]  # fmt: skip
        put_json(folder / f"{part}_data.json", [{k: x for k, x in r.items() if k != "train"} for r in rows])


def didemo_jsonl(folder: Path, world: World) -> None:
    """ClipBERT and ALPRO: DiDeMo as jsonl, the descriptions of a video one after the other."""
    for part, mine in world.parts.items():
        put_lines(
            folder / "didemo_ret" / "txt" / f"{part}.jsonl",
            [
                {"caption": c, "clip_name": v, "retrieval_key": f"ret{n}"}
                for n, (v, c) in enumerate(pairs(world, mine))
            ],
        )


def vatex(folder: Path, world: World) -> None:
    """VATEX: {videoID, enCap, chCap}."""
    names = {
        "train": "vatex_training_v1.0",
        "val": "vatex_validation_v1.0",
        "test": "vatex_public_test_english_v1.1",
    }
    for part, mine in world.parts.items():
        told = [{"videoID": v, "enCap": world.captions[v], "chCap": ["一只狗"]} for v in mine]
        put_json(folder / f"{names[part]}.json", told)


def msvd(folder: Path, world: World) -> None:
    """MSVD: `id sentence` a line below comments; lists as CLIP4Clip publishes them."""
    lines = ["# Microsoft Research Video Description Corpus", "#", "", *(f"{v} {c}" for v, c in pairs(world))]
    put_lines(folder / "AllVideoDescriptions.txt", lines)
    for part, mine in world.parts.items():
        put_lines(folder / f"{part}_list.txt", mine)


def msvd_csv(folder: Path, world: World) -> None:
    """MSVD's own csv: VideoID, Start, End, ..., Description; the clip is called VideoID_Start_End."""
    rows = []
    for v, c in pairs(world):
        video, start, end = v.rsplit("_", 2)
        rows.append([video, start, end, 1, "clean", 5, "English", c])
        rows.append([video, start, end, 1, "clean", 5, "German", "ein Hund"])
    header = ["VideoID", "Start", "End", "WorkerID", "Source", "AnnotationTime", "Language", "Description"]
    put_csv(folder / "MSR Video Description Corpus.csv", header, rows)
    for part, mine in world.parts.items():
        put_lines(folder / f"{part}_list.txt", mine)


def vast(folder: Path, world: World) -> None:
    """VAST and VALOR: {video_id, desc}, a string or a list."""
    put_json(
        folder / "msrvtt" / "descs_ret_train.json",
        [{"video_id": v, "desc": world.captions[v]} for v in world.parts["train"] + world.parts["val"]],
    )
    put_json(
        folder / "msrvtt" / "descs_ret_test.json",
        [{"video_id": v, "desc": world.captions[v][0]} for v in world.parts["test"]],
    )


def violet(folder: Path, world: World) -> None:
    """VIOLET: {"train": [{video, caption}], "val": ..., "test": ...}."""
    told = {p: [{"video": v, "caption": c} for v, c in pairs(world, mine)] for p, mine in world.parts.items()}
    put_json(folder / "txt_msrvtt-retrieval.json", told)


def alpro(folder: Path, world: World) -> None:
    """ALPRO and ClipBERT: txt/{train,val,test}.jsonl."""
    for part, mine in world.parts.items():
        rows = [{"caption": c, "clip_name": v, "sen_id": n} for n, (v, c) in enumerate(pairs(world, mine))]
        put_lines(folder / "msrvtt_ret" / "txt" / f"{part}.jsonl", rows)


def umt(folder: Path, world: World) -> None:
    """UMT, Singularity, VINDLU: [{video: "video7.mp4", caption}] with the part in the file's name."""
    train = world.parts["train"] + world.parts["val"]
    put_json(
        folder / "anno_downstream" / "msrvtt_ret_train9k.json",
        [{"video": f"{v}.mp4", "caption": c} for v, c in pairs(world, train)],
    )
    put_json(
        folder / "anno_downstream" / "msrvtt_ret_test1k.json",
        [{"video": f"{v}.mp4", "caption": world.captions[v]} for v in world.parts["test"]],
    )


def flickr8k(folder: Path, world: World) -> None:
    """Flickr8k: name.jpg#0, a tab, the sentence; lists of names with .jpg."""
    lines = [f"{v}.jpg#{i}\t{c}" for v in world.ids for i, c in enumerate(world.captions[v])]
    put_lines(folder / "Flickr8k_text" / "Flickr8k.token.txt", lines)
    put_lines(folder / "Flickr8k_text" / "Flickr8k.lemma.token.txt", [line.lower() for line in lines])
    for part, name in (("train", "train"), ("val", "dev"), ("test", "test")):
        put_lines(
            folder / "Flickr8k_text" / f"Flickr_8k.{name}Images.txt", [f"{v}.jpg" for v in world.parts[part]]
        )


def flickr30k(folder: Path, world: World) -> None:
    """Flickr30k: results_20130124.token."""
    lines = [f"{v}.jpg#{i}\t{c}" for v in world.ids for i, c in enumerate(world.captions[v])]
    put_lines(folder / "results_20130124.token", lines)
    for part, mine in world.parts.items():
        put_lines(folder / f"flickr30k_{part}.txt", mine)


def flickr30k_csv(folder: Path, world: World) -> None:
    """Flickr30k elsewhere: results.csv with bars between the cells."""
    rows = [f"{v}.jpg| {i}| {c}" for v in world.ids for i, c in enumerate(world.captions[v])]
    put_lines(folder / "results.csv", ["image_name| comment_number| comment", *rows])
    for part, mine in world.parts.items():
        put_lines(folder / f"{part}.txt", mine)


def flickr8k_csv(folder: Path, world: World) -> None:
    """Flickr8k elsewhere: captions.txt with commas, sentences unquoted."""
    rows = [f"{v}.jpg,{c}" for v, c in pairs(world)]
    put_lines(folder / "captions.txt", ["image,caption", *rows])
    for part, mine in world.parts.items():
        put_lines(folder / f"{part}.txt", mine)


def karpathy(folder: Path, world: World) -> None:
    """Karpathy's splits: images with sentences and a split."""
    images = [
        {"imgid": n, "sentids": [0], "split": part, "filename": f"{v}.jpg",
         "sentences": [{"tokens": c.split(), "raw": c, "imgid": n, "sentid": i}
                       for i, c in enumerate(world.captions[v])]}
        for part, mine in world.parts.items() for n, v in enumerate(mine)
    ]  # fmt: skip
    put_json(folder / "dataset_flickr8k.json", {"images": images, "dataset": "flickr8k"})


def coco(folder: Path, world: World) -> None:
    """COCO captions: images by number, annotations that name the number."""
    number = {v: 100 + n for n, v in enumerate(world.ids)}
    for part, mine in world.parts.items():
        images = [{"id": number[v], "file_name": f"{v}.jpg", "height": 1, "width": 1} for v in mine]
        told = [{"image_id": number[v], "id": n, "caption": c} for n, (v, c) in enumerate(pairs(world, mine))]
        put_json(
            folder / "annotations" / f"captions_{part}2017.json",
            {"info": {}, "licenses": [], "images": images, "annotations": told},
        )


def webvid(folder: Path, world: World) -> None:
    """WebVid: videoid, contentUrl, duration, page_dir, name; the name is the caption."""
    header = ["videoid", "contentUrl", "duration", "page_dir", "name"]
    for part, mine in world.parts.items():
        rows = [
            [v, f"https://example.org/{v}.mp4", "PT00H00M09S", "006001_006050", world.captions[v][0]]
            for v in mine
        ]
        put_csv(folder / f"results_2M_{part}.csv", header, rows)


def tsv_captions(folder: Path, world: World) -> None:
    """Conceptual Captions' way: tsv with a column of the part."""
    rows = [[v, p, c] for p, mine in world.parts.items() for v, c in pairs(world, mine)]
    put_csv(folder / "captions.tsv", ["video_id", "split", "caption"], rows, "\t")


def split_json(folder: Path, world: World) -> None:
    """HGR's captions and one split.json."""
    put_json(folder / "ref_captions.json", world.captions)
    put_json(folder / "split.json", world.parts)


def jsonl_named_json(folder: Path, world: World) -> None:
    """JSON lines under the name .json."""
    for part, mine in world.parts.items():
        put_lines(folder / f"{part}.json", [{"video": v, "text": c} for v, c in pairs(world, mine)])


def ce_pickle(folder: Path, world: World) -> None:
    """CE and CLIP4Clip's MSVD: raw-captions.pkl, a list of words a caption."""
    put_pickle(folder / "raw-captions.pkl", {v: [c.split() for c in m] for v, m in world.captions.items()})
    for part, mine in world.parts.items():
        put_lines(folder / f"{part}_list.txt", mine)


def captioning_json(folder: Path, world: World) -> None:
    """Video captioning: {id: {sentence number: sentence}}."""
    put_json(
        folder / "captions.json", {v: {str(i): c for i, c in enumerate(m)} for v, m in world.captions.items()}
    )
    put_json(
        folder / "splits.json",
        {"train": world.parts["train"], "valid": world.parts["val"], "test": world.parts["test"]},
    )


def msrvtt_qa_csv(folder: Path, world: World) -> None:
    """Tables with the part in a column, ids with .mp4."""
    rows = [[f"{v}.mp4", c, p] for p, mine in world.parts.items() for v, c in pairs(world, mine)]
    put_csv(folder / "annotations.csv", ["video", "caption", "split"], rows)


@dataclass(frozen=True)
class Captions:
    """A layout of captions: ids it has, and whether all captions of test videos are in it, and validation."""

    build: Builder
    style: str = "video"
    first_only: tuple[str, ...] = ()  # parts with one caption a video
    validation: bool = True  # whether it publishes validation videos


CAPTIONS: dict[str, Captions] = {
    "msrvtt": Captions(msrvtt_official),
    "msrvtt-it": Captions(msrvtt_italian),
    "clip4clip-msrvtt": Captions(clip4clip, validation=False),
    "frozen": Captions(frozen),
    "lsmdc": Captions(lsmdc, "lsmdc"),
    "activitynet": Captions(activitynet, "activitynet", validation=False),
    "activitynet-jsonl": Captions(activitynet_jsonl, "activitynet"),
    "didemo": Captions(didemo, "didemo"),
    "didemo-jsonl": Captions(didemo_jsonl, "didemo"),
    "vatex": Captions(vatex, "vatex"),
    "msvd": Captions(msvd, "vatex"),
    "msvd-csv": Captions(msvd_csv, "vatex"),
    "vast": Captions(vast, first_only=("test",), validation=False),
    "violet": Captions(violet),
    "alpro": Captions(alpro),
    "umt": Captions(umt, validation=False),
    "flickr8k": Captions(flickr8k, "number"),
    "flickr30k": Captions(flickr30k, "number"),
    "flickr30k-csv": Captions(flickr30k_csv, "youtube"),
    "flickr8k-csv": Captions(flickr8k_csv, "uuid"),
    "karpathy": Captions(karpathy, "uuid"),
    "coco": Captions(coco, "youtube"),
    "webvid": Captions(webvid, "number", first_only=("train", "val", "test")),
    "tsv": Captions(tsv_captions, "youtube"),
    "split-json": Captions(split_json, "youtube"),
    "json-lines": Captions(jsonl_named_json, "youtube"),
    "ce-pickle": Captions(ce_pickle, "youtube"),
    "captioning": Captions(captioning_json, "youtube"),
    "csv-split-column": Captions(msrvtt_qa_csv, "youtube"),
}
