"""The edge: routes, schemas, settings, wiring, errors, command line."""
