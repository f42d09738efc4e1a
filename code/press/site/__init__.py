"""From Sphinx's raw pages to the site a reader opens: small, offline, accessible.

`finish.py` is the order of things; every other module does one of them.
"""
