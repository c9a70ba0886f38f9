"""What the notebooks use and nobody else: figures, explorers, exercises, stored results."""
