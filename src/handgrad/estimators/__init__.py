"""Estimators: handgrad's engine behind scikit-learn's interface.

The files of this package import scikit-learn when they are loaded, so that nobody loads them but the front of
handgrad, when one of their names is used.
"""
