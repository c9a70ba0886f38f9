"""Files that lie, a maker each: small to write, and large, endless or someone else's when believed."""

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import struct
import tarfile
import zipfile

import h5py
import numpy as np
import torch
from scipy.io import savemat

SECRET = 1234.5
"""What lies in files that nobody opened."""
BIG = 3 << 30
MAKERS = {}


def maker(name):
    """Put a function that writes a file into the table; ``name`` is the file's."""

    def take(function):
        MAKERS[function.__name__] = name, function
        return function

    return take


def nested(depth, begin, inside, end):
    return begin * depth + inside + end * depth


def frames(video="video1"):
    return {video: np.ones((2, 4), np.float32), "video2": np.ones((2, 4), np.float32)}


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def npy_of(header, data=b"", version=1):
    size = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + size + header + data


def zeros(path, opened, size=BIG):
    """So many zeros through a compressor."""
    with opened(path, "wb") as stream:
        for _ in range(size >> 24):
            stream.write(bytes(1 << 24))


def small_bomb(path, opened):
    zeros(path, opened, 1 << 27)


# --- packed ------------------------------------------------------------------------------------------


@maker("clip.npy.gz")
def gzip_bomb(path):
    small_bomb(path, gzip.open)


@maker("captions.json.gz")
def gzip_text(path):
    small_bomb(path, gzip.open)


@maker("clip.npy.bz2")
def bzip2_bomb(path):
    small_bomb(path, bz2.open)


@maker("clip.npy.xz")
def xz_bomb(path):
    small_bomb(path, lzma.open)


@maker("clip.pkl")
def gzipped_pickle(path):
    with gzip.open(path, "wb") as stream:
        stream.write(b"\x80\x04B" + struct.pack("<I", 1 << 27))
        for _ in range(8):
            stream.write(bytes(1 << 24))
        stream.write(b".")


def zip_of(path, names, size=1 << 24, times=8, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name in names:
            with archive.open(name, "w", force_zip64=True) as stream:
                for _ in range(times):
                    stream.write(bytes(size))


@maker("clip.zip")
def zip_bomb(path):
    zip_of(path, ["clip.npy"])


@maker("clip.zip")
def zip_of_many_small(path):
    zip_of(path, [f"video{n}.npy" for n in range(60)], times=1)


@maker("clip.zip")
def zip_bomb_of_bzip2(path):
    zip_of(path, ["clip.npy"], method=zipfile.ZIP_BZIP2)


@maker("clip.npz")
def npz_bomb(path):
    zip_of(path, ["video1.npy", "video2.npy"])


@maker("clip.zip")
def zip_that_says_less(path):
    zip_of(path, ["captions.json"], times=8)
    raw = path.read_bytes()
    path.write_bytes(raw.replace(struct.pack("<I", 8 << 24), struct.pack("<I", 1000)))


@maker("clip.zip")
def zip_in_zip(path):
    inner = path.with_name("inner.zip")
    zip_of(inner, ["clip.npy"], times=8)
    for _ in range(5):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(inner, "inner.zip")
        inner.write_bytes(path.read_bytes())
    inner.unlink()


@maker("clip.pt")
def deflated_torch(path):
    plain = io.BytesIO()
    torch.save({"video1": torch.zeros(1 << 25)}, plain)
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))


@maker("clip.zip")
def zip_of_sixty_thousand(path):
    with zipfile.ZipFile(path, "w") as archive:
        for n in range(60_000):
            archive.writestr(f"video{n}.npy", b"")


@maker("clip.npz")
def npz_of_sixty_thousand(path):
    empty = npy(np.empty(0))
    with zipfile.ZipFile(path, "w") as archive:
        for n in range(60_000):
            archive.writestr(f"video{n}.npy", empty)


@maker("clip.tar")
def tar_of_sixty_thousand(path):
    with tarfile.open(path, "w") as archive:
        for n in range(60_000):
            archive.addfile(tarfile.TarInfo(f"video{n}.npy"))


@maker("clip.tar.gz")
def tar_bomb(path):
    with tarfile.open(path, "w:gz", compresslevel=9) as archive:
        info = tarfile.TarInfo("clip.npy")
        info.size = 1 << 27
        with open("/dev/zero", "rb") as endless:
            archive.addfile(info, endless)


