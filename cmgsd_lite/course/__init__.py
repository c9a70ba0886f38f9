"""What the notebooks use and nobody else: figures, explorers, exercises, stored results.

Where a docstring names no source, what it describes is ours.
"""
