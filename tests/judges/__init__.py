"""Judges of what is sent, made of other people's readings of the same protocol."""
