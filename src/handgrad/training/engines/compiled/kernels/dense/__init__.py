"""Kernels of networks of dense layers and dropout: sparse inputs, some small batches at a time, updates that wait."""
