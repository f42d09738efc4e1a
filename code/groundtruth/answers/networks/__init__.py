"""Answers to the exercises of Part III."""
