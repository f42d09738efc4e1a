"""What the command lines of this repository share; it imports neither the press nor the projects.

errors     exit codes, errors that say how to fix them, the nearest valid name
files      files that are complete or absent, checksums, a lock between processes
group      the command group: one message per error, complete help, suggestions
progress   a bar on a terminal, plain lines in a log, silence on request
"""
