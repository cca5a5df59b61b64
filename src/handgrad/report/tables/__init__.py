"""Tables: what they are, how they are written, and those that every report has."""
