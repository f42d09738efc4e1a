"""Runs of the book under other interpreters, configurations and seeds."""
