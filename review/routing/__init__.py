"""Which pairs are accepted, escalated or audited, and in which order people see them."""
