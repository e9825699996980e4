"""Fits and judges the playout policy on seeded models of services."""
