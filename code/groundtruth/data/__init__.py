"""Part I: data and vocabulary."""
