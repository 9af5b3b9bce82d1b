"""Grafana's dashboards, as code: one module a dashboard, and what they are made of in `parts`.

`./lab dashboards` writes them as JSON to where the role `grafana` takes them from.
"""
