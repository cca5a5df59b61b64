"""Long attacks by hand; the suite runs a bounded part of each."""
