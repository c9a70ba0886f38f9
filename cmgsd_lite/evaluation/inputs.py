"""What every metric takes: a matrix of finite scores, gains of its shape, the column of each own video."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Matrix = npt.ArrayLike | Tensor

# Entries of the matrix handled at a time (256 rows of 1,024): the temporary arrays of such a chunk stay
# small, however wide the matrix is.
CHUNK_ENTRIES = 256 * 1024


def score_matrix(sim: Matrix) -> Array:
    """Take scores [texts, videos] as an array of finite numbers; ValueError names ``sim``."""
    return _finite_matrix("sim", sim)


def gain_matrix(relevance: Matrix, shape: tuple[int, ...]) -> Array:
    """Take relevance of the same shape, finite and >= 0; ValueError names ``relevance``."""
    gains = _finite_matrix("relevance", relevance)
    if gains.shape != shape:
        raise ValueError(f"relevance: expected shape {list(shape)} like sim, got {list(gains.shape)}")
    if gains.min() < 0:
        raise ValueError(f"relevance: expected numbers >= 0, got {gains.min()}")
    return gains


def own_columns(video_of_text: Matrix | None, shape: tuple[int, ...]) -> Array:
    """The column of each text's own video [texts]; None: text i belongs to video i.

    Raises ValueError if there is not one column of the scores for every text.
    """
    n_texts, n_videos = shape
    if video_of_text is None:
        if n_texts != n_videos:
            raise ValueError(f"sim: expected a square matrix without video_of_text, got {list(shape)}")
        return np.arange(n_texts)
    own = as_numbers("video_of_text", video_of_text)
    if own.dtype.kind not in "iu" or own.shape != (n_texts,):
        raise ValueError(
            f"video_of_text: expected integers [{n_texts}], one per row of sim, "
            f"got {own.dtype} {list(own.shape)}"
        )
    if own.min() < 0 or own.max() >= n_videos:
        raise ValueError(
            f"video_of_text: expected columns of sim, 0 to {n_videos - 1}, got {own.min()} to {own.max()}"
        )
    return own.astype(np.intp)


def as_numbers(name: str, values: Matrix) -> Array:
    """Take an array or tensor of numbers as an array; ValueError names ``name``."""
    if isinstance(values, Tensor):
        # numpy has no bfloat16; float32 holds its values and those of float16 exactly.
        values = values.detach().cpu()
        values = (values.float() if values.is_floating_point() and values.itemsize < 4 else values).numpy()
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name}: expected numbers, got {array.dtype}")
    return array


def row_chunks(shape: tuple[int, ...]) -> Iterator[slice]:
    """Cut the rows of a matrix into slices of about ``CHUNK_ENTRIES`` entries."""
    n_rows, n_columns = shape
    step = max(1, CHUNK_ENTRIES // n_columns)
    return (slice(start, start + step) for start in range(0, n_rows, step))


def row_slabs(matrix: Array) -> Iterator[slice]:
    """Cut the rows of a matrix that is stored by columns into slabs worth copying; any other is one slab."""
    step = len(matrix) if matrix.flags.c_contiguous else 128
    return (slice(start, start + step) for start in range(0, len(matrix), step))


def rows_of(matrix: Array, rows: slice) -> Array:
    """Some rows, each of them in one piece: of a transposed matrix, a copy."""
    part = matrix[rows]
    if part.flags.c_contiguous:
        return part
    # Torch transposes a small matrix several times faster than numpy.
    columns = np.array(part.T, order="C")
    return torch.from_numpy(columns).T.contiguous().numpy() if columns.dtype.isnative else columns.T.copy()


def _finite_matrix(name: str, values: Matrix) -> Array:
    matrix = as_numbers(name, values)
    if matrix.ndim != 2 or matrix.size == 0:
        raise ValueError(f"{name}: expected a matrix with rows and columns, got shape {list(matrix.shape)}")
    if matrix.dtype.kind != "f":
        matrix = matrix.astype(np.float64)
    # Few passes where all is well: a NaN is the smallest and the largest number.
    if not (np.isfinite(matrix.min()) and np.isfinite(matrix.max())):
        bad = matrix.size - sum(np.count_nonzero(np.isfinite(row)) for row in matrix)
        raise ValueError(f"{name}: expected finite numbers, got {bad} NaN or infinite of {matrix.size}")
    return matrix
