"""The runner `ray`: runs on a Ray cluster (docs/cluster.md)."""

from handgrad.study.cluster.ray_runner import Ray

__all__ = ["Ray"]
