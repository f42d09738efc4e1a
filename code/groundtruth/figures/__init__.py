"""How each figure of a page is drawn: `figures/<part>/<chapter>.py` holds the figures of one
chapter.

A figure is a function that a cell of the page calls; its arguments are what the page has
computed.

- A *static* figure takes its axes from `style.figure` (or `style.rows`), draws with the colors of
  `style`, names both axes with `style.label`, and returns the Matplotlib figure. Color is never
  the only code: lines differ in style too, points in shape.
- An *interactive* figure returns `vega.show(chart, description)`. Its controls are `vega.slider`
  and `vega.menu`. What the library can compute beforehand is data (rounded, at most 40 KB); what
  moves with a control continuously is a formula. Formulas are built from named parts with
  `vega.readout`, `vega.choose`, `vega.sigmoid` and the like, in several steps of
  `transform_calculate` rather than in one, so that each quantity is a field that a test can read.

Every interactive figure has an entry in `tests/groundtruth/figures/references`, which says what
each drawn field must be, computed by the library, SciPy or torch. Vega itself evaluates the
figure at the ends and the middle of every control, and a figure without an entry fails.

A module names its page in its first lines. Numbers are computed by the library where it can, and
never derived again here. Before a figure is done, look at it at 360 and 700 pixels, light and
dark.
"""
