"""The Benchmark tab."""


def build_benchmark_screen() -> None:
    """Placeholder until the charts exist."""
