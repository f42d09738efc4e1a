"""Figures of the pages in book/data/."""
