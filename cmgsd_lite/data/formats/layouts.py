"""The layouts that are read, for people: who leaves features, captions and lists in which files.

The readers go by what files hold and not by this list; tests/data/test_layouts.py writes each of these layouts
in small and reads it, and holds the table of docs/DATA.md to it.
"""
# ruff: noqa: E501 (a table has a row a line)

from typing import NamedTuple

FEATURES, CAPTIONS = "features", "captions and lists"


class Layout(NamedTuple):
    """One way to leave data on a disk.

    Attributes:
        name: Its name here, that of its fixture in the tests.
        holds: "features", or "captions and lists".
        projects: Who writes it.
        files: The files and folders.
        example: What is in them, in a line.
    """

    name: str
    holds: str
    projects: str
    files: str
    example: str


def _features(name: str, projects: str, files: str, example: str) -> Layout:
    return Layout(name, FEATURES, projects, files, example)


def _captions(name: str, projects: str, files: str, example: str) -> Layout:
    return Layout(name, CAPTIONS, projects, files, example)


LAYOUTS: tuple[Layout, ...] = (
    _features("mmt-msrvtt", "MMT, HCQ", "vid_feat_files/mult_h5/v/i/d/video7.h5", "`features.rgb` [T, D], `raw_captions.0` words; NaN first: missing"),
    _features("mmt-activitynet", "MMT (ActivityNet)", "mult_h5/v/_/Q/v_QOlSCBRmfWY.h5", "as above; `val_1_list.txt` is the test list"),
    _features("mmt-lsmdc", "MMT (LSMDC)", "mult_h5/1/0/0/1001_Some_Film_00.01.45.123-00.01.48.456.h5", "as above"),
    _features("ce", "CE, TeachText", "structured-symlinks/aggregated_TYPE/MODEL-avg.pickle", "{id: [D], [1, D], [T, D] or NaN}"),
    _features("t2vlad-paddle", "T2VLAD (PaddleVideo)", "mmt_feats/features.s3d.pkl", "{id: [T, D]}"),
    _features("moee", "MoEE", "resnet_features.pickle, flow_..., audio_...", "Python 2 pickles {id: [D]}"),
    _features("univl", "UniVL", "msrvtt_videos_features.pickle", "{id: [T, 1024]}, one vector a second"),
    _features("howto100m", "HowTo100M", "feats.pth", '{"2d": {id: [D]}, "3d": {id: [D]}}: two experts'),
    _features("hgr-mp", "HGR", "ordered_feature/MP/NAME/trn_ft.npy, public_split/trn_names.npy", "[N, D] and its ids"),
    _features("hgr-sa", "HGR", "ordered_feature/SA/NAME/trn_ft.hdf5", "{id: [T, D]}"),
    _features("bigfile", "dual_encoding, hybrid_space, W2VV++", "FeatureData/NAME/feature.bin, shape.txt, id.txt", 'float32, "N D", ids'),
    _features("clip-npy", "CLIP frame tables", "clip.npy, clip_names.txt", "[N, T, D] or [N, D], and an id a row"),
    _features("clip-npz", "CLIP frame tables", "clip.npz", "an array an id, or `video_id` and `features`"),
    _features("clip-pt", "CLIP frame tables", "clip.pt, clip.pth", "{id: tensor}, float16 too"),
    _features("clip-safetensors", "CLIP frame tables", "clip.safetensors", "a tensor an id"),
    _features("clip-mat", "Matlab", "clip.mat", "`names` cells, `features` [N, T, D]; version 7.3 too"),
    _features("mat-feats", "Karpathy, early captioning", "vgg_feats.mat, vgg_feats_names.txt", "`feats` [D, N], and an id a column"),
    _features("clip-h5", "CLIP frame tables", "clip.h5", "a data set an id"),
    _features("clip-h5-groups", "CLIP frame tables", "clip.h5", "a group an id, with `clip_features` in it"),
    _features("h5-c3d", "ActivityNet's C3D", "sub_activitynet_v1-3.c3d.hdf5", "a group an id, with `c3d_features` in it"),
    _features("h5-columns", "spreadsheet-like HDF5", "clip.h5", "`video_ids`, `features` [N, T, D], `lengths`"),
    _features("padded", "padded arrays", "clip.npy, clip_ids.json, clip_lengths.npy", "[N, T, D] and numbers of real tokens, or a mask"),
    _features("file-a-video-npy", "extraction scripts", "i3d/train/video7.npy", "[T, D] a file; parts, films (LSMDC) or pages (WebVid) in folders or not"),
    _features("file-a-video-pt", "extraction scripts", "i3d/video7.pt", "a tensor a file"),
    _features("file-a-video-mat", "extraction scripts", "i3d/video7.mat", "one array a file"),
    _features("folder-a-video", "extraction scripts", "frames/video7/1.npy, 2.npy, ...", "[D] a file, in the order of the numbers"),
    _features("frames-a-file", "extraction scripts", "frames/video7_12.npy", "[D] a file, video and frame in its name"),
    _features("parts-pickle", "extraction scripts", "i3d.pkl", '{"train": {id: [D]}, "val": ..., "test": ...}: one expert'),
    _features("csv-table", "spreadsheets", "i3d_features.csv", "video_id,f0,f1,...: an id and D numbers a row"),
    _features("tsv-table", "W2VV", "i3d.tsv, i3d.txt", "the same without a header"),
    _captions("msrvtt", "MSR-VTT 2016 and 2017", "train_val_videodatainfo.json, test_videodatainfo.json", '{"videos": [{video_id, split}], "sentences": [{video_id, caption}]}'),
    _captions("msrvtt-it", "MSR-VTT-it", "videodatainfoITALIANO_2017_6513_497_2990.json", "as above, in Italian"),
    _captions("clip4clip-msrvtt", "CLIP4Clip, X-CLIP, X-Pool", "MSRVTT_data.json, MSRVTT_train.9k.csv, MSRVTT_JSFUSION_test.csv", "csv: key,vid_key,video_id,sentence"),
    _captions("frozen", "Frozen in Time", "annotation/MSR_VTT.json, train_list_full.txt", '{"annotations": [{image_id, caption}]}'),
    _captions("ce-pickle", "CE, CLIP4Clip (MSVD)", "raw-captions.pkl, train_list.txt", "{id: [[word, ...], ...]}"),
    _captions("split-json", "HGR", "ref_captions.json, split.json", '{id: [sentence, ...]}, {"train": [id, ...], ...}'),
    _captions("lsmdc", "LSMDC, CLIP4Clip", "LSMDC16_annos_training.csv, ..._val.csv, ..._publictect.csv", "clip, four times, sentence; tabs, no header"),
    _captions("activitynet", "ActivityNet Captions", "train.json, val_1.json, train_ids.json", '{id: {"duration", "timestamps", "sentences": [...]}}'),
    _captions("activitynet-jsonl", "ClipBERT, ALPRO", "anet_retrieval/train.jsonl", '{"clip_name", "caption": [...]} a line'),
    _captions("didemo", "DiDeMo", "train_data.json, val_data.json, test_data.json", '[{"video": "x.mov", "description", "times"}]'),
    _captions("didemo-jsonl", "ClipBERT, ALPRO", "didemo_ret/txt/train.jsonl", '{"clip_name", "caption"} a line'),
    _captions("vatex", "VATEX", "vatex_training_v1.0.json, vatex_public_test_english_v1.1.json", '[{"videoID", "enCap": [...], "chCap": [...]}]; English is read'),
    _captions("msvd", "MSVD", "AllVideoDescriptions.txt, train_list.txt", "`id_start_end a man is ...` a line, # begins a comment"),
    _captions("msvd-csv", "MSVD", "MSR Video Description Corpus.csv", "VideoID,Start,End,...,Language,Description; English is read"),
    _captions("vast", "VAST, VALOR", "descs_ret_train.json, descs_ret_test.json", '[{"video_id", "desc": text or list}]'),
    _captions("violet", "VIOLET", "txt_msrvtt-retrieval.json", '{"train": [{"video", "caption"}], "val": ..., "test": ...}'),
    _captions("alpro", "ALPRO, ClipBERT", "txt/train.jsonl, val.jsonl, test.jsonl", '{"clip_name", "caption"} a line'),
    _captions("umt", "UMT, VINDLU, Singularity", "msrvtt_ret_train9k.json, msrvtt_ret_test1k.json", '[{"video": "video7.mp4", "caption"}]'),
    _captions("json-lines", "many", "train.json", "JSON lines under the name .json"),
    _captions("captioning", "video captioning", "captions.json, splits.json", '{id: {"0": sentence, "1": sentence}}'),
    _captions("flickr8k", "Flickr8k", "Flickr8k.token.txt, Flickr_8k.trainImages.txt", "`name.jpg#0`, a tab, the sentence"),
    _captions("flickr30k", "Flickr30k", "results_20130124.token", "the same"),
    _captions("flickr30k-csv", "Flickr30k", "results.csv", "image_name| comment_number| comment"),
    _captions("flickr8k-csv", "Flickr8k", "captions.txt", "image,caption; commas in the last cell need no quotes"),
    _captions("karpathy", "Karpathy's splits", "dataset_flickr8k.json", '{"images": [{filename, split, "sentences": [{"raw"}]}]}'),
    _captions("coco", "COCO", "captions_train2017.json", '{"images": [{id, file_name}], "annotations": [{image_id, caption}]}'),
    _captions("webvid", "WebVid", "results_2M_train.csv", "videoid,contentUrl,duration,page_dir,name: the name is the caption"),
    _captions("tsv", "spreadsheets", "captions.tsv", "video_id, split, caption"),
    _captions("csv-split-column", "spreadsheets", "annotations.csv", "video,caption,split; ids with .mp4"),
)  # fmt: skip


def layout_tables() -> str:
    """The layouts as the tables of docs/DATA.md."""
    lines = []
    for holds in (FEATURES, CAPTIONS):
        lines += [
            "",
            f"### {holds.capitalize()}",
            "",
            "| layout | who writes it | files | in them |",
            "|---|---|---|---|",
        ]
        for layout in (one for one in LAYOUTS if one.holds == holds):
            cells = (layout.name, layout.projects, f"`{layout.files}`", layout.example)
            lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines).strip() + "\n"
