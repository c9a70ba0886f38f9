"""Small data sets in the official layout, and the command line as a user starts it."""

import json
import os
import subprocess
import sys

import numpy as np

WORDS = ["man", "woman", "dog", "cat", "car", "boat", "runs", "sings", "cooks", "beach", "kitchen", "stage"]
QUICK = ("--epochs", "2", "--batch-size", "8")


def write_folder(
    root, train=24, validation=6, test=12, *, caption=None, category=lambda i: i % 3, experts=None, seed=0
):
    """Videos 0, 1, ...: training, validation and test videos in turn, three captions each.

    caption: (video, number, words) -> text. category: video -> number or None. experts: name -> (videos,
    vectors a video); by default one, rgb, of one vector for all.
    """
    root.mkdir(parents=True, exist_ok=True)
    count, rng = train + validation + test, np.random.default_rng(seed)
    picture = rng.normal(size=(len(WORDS), 12))
    videos, sentences, vectors = [], [], []
    for i in range(count):
        split = "train" if i < train else "validate" if i < train + validation else "test"
        chosen = rng.choice(len(WORDS), 4, replace=False)
        vectors.append(picture[chosen].sum(0) + 0.1 * rng.normal(size=12))
        video = {"id": i, "video_id": f"video{i}", "category": category(i), "split": split}
        videos.append({key: value for key, value in video.items() if value is not None})
        for number in range(3):
            words = [WORDS[w] for w in rng.permutation(chosen)[:3]]
            text = f"a {' '.join(words)}" if caption is None else caption(i, number, words)
            sentences.append({"sen_id": len(sentences), "video_id": f"video{i}", "caption": text})
    (root / "videodatainfo.json").write_text(json.dumps({"videos": videos, "sentences": sentences}))
    for name, rows in (("train.9k", range(count - test)), ("JSFUSION_test", range(count - test, count))):
        lines = [f"video{i},{sentences[3 * i]['caption']}" if "test" in name else f"video{i}" for i in rows]
        header = "video_id,sentence" if "test" in name else "video_id"
        (root / f"MSRVTT_{name}.csv").write_text("\n".join([header, *lines]) + "\n")
    for name, (rows, tokens) in (experts or {"rgb": (range(count), 1)}).items():
        values = np.array([[vectors[i]] * tokens for i in rows], np.float32)
        features = values[:, 0] if tokens == 1 else values
        np.savez(root / f"{name}.npz", video_id=np.array(list(rows)), features=features)
    return root


def command(*words, cwd, env=None):
    """What ``python -m cmgsd_lite`` does in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "cmgsd_lite", *map(str, words)],
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "1", **(env or {})},
        capture_output=True,
        timeout=300,
        check=False,
    )
