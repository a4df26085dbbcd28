"""What spans rooms: routing, the cascade of judges, the gate's question, the weekly cycle."""
