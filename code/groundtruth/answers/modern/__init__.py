"""Answers to exercises in book/modern/."""
