"""The one error type of the readers."""


class DataError(ValueError):
    """A file or folder is not what a reader expected.

    The message names the file, what was expected and what was found.
    """
