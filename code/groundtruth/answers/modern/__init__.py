"""Answers to the exercises of the pages in book/modern/."""
