"""What readers take away from the site: plain Markdown, notebooks, PDF and EPUB."""
