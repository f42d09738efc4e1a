"""`python -m projects`. Read with `book/capstones/runner.md`."""

from projects.runner.cli import main

if __name__ == "__main__":
    main(prog_name="python -m projects")
