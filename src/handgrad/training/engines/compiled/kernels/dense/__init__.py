"""Kernels of networks of dense layers and dropout: sparse inputs, steps at batch size 1, updates that wait."""
