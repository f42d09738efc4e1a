"""Answers to exercises of the chapters on the modern stack."""
