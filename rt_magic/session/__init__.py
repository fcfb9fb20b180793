"""From a service's settings to a session over one or more connections."""
