"""Ground Truth as a library: the ideas of the book, from scratch, in the order in which it teaches
them.
"""
