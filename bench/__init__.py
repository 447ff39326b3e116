"""Benchmarks: each prints ratios of ours against something well known, measured side by side in one run."""
