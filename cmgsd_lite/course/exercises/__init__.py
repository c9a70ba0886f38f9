"""Checkers of the course's exercises, one module a chapter: each says what is off, never the answer."""
