"""Figures of the pages in book/capstones/."""
