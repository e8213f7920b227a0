"""Automatic masks of many images by several workers: a manifest, shards of fixed rows, exactly once.

Work happens at least once, its bytes are always the same, and a shard is committed by whoever is first: so
the result is that of one worker, whatever dies on the way. See docs/scale.md.
"""
