"""Interactive explorers of the course, each with a static twin in its chapter."""
