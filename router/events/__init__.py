"""Pure: event shapes, HTTP answers, schedule expressions, batching."""
