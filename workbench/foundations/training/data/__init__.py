"""What a recipe learns from: pictures with questions, from any benchmarks of the registry, as one stream."""
