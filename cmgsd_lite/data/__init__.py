"""Data sets: readers for features and annotations as people have them, and the one in-memory form.

    load_dataset("minivtt")            the embedded data set
    load_folder(path, protocol=...)    features, annotations and split lists under a folder
    describe(path)                     what is there and what is missing
    write_info_page(path, out)         the same as a page
    join_paragraphs(dataset)           one query a video: all its sentences
    comparisons(ids, queries)          which published protocol a number may be compared with
    convert(path, out)                 the project's own fast layout
    download(name, out)                published features and captions over the network

The pieces under them, for data sets of one's own: read_features, read_annotations, read_split_list,
read_queries, SplitLists, assemble.
"""

from cmgsd_lite.data.convert import convert
from cmgsd_lite.data.dataset import RetrievalDataset, Split, assemble, load_folder
from cmgsd_lite.data.discover import read_annotations
from cmgsd_lite.data.download import download
from cmgsd_lite.data.formats.annotations import Annotations
from cmgsd_lite.data.formats.features import read_features
from cmgsd_lite.data.formats.tables import ExpertFeatures, FeatureTable
from cmgsd_lite.data.info_page import write_info_page
from cmgsd_lite.data.inspect_path import describe, format_description
from cmgsd_lite.data.paragraphs import join_paragraphs
from cmgsd_lite.data.protocols import SplitLists
from cmgsd_lite.data.published import PUBLISHED, comparisons
from cmgsd_lite.data.registry import load_dataset
from cmgsd_lite.data.splits import PROTOCOLS, read_queries, read_split_list

__all__ = [
    "PROTOCOLS",
    "PUBLISHED",
    "Annotations",
    "ExpertFeatures",
    "FeatureTable",
    "RetrievalDataset",
    "Split",
    "SplitLists",
    "assemble",
    "comparisons",
    "convert",
    "describe",
    "download",
    "format_description",
    "join_paragraphs",
    "load_dataset",
    "load_folder",
    "read_annotations",
    "read_features",
    "read_queries",
    "read_split_list",
    "write_info_page",
]
