"""Kernels of every other network: a program of operations on blocks of images and on rows."""
