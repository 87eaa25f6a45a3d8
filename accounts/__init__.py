"""Who may do what: users, groups, grants, sessions, API keys, audit log. Empty until accounts land."""
