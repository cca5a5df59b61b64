"""What studies of before came to: all of a folder, side by side, and two of them compared."""
