"""Figures of the chapters on the modern stack."""
