"""Where humans come in: detectors, routing, the queue, answers, labels and the report."""
