"""The design: what a study says, what varies in it, and every setting that it can come to."""
