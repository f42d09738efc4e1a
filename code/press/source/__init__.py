"""What a page is: its text and cells, the table of contents, cards, prose."""
