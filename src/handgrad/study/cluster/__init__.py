"""The runner `ray`: runs on a Ray cluster (docs/cluster.md)."""

from handgrad.study.cluster.runner import Ray

__all__ = ["Ray"]
