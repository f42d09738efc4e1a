"""Code of the pages before the first part.

notation  the symbols of the book as an executable table
primer    three loops and the array operations that replace them
reading   the sigmoid as a worked miniature, and a small diff
"""
