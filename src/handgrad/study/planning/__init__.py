"""Planning: every setting and run of a study by label and id, and what they will take, before anything runs."""
