"""For whoever runs a Jupyter server: words reach the page without waiting for an acknowledgement of what went before.

Jupyter's server leaves TCP_NODELAY of a page's WebSocket unset, so a small message waits until the page's system has
acknowledged the one before it, which systems put off by up to 40 ms (RFC 896, RFC 1122 4.2.3.2).

    jupyter lab --ServerApp.kernel_websocket_connection_class=rt_magic.jupyter.PromptConnection
"""

from __future__ import annotations

from typing import Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class PromptConnection(ZMQChannelsWebsocketConnection):
    """Connect a page with its kernel as Jupyter's server does, and send each message at once."""

    def connect(self) -> Any:
        """Handle a page that has come."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()
