"""Figures of the pages in book/learning/."""
