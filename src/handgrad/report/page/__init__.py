"""The page: chapters as one self-contained file."""
