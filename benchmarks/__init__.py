"""What it costs: ``python -m benchmarks`` measures and reports; other files make figures of the course."""
