"""Searches: settings that are drawn, judged and continued while a study runs."""
