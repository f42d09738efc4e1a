"""Code of the pages before the first part."""
