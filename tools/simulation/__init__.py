"""Models of speech services and of other players' rules, for benchmarks, captures and the fitting of the policy."""
