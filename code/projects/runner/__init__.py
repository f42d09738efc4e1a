"""The runner: one loop for every project, on every device, that can be stopped anywhere and trusted afterwards.

settings      presets and overrides           devices      which device, which precision
task          what a project must provide     processes    one process or many
training      the loop                        checkpoints  what a run is resumed from
rng           random states                   records      metrics, curves, result cards
progress      what is told while it runs      signals      Ctrl-C
cli           run, resume, card, compare      cli_use      sample, serve, ask, tools
options       what commands share             order        which examples a step sees
"""
