"""An event server: phones publish their state here, others subscribe to it and are told of every change."""

from server.servlet import EventServlet


class EventServerServlet(EventServlet):
    """Serves every package there is; put it before an application that serves all other methods."""
