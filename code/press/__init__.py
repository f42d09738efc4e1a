"""The press: executes, compares, renders and audits the book.

It knows nothing of machine learning, and nothing of the chapters beyond what `_toc.yml` says.
`python -m press --help` lists its commands; `build.py` is the order in which things happen.
"""
