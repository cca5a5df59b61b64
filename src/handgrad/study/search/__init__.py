"""Searches: settings are drawn, judged and continued while a study runs."""
