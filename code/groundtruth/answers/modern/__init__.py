"""Answers to exercises of the pages in book/modern/."""
