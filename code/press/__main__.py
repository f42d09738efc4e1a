"""`python -m press`."""

import atexit
import gc

from press.cli import main

# a build makes millions of objects that live to its end (modules, trees of pages): looking through
# them for garbage at Python's usual pace takes a third of an incremental build
gc.set_threshold(200_000, 50, 1000)
# and looking through them once more at the exit, when all of them go anyway, takes another second
atexit.register(gc.freeze)

if __name__ == "__main__":
    main()
