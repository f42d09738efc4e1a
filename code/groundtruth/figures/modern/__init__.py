"""Figures of the pages in book/modern/."""
