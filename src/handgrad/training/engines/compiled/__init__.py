"""The compiled engine: one call of machine code trains an epoch.

`twins` names every kernel and the reference that it is the twin of, `session` holds what both kinds of networks share,
`kernels` holds the mathematics.
"""
