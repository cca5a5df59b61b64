"""Tables: the dataclass, its formats, and the tables of every report."""
