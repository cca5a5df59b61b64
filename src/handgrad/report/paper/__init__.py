"""The report as an article: main.tex beside its tables and figures, and a PDF where LaTeX is installed."""
