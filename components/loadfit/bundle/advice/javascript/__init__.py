"""Reads JavaScript and TypeScript source into modules."""
