"""The runner: one loop for every project, on every device, that can be stopped anywhere.

settings      presets and overrides           devices      which device, which precision
task          what a project must provide     processes    one process or many
training      the loop                        checkpoints  what a run is resumed from
rng           random states                   records      metrics, curves, result cards
progress      reports while it runs           signals      Ctrl-C
cli           list, describe, run, resume     cli_results  card, compare
cli_use       sample, serve, ask, tools       options      what commands share
session       one run from start to card      order        which examples a step sees
faults        losses that are not finite      own          a module of the reader's own
sharded       the loop with FSDP
"""
