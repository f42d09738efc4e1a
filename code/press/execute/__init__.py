"""What a page prints: kernels, staleness, comparison with the expectations, accepting."""