@maker("clip.tar.gz")
def tar_with_a_long_header(path):
    with gzip.open(path, "wb") as stream:
        info = tarfile.TarInfo("x")
        info.type, info.size = tarfile.XHDTYPE, 1 << 27
        stream.write(info.tobuf())
        for _ in range(8):
            stream.write(bytes(1 << 24))


@maker("clip.tar")
def sparse_member(path):
    info = tarfile.TarInfo("clip.npy")
    info.type, info.size = tarfile.GNUTYPE_SPARSE, 512
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[386:398], block[398:410] = b"%011o " % (BIG - 512), b"%011o " % 512
    block[483:495] = b"%011o " % BIG
    block[148:156] = b"        "
    block[148:156] = b"%06o\0 " % sum(block)
    path.write_bytes(bytes(block) + bytes(512) + bytes(1024))


@maker("clip.tar")
def links_in_a_tar(path):
    secret(path)
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("clip.npy")
        info.type, info.linkname = tarfile.SYMTYPE, str(path.parent.parent / "secret.npy")
        archive.addfile(info)


@maker("clip.tar")
def hard_links_in_a_tar(path):
    secret(path)
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("clip.npy")
        info.type, info.linkname = tarfile.LNKTYPE, "../secret.npy"
        archive.addfile(info)


@maker("clip.tar")
def names_that_lead_up(path):
    with tarfile.open(path, "w") as archive:
        for name in ("../up.npy", "/abs.npy", "a/../../up.npy"):
            archive.addfile(tarfile.TarInfo(name))


@maker("clip.tar")
def a_pipe_in_a_tar(path):
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("clip.npy")
        info.type = tarfile.FIFOTYPE
        archive.addfile(info)


