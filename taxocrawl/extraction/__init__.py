"""Bytes to Extract to Document."""
