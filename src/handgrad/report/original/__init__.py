"""The original: its published tables beside what was reproduced, judged."""
