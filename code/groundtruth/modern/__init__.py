"""Part IV: language models and what is built on them."""
