"""The press: executes, compares, renders and audits the book.

It knows nothing of machine learning, and of the book only what `_toc.yml` and `book/press.yml` say.
`python -m press --help` lists its commands; `build.py` is the order in which things happen.
"""
