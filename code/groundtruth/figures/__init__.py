"""How each figure of a page is drawn: figures/<part>/<chapter>.py; `style` and `vega` hold what they share."""
