"""Readers of files as people have them; one call for each kind stands in ``cmgsd_lite.data``."""
