"""What passed before on the same bytes need not run again: `make test` leaves it out.

`sources.py` says which files a test depends on, `observe.py` watches what it really opens and
starts, `plugin.py` leaves out what passed and records what passes. A test whose files are not
certain depends on every file of the project. `make test FRESH=1` forgets all of it.
"""
