"""Everything that knows a file format: tables, RDMs, embeddings, images, betas, weights."""
