"""The report of a rush as one file: a page that needs no network, for a browser, for paper and for a board.

`plots` draws with matplotlib, `film` shows the first hall filling up, `page` puts everything together. The colours are
variables of the page's own style (`report.css`), so the same plots fit a light and a dark screen.
"""