@maker("clip.zip")
def names_that_are_no_text(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/b.npy", npy(np.ones(3)))
        archive.writestr("a", b"a file where a folder is")
        archive.writestr("x" * 300 + ".npy", b"long")


# --- pickles -----------------------------------------------------------------------------------------


def text(word):
    return b"\x8c" + bytes([len(word)]) + word


def in_dict(inside):
    return b"\x80\x04}" + text(b"video1") + inside + b"s."


@maker("clip.pkl")
def laughing_lists(path):
    inside = b"]\x94" + b"".join(b"](h%ch%ch%ce\x94" % (n, n, n) for n in range(60))
    path.write_bytes(in_dict(inside))


@maker("clip.pkl")
def laughing_keys(path):
    path.write_bytes(in_dict(b"})" + b"2\x86" * 60 + b"K\x01s"))


@maker("clip.pkl")
def laughing_sets(path):
    path.write_bytes(in_dict(b"\x8f()" + b"2\x86" * 60 + b"\x90"))


@maker("clip.pkl")
def laughing_text(path):
    word = b"X" + struct.pack("<I", 1 << 20) + b"x" * (1 << 20) + b"\x94"
    path.write_bytes(in_dict(b"](" + word + b"h\x00" * 100_000 + b"e"))


@maker("clip.pkl")
def one_array_many_times(path):
    array = np.ones(1 << 18, np.float32)
    path.write_bytes(pickle.dumps({f"video{n}": array for n in range(20_000)}))


@maker("raw-captions.pkl")
def laughing_captions(path):
    content = ["a dog"]
    for _ in range(50):
        content = [content, content]
    path.write_bytes(pickle.dumps({"video1": content}))


@maker("clip.pkl")
def deep_lists(path):
    path.write_bytes(in_dict(b"]" * 100_000 + b"a" * 99_999))


@maker("clip.pkl")
def deep_keys(path):
    path.write_bytes(in_dict(b"}N" + b"\x85" * 1_000_000 + b"K\x01s"))


@maker("clip.pkl")
def a_list_in_itself(path):
    content = []
    content.append(content)
    path.write_bytes(pickle.dumps({"video1": content}))


@maker("clip.pkl")
def a_dict_in_itself(path):
    content = {}
    content["video1"] = content
    path.write_bytes(pickle.dumps(content))


@maker("clip.pkl")
def huge_memo(path):
    path.write_bytes(in_dict(b"Nr" + struct.pack("<I", 400_000_000)))


@maker("clip.pkl")
def huge_bytearray(path):
    path.write_bytes(in_dict(b"cbuiltins\nbytearray\n(I%d\ntR" % BIG))


@maker("clip.pkl")
def declared_bytearray(path):
    path.write_bytes(in_dict(b"\x96" + struct.pack("<Q", BIG)))


@maker("clip.pkl")
def declared_bytes(path):
    path.write_bytes(in_dict(b"\x8e" + struct.pack("<Q", BIG)))


@maker("clip.pkl")
def huge_whole_number(path):
    path.write_bytes(in_dict(b"\x8b" + struct.pack("<i", 10_000_000) + b"\x7f" * 10_000_000))


@maker("clip.pkl")
def long_digits(path):
    path.write_bytes(in_dict(b"I" + b"9" * 4_000_000 + b"\n"))


@maker("clip.pkl")
def an_array_of_nothing(path):
    path.write_bytes(pickle.dumps({"video1": np.empty((1 << 40, 0), np.float32)}))


@maker("clip.pkl")
def exotic_objects(path):
    path.write_bytes(pickle.dumps({"video1": np.array([[{1: [2]}, None], ["x", 3]], object), "video2": {1}}))


# --- torch -------------------------------------------------------------------------------------------


@maker("clip.pt")
def stride_zero(path):
    torch.save({"video1": torch.ones(1).expand(1 << 30)}, path)


@maker("clip.pt")
def float8(path):
    torch.save({"video1": torch.ones(2, 4).to(torch.float8_e4m3fn)}, path)


@maker("clip.pt")
def sparse_tensor(path):
    torch.save({"video1": torch.eye(4).to_sparse()}, path)


@maker("clip.pt")
def quantized(path):
    tensor = torch.quantize_per_tensor(torch.ones(2, 4), 0.1, 0, torch.qint8)
    torch.save({"video1": tensor}, path)


@maker("clip.pt")
def huge_sparse(path):
    torch.save({"video1": torch.sparse_coo_tensor([[0], [0]], [1.0], (1 << 30, 1 << 30))}, path)


@maker("clip.pt")
def meta_tensor(path):
    torch.save({"video1": torch.empty(1 << 40, device="meta")}, path)


def torch_of(path, pickled, **storages):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        for name, raw in storages.items():
            archive.writestr(f"archive/data/{name[1:]}", raw)
        archive.writestr("archive/version", "3\n")


@maker("clip.pt")
def laughing_torch(path):
    torch_of(path, b"\x80\x02}" + b"X\x06\0\0\0video1" + b"]q\x00" + b"".join(
        b"](h%ch%ce" % (n, n) + b"q%c" % (n + 1) for n in range(60)) + b"s.")  # fmt: skip


@maker("clip.pt")
def torch_bytearray(path):
    torch_of(path, b"\x80\x02}X\x06\0\0\0video1cbuiltins\nbytearray\n(I%d\ntRs." % BIG)


@maker("clip.pt")
def torch_outside_its_storage(path):
    torch.save({"video1": torch.ones(4, 4)}, path)
    path.write_bytes(path.read_bytes().replace(b"K\x04K\x04\x86", b"K\x04K\xff\x86"))


@maker("clip.pt")
def before_zip(path):
    torch.save({"video1": torch.ones(2, 4)}, path, _use_new_zipfile_serialization=False)
    raw = path.read_bytes()
    path.write_bytes(raw[:-40] + struct.pack("<q", 1 << 40) + raw[-32:])


# --- HDF5 --------------------------------------------------------------------------------------------


def secret(path):
    """Another file of the machine, in the folder above."""
    with h5py.File(path.parent.parent / "secret.h5", "w") as file:
        file["video1"] = np.full((2, 4), SECRET)
    np.save(path.parent.parent / "secret.npy", np.full((2, 4), SECRET))
    np.full((2, 4), SECRET).tofile(path.parent.parent / "secret.bin")
    return path.parent.parent


@maker("clip.h5")
def external_link(path):
    above = secret(path)
    with h5py.File(path, "w") as file:
        file["video1"] = h5py.ExternalLink(str(above / "secret.h5"), "/video1")
        file["video2"] = np.ones((2, 4))


@maker("clip.h5")
def a_soft_link_to_an_external_one(path):
    above = secret(path)
    with h5py.File(path, "w") as file:
        file["notes"] = h5py.ExternalLink(str(above / "secret.h5"), "/")
        file["video1"] = h5py.SoftLink("/notes/video1")


@maker("clip.h5")
def a_link_to_a_pipe(path):
    os.mkfifo(path.parent.parent / "pipe")
    with h5py.File(path, "w") as file:
        file["video1"] = h5py.ExternalLink(str(path.parent.parent / "pipe"), "/video1")


@maker("clip.h5")
def external_storage(path):
    above = secret(path)
    with h5py.File(path, "w") as file:
        file.create_dataset("video1", (2, 4), "f8", external=[(str(above / "secret.bin"), 0, 64)])


@maker("clip.h5")
def virtual_data(path):
    above = secret(path)
    with h5py.File(path, "w") as file:
        layout = h5py.VirtualLayout((2, 4), "f8")
        layout[:] = h5py.VirtualSource(str(above / "secret.h5"), "video1", (2, 4))
        file.create_virtual_dataset("video1", layout)


@maker("clip.mat")
def a_link_in_matlab(path):
    above = secret(path)
    with h5py.File(path, "w", userblock_size=512) as file:
        file["video1"] = h5py.ExternalLink(str(above / "secret.h5"), "/video1")


@maker("clip.h5")
def nothing_stored(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("video1", (1 << 28, 4), "f8", chunks=(1 << 16, 4))


@maker("clip.h5")
def groups_in_circles(path):
    with h5py.File(path, "w") as file:
        file["video1/x"] = np.ones(3)
        file["video1/again"] = file["/"]


@maker("clip.h5")
def laughing_groups(path):
    with h5py.File(path, "w") as file:
        group = file.create_group("end")
        group["video1"] = np.ones(4)
        for n in range(40):
            outer = file.create_group(f"g{n}")
            outer["a"], outer["b"] = group, group
            group = outer


@maker("clip.h5")
def text_of_any_length(path):
    with h5py.File(path, "w") as file:
        file["ids"] = np.array(["video1", "video2"], object)
        file["features"] = np.ones((2, 4))
        file["rest"] = np.array(["x" * 1000] * 50, object)
    raw = bytearray(path.read_bytes())
    at = raw.find(b"GCOL")
    raw[at + 24 : at + 32] = struct.pack("<Q", 0)  # the length of the first object in the heap
    path.write_bytes(bytes(raw))


@maker("clip.h5")
def one_text_many_times(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("ids", (40_000,), h5py.string_dtype())
        file["ids"][0] = "x" * 60_000
        file["features"] = np.ones((40_000, 4), np.float32)
    raw = path.read_bytes()
    with h5py.File(path) as file:
        at = file["ids"].id.get_offset()
    one = raw[at : at + 16]
    path.write_bytes(raw[:at] + one * 40_000 + raw[at + 16 * 40_000 :])


@maker("clip.h5")
def numbers_of_any_length(path):
    with h5py.File(path, "w") as file:
        data = file.create_dataset("video1", (3,), h5py.vlen_dtype(np.float32))
        data[0] = np.ones(5)
        file["nothing"] = h5py.Empty("f")
        file["reference"] = np.array([file.ref], h5py.ref_dtype)


# --- other arrays ------------------------------------------------------------------------------------


@maker("clip.mat")
def packed_matlab(path):
    savemat(path, {"video1": np.zeros(1 << 25, np.float32)}, do_compression=True)


@maker("clip.npy")
def npy_that_says_more(path):
    path.write_bytes(npy_of(b"{'descr': '<f4', 'fortran_order': False, 'shape': (%d,)}\n" % (1 << 40)))


@maker("clip.npy")
def npy_of_nothing(path):
    path.write_bytes(npy_of(b"{'descr': '<U0', 'fortran_order': False, 'shape': (%d,)}\n" % (1 << 40)))
    path.with_name("clip_names.txt").write_text("video1")


@maker("clip.npy")
def npy_deep_header(path):
    path.write_bytes(npy_of(b"{'descr': " + nested(900, b"(", b"'<f4'", b",)") + b", 'shape': ()}\n"))


@maker("clip.npy")
def npy_header_of_minus_signs(path):
    path.write_bytes(npy_of(b"{'descr': '<f4', 'fortran_order': False, 'shape': " + b"-" * 9000 + b"1}\n"))


@maker("clip.npy")
def npy_long_header(path):
    path.write_bytes(npy_of(b"[" * 2_000_000, version=2))


@maker("clip.npy")
def npy_strange_types(path):
    path.write_bytes(npy_of(b"{'descr': [('a', '<f4', (99999999,))], 'fortran_order': 3, 'shape': (2,)}\n"))


@maker("clip.npy")
def npy_negative(path):
    path.write_bytes(npy_of(b"{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 4)}\n", bytes(64)))


@maker("clip.npz")
def mask_of_no_dimension(path):
    ids = np.array(["video1", "video2"])
    np.savez(path, video_id=ids, features=np.ones((2, 3, 4)), mask=np.array(True))


@maker("clip.npz")
def lengths_of_no_dimension(path):
    np.savez(path, video_id=np.array("video1"), features=np.float32(3), lengths=np.array(2.5))


@maker("clip_mask.npy")
def mask_beside(path):
    np.savez(path.with_name("clip.npz"), video1=np.ones((3, 4)), video2=np.ones((3, 4)))
    np.save(path, np.array(True))


@maker("clip.npz")
def codes_that_are_no_letters(path):
    ids = np.array([0x7FFFFFFF, 0xD800], np.uint32).view("<U1")
    np.savez(path, video_id=ids, features=np.ones((2, 4)))


@maker("clip.safetensors")
def safetensors_exotic(path):
    from safetensors.torch import save_file

    save_file({"video1": torch.ones(2, 4).to(torch.float8_e5m2)}, path)


@maker("clip.safetensors")
def safetensors_header(path):
    header = nested(100_000, b'{"a":', b"1", b"}")
    path.write_bytes(struct.pack("<Q", len(header)) + header)


@maker("clip.npy")
def a_pipe(path):
    os.mkfifo(path)


@maker("captions.json")
def a_pipe_of_captions(path):
    os.mkfifo(path)


@maker("clip.h5")
def a_device(path):
    path.symlink_to("/dev/zero")


# --- text --------------------------------------------------------------------------------------------


def holes(path, begin=b"", size=4 << 30):
    with path.open("wb") as stream:
        stream.write(begin)
        stream.truncate(size)


@maker("captions.jsonl")
def a_line_of_holes(path):
    holes(path, b'{"video_id": "video1", "caption": "a dog"}\n')


@maker("captions.csv")
def csv_of_holes(path):
    holes(path, b"video_id,caption\nvideo1,a dog\n")


@maker("train_list.txt")
def a_list_of_holes(path):
    holes(path, b"video1\n")


@maker("clip.npy")
def an_array_of_holes(path):
    shape = (1 << 28, 4)
    holes(path, npy_of(b"{'descr': '<f4', 'fortran_order': False, 'shape': %s}\n" % str(shape).encode()))


@maker("captions.json")
def deep_json(path):
    path.write_bytes(nested(100_000, b'{"a":', b"1", b"}"))


@maker("captions.json")
def nearly_deep_json(path):
    path.write_bytes(b'{"video1": ' + nested(900, b"[", b'"a dog"', b"]") + b"}")


@maker("captions.jsonl")
def deep_jsonl(path):
    path.write_bytes(nested(100_000, b"[", b"1", b"]") + b"\n")


@maker("captions.json")
def a_list_as_deep_text(path):
    caption = nested(3000, "[", "'a', 'b'", "]")
    path.write_text(json.dumps([{"video_id": "video1", "caption": caption}]))


@maker("captions.json")
def many_digits(path):
    path.write_text('{"videos": [{"video_id": "video1", "category": ' + "9" * 100_000 + "}]}")


def json_maker(name, content):
    def write(path):
        path.write_text(json.dumps(content))

    write.__name__ = name
    maker("captions.json")(write)


ODD = {
    "a_number": 3,
    "infinite": float("inf"),
    "nothing": None,
    "truth": True,
    "a_list": [["x"], {}],
    "an_object": {"a": {"b": []}},
    "half_a_sign": "\ud800",
    "a_large_number": 10**30,
    "empty": "",
}
for word, odd in ODD.items():
    said = {"video_id": "video1", "caption": "a dog"}
    json_maker(f"id_{word}", {"videos": [{"video_id": odd}], "sentences": [{**said, "video_id": odd}]})
    json_maker(
        f"caption_{word}", {"videos": [{"video_id": "video1"}], "sentences": [{**said, "caption": odd}]}
    )
    json_maker(f"category_{word}", {"videos": [{"video_id": "video1", "category": odd}], "sentences": [said]})
    json_maker(f"split_{word}", {"videos": [{"video_id": "video1", "split": odd}], "sentences": [said]})
    json_maker(f"sentences_{word}", {"videos": [{"video_id": "video1"}], "sentences": odd})
    json_maker(f"videos_{word}", {"videos": odd, "sentences": [said]})
    json_maker(f"images_{word}", {"images": [odd], "annotations": odd})
    json_maker(f"karpathy_{word}", {"images": [{"filename": "a.jpg", "split": odd, "sentences": odd}]})
    json_maker(f"info_{word}", {"info": odd, "videos": [{"video_id": "video1"}], "sentences": [said]})
    json_maker(f"reference_{word}", {"video1": [odd], "video2": odd})
    json_maker(f"activitynet_{word}", {"v_1": {"duration": odd, "timestamps": odd, "sentences": [odd]}})
    json_maker(f"moments_{word}", [{"video": "video1", "description": "a dog", "times": odd}, odd])
    json_maker(f"parts_{word}", {"train": odd, "val": [odd], "test": {"video1": odd}})


@maker("captions.csv")
def csv_of_nothing(path):
    path.write_bytes(b"video_id,caption\n" + b"\0" * 1000 + b",\xff\xfe\n")


@maker("captions.txt")
def illegal_codes(path):
    path.write_bytes(b"\xff\xfe" + struct.pack("<HHH", 0xD800, 0xDC00, 0xD800) + b"\x00\xd8\n\0")


@maker("category.txt")
def odd_categories(path):
    path.write_text("a\t²\nb\t" + "9" * 5000 + "\n")


@maker("train_list.npy")
def a_list_of_objects(path):
    np.save(path, np.array([{"a": 1}, None], object), allow_pickle=True)


# --- converted stores --------------------------------------------------------------------------------


def store(path, change):
    """A store whose index and checksums are right, and whose content is not."""
    import hashlib

    from cmgsd_lite.data.formats.store import write_store
    from cmgsd_lite.data.formats.tables import table_from_values

    table = table_from_values(["video1", "video2"], [np.ones((2, 4)), np.ones((2, 4))], "x")
    documents = {
        "annotations": {"captions": {"video1": ["a dog"], "video2": ["a cat"]}, "category_names": {}},
        "splits": {"plain": {"train": ["video1"], "test": ["video2"]}},
    }
    write_store(path, {"clip": table}, documents, {"from": "x"})
    index = json.loads((path / "index.json").read_text())
    body = {key: value for key, value in index.items() if key not in ("format", "version", "sha256")}
    documents = change(body, documents) or documents
    for name, content in documents.items():
        raw = json.dumps(content).encode()
        (path / f"{name}.json").write_bytes(raw)
        body.get("files", {})[f"{name}.json"] = {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    digest = hashlib.sha256(json.dumps(body, ensure_ascii=False).encode()).hexdigest()
    told = {"format": "cmgsd-lite", "version": 2, "sha256": digest} | body
    (path / "index.json").write_text(json.dumps(told, ensure_ascii=False))


def store_maker(name, change):
    def write(path):
        store(path, change)

    write.__name__ = f"store_{name}"
    maker("fast")(write)


for key in ("experts", "provenance", "files"):
    store_maker(f"without_{key}", lambda body, _, key=key: body.pop(key) and None)
    store_maker(f"{key}_a_list", lambda body, _, key=key: body.update({key: {"clip": [1]}}))
for key in ("file", "dim", "ids", "tokens", "notes"):
    store_maker(f"expert_without_{key}", lambda body, _, key=key: body["experts"]["clip"].pop(key) and None)
    store_maker(f"expert_{key}_odd", lambda body, _, key=key: body["experts"]["clip"].update({key: {"a": 1}}))
store_maker("ids_odd", lambda body, _: body["experts"]["clip"].update(ids=[None, [1]]))
store_maker("tokens_negative", lambda body, _: body["experts"]["clip"].update(tokens=[6, -2]))
store_maker("leads_up", lambda body, _: body["experts"]["clip"].update(file="../../secret.npy"))
for word, odd in ODD.items():
    for name, change in {
        "annotations": {"annotations": odd},
        "captions": {"annotations": {"captions": odd, "category_names": {}}},
        "caption": {"annotations": {"captions": {"video1": [odd]}, "category_names": {}}},
        "category": {"annotations": {"categories": {"video1": odd}, "category_names": {}}},
        "category_name": {"annotations": {"category_names": {"x": odd}}},
        "splits": {"splits": odd},
        "lists": {"splits": {"plain": odd}},
        "train": {"splits": {"plain": {"train": [odd], "test": odd}}},
    }.items():
        store_maker(f"{name}_{word}", lambda _, documents, change=change: documents | change)


LONG = "1" * 100_000 + "x"
"""Looks like the number of a frame nearly to its end."""


@maker("clip.npz")
def npz_of_a_long_name(path):
    np.savez(path, **{LONG[-60_000:]: np.ones((2, 4), np.float32), "video2": np.ones((2, 4), np.float32)})


@maker("clip.pkl")
def pickle_of_a_long_name(path):
    path.write_bytes(pickle.dumps({LONG: np.ones((2, 4), np.float32), "video2": np.ones((2, 4), np.float32)}))


@maker("train_list.txt")
def list_of_a_long_name(path):
    path.write_text(f"{LONG}\nvideo2\n")


@maker("captions.txt")
def line_of_a_long_name(path):
    path.write_text(f"{LONG}! a dog runs\n")


@maker("feats.txt")
def a_long_number(path):
    path.write_text(f"video1 1 2 3 {LONG}\n")


@maker("captions.csv")
def csv_of_empty_lines(path):
    path.write_text("video_id,caption\n" + "\n" * 10_000_000)


@maker("captions.jsonl")
def jsonl_of_empty_lists(path):
    path.write_text("[]\n" * 3_000_000)


@maker("captions.csv")
def csv_of_commas(path):
    path.write_text("," * 10_000_000)


# --- many small pieces, which take far more memory than letters --------------------------------------


def full_of(path, unit, begin=b"", end=b"", size=32_000_000):
    path.write_bytes(begin + unit * ((size - len(begin) - len(end)) // len(unit)) + end)


def numbered(path, unit, begin=b"", end=b"", between=b",", size=32_000_000):
    count = size // (len(unit % 1_000_000) + len(between))
    path.write_bytes(begin + between.join(unit % n for n in range(1_000_000, 1_000_000 + count)) + end)


def many_maker(name, file, fill, *arguments, **named):
    def write(path):
        fill(path, *arguments, **named)

    write.__name__ = f"many_{name}"
    maker(file)(write)


many_maker("empty_dicts", "captions.json", full_of, b"{},", b"[", b"{}]")
many_maker("empty_lists", "captions.json", full_of, b"[],", b"[", b"[]]")
many_maker("small_dicts", "captions.json", full_of, b'{"a":1},', b"[", b"{}]")
many_maker("keys_of_dicts", "captions.json", numbered, b'"%x":{}', b"{", b"}")
many_maker("keys_of_captions", "captions.json", numbered, b'"%x":["a b"]', b"{", b"}")
many_maker("records", "captions.json", numbered, b'{"id":%d,"text":"a b"}', b"[", b"]")
many_maker("empty_captions", "captions.json", full_of, b'"",', b'{"video1":[', b'"c"]}')
many_maker("dicts_in_a_line", "captions.jsonl", full_of, b"{},", b"[", b"{}]\n")
many_maker("lines_of_lists", "captions.jsonl", full_of, b"[1,2,3]\n")
many_maker("lines_of_records", "captions.jsonl", numbered, b'{"id":%d,"text":"a b"}', between=b"\n")
many_maker("cells", "captions.csv", full_of, b"a,b,c,d\n", b"video_id,caption,c,d\n")
many_maker("rows", "captions.csv", numbered, b"%d,a b", b"video_id,caption\n", between=b"\n")
many_maker("rows_of_tabs", "captions.tsv", full_of, b"aaa\tbbb\n", b"video_id\tcaption\n")
many_maker("lines", "train_list.txt", numbered, b"%x", between=b"\n", size=8_000_000)
many_maker("feature_cells", "feats.csv", full_of, b"video1,1,2,3,4,5,6,7\n", size=5_000_000)
many_maker(
    "doubled_quotes", "captions.csv", full_of, b"''", b"video_id,caption\n'video1','", b"'\n", size=10_000_000
)


@maker("captions.json.gz")
def packed_empty_dicts(path):
    with gzip.open(path, "wb", 1) as stream:
        stream.write(b"[" + b"{}," * 10_000_000 + b"{}]")


@maker("feats.txt")
def one_long_cell_among_many(path):
    path.write_bytes(
        b"video0 " + b"0" * 1000 + b" 1 1 1 1\n" + b"".join(b"v%d 1 1 1 1 1\n" % n for n in range(250_000))
    )


@maker("clip.safetensors")
def a_hundred_thousand_tensors(path):
    tensors = {
        f"video{n}": {"dtype": "F32", "shape": [4], "data_offsets": [16 * n, 16 * n + 16]}
        for n in range(100_000)
    }
    header = json.dumps(tensors).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(1_600_000))


@maker("clip.safetensors")
def tensors_over_one_another(path):
    told = {"dtype": "F32", "shape": [1 << 18], "data_offsets": [0, 1 << 20]}
    header = json.dumps({f"video{n}": told for n in range(10_000)}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(1 << 20))


@maker("clip.mat")
def cells_of_matlab(path):
    cells = np.empty(100_000, object)
    cells[:] = [np.ones(1) for _ in cells]
    savemat(path, {"names": cells, "features": np.ones((2, 4))})


# --- what would take the place of something else -----------------------------------------------------


@maker("clip.tar")
def tar_member_of_negative_size(path):
    info = tarfile.TarInfo("clip.npy")
    info.size = -512
    path.write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024))


@maker("feature.bin")
def bigfile_of_holes(path):
    count = 1 << 20
    path.with_name("shape.txt").write_text(f"{count} 512")
    path.with_name("id.txt").write_text(" ".join(f"v{n}" for n in range(count)))
    holes(path, size=4 * count * 512)


@maker("fast")
def store_of_holes(path):
    count = 1 << 24

    def change(body, _):
        entry = body["experts"]["clip"]
        entry.update(tokens=[count, count])
        file = path / entry["file"]
        header = npy_of(b"{'descr': '<f4', 'fortran_order': False, 'shape': (%d, 4)}\n" % (2 * count))
        holes(file, header, len(header) + 32 * count)
        body["files"][entry["file"]] = {"bytes": file.stat().st_size, "sha256": ""}

    store(path, change)


@maker("train_list.txt")
def list_of_utf32(path):
    path.write_bytes("video1\nvideo2\n".encode("utf-32-le"))


@maker("captions.csv")
def csv_of_utf16_without_its_mark(path):
    path.write_bytes("video_id,caption\nvideo1,a dog\n".encode("utf-16-be"))


# --- ids ---------------------------------------------------------------------------------------------

MARKS = "a" + "\u0301\u0316" * 160_000


@maker("captions.json")
def marks_without_end_in_an_id(path):
    path.write_text(json.dumps({MARKS: ["a dog"], "video2": ["a cat"]}, ensure_ascii=False))


@maker("captions.csv")
def marks_without_end_in_a_cell(path):
    path.write_text(f"video_id,caption\n{MARKS},a dog\n")


@maker("train_list.txt")
def marks_without_end_in_a_list(path):
    path.write_text(f"video1\n{MARKS}\n")


@maker("clip.pkl")
def marks_without_end_in_a_pickle(path):
    path.write_bytes(pickle.dumps(frames(MARKS)))


@maker("captions.json")
def marks_without_end_in_a_caption(path):
    path.write_text(json.dumps({"video1": [f"a dog {MARKS}"]}, ensure_ascii=False))
