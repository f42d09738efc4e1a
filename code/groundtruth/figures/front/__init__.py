"""Figures of the pages in book/front/."""
