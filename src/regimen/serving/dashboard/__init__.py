"""The page of a live account, of our own style and script."""

from regimen.serving.dashboard.dashboard import DashboardPage, dashboard_page

__all__ = ["DashboardPage", "dashboard_page"]
