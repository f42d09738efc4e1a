"""`python -m press`."""

import atexit
import gc
import sys

# a build makes millions of objects that live to its end (modules, trees of pages): looking through them
# for garbage at Python's usual pace takes a third of an incremental build
gc.set_threshold(200_000, 50, 1000)
# and looking through them once more at the exit, when all of them go anyway, takes another second
atexit.register(gc.freeze)

# jsonschema imports this grammar of URIs when it is there and compiles it for most of a second;
# no schema of notebooks or cards checks a URI, so every command starts that much sooner without it
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

from press.cli import main

if __name__ == "__main__":
    main()
