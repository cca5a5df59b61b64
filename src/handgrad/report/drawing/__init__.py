"""Drawing: figures for print."""
