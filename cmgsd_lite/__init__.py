"""Adaptive margins for text-video retrieval: a small package behind a hands-on course."""

__version__ = "0.1.0"
