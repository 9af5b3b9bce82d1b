"""Grafana's dashboards, as code: one module a dashboard, made of what `panels` and `board` have.

`./lab dashboards` writes them as JSON to where the role `grafana` takes them from.
"""
