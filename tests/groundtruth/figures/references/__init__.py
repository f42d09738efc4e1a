"""What each interactive figure must show, from the library, SciPy, scikit-learn or torch."""
