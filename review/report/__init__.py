"""The report: what this project measured about judges, panel, people and the hybrid."""
