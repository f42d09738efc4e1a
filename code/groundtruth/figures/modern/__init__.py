"""Figures of the pages in book/networks/."""
